// What the page of a log says above everything else: which log, which moment, and what was verified of it.
import { html } from "./html.js";
import { log } from "./live.js";
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
