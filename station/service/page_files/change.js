// What has changed since the moment before: beside each value a mark and words say what it was.
import { html } from "./html.js";
import { before, session, shown, since } from "./live.js";
import { text } from "./texts.js";

// What the view that is looked at said at the moment before; null in the present, and where it is not known.
export function earlierView() {
  const it = before.value;
  return it !== null && it.seq === since.value && it.name === shown.value ? it.view : null;
}

// Beside what `tell` makes of `is`: what it made of `was`, where that is something else.
export function changed(tell, is, was) {
  if (!was || plain(tell(was)) === plain(tell(is))) return null;
  return html`${" "}<span class="was"><span aria-hidden="true">Δ </span>${text("was")}: ${tell(was) || text("nothing")}</span>`;
}

export function mark(key) {
  return html`${" "}<span class="was"><span aria-hidden="true">Δ </span>${text(key)}</span>`;
}

// A mark for what came with an event behind the moment before.
export function newSince(seq) {
  return since.value !== null && seq > since.value ? mark("new") : null;
}

// The same for one of several things: new if there was none, else what is otherwise.
export function newOr(tell, is, was) {
  return earlierView() === null ? null : was ? changed(tell, is, was) : mark("new");
}

export function earlierSession() {
  const view = earlierView();
  return view?.session?.seq === session.value?.session.seq ? view : null;
}

// What a reader reads of markup.
function plain(node) {
  if (node === null || node === undefined || typeof node === "boolean") return "";
  if (Array.isArray(node)) return node.map(plain).join("");
  return typeof node === "object" ? plain(node.props?.children) : String(node);
}
