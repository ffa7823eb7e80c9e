// The view Conversation: calls and answers, the newest first, the frames on request.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { changed, earlierView, newSince } from "./change.js";
import { conversation, isPaused, pause, recorded } from "./live.js";
import { duration, moment, text } from "./texts.js";

const AT_ONCE = 100;
const FAILED = ["error", "given_up", "timeout", "lost", "refused"];
const wanted = signal("");
const onlyFailed = signal(false);
const most = signal(AT_ONCE);
const opened = signal({}); // frames by the seq of their exchange

export function Conversation() {
  const { exchanges, open } = conversation.value;
  const found = [...exchanges, ...open].filter(isWanted).toReversed();
  return html`
    <h1>${text("view.conversation")}</h1>
    <div class="tools">
      <button type="button" aria-pressed=${String(isPaused.value)} onClick=${() => pause(!isPaused.value)}>${text("pause")}</button>
      <button type="button" aria-pressed=${String(onlyFailed.value)} onClick=${() => (onlyFailed.value = !onlyFailed.value)}>${text("filter.failed")}</button>
      <input type="search" aria-label=${text("filter")} placeholder=${text("filter")} value=${wanted.value} onInput=${(event) => (wanted.value = event.target.value)} />
    </div>
    ${found.length ? html`<ol class="story talk">${found.slice(0, most.value).map((it) => html`<${Exchange} key=${`${it.kind} ${it.seq}`} it=${it} />`)}</ol>` : html`<p>${text("empty")}</p>`}
    ${found.length > most.value && html`<p><button type="button" onClick=${() => (most.value += AT_ONCE)}>${text("earlier")}</button></p>`}
  `;
}

function isWanted(it) {
  if (onlyFailed.value && !FAILED.includes(it.outcome)) return false;
  const sought = wanted.value.toLowerCase();
  return !sought || [it.action, it.request, it.answer, it.error, it.message_id].some((part) => part.toLowerCase().includes(sought));
}

export function Exchange({ it }) {
  if (it.kind === "link") {
    return html`<li class="mark-line"><b>${text("connection")} ${it.connection} ${text(`outcome.${it.outcome}`)}</b> <time>${moment(it.utc_ms)}</time> <bdi class="theirs">${it.error}</bdi></li>`;
  }
  const isBad = FAILED.includes(it.outcome);
  const frames = opened.value[it.seq];
  return html`
    <li class=${isBad ? "error" : "info"}>
      <p>
        <time>${moment(it.utc_ms)}</time>${" "}
        <span role="img" aria-label=${text(it.kind)}>${it.kind === "ours" ? "→" : "←"}</span>${" "}
        <b><bdi class="theirs">${it.action}</bdi></b>${" "}
        ${newSince(it.seq)}
        <span class="quiet">
          ${it.transaction !== null && `${text("session")} ${it.transaction} `}
          ${it.attempt > 1 && `${text("attempt")} ${it.attempt}`}
        </span>
      </p>
      <p class="quiet"><bdi class="theirs">${it.request}</bdi></p>
      <p>
        <span class="mark" aria-hidden="true">${isBad ? "✖" : it.outcome === "open" ? "…" : "✓"}</span>${" "}
        ${text(`outcome.${it.outcome}`)}${changed((each) => text(`outcome.${each.outcome}`), it, openBefore(it))}${it.late && `, ${text("late")}`}${it.latency_ms !== null && `, ${it.latency_ms < 1000 ? `${it.latency_ms} ms` : duration(it.latency_ms)}`}
        ${it.error && html`${" "}<bdi class="theirs">${it.error}</bdi>`}
        ${it.answer && html`${" "}<bdi class="theirs quiet">${it.answer}</bdi>`}
        ${it.deviations && html`<br />${text("deviates")}: <bdi class="theirs">${it.deviations}</bdi>`}
      </p>
      <button type="button" class="small" aria-expanded=${String(!!frames)} onClick=${() => toggle(it)}>${text("frames")}</button>
      ${frames && frames.map((frame) => html`<pre class="theirs">${frame}</pre>`)}
    </li>
  `;
}

// The exchange as it stood at the moment before, if it was open then.
function openBefore(it) {
  return earlierView()?.open?.find((each) => each.seq === it.seq && each.kind === it.kind);
}

async function toggle(it) {
  if (opened.value[it.seq]) {
    const { [it.seq]: _, ...others } = opened.value;
    opened.value = others;
    return;
  }
  const events = await Promise.all([it.seq, it.answer_seq].filter(Boolean).map(recorded));
  opened.value = { ...opened.value, [it.seq]: events.filter(Boolean).map((event) => pretty(event.payload.text ?? event.payload.payload)) };
}

function pretty(frame) {
  try {
    return JSON.stringify(JSON.parse(frame), null, 1);
  } catch {
    return String(frame);
  }
}
