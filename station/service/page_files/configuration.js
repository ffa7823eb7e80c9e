// The view Configuration: every key with its meaning, its value, and where that came from.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { changed, earlierView } from "./change.js";
import { configuration } from "./live.js";
import { moment, text } from "./texts.js";

const wanted = signal("");

export function Configuration() {
  const view = configuration.value;
  if (!view) return html`<p class="wait">${text("wait")}</p>`;
  const old = new Map((earlierView()?.keys ?? []).map((key) => [key.name, key]));
  const sought = wanted.value.toLowerCase();
  const found = view.keys.filter((key) => !sought || `${key.name} ${meaning(key)} ${key.value}`.toLowerCase().includes(sought));
  return html`
    <h1>${text("view.configuration")}</h1>
    <div class="tools">
      <input type="search" aria-label=${text("filter")} placeholder=${text("filter")} value=${wanted.value} onInput=${(event) => (wanted.value = event.target.value)} />
    </div>
    <table class="card keys" aria-label=${text("view.configuration")}>
      <thead><tr><th scope="col">${text("key")}</th><th scope="col">${text("value")}</th><th scope="col">${text("origin")}</th></tr></thead>
      <tbody>${found.map((key) => html`<${Key} key=${key.name} it=${key} was=${old.get(key.name)} />`)}</tbody>
    </table>
  `;
}

const valueOf = (it) => html`<bdi class="theirs">${it.value ?? text("hidden")}</bdi>${it.unit && it.value !== null && ` ${it.unit}`}`;

// A key that is the maker's own is not in the catalogue.
function meaning(it) {
  const key = `key.${it.name}`;
  return text(key) === key ? it.meaning : text(key);
}

function Key({ it, was }) {
  const notes = [it.writable ? "" : text("readonly"), it.reboot ? text("reboot") : "", it.clause].filter(Boolean).join(", ");
  return html`
    <tr>
      <th scope="row"><bdi class="theirs">${it.name}</bdi><p class="quiet">${meaning(it)}</p><p class="quiet">${notes}</p></th>
      <td>${valueOf(it)}${changed(valueOf, it, was)}</td>
      <td>${origin(it)}${changed((each) => text(`origin.${each.source}`), it, was)}</td>
    </tr>
  `;
}

function origin(it) {
  const when = it.set_at === null ? "" : `, ${moment(it.set_at)}`;
  const before = it.source === "factory" || it.factory === null ? "" : html`<p class="quiet">${text("origin.default")} <bdi class="theirs">${it.factory}</bdi></p>`;
  return html`${text(`origin.${it.source}`)}${it.source === "csms" && when}${before}`;
}
