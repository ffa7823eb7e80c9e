// The page: its head, its views, and what is wrong.
import { effect } from "./vendor/signals-core.mjs";
import { html, render } from "./html.js";
import { at, begin, isOld, isStation, log, login, mayAct, now, show, shown, trouble } from "./live.js";
import { Moment, OF_LOG } from "./log.js";
import { LANGUAGES, language, loadTexts, moment, speak, text } from "./texts.js";
import { Login } from "./login.js";
import { Now } from "./now.js";
import { Sessions } from "./sessions.js";
import { Story } from "./story.js";
import { Conversation } from "./conversation.js";
import { Schedule } from "./schedule.js";
import { Configuration } from "./configuration.js";
import { Bench } from "./bench.js";
import { Service } from "./service.js";

const VIEWS = { now: Now, sessions: Sessions, story: Story, conversation: Conversation, schedule: Schedule, configuration: Configuration, bench: Bench, service: Service };

function placed() {
  const name = location.hash.slice(1);
  return name in VIEWS ? name : "now";
}

function App() {
  const View = login.value ? Login : VIEWS[isThere(shown.value) ? shown.value : "now"];
  return html`
    <a class="skip" href="#main" onClick=${skip}>${text("skip")}</a>
    <header class="head">
      <p class="name">chargebox <bdi class="theirs">${now.value?.station.identity ?? ""}</bdi></p>
      <nav aria-label=${text("views")}>
        ${Object.keys(VIEWS).filter(isThere).map(
          (name) => html`<a href=${`#${name}`} aria-current=${name === shown.value ? "page" : undefined}>${text(`view.${name}`)}</a>`,
        )}
      </nav>
      <div class="languages" role="group" aria-label=${text("language")}>
        ${LANGUAGES.map(
          (name) => html`<button type="button" lang=${name} aria-pressed=${String(name === language.value)} onClick=${() => speak(name)}>${name}</button>`,
        )}
      </div>
    </header>
    <div role="status" class="notices">
      ${trouble.value && html`<p class="notice">${troubled()}</p>`}
      ${isOld.value && html`<p class="notice">${text("old")}</p>`}
    </div>
    <${Moment} />
    <main id="main" tabindex="-1"><${View} /></main>
  `;
}

function troubled() {
  const { since, says } = trouble.value;
  if (says) return html`${text("refused")}: <bdi class="theirs">${says}</bdi>`;
  return `${text(isStation.value ? "trouble" : "log.gone")} ${moment(since)}`;
}

// The past only tells, only a bench has hands on its world, and only who may act can service.
function isThere(name) {
  if (log.value || at.value !== null) return OF_LOG.includes(name);
  if (name === "service") return mayAct.value;
  return name !== "bench" || now.value?.station.bench;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

addEventListener("hashchange", () => {
  show(placed());
});

await loadTexts();
const root = document.getElementById("page");
root.replaceChildren();
shown.value = placed();
effect(() => {
  document.documentElement.lang = language.value;
  render(html`<${App} />`, root);
});
effect(() => {
  document.title = `chargebox ${now.value?.station.identity ?? ""}`.trim();
});
await begin();
