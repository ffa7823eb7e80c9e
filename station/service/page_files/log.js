// Which moment is looked at, and the way to others. The page of a log says above everything else which log that is, and what was verified of it.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { at, eventAt, goNow, goTo, isStation, log, login, now, place, since, span } from "./live.js";
import { moment, number, text } from "./texts.js";

export const OF_LOG = ["now", "sessions", "story", "conversation", "schedule", "configuration"]; // the views that a log has

export function Moment() {
  if (!isStation.value) return log.value && html`<${LogHead} />`;
  return login.value || !now.value ? null : html`<${Past} />`;
}

// The past of the station; in its present only the way there.
function Past() {
  const it = log.value;
  return html`
    <section class="log" aria-label=${text("past")}>
      ${at.value === null
        ? html`<p class="quiet">${text("past.now")}</p>`
        : html`
            <p><b class="warned"><span aria-hidden="true">▲ </span>${text("past.is")}</b> ${text("past.after")} <b>${number(place())}</b>${it && html`, ${moment(it.utc_ms)}${it.certain ? "" : ` (${text("log.uncertain")})`}`}</p>
            <p><button type="button" onClick=${back}>${text("past.back")}</button></p>
          `}
      <${Slider} utcMs=${it?.utc_ms ?? now.value.utc_ms} />
      ${it && html`<${Told} it=${it} />`}
    </section>
  `;
}

function back() {
  halt();
  goNow();
}

function Told({ it }) {
  const told = [
    it.caution,
    it.excerpt && text("log.excerpt"),
    it.redacted && text("log.redacted"),
    it.left_out > 0 && `${text("log.left_out")}: ${number(it.left_out)}`,
    ...it.damage.map((found) => `${text("log.damage")}: ${found}`),
  ].filter(Boolean);
  return html`
    ${since.value !== null && html`<p class="quiet"><span class="was">Δ</span> ${text("since.event")} ${number(since.value)}</p>`}
    ${told.map((line) => html`<p class="warned"><span aria-hidden="true">▲ </span><bdi class="theirs">${line}</bdi></p>`)}
  `;
}

function LogHead() {
  const it = log.value;
  const proof = it.verdict;
  return html`
    <section class="log" aria-label=${text("log")}>
      <p>
        <b>${text("log")}</b>, ${text("log.of")} <bdi class="theirs">${it.source}</bdi>:${" "}
        ${text("log.after")} <b>${number(it.seq)}</b> (${number(it.first_seq)}–${number(it.last_seq)}), ${moment(it.utc_ms)}${it.certain ? "" : ` (${text("log.uncertain")})`}
      </p>
      ${it.file && html`<p>${text("log.file")} ${number(it.begin_seq)}–${number(it.last_seq)} (${number(it.file.first_seq)}–${number(it.file.last_seq)}). ${text("log.file.proof")}</p>`}
      <${Slider} utcMs=${it.utc_ms} />
      <${Told} it=${it} />
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
function Slider({ utcMs }) {
  const [min, max] = span();
  const here = { min, max, value: place() };
  const move = (event) => moveTo(Number(event.target.value));
  return html`
    <div class="tools moments" role="group" aria-label=${text("log.moment")}>
      <input type="range" ...${here} aria-label=${text("log.moment")} aria-valuetext=${`${number(place())}, ${moment(utcMs)}`} onInput=${move} />
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
  const begun = { utcMs: (log.value ?? now.value).utc_ms, since: Date.now() };
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
    if (place() >= span()[1] && playing.value === begun) halt();
  } catch {
    halt();
  }
  setTimeout(() => tick(begun), TICK_MS);
}
