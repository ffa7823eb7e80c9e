// The view Story: events in plain words, the newest first.
import { html } from "./html.js";
import { newSince } from "./change.js";
import { hasDetails, isPaused, pause, readBack, showDetails, story } from "./live.js";
import { language, moment, text } from "./texts.js";

const SYMBOLS = { info: "•", warning: "▲", error: "✖" };

export function Story() {
  const { lines, first } = story.value;
  return html`
    <h1>${text("view.story")}</h1>
    <div class="tools">
      <button type="button" aria-pressed=${String(isPaused.value)} onClick=${() => pause(!isPaused.value)}>${text("pause")}</button>
      <button type="button" aria-pressed=${String(hasDetails.value)} onClick=${() => showDetails(!hasDetails.value)}>${text("details")}</button>
    </div>
    <ol class="story" reversed>
      ${lines.toReversed().map((line) => html`<${Line} key=${line.seq} line=${line} />`)}
    </ol>
    ${first > 1 && html`<p><button type="button" onClick=${() => readBack()}>${text("earlier")}</button></p>`}
  `;
}

export function Line({ line }) {
  return html`
    <li class=${`${line.level}${line.detail ? " detail" : ""}`} value=${line.seq}>
      <time>${moment(line.utc_ms)}</time>
      <span class="mark" role="img" aria-label=${text(`level.${line.level}`)}>${SYMBOLS[line.level]}</span>
      <span class="told"><bdi class="theirs">${line[`text_${language.value}`] ?? line.text}</bdi>${newSince(line.seq)}</span>
    </li>
  `;
}
