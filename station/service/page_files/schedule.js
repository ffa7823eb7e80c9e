// The view Schedule: what each connector may draw over the next day, and the charging profiles that it comes from.
import { html } from "./html.js";
import { changed, earlierView, mark, newOr } from "./change.js";
import { Plan } from "./curve.js";
import { schedule } from "./live.js";
import { amperes, moment, text } from "./texts.js";

export function Schedule() {
  const view = schedule.value;
  if (!view) return html`<p class="wait">${text("wait")}</p>`;
  const old = earlierView();
  const gone = (old?.profiles ?? []).filter((each) => !view.profiles.some((profile) => isSame(profile, each)));
  return html`
    <h1>${text("view.schedule")}</h1>
    <div class="connectors">${view.connectors.map((it) => html`<${Connector} key=${it.connector_id} it=${it} view=${view} was=${old?.connectors.find((each) => each.connector_id === it.connector_id)} />`)}</div>
    <section class="card" aria-labelledby="profiles">
      <h2 id="profiles">${text("profiles")}</h2>
      ${view.profiles.length + gone.length
        ? html`<ul>
            ${view.profiles.map((profile) => html`<li><${Profile} profile=${profile} />${newOr(plainly, profile, old?.profiles.find((each) => isSame(profile, each)))}</li>`)}
            ${gone.map((profile) => html`<li><${Profile} profile=${profile} />${mark("gone")}</li>`)}
          </ul>`
        : html`<p>${text("profiles.none")}</p>`}
    </section>
  `;
}

const isSame = (one, other) => one.charging_profile_id === other.charging_profile_id && one.connector_id === other.connector_id;
const plainly = (profile) => JSON.stringify({ ...profile, curve: undefined });
// The limits to come; when the first one began is only when it was looked.
const limits = (it) => it.limit.map(([at, ma], place) => `${place ? `; ${moment(at)} ` : ""}${amperes(ma)}`).join("");

function Connector({ it, view, was }) {
  const title = `plan-${it.connector_id}`;
  const stacked = view.profiles.filter((profile) => [0, it.connector_id].includes(profile.connector_id));
  const curves = [{ steps: it.limit, isResult: true }, ...stacked.map((profile) => ({ steps: profile.curve, isResult: false }))];
  return html`
    <section class="card connector" aria-labelledby=${title}>
      <h2 id=${title}>${text("connector")} ${it.connector_id}</h2>
      <p>${text(it.is_charging ? "plan.charging" : "plan.idle")}${changed(limits, it, was)}</p>
      <${Plan} from=${view.from_ms} to=${view.to_ms} curves=${curves} label=${text("plan")} />
      <${Steps} steps=${it.limit} label=${`${text("connector")} ${it.connector_id}`} />
    </section>
  `;
}

function Steps({ steps, label }) {
  return html`
    <table aria-label=${label}>
      <thead><tr><th scope="col">${text("plan.from")}</th><th scope="col">${text("plan.limit")}</th></tr></thead>
      <tbody>${steps.map(([at, ma]) => html`<tr><td>${moment(at)}</td><td>${amperes(ma)}</td></tr>`)}</tbody>
    </table>
  `;
}

function Profile({ profile }) {
  const where = profile.connector_id ? `${text("connector")} ${profile.connector_id}` : text("profile.station");
  const until = profile.valid_to === null ? "" : `, ${text("profile.until")} ${moment(profile.valid_to)}`;
  return html`
    <b>${text("profile")} ${profile.charging_profile_id}</b>: ${profile.purpose}, ${profile.kind}${profile.recurrency ? ` (${profile.recurrency})` : ""},
    ${" "}${text("profile.level")} ${profile.stack_level}, ${where}${until}
  `;
}
