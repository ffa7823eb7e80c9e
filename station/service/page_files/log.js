// What the page of a log says above everything else: which log, which moment, and what was verified of it.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { eventAt, goTo, log, place } from "./live.js";
import { moment, number, text } from "./texts.js";

export const OF_LOG = ["now", "story", "conversation", "schedule", "configuration"]; // the views that a log has

export function LogHead() {
  const it = log.value;
  const told = [
    it.caution,
    it.excerpt && text("log.excerpt"),
    it.redacted && text("log.redacted"),
    it.left_out > 0 && `${text("log.left_out")}: ${number(it.left_out)}`,
    ...it.damage.map((found) => `${text("log.damage")}: ${found}`),
  ].filter(Boolean);
  const proof = it.verdict;
  return html`
    <section class="log" aria-label=${text("log")}>
      <p>
        <b>${text("log")}</b>, ${text("log.of")} <bdi class="theirs">${it.source}</bdi>:${" "}
        ${text("log.after")} <b>${number(it.seq)}</b> (${number(it.first_seq)}–${number(it.last_seq)}), ${moment(it.utc_ms)}${it.certain ? "" : ` (${text("log.uncertain")})`}
      </p>
      <${Slider} it=${it} />
      ${told.map((line) => html`<p class="warned"><span aria-hidden="true">▲ </span><bdi class="theirs">${line}</bdi></p>`)}
      ${proof === null
        ? html`<p class="warned"><span aria-hidden="true">▲ </span>${text("log.unverified")}</p>`
        : html`<details>
            <summary class=${proof.is_whole ? "" : "warned"}><span aria-hidden="true">${proof.is_whole ? "✓" : "▲"} </span><span lang="en">${proof.title}</span> (verify --level ${proof.level})</summary>
            ${proof.lines.map((line) => html`<p lang="en"><bdi class="theirs">${line}</bdi></p>`)}
          </details>`}
    </section>
  `;
}

const SPEEDS = [1, 10, 60, 600], TICK_MS = 500;
const speed = signal(60); // seconds of the log in a second
const playing = signal(null); // {utcMs, since}: where playing began in the log, and when; null while it stands still

// Any moment of the log: by hand, event by event, and as time went by.
function Slider({ it }) {
  const here = { min: it.begin_seq, max: it.last_seq, value: place() };
  const move = (event) => moveTo(Number(event.target.value));
  return html`
    <div class="tools moments" role="group" aria-label=${text("log.moment")}>
      <input type="range" ...${here} aria-label=${text("log.moment")} aria-valuetext=${`${number(place())}, ${moment(it.utc_ms)}`} onInput=${move} />
      <button type="button" aria-label=${text("log.back")} onClick=${() => moveTo(place() - 1)}>◀</button>
      <input type="number" ...${here} aria-label=${text("log.event")} onChange=${move} />
      <button type="button" aria-label=${text("log.on")} onClick=${() => moveTo(place() + 1)}>▶</button>
      <button type="button" aria-pressed=${String(!!playing.value)} onClick=${() => (playing.value ? halt() : play())}>${text("log.play")}</button>
      <select aria-label=${text("log.speed")} value=${speed.value} onChange=${(event) => quicken(Number(event.target.value))}>
        ${SPEEDS.map((times) => html`<option value=${times} selected=${times === speed.value}>${times} ×</option>`)}
      </select>
    </div>
  `;
}

function moveTo(seq) {
  halt();
  goTo(seq);
}

function halt() {
  playing.value = null;
}

function play() {
  const begun = { utcMs: log.value.utc_ms, since: Date.now() };
  playing.value = begun;
  tick(begun);
}

function quicken(times) {
  speed.value = times;
  if (playing.value) play();
}

async function tick(begun) {
  if (playing.value !== begun) return;
  try {
    const seq = await eventAt(begun.utcMs + (Date.now() - begun.since) * speed.value);
    if (playing.value !== begun) return;
    if (seq > place()) await goTo(seq); // a clock that was set back does not turn the log back
    if (place() >= log.value.last_seq && playing.value === begun) halt();
  } catch {
    halt();
  }
  setTimeout(() => tick(begun), TICK_MS);
}
