// Scenarios of the bench: what is pressed, with its timing, kept as a file and played again in the same order and timing.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { duration, number, text } from "./texts.js";

const MARK = "chargebox_bench_scenario", VERSION = 1;
const STEPS_MAX = 1_000, WAIT_MAX_MS = 3_600_000, BYTES_MAX = 1_000_000;
const PATH = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/;
const recording = signal(null); // {at, steps} while what is pressed is noted: when the last one was
const scenario = signal(null); // its steps: {after_ms, method, path, body}, each so long after the one before
const playing = signal(null); // {place, isStopped} while it is played
const outcome = signal(null); // {isGood, words}

// To be called with whatever is pressed.
export function note(method, path, body) {
  if (!recording.value || playing.value) return;
  const { at, steps } = recording.value;
  const now = performance.now();
  const step = { after_ms: steps.length ? Math.round(now - at) : 0, method, path, ...(body === undefined ? {} : { body }) };
  recording.value = { at: now, steps: [...steps, step].slice(0, STEPS_MAX) };
}

// `press(step)` does one step, and returns why it was refused, or "".
export function Scenario({ press }) {
  const steps = recording.value?.steps ?? scenario.value ?? [];
  const isEmpty = !scenario.value?.length;
  const isBusy = !!playing.value;
  return html`
    <section class="card" aria-labelledby="scenario">
      <h2 id="scenario">${text("scenario")}</h2>
      <p class="quiet">${text("scenario.what")}</p>
      <div class="tools">
        <button type="button" aria-pressed=${String(!!recording.value)} disabled=${isBusy} onClick=${record}>${text(recording.value ? "scenario.keep" : "scenario.record")}</button>
        <button type="button" disabled=${isEmpty || !!recording.value} onClick=${() => (isBusy ? stop() : play(press))}>${text(isBusy ? "scenario.stop" : "scenario.play")}</button>
        <button type="button" disabled=${isEmpty} onClick=${download}>${text("scenario.download")}</button>
        <label class="file">${text("scenario.upload")} <input type="file" accept="application/json,.json" disabled=${isBusy} onChange=${upload} /></label>
      </div>
      <p role="status" class=${outcome.value?.isGood === false ? "outcome bad" : told() && "outcome"}>${told()}</p>
      <ol class="steps">${steps.map((step, place) => html`<${Step} step=${step} isNext=${playing.value?.place === place} />`)}</ol>
    </section>
  `;
}

function told() {
  if (recording.value) return `${text("scenario.records")} ${number(recording.value.steps.length)}`;
  if (playing.value) return `${text("scenario.plays")} ${number(playing.value.place + 1)}/${number(scenario.value.length)}`;
  return outcome.value?.words ?? "";
}

function Step({ step, isNext }) {
  const body = step.body === undefined ? "" : JSON.stringify(step.body);
  return html`<li aria-current=${isNext ? "step" : undefined}><span class="quiet">+${duration(step.after_ms)}</span> <bdi class="theirs">${step.method} ${step.path} ${body}</bdi></li>`;
}

function record() {
  outcome.value = null;
  if (recording.value) {
    scenario.value = recording.value.steps;
    recording.value = null;
  } else {
    recording.value = { at: performance.now(), steps: [] };
  }
}

async function play(press) {
  const run = { place: 0, isStopped: false };
  const refused = [];
  const steps = scenario.value;
  playing.value = run;
  let due = performance.now();
  for (const [place, step] of steps.entries()) {
    due += step.after_ms;
    playing.value = { ...run, place };
    if (!run.isStopped) await until(due, run);
    if (run.isStopped) break;
    const why = await press(step);
    if (why) refused.push(`${place + 1}: ${why}`);
  }
  playing.value = null;
  current = null;
  const words = text(run.isStopped ? "scenario.stopped" : "scenario.played");
  outcome.value = { isGood: !refused.length, words: refused.length ? `${words} ${text("scenario.refused")} ${refused.join("; ")}` : words };
}

let current = null; // the run that waits, and how its wait is ended
function until(due, run) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, due - performance.now()));
    current = { run, end: () => (clearTimeout(timer), resolve()) };
  });
}

function stop() {
  if (!current) return;
  current.run.isStopped = true;
  current.end();
}

function download() {
  const content = JSON.stringify({ [MARK]: VERSION, steps: scenario.value }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = "scenario.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function upload(event) {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  recording.value = null;
  try {
    if (file.size > BYTES_MAX) throw new Error(text("scenario.large"));
    scenario.value = read(await file.text());
    outcome.value = { isGood: true, words: `${text("scenario.loaded")} ${number(scenario.value.length)}` };
  } catch (error) {
    outcome.value = { isGood: false, words: error.message };
  }
}

// The steps of a file, which may be anybody's. Raises with what is wrong, and where.
function read(content) {
  let document = null;
  try {
    document = JSON.parse(content);
  } catch {
    // it says below what it is not
  }
  if (document?.[MARK] !== VERSION || !Array.isArray(document.steps) || document.steps.length > STEPS_MAX) throw new Error(text("scenario.foreign"));
  return document.steps.map((step, place) => {
    const isTimed = Number.isInteger(step?.after_ms) && step.after_ms >= 0 && step.after_ms <= WAIT_MAX_MS;
    const isCall = ["POST", "DELETE"].includes(step?.method) && typeof step.path === "string" && PATH.test(step.path);
    const isBody = step?.body === undefined || (typeof step.body === "object" && step.body !== null);
    if (!isTimed || !isCall || !isBody) throw new Error(`${text("scenario.wrong")} ${number(place + 1)}`);
    return { after_ms: step.after_ms, method: step.method, path: step.path, ...(step.body === undefined ? {} : { body: step.body }) };
  });
}
