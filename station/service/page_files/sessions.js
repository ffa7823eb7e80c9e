// The view Sessions: the list, the newest first, and one with its curve, samples, causes and messages.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { changed, earlierSession, earlierView, newSince } from "./change.js";
import { Exchange } from "./conversation.js";
import { WholeCurve } from "./curve.js";
import { earlier, earlierSessions, isKept, now, open, opened, placed, session, sessions } from "./live.js";
import { Line } from "./story.js";
import { duration, kilowattHours, moment, number, text } from "./texts.js";

const chosen = signal(null);
// What nobody has chosen is the month that is looked at.
const monthShown = () => chosen.value ?? new Date(now.value?.utc_ms ?? Date.now()).toISOString().slice(0, 7);

export function Sessions() {
  return opened.value === null ? html`<${List} />` : html`<${One} />`;
}

function List() {
  const view = sessions.value;
  if (!view) return html`<p class="wait">${text("wait")}</p>`;
  const newest = earlier.value.first === null ? view.sessions : [...view.sessions, ...earlier.value.sessions];
  const found = [...new Map(newest.map((it) => [it.seq, it])).values()];
  return html`
    <h1>${text("view.sessions")}</h1>
    <div class="tools" hidden=${isKept.value}>
      <input type="month" aria-label=${text("sessions.month")} placeholder="2026-11" value=${monthShown()} onInput=${(event) => (chosen.value = event.target.value)} />
      <a class="button" href=${placed(`/api/view/sessions.csv?month=${encodeURIComponent(monthShown())}`)} download>${text("sessions.csv")}</a>
    </div>
    ${found.length ? html`<ol class="story talk sessions">${found.map((it) => html`<${Row} key=${it.seq} it=${it} />`)}</ol>` : html`<p>${text("empty")}</p>`}
    ${(earlier.value.first ?? view.first_seq) > 1 && html`<p><button type="button" onClick=${() => earlierSessions()}>${text("earlier")}</button></p>`}
  `;
}

const end = (it) => (it.stopped_at === null ? text("sessions.runs") : html`– <time>${moment(it.stopped_at)}</time>`);
const energy = (it) => it.energy_wh !== null && html`, <b class="whole">${kilowattHours(it.energy_wh)}</b>, <span class="whole">${duration(it.duration_ms)}</span>`;

function Row({ it }) {
  const was = earlierView()?.sessions?.find((each) => each.seq === it.seq);
  return html`
    <li class=${isLost(it) ? "error" : "info"}>
      <p><b>${text("session")} ${it.number}</b>, ${text("connector")} ${it.connector_id}, ${text("tag")} <bdi class="theirs">${it.tag}</bdi>${newSince(it.seq) ?? changed(end, it, was)}</p>
      <p>
        <time>${moment(it.started_at)}</time> ${end(it)}${energy(it)}
        ${it.reason && html`, ${named("reason", it.reason)}`}
      </p>
      <p class="quiet">${messages(it)}${changed(messages, it, was)}</p>
      <button type="button" class="small" aria-label=${`${text("sessions.open")} ${it.number}`} onClick=${() => open(it.seq)}>${text("sessions.open")}</button>
    </li>
  `;
}

// A name of the standard in words; as it is, where there are none.
function named(kind, name) {
  const key = `${kind}.${name}`;
  return text(key) === key ? html`<bdi class="theirs">${name}</bdi>` : text(key);
}

// What became of its two messages.
function messages(it) {
  return html`StartTransaction ${text(`message.${it.start}`)}${it.transaction_id !== null && ` (${it.transaction_id})`}${it.stop !== null && `, StopTransaction ${text(`message.${it.stop}`)}`}`;
}

function isLost(it) {
  return [it.start, it.stop].includes("given_up");
}

function One() {
  const view = session.value;
  const back = html`<p class="tools"><button type="button" onClick=${() => open(null)}>${text("sessions.back")}</button></p>`;
  if (!view) return html`${back}<p class="wait">${text("wait")}</p>`;
  const it = view.session;
  const was = earlierSession()?.session;
  return html`
    ${back}
    <h1>${text("session")} ${it.number}</h1>
    <section class="card connector" aria-labelledby="session-facts">
      <h2 id="session-facts">${text("connector")} ${it.connector_id}, ${text("tag")} <bdi class="theirs">${it.tag}</bdi></h2>
      <dl class="station">
        <${Figure} name="sessions.began">${moment(it.started_at)}</${Figure}>
        <${Figure} name="sessions.ended">${it.stopped_at === null ? text("sessions.runs") : moment(it.stopped_at)}${changed(end, it, was)}</${Figure}>
        <${Figure} name="sessions.time">${duration(it.duration_ms)}</${Figure}>
        <${Figure} name="sessions.energy">${kilowattHours(it.energy_wh)}${changed((each) => kilowattHours(each.energy_wh), it, was)}</${Figure}>
        <${Figure} name="sessions.register">${kilowattHours(it.meter_start_wh)} – ${it.meter_stop_wh !== null && kilowattHours(it.meter_stop_wh)}${it.meter_stale && ` (${text("sessions.stale")})`}</${Figure}>
        <${Figure} name="sessions.reason">${it.reason ? named("reason", it.reason) : "–"}</${Figure}>
        <${Figure} name="sessions.authorized">${named("by", it.authorized_by)}</${Figure}>
        <${Figure} name="sessions.messages">${messages(it)}${changed(messages, it, was)}</${Figure}>
      </dl>
      <${WholeCurve} points=${view.curve} label=${text("sessions.curve")} />
    </section>
    <section aria-labelledby="session-story">
      <h2 id="session-story">${text("view.story")}</h2>
      <${Cut} count=${view.story_count} shown=${view.story.length} />
      <ol class="story">${view.story.map((line) => html`<${Line} key=${line.seq} line=${line} />`)}</ol>
    </section>
    <details class="card">
      <summary>${text("sessions.messages")}: ${number(view.messages_count)}</summary>
      <${Cut} count=${view.messages_count} shown=${view.messages.length} />
      <ol class="story talk">${view.messages.map((each) => html`<${Exchange} key=${each.seq} it=${each} />`)}</ol>
    </details>
    <details class="card">
      <summary>${text("sessions.samples")}: ${number(view.samples_count)}${changed((each) => number(each.samples_count), view, earlierSession())}</summary>
      <${Cut} count=${view.samples_count} shown=${view.samples.length} />
      <ul>${view.samples.map((sample) => html`<${Sample} sample=${sample} />`)}</ul>
    </details>
  `;
}

function Figure({ name, children }) {
  return html`<div><dt>${text(name)}</dt><dd>${children}</dd></div>`;
}

function Cut({ count, shown }) {
  return count > shown ? html`<p class="quiet">${text("sessions.cut")} ${number(count)}</p>` : null;
}

function Sample({ sample }) {
  const values = Object.entries(sample.values).map(([measurand, value]) => `${measurand} ${value}`).join(", ");
  return html`
    <li>
      <time>${moment(sample.at)}</time> <bdi class="theirs">${sample.context}</bdi>${!sample.queued && ` (${text("sessions.in_stop")})`}:
      ${" "}<bdi class="theirs">${values}</bdi>
    </li>
  `;
}
