// The page of a log in one file: what a server would answer is put together from what the file holds.
import { Refusal, readFrom } from "./live.js";
import { takeTexts } from "./texts.js";

let kept = null;
const known = new Map(); // of each view the moment that was put together last: {place, value}

export async function beginKept() {
  const packed = Uint8Array.from(atob(document.getElementById("kept").textContent), (letter) => letter.charCodeAt(0));
  kept = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  takeTexts(kept.texts);
  readFrom(answer);
}

async function answer(path) {
  const [pathname, query = ""] = path.split("?");
  const searchParams = new URLSearchParams(query);
  const asked = (name, otherwise) => (searchParams.has(name) ? Number(searchParams.get(name)) : otherwise);
  const place = searchParams.has("utc_ms") ? placeOf(asked("utc_ms")) : placeAt(asked("at", kept.begin));
  switch (pathname) {
    case "/api/session":
      return { login: false, log: head(place) };
    case "/api/view/head":
      return head(place);
    case "/api/view/story":
      return story(kept.seqs[place], asked, searchParams.get("details") === "true");
    case "/api/view/conversation":
      return { ...view("open", place), exchanges: exchanges(asked("after", 0), kept.seqs[place]) };
    case "/api/view/session":
      return view(`session ${asked("seq")}`, place);
    case "/api/events":
      return { events: [kept.events[asked("after", 0) + 1]].filter(Boolean) };
    default:
      return view(pathname.replace("/api/view/", ""), place);
  }
}

// The number of the last moment up to an event, or up to a time.
function placeAt(seq) {
  const place = kept.seqs.findLastIndex((each) => each <= seq);
  if (place < 0) throw new Refusal(`${seq} < ${kept.seqs[0]}`);
  return place;
}

function placeOf(utcMs) {
  return Math.max(0, kept.utc.findLastIndex((each) => each <= utcMs));
}

function head(place) {
  return { ...view("head", place), begin_seq: kept.seqs[0], last_seq: kept.seqs.at(-1) };
}

function view(name, place) {
  const series = kept.series[name];
  if (!series || place < series.begin) throw new Refusal(name);
  let it = known.get(name);
  if (!it || it.place > place) it = { place: series.begin, value: series.first };
  let { value } = it;
  for (let step = it.place; step < place; step += 1) {
    const difference = series.steps[step - series.begin];
    if (difference) value = applied(value, difference);
  }
  known.set(name, { place, value });
  return value;
}

function applied(old, difference) {
  if ("v" in difference) return difference.v;
  if (difference.s) {
    const [drop, keep, items] = difference.s;
    return [...old.slice(drop, drop + keep), ...items];
  }
  const found = difference.l ? [...old] : { ...old };
  for (const name of difference.x ?? []) delete found[name];
  for (const [name, part] of Object.entries(difference.l ?? difference.d ?? {})) found[name] = applied(old[name], part);
  return found;
}

function story(until, asked, hasDetails) {
  const limit = asked("limit", 100), after = asked("after", null), end = Math.min(asked("before", until + 1) - 1, until);
  const lines = kept.lines.filter((line) => line.seq <= end && (after === null || line.seq > after) && (hasDetails || !line.detail));
  if (after !== null) {
    const found = lines.slice(0, limit);
    return { lines: found, first_seq: after + 1, seq: lines.length > limit ? found.at(-1).seq : until };
  }
  const found = lines.slice(-limit);
  return { lines: found, first_seq: lines.length > limit ? found[0].seq : 1, seq: end };
}

function exchanges(after, until) {
  return kept.exchanges.filter(([seq]) => seq > after && seq <= until).map(([, exchange]) => exchange);
}
