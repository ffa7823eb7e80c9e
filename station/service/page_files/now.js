// The view Now: each connector large, then the station.
import { html } from "./html.js";
import { changed, earlierView, mark, newOr } from "./change.js";
import { Curve } from "./curve.js";
import { now } from "./live.js";
import { NONE, amperes, bytes, duration, kilowattHours, kilowatts, moment, number, said, text } from "./texts.js";

// A shape for each status, so that colour is never needed to tell them apart.
const SYMBOLS = {
  Available: "○",
  Preparing: "◔",
  Charging: "⚡",
  SuspendedEV: "❚❚",
  SuspendedEVSE: "❚❚",
  Finishing: "✓",
  Reserved: "◆",
  Unavailable: "⊘",
  Faulted: "✖",
};

export function Now() {
  const view = now.value;
  if (!view) return html`<p class="wait">${text("wait")}</p>`;
  const old = earlierView();
  const was = (connector) => old?.connectors.find((each) => each.connector_id === connector.connector_id);
  return html`
    <h1 class="away">${text("view.now")}</h1>
    <div class="connectors">${view.connectors.map((connector) => html`<${Connector} key=${connector.connector_id} it=${connector} was=${was(connector)} />`)}</div>
    <${Faults} view=${view} was=${old} />
    <${Station} view=${view} was=${old} />
  `;
}

function Connector({ it, was }) {
  const title = `connector-${it.connector_id}`;
  return html`
    <section class=${`card connector ${it.status}`} aria-labelledby=${title}>
      <header>
        <span class="symbol" aria-hidden="true">${SYMBOLS[it.status] ?? "○"}</span>
        <div>
          <h2 id=${title}>${text("connector")} ${it.connector_id}</h2>
          <p class="status">${status(it)}${changed(status, it, was)}</p>
        </div>
      </header>
      <p class="why">${said(it.why)}${changed((each) => said(each.why), it, was)}</p>
      ${it.todo && html`<p class="todo"><span class="arrow" aria-hidden="true">→ </span>${said(it.todo)}</p>`}
      ${it.session ? html`<${Session} it=${it} was=${was} />` : changed(sessionOf, it, was)}
      <p class="limit">
        <b>${text("limit")}:</b> ${limit(it)}${changed(limit, it, was)}
      </p>
      ${it.curve.some(([, power, limit]) => power || limit) && html`<${Curve} points=${it.curve} label=${text("curve")} />`}
      <dl class="copper">
        <${Fact} name="cable" tell=${cable} it=${it} was=${was} />
        <${Fact} name="lock" tell=${lock} it=${it} was=${was} />
        <${Fact} name="contactor" tell=${contactor} it=${it} was=${was} />
        <${Fact} name="pilot" tell=${pilot} it=${it} was=${was} />
      </dl>
    </section>
  `;
}

const status = (it) => text(`status.${it.status}`);
const limit = (it) => html`${it.limit_ma ? `${amperes(it.limit_ma)} × ${it.phases}` : text("limit.none")}${it.limit_by && html`, ${said(it.limit_by)}`}`;
const contactor = (it) => text(it.contactor_closed ? "contactor.closed" : "contactor.open");
const pilot = (it) => `${it.pilot}: ${text(`pilot.${it.pilot}`)}`;
const power = (it) => kilowatts(it.contactor_closed ? it.power_w : 0);
const currents = (it) => (it.current_ma.length ? it.current_ma.map((ma) => html`<span class="whole">${amperes(ma)}</span> `) : NONE);
const sessionOf = (it) => it.session && `${text("session")} ${it.session.number}`;

function Session({ it, was }) {
  const same = was?.session?.number === it.session.number ? was : null;
  return html`
    <dl class="figures">
      <${Fact} name="power" tell=${power} it=${it} was=${same} />
      <${Fact} name="current" tell=${currents} it=${it} was=${same} />
      <${Fact} name="energy" tell=${(each) => kilowattHours(each.session.energy_wh)} it=${it} was=${same} />
      <${Fact} name="time" tell=${(each) => duration(each.session.lasts_ms)} it=${it} was=${same} />
    </dl>
    <p class="quiet">
      ${was && !same && html`${mark("new")}${" "}`}
      ${text("session")} ${it.session.number}, ${text("tag")} <bdi class="theirs">${it.session.tag}</bdi>,
      ${" "}${text("since")} ${moment(it.session.started)}
    </p>
  `;
}

// What `tell` makes of a view, and what it was; `compared` is the part of it that is compared, where that is not all.
function Fact({ name, tell, it, was, compared = tell }) {
  return html`<div><dt>${text(name)}</dt><dd>${tell(it)}${changed(compared, it, was)}</dd></div>`;
}

function cable(it) {
  if (it.fixed_cable) return text("cable.fixed");
  return it.cable_ma === null ? text("cable.out") : `${text("cable.in")}, ${amperes(it.cable_ma)}`;
}

function lock(it) {
  if (it.locked === null) return text("lock.none");
  return text(it.jammed ? "lock.jammed" : it.locked ? "lock.closed" : "lock.open");
}

const nameOf = (fault) => `${fault.connector_id} ${fault.code} ${fault.info} ${fault.vendor_code}`;

function Faults({ view, was }) {
  const gone = (was?.faults ?? []).filter((old) => !view.faults.some((each) => nameOf(each) === nameOf(old)));
  if (!view.faults.length && !gone.length) return null;
  return html`
    <section class="card Faulted" aria-labelledby="faults">
      <h2 id="faults">${text("faults")}</h2>
      <ul>
        ${view.faults.map(
          (fault) => html`
            <li>
              <${FaultName} fault=${fault} />${newOr(nameOf, fault, was?.faults.find((each) => nameOf(each) === nameOf(fault)))}
              <br />${said(fault.remedy)}
            </li>
          `,
        )}
        ${gone.map((fault) => html`<li><${FaultName} fault=${fault} />${mark("gone")}</li>`)}
      </ul>
    </section>
  `;
}

function FaultName({ fault }) {
  return html`
    <b>${fault.connector_id ? `${text("connector")} ${fault.connector_id}` : text("station")}:</b> ${fault.code}
    ${" "}<bdi class="theirs">${[fault.info, fault.vendor_code].filter(Boolean).join(" ")}</bdi>
  `;
}

function Station({ view, was }) {
  const { station } = view;
  const compared = { it: view, was };
  return html`
    <section class="card" aria-labelledby="station">
      <h2 id="station">${text("station")} <bdi class="theirs">${station.identity}</bdi></h2>
      <dl class="station">
        <${Fact} name="link" tell=${linkText} ...${compared} />
        <${Fact} name="registration" tell=${registrationText} ...${compared} />
        <${Fact} name="outbox" tell=${outboxText} ...${compared} />
        <${Fact} name="clock" tell=${clockText} ...${compared} compared=${trustText} />
        <${Fact} name="disk" tell=${diskText} ...${compared} compared=${({ station: it }) => text(`disk.${it.disk}`)} />
        <${Fact} name="boots" tell=${bootText} ...${compared} />
        <${Fact} name="versions" tell=${versionText} ...${compared} />
        <${Fact} name="model" tell=${modelText} ...${compared} />
      </dl>
    </section>
  `;
}

function versionText({ station }) {
  return html`chargebox ${station.version}, ${text("firmware")} <bdi class="theirs">${station.firmware_version}</bdi>`;
}

function modelText({ station }) {
  return html`<bdi class="theirs">${station.model}</bdi>, <bdi class="theirs">${station.serial}</bdi>`;
}

function linkText({ link }) {
  const found = [html`<b>${text(link.up ? "link.up" : "link.down")}</b>`];
  if (link.since !== null) found.push(html` ${text("since")} ${moment(link.since)}`);
  if (link.next_try !== null) found.push(html`<br />${text("link.next")} ${moment(link.next_try)}`);
  if (link.trouble) {
    const when = moment(link.trouble.at);
    found.push(html`<br /><span class="quiet">${text("link.trouble")} ${when}: <bdi class="theirs">${link.trouble.reason}</bdi></span>`);
  }
  return [...found, html`<br /><span class="quiet"><bdi class="theirs">${link.url}</bdi></span>`];
}

function registrationText({ registration }) {
  const due = registration.next_try === null ? "" : `, ${text("link.next")} ${moment(registration.next_try)}`;
  return `${text(`registration.${registration.status}`)}${due}`;
}

function outboxText({ outbox }) {
  if (!outbox.pending) return text("outbox.empty");
  return html`<b>${number(outbox.pending)}</b> ${text("outbox.waiting")}, ${text("outbox.oldest")} ${moment(outbox.oldest)}<br />${said(outbox.why)}`;
}

function clockText(view) {
  return `${moment(view.utc_ms)}, ${trustText(view)}`;
}

function trustText({ clock }) {
  return `${text(clock.trusted ? "clock.trusted" : "clock.untrusted")} (${clock.source})`;
}

function diskText({ station }) {
  return html`<b>${text(`disk.${station.disk}`)}</b>, ${bytes(station.free_bytes)} ${text("disk.free")}, ${text("disk.log")} ${bytes(station.log_bytes)}, ${number(station.log_events)} ${text("disk.events")}`;
}

function bootText({ station }) {
  const when = station.booted === null ? "" : `, ${moment(station.booted)}`;
  return `${number(station.boots)}${when}, ${text(station.orderly ? "boots.orderly" : "boots.sudden")}`;
}
