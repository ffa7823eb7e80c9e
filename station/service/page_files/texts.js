// The texts of the page in the reader's language, and amounts as people write them. All texts are in texts.json.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";

export const LANGUAGES = ["en", "de"];
export const language = signal(chosen());
let catalogue = {};

export function takeTexts(texts) {
  catalogue = texts;
}

export async function loadTexts() {
  if (Object.keys(catalogue).length) return;
  catalogue = await (await fetch("/page/texts.json")).json();
}

function chosen() {
  let kept = null;
  try {
    kept = localStorage.getItem("language");
  } catch {
    // a browser that keeps nothing
  }
  const wanted = kept ?? navigator.language.slice(0, 2);
  return LANGUAGES.includes(wanted) ? wanted : "en";
}

export function speak(name) {
  language.value = name;
  try {
    localStorage.setItem("language", name);
  } catch {
    // only for as long as this page is open
  }
}

// The template of a key; the key itself where the catalogue is older than the station.
export function text(key) {
  return catalogue[key]?.[language.value] ?? catalogue[key]?.en ?? key;
}

// A sentence of a view as the children of an element: {name} is replaced by its value, which is set apart from the text around it.
export function said(sentence) {
  if (!sentence) return null;
  return text(sentence.say)
    .split(/(\{\w+\})/)
    .map((part) => (part.startsWith("{") ? valued(part.slice(1, -1), sentence[part.slice(1, -1)]) : part));
}

function valued(name, value) {
  if (value === null || value === undefined || value === "") return text("nothing");
  if (typeof value === "object") return said(value);
  if (name.endsWith("_ma")) return amperes(value);
  if (name.endsWith("_w")) return kilowatts(value);
  if (name === "at") return moment(value);
  return html`<bdi class="theirs">${String(value)}</bdi>`;
}

function figure(value, digits) {
  return new Intl.NumberFormat(language.value, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

export const NONE = "–";
export const amperes = (ma) => (ma === null || ma === undefined ? NONE : `${figure(Math.floor(ma / 100) / 10, 1)} A`);
export const kilowatts = (w) => (w === null || w === undefined ? NONE : `${figure(w / 1000, 2)} kW`);
export const kilowattHours = (wh) => (wh === null || wh === undefined ? NONE : `${figure(wh / 1000, 3)} kWh`);
export const number = (value) => figure(value, 0);

export function bytes(value) {
  if (value === null || value === undefined) return NONE;
  for (const [size, unit] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (value >= size) return `${figure(value / size, 1)} ${unit}`;
  }
  return `${figure(value, 0)} B`;
}

export function duration(ms) {
  if (ms === null || ms === undefined) return NONE;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => seconds >= size);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .map(([size, unit], place) => [Math.floor((place ? seconds % parts[first][0] : seconds) / size), unit])
    .filter(([count], place) => count || !place)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

// A moment in the reader's own time, with its date where that is not today's.
export function moment(utcMs) {
  if (utcMs === null || utcMs === undefined) return NONE;
  const then = new Date(utcMs);
  if (Number.isNaN(then.getTime())) return NONE;
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const isToday = then.toDateString() === new Date().toDateString();
  const date = isToday ? {} : { year: "numeric", month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(language.value, { ...date, ...time, hourCycle: "h23" }).format(then);
}
