// The view Service, for whoever may act: the last refused tag, the diagnostics file, the check of the installation.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { act, service } from "./live.js";
import { moment, text } from "./texts.js";

const CHECK_MS = 120_000;
const SYMBOLS = { ok: "✓", warning: "▲", fault: "✖" };
const TONES = { ok: "info", warning: "warning", fault: "error" };
const told = signal(""); // what came of copying
const check = signal({ isRunning: false, refusal: "" });

export function Service() {
  const view = service.value;
  if (!view) return html`<p class="wait">${text("wait")}</p>`;
  return html`
    <h1>${text("view.service")}</h1>
    <${Tag} it=${view.refused_tag} />
    <section class="card" aria-labelledby="diagnostics">
      <h2 id="diagnostics">${text("service.diagnostics")}</h2>
      <p>${text("service.diagnostics.what")}</p>
      <p><a class="button" href="/api/service/diagnostics" download>${text("service.diagnostics.load")}</a></p>
    </section>
    <${Check} it=${view.check} />
  `;
}

function Tag({ it }) {
  return html`
    <section class="card" aria-labelledby="refused-tag">
      <h2 id="refused-tag">${text("service.tag")}</h2>
      ${it === null
        ? html`<p>${text("service.tag.none")}</p>`
        : html`
            <p class="quiet">
              ${moment(it.utc_ms)}${it.connector_id ? `, ${text("connector")} ${it.connector_id}` : ""}: <bdi class="theirs" lang="en">${it.reason}</bdi>
            </p>
            <div class="tools">
              <input id="tag-text" readonly aria-label=${text("service.tag")} value=${it.id_tag} />
              <button type="button" onClick=${() => copy(it.id_tag)}>${text("service.tag.copy")}</button>
            </div>
            <p role="status" class="outcome">${told.value && text(told.value)}</p>
          `}
    </section>
  `;
}

// Without TLS a browser has no clipboard for scripts but the old one, which copies what is selected.
async function copy(tag) {
  const field = document.getElementById("tag-text");
  field.select();
  try {
    await navigator.clipboard.writeText(tag);
    told.value = "service.tag.copied";
  } catch {
    told.value = document.execCommand("copy") ? "service.tag.copied" : "service.tag.select";
  }
}

function Check({ it }) {
  return html`
    <section class="card" aria-labelledby="check">
      <h2 id="check">${text("service.check")}</h2>
      <p>${text("service.check.what")}</p>
      <p><button type="button" disabled=${check.value.isRunning} onClick=${run}>${text("service.check.run")}</button></p>
      <p role="status" class=${check.value.refusal ? "outcome bad" : ""}>
        ${check.value.isRunning ? text("service.check.runs") : check.value.refusal || (it && `${text("service.check.at")} ${moment(it.utc_ms)}`)}
      </p>
      ${it &&
      html`<ul class="findings">
        ${it.findings.map(
          (found) => html`
            <li class=${TONES[found.level]}>
              <span class="mark" role="img" aria-label=${text(`service.check.${found.level}`)}>${SYMBOLS[found.level]}</span>${" "}
              <bdi class="theirs" lang="en"><b>${found.subject}</b>: ${found.text}${found.advice && `; ${found.advice}`}</bdi>
            </li>
          `,
        )}
      </ul>`}
    </section>
  `;
}

async function run() {
  check.value = { isRunning: true, refusal: "" };
  try {
    const found = await act("POST", "/api/service/check", {}, CHECK_MS);
    service.value = { ...service.value, check: found };
    check.value = { isRunning: false, refusal: "" };
  } catch (error) {
    check.value = { isRunning: false, refusal: `${text("service.refused")}: ${error.message}` };
  }
}
