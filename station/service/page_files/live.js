// What the page knows of the station, kept up to date: what is looked at is asked for again when the stream brings an event.
import { signal } from "./vendor/signals-core.mjs";

const SOON_MS = 300, OFTEN_MS = 2_000, SELDOM_MS = 30_000, PATIENCE_MS = 10_000;
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
export const trouble = signal(null); // {since} while the station does not answer
export const log = signal(null); // what is said of the log that is looked at; null on a station
export const at = signal(null); // the event of that log after which it is looked at; null at the moment that was asked for first
export const place = () => at.value ?? log.value.seq;
export const login = signal(false); // whether the service asks for its token first
export const mayAct = signal(false); // whether whoever looks has the right to act
export const service = signal(null);
export const isOld = signal(false); // the station serves another page than this one

let page = null; // the version of the page that the first answer named
let csrf = ""; // what whoever acts must bear
let isAsking = false, isWanted = false, timer = null;
let stream = null, streamTimer = null;

// Of a log everything is asked for as it was at one moment.
function placed(path) {
  return at.value === null ? path : `${path}${path.includes("?") ? "&" : "?"}at=${at.value}`;
}

async function ask(path) {
  const response = await fetch(placed(path), { signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" });
  if (response.status === 401) login.value = true;
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  const view = await response.json();
  page ??= view.page;
  if (view.page !== page && !isOld.value) {
    isOld.value = true;
    setTimeout(() => location.reload(), OFTEN_MS);
  }
  return view;
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
    if (log.value) log.value = await ask("/api/view/head");
    now.value = await ask("/api/view/now");
    await WAYS[shown.value]?.();
    trouble.value = null;
  } catch {
    trouble.value ??= { since: Date.now() };
  }
  isAsking = false;
  if (login.value) trouble.value = null;
  if (log.value) return isWanted ? refresh() : undefined; // nothing happens in a log, but somebody may have moved on in it
  if (login.value || document.visibilityState === "hidden") return;
  const isBusy = now.value?.connectors.some((connector) => connector.contactor_closed);
  const isHeard = stream?.readyState === EventSource.OPEN && !trouble.value;
  plan(isWanted ? SOON_MS : isBusy || !isHeard ? OFTEN_MS : SELDOM_MS);
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
    sessions.value = await ask("/api/view/sessions");
  } else if (session.value?.session.seq !== seq || !session.value.session.settled) {
    const view = await ask(`/api/view/session?seq=${seq}`);
    if (opened.value === seq) session.value = view;
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
  schedule: async () => {
    schedule.value = await ask("/api/view/schedule");
  },
  configuration: async () => {
    configuration.value = await ask("/api/view/configuration");
  },
  service: async () => {
    if (mayAct.value) service.value = await ask("/api/service");
  },
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
  const response = await fetch(placed(`/api/events?after=${seq - 1}&limit=1`), { signal: AbortSignal.timeout(PATIENCE_MS) });
  return (await response.json()).events[0] ?? null;
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

// Look at another moment of the log; what comes behind it is forgotten.
export function goTo(seq) {
  const wanted = Math.min(Math.max(seq, log.value.begin_seq), log.value.last_seq);
  if (!Number.isFinite(wanted) || wanted === place()) return Promise.resolve();
  if (wanted < place() || wanted > place() + FAR_EVENTS) {
    story.value = { lines: [], first: null, last: null };
    conversation.value = { exchanges: [], open: [], last: 0 };
  }
  at.value = wanted;
  return refresh();
}

// The event of the log after which it stood at this time.
export async function eventAt(utcMs) {
  const response = await fetch(`/api/view/head?utc_ms=${Math.floor(utcMs)}`, { signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" });
  if (!response.ok) throw new Error(response.status);
  return (await response.json()).seq;
}

function news() {
  if (isAsking) isWanted = true;
  else plan(SOON_MS);
}

// The browser connects again by itself, behind the last event that it has, unless it was refused.
function listen() {
  clearTimeout(streamTimer);
  stream?.close();
  stream = new EventSource(`/api/stream?after=${now.value?.seq ?? 0}`);
  stream.onopen = news;
  stream.onmessage = news;
  stream.addEventListener("gap", news);
  stream.addEventListener("reset", () => {
    story.value = { lines: [], first: null, last: null }; // another log, or what a salvage left of it
    conversation.value = { exchanges: [], open: [], last: 0 };
    earlier.value = { sessions: [], first: null };
    opened.value = session.value = null;
    news();
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
  const response = await fetch("/api/session", { signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" }).catch(() => null);
  const session = await response?.json();
  csrf = session?.csrf ?? "";
  mayAct.value = session?.may_act ?? false;
  login.value = session?.login ?? false;
  log.value = session?.log ?? null;
  await refresh();
  if (log.value) return;
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
