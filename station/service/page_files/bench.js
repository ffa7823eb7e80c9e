// The view Bench: the simulated world of a bench board, as buttons.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { act, mayAct, now } from "./live.js";
import { Scenario, note } from "./scenario.js";
import { text } from "./texts.js";

const FAULTS = [
  "GroundFailure", "HighTemperature", "OverCurrentFailure", "OverVoltage", "UnderVoltage", "PowerMeterFailure", "PowerSwitchFailure",
  "ConnectorLockFailure", "InternalError", "OtherError", "EVCommunicationError", "ReaderFailure", "WeakSignal", "ResetFailure",
];
const tag = signal("DEADBEEF");
const fault = signal(FAULTS[0]);
const result = signal(null); // {isGood, words}

export function Bench() {
  const view = now.value;
  if (!view) return html`<p class="wait">${text("wait")}</p>`;
  return html`
    <h1>${text("view.bench")}</h1>
    <p role="status" class=${result.value?.isGood === false ? "outcome bad" : "outcome"}>${result.value?.words ?? text(mayAct.value ? "bench.hint" : "bench.look")}</p>
    <div class="connectors">${view.connectors.map((it) => html`<${Connector} key=${it.connector_id} it=${it} />`)}</div>
    <section class="card" aria-labelledby="bench-station">
      <h2 id="bench-station">${text("station")}</h2>
      <div class="tools">
        <label>${text("tag")} <input value=${tag.value} maxlength="20" onInput=${(event) => (tag.value = event.target.value)} /></label>
        <${Do} does="swipe" path="swipe" body=${{ id_tag: tag.value }} />
      </div>
      <div class="tools">
        <${Do} does="network.cut" path="network" body=${{ up: false }} />
        <${Do} does="network.silent" path="network" body=${{ up: false, silent: true }} />
        <${Do} does="network.back" path="network" body=${{ up: true }} />
      </div>
      <div class="tools">
        <${Do} does="stop.press" path="emergency-stop" body=${{ pressed: true }} />
        <${Do} does="stop.release" path="emergency-stop" body=${{ pressed: false }} />
        <${Do} does="tamper.open" path="tamper" body=${{ open: true }} />
        <${Do} does="tamper.shut" path="tamper" body=${{ open: false }} />
      </div>
      <div class="tools">
        <${Do} does="clock.hour" path="clock" body=${{ advance_s: 3600 }} />
        <${Do} does="mains.cut" path="power" body=${{ mains: false }} />
      </div>
    </section>
    <${Scenario} press=${again} />
  `;
}

function Connector({ it }) {
  const title = `bench-${it.connector_id}`;
  const at = `connectors/${it.connector_id}`;
  return html`
    <section class=${`card connector ${it.status}`} aria-labelledby=${title}>
      <h2 id=${title}>${text("connector")} ${it.connector_id}: ${text(`status.${it.status}`)}</h2>
      <div class="tools">
        <${Do} does="plug" path=${`${at}/plug`} body=${{}} />
        <${Do} does="plug.half" path=${`${at}/plug`} body=${{ seated: false }} />
        <${Do} does="unplug" path=${`${at}/unplug`} body=${{}} />
        <${Do} does="unplug.car" path=${`${at}/unplug`} body=${{ station: false }} />
      </div>
      <div class="tools">
        <${Do} does="vehicle.ready" path=${`${at}/vehicle`} body=${{ ready: true }} />
        <${Do} does="vehicle.waits" path=${`${at}/vehicle`} body=${{ ready: false }} />
        <${Do} does="swipe.here" path="swipe" body=${{ id_tag: tag.value, connector_id: it.connector_id }} />
      </div>
      <div class="tools">
        <${Do} does="lock.jam" path=${`${at}/lock`} body=${{ jammed: true }} />
        <${Do} does="lock.free" path=${`${at}/lock`} body=${{ jammed: false }} />
        <${Do} does="meter.fail" path=${`${at}/meter`} body=${{ fail: true }} />
        <${Do} does="meter.work" path=${`${at}/meter`} body=${{ fail: false }} />
      </div>
      <div class="tools">
        <select aria-label=${text("faults")} value=${fault.value} onChange=${(event) => (fault.value = event.target.value)}>
          ${FAULTS.map((code) => html`<option value=${code} selected=${code === fault.value}>${code}</option>`)}
        </select>
        <${Do} does="fault.set" path=${`${at}/fault`} body=${{ error_code: fault.value }} />
        <${Do} does="fault.clear" path=${`${at}/fault`} method="DELETE" />
      </div>
    </section>
  `;
}

function Do({ does, path, body, method = "POST" }) {
  return html`<button type="button" onClick=${() => press(does, method, path, body)}>${text(`bench.${does}`)}</button>`;
}

// One step of a scenario; why it was refused, or "".
async function again({ method, path, body }) {
  try {
    await act(method, `/bench/${path}`, body);
    return "";
  } catch (error) {
    return error.message;
  }
}

async function press(does, method, path, body) {
  note(method, path, body);
  const name = text(`bench.${does}`);
  try {
    const { seq } = await act(method, `/bench/${path}`, body);
    result.value = { isGood: true, words: `${name}: ${text("bench.done")} ${seq}` };
  } catch (error) {
    result.value = { isGood: false, words: `${name}: ${error.message}` };
  }
}
