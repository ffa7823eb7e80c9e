// The view Service, for whoever may act: the last refused tag, the diagnostics file, the commissioning test, the check of the installation.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { act, now, service } from "./live.js";
import { kilowattHours, moment, text } from "./texts.js";

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
    <${Test} it=${view.commissioning} />
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
            <p role="status" class=${told.value ? "outcome" : ""}>${told.value && text(told.value)}</p>
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

const wanted = signal(1); // the connector that is to be tested
const outcome = signal("");

function Test({ it }) {
  const chosen = it.connectors.find((each) => each.connector_id === wanted.value) ?? it.connectors[0];
  return html`
    <section class="card" aria-labelledby="commissioning">
      <h2 id="commissioning">${text("service.test")}</h2>
      <p>${text("service.test.what")}</p>
      ${it.running ? html`<${Step} it=${it} />` : html`<${Begin} it=${it} chosen=${chosen} />`}
      <p role="status" class=${outcome.value ? "outcome bad" : ""}>${outcome.value}</p>
      ${it.ended !== null &&
      html`<p><b>${text("service.test.last")}</b>, ${moment(it.ended_utc_ms)}, ${text("connector")} ${it.connector_id}:${" "}
        <b class=${it.passed ? "" : "warned"}>${text(it.passed ? "service.test.passed" : "service.test.failed")}</b>. ${text(`obstacle.${it.ended}`)}</p>`}
      <ol class="findings">
        ${it.results.map(
          (each) => html`
            <li class=${each.passed ? "info" : "error"}>
              <span class="mark" aria-hidden="true">${each.passed ? "✓" : "✖"}</span>${" "}
              ${text(`test.${each.step}`)}: <b>${text(each.passed ? "service.test.passed" : "service.test.failed")}</b>${" "}
              (${text("service.test.found")}: ${text(`found.${each.found}`)}; ${text(each.confirmed ? "service.test.seen" : "service.test.unseen")})
            </li>
          `,
        )}
      </ol>
    </section>
  `;
}

function Begin({ it, chosen }) {
  const place = chosen.connector_id;
  return html`
    <div class="tools">
      ${it.connectors.length > 1 &&
      html`<select aria-label=${text("connector")} value=${place} onChange=${(event) => (wanted.value = Number(event.target.value))}>
        ${it.connectors.map((each) => html`<option value=${each.connector_id} selected=${each.connector_id === place}>${each.connector_id}</option>`)}
      </select>`}
      <button type="button" disabled=${chosen.obstacle !== null} onClick=${() => say("POST", "", { connector_id: place })}>
        ${text("service.test.begin")} ${place}
      </button>
    </div>
    ${chosen.obstacle !== null && html`<p class="warned">${text(`obstacle.${chosen.obstacle}`)}</p>`}
  `;
}

function Step({ it }) {
  const place = now.value?.connectors.find((each) => each.connector_id === it.connector_id);
  const energy = it.step === "meter" && place?.register_wh !== null ? ` (${kilowattHours(place?.register_wh)})` : "";
  return html`
    <p class="why"><b>${it.results.length + 1}/${it.results.length + it.left}</b> ${text(`step.${it.step}`)}</p>
    <p>${text("service.test.found")}: <b>${text(`found.${it.found}`)}</b>${energy}</p>
    <div class="tools">
      <button type="button" onClick=${() => say("POST", "/answer", { step: it.step, confirmed: true })}>${text("service.test.yes")}</button>
      <button type="button" onClick=${() => say("POST", "/answer", { step: it.step, confirmed: false })}>${text("service.test.no")}</button>
      <button type="button" onClick=${() => say("DELETE", "")}>${text("service.test.stop")}</button>
    </div>
  `;
}

async function say(method, path, body) {
  try {
    await act(method, `/api/service/commissioning${path}`, body);
    outcome.value = "";
  } catch (error) {
    outcome.value = `${text("service.refused")}: ${error.message}`;
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
