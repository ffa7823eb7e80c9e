// The view Now: each connector large, then the station.
import { html } from "./html.js";
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
  return html`
    <h1 class="away">${text("view.now")}</h1>
    <div class="connectors">${view.connectors.map((connector) => html`<${Connector} key=${connector.connector_id} it=${connector} />`)}</div>
    <${Faults} view=${view} />
    <${Station} view=${view} />
  `;
}

function Connector({ it }) {
  const title = `connector-${it.connector_id}`;
  return html`
    <section class=${`card connector ${it.status}`} aria-labelledby=${title}>
      <header>
        <span class="symbol" aria-hidden="true">${SYMBOLS[it.status] ?? "○"}</span>
        <div>
          <h2 id=${title}>${text("connector")} ${it.connector_id}</h2>
          <p class="status">${text(`status.${it.status}`)}</p>
        </div>
      </header>
      <p class="why">${said(it.why)}</p>
      ${it.todo && html`<p class="todo"><span class="arrow" aria-hidden="true">→ </span>${said(it.todo)}</p>`}
      ${it.session && html`<${Session} it=${it} />`}
      <p class="limit">
        <b>${text("limit")}:</b> ${it.limit_ma ? `${amperes(it.limit_ma)} × ${it.phases}` : text("limit.none")}
        ${it.limit_by && html`, ${said(it.limit_by)}`}
      </p>
      ${it.curve.some(([, power, limit]) => power || limit) && html`<${Curve} points=${it.curve} label=${text("curve")} />`}
      <dl class="copper">
        <${Fact} name="cable" value=${cable(it)} />
        <${Fact} name="lock" value=${lock(it)} />
        <${Fact} name="contactor" value=${text(it.contactor_closed ? "contactor.closed" : "contactor.open")} />
        <${Fact} name="pilot" value=${`${it.pilot}: ${text(`pilot.${it.pilot}`)}`} />
      </dl>
    </section>
  `;
}

function Session({ it }) {
  const currents = it.current_ma.length ? it.current_ma.map((ma) => html`<span class="whole">${amperes(ma)}</span> `) : NONE;
  return html`
    <dl class="figures">
      <${Fact} name="power" value=${kilowatts(it.contactor_closed ? it.power_w : 0)} />
      <${Fact} name="current" value=${currents} />
      <${Fact} name="energy" value=${kilowattHours(it.session.energy_wh)} />
      <${Fact} name="time" value=${duration(it.session.lasts_ms)} />
    </dl>
    <p class="quiet">
      ${text("session")} ${it.session.number}, ${text("tag")} <bdi class="theirs">${it.session.tag}</bdi>,
      ${" "}${text("since")} ${moment(it.session.started)}
    </p>
  `;
}

function Fact({ name, value }) {
  return html`<div><dt>${text(name)}</dt><dd>${value}</dd></div>`;
}

function cable(it) {
  if (it.fixed_cable) return text("cable.fixed");
  return it.cable_ma === null ? text("cable.out") : `${text("cable.in")}, ${amperes(it.cable_ma)}`;
}

function lock(it) {
  if (it.locked === null) return text("lock.none");
  return text(it.jammed ? "lock.jammed" : it.locked ? "lock.closed" : "lock.open");
}

function Faults({ view }) {
  if (!view.faults.length) return null;
  return html`
    <section class="card Faulted" aria-labelledby="faults">
      <h2 id="faults">${text("faults")}</h2>
      <ul>
        ${view.faults.map(
          (fault) => html`
            <li>
              <b>${fault.connector_id ? `${text("connector")} ${fault.connector_id}` : text("station")}:</b> ${fault.code}
              ${" "}<bdi class="theirs">${[fault.info, fault.vendor_code].filter(Boolean).join(" ")}</bdi>
              <br />${said(fault.remedy)}
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}

function Station({ view }) {
  const { station, link, registration, outbox, clock } = view;
  return html`
    <section class="card" aria-labelledby="station">
      <h2 id="station">${text("station")} <bdi class="theirs">${station.identity}</bdi></h2>
      <dl class="station">
        <${Fact} name="link" value=${linkText(link)} />
        <${Fact} name="registration" value=${registrationText(registration)} />
        <${Fact} name="outbox" value=${outboxText(outbox)} />
        <${Fact} name="clock" value=${clockText(view, clock)} />
        <${Fact} name="disk" value=${diskText(station)} />
        <${Fact} name="boots" value=${bootText(station)} />
        <${Fact} name="versions" value=${html`chargebox ${station.version}, ${text("firmware")} <bdi class="theirs">${station.firmware_version}</bdi>`} />
        <${Fact} name="model" value=${html`<bdi class="theirs">${station.model}</bdi>, <bdi class="theirs">${station.serial}</bdi>`} />
      </dl>
    </section>
  `;
}

function linkText(link) {
  const found = [html`<b>${text(link.up ? "link.up" : "link.down")}</b>`];
  if (link.since !== null) found.push(html` ${text("since")} ${moment(link.since)}`);
  if (link.next_try !== null) found.push(html`<br />${text("link.next")} ${moment(link.next_try)}`);
  if (link.trouble) {
    const when = moment(link.trouble.at);
    found.push(html`<br /><span class="quiet">${text("link.trouble")} ${when}: <bdi class="theirs">${link.trouble.reason}</bdi></span>`);
  }
  return [...found, html`<br /><span class="quiet"><bdi class="theirs">${link.url}</bdi></span>`];
}

function registrationText(registration) {
  const due = registration.next_try === null ? "" : `, ${text("link.next")} ${moment(registration.next_try)}`;
  return `${text(`registration.${registration.status}`)}${due}`;
}

function outboxText(outbox) {
  if (!outbox.pending) return text("outbox.empty");
  return html`<b>${number(outbox.pending)}</b> ${text("outbox.waiting")}, ${text("outbox.oldest")} ${moment(outbox.oldest)}<br />${said(outbox.why)}`;
}

function clockText(view, clock) {
  return `${moment(view.utc_ms)}, ${text(clock.trusted ? "clock.trusted" : "clock.untrusted")} (${clock.source})`;
}

function diskText(station) {
  return html`<b>${text(`disk.${station.disk}`)}</b>, ${bytes(station.free_bytes)} ${text("disk.free")}, ${text("disk.log")} ${bytes(station.log_bytes)}, ${number(station.log_events)} ${text("disk.events")}`;
}

function bootText(station) {
  const when = station.booted === null ? "" : `, ${moment(station.booted)}`;
  return `${number(station.boots)}${when}, ${text(station.orderly ? "boots.orderly" : "boots.sudden")}`;
}
