// Plots: power and limit over the last hour, and what may be drawn over the next day.
import { Component, html } from "./html.js";
import { language, text } from "./texts.js";

const HEIGHT = 160, HOUR_S = 3600, LEAST_S = 600;
const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

// Draws what `columns` and `options` of its class say, again when the width or the colours change.
class Plot extends Component {
  componentDidMount() {
    this.onReady = () => this.draw();
    document.getElementById("uplot").addEventListener("load", this.onReady);
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.place);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.onReady);
  }

  componentDidUpdate() {
    this.draw();
  }

  componentWillUnmount() {
    document.getElementById("uplot").removeEventListener("load", this.onReady);
    this.scheme.removeEventListener("change", this.onReady);
    this.watcher.disconnect();
    this.plot?.destroy();
  }

  draw() {
    const width = this.place?.clientWidth;
    if (!window.uPlot || !width) return;
    const columns = this.columns();
    const like = `${width} ${language.value} ${isDark()} ${columns.length}`;
    if (this.like !== like) {
      this.plot?.destroy();
      this.plot = new window.uPlot(this.options(width), columns, this.place);
      this.like = like;
    } else {
      this.plot.setData(columns);
    }
  }

  render() {
    return html`<div ref=${(place) => (this.place = place ?? this.place)} class="curve" role="img" aria-label=${this.props.label}></div>`;
  }
}

// Power and limit of a connector over the last hour.
export class Curve extends Plot {
  columns() {
    return columns(this.props.points);
  }

  options(width) {
    return options(width);
  }
}

// The same over a whole session.
export class WholeCurve extends Curve {
  options(width) {
    const found = options(width);
    return { ...found, scales: { ...found.scales, x: {} } };
  }
}

// What may be drawn over the hours to come: the thick line is what holds, the others are what each profile says by itself.
export class Plan extends Plot {
  columns() {
    const { from, to, curves } = this.props;
    const times = [...new Set([from, to, ...curves.flatMap(({ steps }) => steps.map(([at]) => at))])].filter((at) => at >= from && at <= to);
    times.sort((one, other) => one - other);
    return [times.map((at) => at / 1000), ...curves.map(({ steps }) => times.map((at) => held(steps, at)))];
  }

  options(width) {
    const { axis, colour } = look();
    const paths = window.uPlot.paths.stepped({ align: 1 });
    const thin = ["--limit", "--free", "--bad", "--wait", "--off"];
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { A: { range: (plot, least, most) => [0, Math.max(most ?? 0, 6) * 1.1] } },
      axes: [{ ...axis, values: (plot, found) => found.map(hour), size: 30 }, { ...axis, scale: "A", size: 40, label: text("plan.a"), labelSize: 16 }],
      series: [
        {},
        ...this.props.curves.map(({ isResult }, place) => ({
          scale: "A",
          stroke: colour(isResult ? "--power" : thin[place % thin.length]),
          fill: isResult ? colour("--power-fill") : undefined,
          width: isResult ? 3 : 1.5,
          dash: isResult ? undefined : [6, 2 + 2 * place],
          points: { show: false },
          paths,
        })),
      ],
    };
  }
}

function held(steps, at) {
  let value = null;
  for (const [from, ma] of steps) {
    if (from > at) break;
    value = ma === null ? null : ma / 1000;
  }
  return value;
}

// uPlot wants columns of rising times, in s.
function columns(points) {
  const times = [], powers = [], limits = [];
  for (const [utcMs, power, limit] of points) {
    const at = utcMs / 1000;
    times.push(times.length && at <= times.at(-1) ? times.at(-1) + 0.001 : at);
    powers.push(power === null ? null : power / 1000);
    limits.push(limit === null ? null : limit / 1000);
  }
  return [times, powers, limits];
}

function look() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { colour, axis: { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } } };
}

function hour(at) {
  return new Intl.DateTimeFormat(language.value, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(at * 1000));
}

function options(width) {
  const { axis, colour } = look();
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: (plot, least, most) => [Math.max(Math.min(least, most - LEAST_S), most - HOUR_S), most] },
      kW: { range: (plot, least, most) => [0, Math.max(most ?? 0, 1) * 1.1] },
      A: { range: (plot, least, most) => [0, Math.max(most ?? 0, 6) * 1.1] },
    },
    axes: [
      { ...axis, values: (plot, found) => found.map(hour), size: 30 },
      { ...axis, scale: "kW", size: 40, label: text("curve.kw"), labelSize: 16, stroke: colour("--power") },
      { ...axis, scale: "A", side: 1, size: 36, grid: { show: false }, label: text("curve.a"), labelSize: 16, stroke: colour("--limit") },
    ],
    series: [
      {},
      { scale: "kW", stroke: colour("--power"), width: 2, fill: colour("--power-fill"), points: { show: false } },
      { scale: "A", stroke: colour("--limit"), width: 2, dash: [6, 4], points: { show: false }, paths: window.uPlot.paths.stepped({ align: 1 }) },
    ],
  };
}
