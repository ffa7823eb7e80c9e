// What the page knows of the station, kept up to date: what is looked at is asked for again when the stream brings an event.
import { signal } from "./vendor/signals-core.mjs";

const SOON_MS = 300, OFTEN_MS = 2_000, SELDOM_MS = 30_000, PATIENCE_MS = 10_000, PAST_PATIENCE_MS = 70_000;
export const LINES_KEPT = 1_000;
const FAR_EVENTS = 2_000; // how far in a log the story is read on, not begun anew

export const now = signal(null);
export const story = signal({ lines: [], first: null, last: null });
export const conversation = signal({ exchanges: [], open: [], last: 0 });
export const schedule = signal(null);
export const configuration = signal(null);
export const sessions = signal(null);
export const earlier = signal({ sessions: [], first: null }); // the sessions before those
export const opened = signal(null); // the event that the session began with which is looked at
export const session = signal(null);
export const shown = signal("now"); // the view that is looked at: the others are not asked for
export const isPaused = signal(false);
export const hasDetails = signal(false);
export const trouble = signal(null); // {since, says} while the station does not answer, or not with what was asked for
export const isStation = signal(true); // whether this is the page of a station, not of a log
export const log = signal(null); // what is said of the log, or of the past, that is looked at; null in a station's present
export const at = signal(null); // the event after which it is looked at; null in the present, and at the moment of a log that was asked for first
export const since = signal(null); // the event of the moment before, which the past is compared with; null where there is none
export const before = signal(null); // {seq, name, view}: what the view by this name said after that event
export const isKept = signal(false); // whether all of it stands in one file
export const latest = signal(0); // the last event of the station that is known of
const first = signal(1); // the first event of the station after which it can be shown
export const place = () => at.value ?? log.value?.seq ?? latest.value;
export const span = () => (isStation.value ? [first.value, latest.value] : [log.value.begin_seq, log.value.last_seq]);
export const login = signal(false); // whether the service asks for its token first
export const mayAct = signal(false); // whether whoever looks has the right to act
export const service = signal(null);
export const isOld = signal(false); // the station serves another page than this one

let page = null; // the version of the page that the first answer named
let csrf = ""; // what whoever acts must bear
let isAsking = false, isWanted = false, timer = null;
let sessionAt = null; // the moment of the session that is looked at
let entering = null;
let stream = null, streamTimer = null;

// The past is asked for as it was at one moment.
export function placed(path, seq = at.value) {
  return seq === null ? path : `${past(path)}${path.includes("?") ? "&" : "?"}at=${seq}`;
}

function past(path) {
  return isStation.value ? path.replace("/api/", "/api/past/") : path;
}

async function ask(path) {
  const view = await fetched(placed(path), at.value === null ? PATIENCE_MS : PAST_PATIENCE_MS);
  page ??= view.page;
  if (view.page !== page && !isOld.value) {
    isOld.value = true;
    setTimeout(() => location.reload(), OFTEN_MS);
  }
  return view;
}

export class Refusal extends Error {} // its message is the answer's own

let fetched = overHttp;

// The page in one file has what a server would answer.
export function readFrom(reader) {
  fetched = reader;
  isKept.value = true;
}

async function overHttp(path, patienceMs) {
  const response = await fetch(path, { signal: AbortSignal.timeout(patienceMs), cache: "no-store" });
  if (response.status === 401) login.value = true;
  const answer = await response.json();
  if (!response.ok) throw new Refusal(answer.error ?? response.status);
  return answer;
}

// Ask for a view, and take what comes unless somebody has moved on meanwhile.
async function told(path, take) {
  const moment = at.value;
  const view = await ask(path);
  if (at.value === moment) take(view);
}

// Ask for everything that is shown; what came meanwhile is asked for once more afterwards.
async function refresh() {
  clearTimeout(timer);
  timer = null;
  if (login.value) return;
  if (isAsking) {
    isWanted = true;
    return;
  }
  isAsking = true;
  isWanted = false;
  try {
    if (log.value || at.value !== null) await told("/api/view/head", (head) => (log.value = head));
    await told("/api/view/now", (view) => {
      now.value = view;
      if (at.value === null) latest.value = view.seq;
    });
    await WAYS[shown.value]?.();
    await lookBefore();
    trouble.value = null;
  } catch (error) {
    trouble.value = { since: trouble.value?.since ?? Date.now(), says: error instanceof Refusal ? error.message : "" };
  }
  isAsking = false;
  if (login.value) trouble.value = null;
  if (log.value || at.value !== null) return isWanted ? refresh() : undefined; // nothing happens in the past, but somebody may have moved on in it
  if (login.value || document.visibilityState === "hidden") return;
  const isBusy = now.value?.connectors.some((connector) => connector.contactor_closed);
  const isHeard = stream?.readyState === EventSource.OPEN && !trouble.value;
  plan(isWanted ? SOON_MS : isBusy || !isHeard ? OFTEN_MS : SELDOM_MS);
}

// What the view said at the moment before. A view that was not there yet says nothing, and nothing is marked.
async function lookBefore() {
  const [seq, name] = [since.value, shown.value];
  if (seq === null || !(name in COMPARED)) return;
  const path = name === "sessions" && opened.value !== null ? `/api/view/session?seq=${opened.value}` : COMPARED[name];
  const view = await fetched(placed(path, seq), PAST_PATIENCE_MS).catch(() => null);
  before.value = { seq, name, view };
}

function plan(waitMs) {
  clearTimeout(timer);
  timer = setTimeout(refresh, waitMs);
}

// The lines behind the last one that is known: without a gap, and none twice, however long the page was away.
async function readOn() {
  if (isPaused.value) return;
  const details = `details=${hasDetails.value}`;
  for (;;) {
    const { lines, first, last } = story.value;
    const moment = at.value;
    const view = await ask(`/api/view/story?limit=200&${details}${last === null ? "" : `&after=${last}`}`);
    if (story.value.last !== last || at.value !== moment) return; // it was begun anew meanwhile
    story.value = {
      lines: [...lines, ...view.lines].slice(-LINES_KEPT),
      first: first ?? view.first_seq,
      last: view.seq,
    };
    if (last === null || view.seq >= (now.value?.seq ?? 0)) return;
  }
}

async function talkOn() {
  if (isPaused.value) return;
  const { exchanges, last } = conversation.value;
  const moment = at.value;
  const view = await ask(`/api/view/conversation?after=${last}`);
  if (at.value !== moment) return;
  if (view.seq < last) {
    conversation.value = { exchanges: [], open: [], last: 0 }; // another log
    return;
  }
  conversation.value = { exchanges: [...exchanges, ...view.exchanges].slice(-LINES_KEPT), open: view.open, last: view.seq };
}

async function lookAtSessions() {
  const seq = opened.value;
  if (seq === null) {
    await told("/api/view/sessions", (view) => (sessions.value = view));
  } else if (session.value?.session.seq !== seq || !session.value.session.settled || sessionAt !== at.value) {
    await told(`/api/view/session?seq=${seq}`, (view) => {
      if (opened.value !== seq) return;
      session.value = view;
      sessionAt = at.value;
    });
  }
}

// One session, or with null the list of them.
export function open(seq) {
  opened.value = seq;
  session.value = null;
  refresh();
}

export async function earlierSessions() {
  const before = earlier.value.first ?? sessions.value.first_seq;
  const view = await ask(`/api/view/sessions?before=${before}`);
  if ((earlier.value.first ?? sessions.value.first_seq) !== before) return;
  earlier.value = { sessions: [...earlier.value.sessions, ...view.sessions].slice(0, LINES_KEPT), first: view.first_seq };
}

const WAYS = {
  sessions: lookAtSessions,
  story: readOn,
  conversation: talkOn,
  schedule: () => told("/api/view/schedule", (view) => (schedule.value = view)),
  configuration: () => told("/api/view/configuration", (view) => (configuration.value = view)),
  service: async () => {
    if (mayAct.value && at.value === null) service.value = await ask("/api/service");
  },
};

const COMPARED = {
  now: "/api/view/now",
  sessions: "/api/view/sessions",
  conversation: "/api/view/conversation",
  schedule: "/api/view/schedule",
  configuration: "/api/view/configuration",
};

export function show(name) {
  shown.value = name;
  refresh();
}

// Do something to the station; raises with the words of its refusal.
export async function act(method, path, body, patienceMs = PATIENCE_MS) {
  const request = { method, signal: AbortSignal.timeout(patienceMs), headers: { "content-type": "application/json", "x-csrf-token": csrf } };
  const response = await fetch(path, body === undefined ? request : { ...request, body: JSON.stringify(body) });
  const answer = await response.json();
  if (response.status === 401) login.value = true;
  if (!response.ok) throw new Error(answer.error ?? response.status);
  news();
  return answer;
}

// The event as it stands in the log.
export async function recorded(seq) {
  return (await fetched(placed(`/api/events?after=${seq - 1}&limit=1`), PAST_PATIENCE_MS)).events[0] ?? null;
}

export async function readBack() {
  const { lines, first, last } = story.value;
  if (first === null || first <= 1) return;
  const view = await ask(`/api/view/story?limit=200&details=${hasDetails.value}&before=${first}`);
  if (story.value.first === first) story.value = { lines: [...view.lines, ...lines], first: view.first_seq, last };
}

export function showDetails(wanted) {
  hasDetails.value = wanted;
  story.value = { lines: [], first: null, last: null };
  refresh();
}

export function pause(wanted) {
  isPaused.value = wanted;
  if (!wanted) refresh();
}

// Look at another moment; what comes behind it is forgotten.
export async function goTo(seq) {
  if (isStation.value && at.value === null && !(await (entering ??= enterPast()))) return;
  const [begin, end] = span();
  const here = at.value ?? log.value?.seq ?? null;
  const wanted = Math.min(Math.max(seq, begin), end);
  if (!Number.isFinite(wanted) || wanted === here) return;
  compareWith(here !== null && here < wanted ? here : wanted - 1);
  if (wanted < place() || wanted > place() + FAR_EVENTS) forget();
  earlier.value = { sessions: [], first: null };
  if (opened.value > wanted) opened.value = session.value = null;
  at.value = wanted;
  await refresh();
}

// The moment before: the one that was looked at, or, going back, the event before.
function compareWith(seq) {
  since.value = seq >= span()[0] ? seq : null;
}

// Of what the past of the station consists.
async function enterPast() {
  try {
    first.value = (await fetched(`/api/past/view/head?at=${latest.value}`, PAST_PATIENCE_MS)).begin_seq;
    return true;
  } catch (error) {
    trouble.value = { since: Date.now(), says: error instanceof Refusal ? error.message : "" };
    return false;
  } finally {
    entering = null;
  }
}

// Back to the station's present.
export function goNow() {
  at.value = log.value = since.value = before.value = null;
  forget();
  earlier.value = { sessions: [], first: null };
  return refresh();
}

function forget() {
  story.value = { lines: [], first: null, last: null };
  conversation.value = { exchanges: [], open: [], last: 0 };
}

// The event after which it stood at this time.
export async function eventAt(utcMs) {
  return (await fetched(past(`/api/view/head?utc_ms=${Math.floor(utcMs)}`), PAST_PATIENCE_MS)).seq;
}

function news(event) {
  latest.value = Math.max(latest.value, Number(event?.lastEventId) || 0);
  if (at.value !== null) return;
  if (isAsking) isWanted = true;
  else plan(SOON_MS);
}

// The browser connects again by itself, behind the last event that it has, unless it was refused.
function listen() {
  clearTimeout(streamTimer);
  stream?.close();
  stream = new EventSource(`/api/stream?after=${latest.value}`);
  stream.onopen = news;
  stream.onmessage = news;
  stream.addEventListener("gap", news);
  stream.addEventListener("reset", () => {
    latest.value = 0; // another log, or what a salvage left of it
    opened.value = session.value = null;
    goNow();
  });
  stream.onerror = () => {
    news();
    if (stream.readyState === EventSource.CLOSED && !login.value) streamTimer = setTimeout(listen, OFTEN_MS);
  };
}

// Shows the token once, for a session whose cookie no script can read. Raises with the words of a refusal.
export async function enter(token, wantsToAct) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const response = await fetch("/api/session", { method: "POST", headers, body: JSON.stringify({ may_act: wantsToAct }) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? response.status);
  csrf = answer.csrf ?? "";
  mayAct.value = answer.may_act;
  login.value = false;
  await refresh();
  listen();
}

export async function begin() {
  const session = await fetched("/api/session", PATIENCE_MS).catch(() => null);
  csrf = session?.csrf ?? "";
  mayAct.value = session?.may_act ?? false;
  login.value = session?.login ?? false;
  log.value = session?.log ?? null;
  isStation.value = !log.value;
  if (log.value) compareWith(log.value.seq - 1);
  await refresh();
  if (!isStation.value) return;
  if (!login.value) listen();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      stream?.close();
      clearTimeout(streamTimer);
      clearTimeout(timer);
    } else {
      refresh().then(() => login.value || listen());
    }
  });
}
