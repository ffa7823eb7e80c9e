"""The view *Now*: each connector with what it does and why, and the station with its link, outbox, clock, disk and faults."""

from eventstore.value import Value
from projections.connector import Connector
from projections.link import Link
from projections.registration import ACCEPTED
from projections.station import StationState
from projections.transactions import Transaction
from station.features.smart_charging.reasons import limit_reason
from station.rules.faults import own_fault
from station.telling.masking import without_credentials
from station.telling.shown import shortened
from station.views.hindrance import fault_said, hindrance, remedy
from station.views.limits import limit_said
from station.views.recent import Recent
from station.views.saying import Json, say

UNKNOWN_STATUS = "Unavailable"
"""What a connector is called until its copper has been read and its status derived."""


class Beside(Value, frozen=True, kw_only=True):
    """What the state does not hold: `oldest_utc_ms` is of the oldest event in the outbox; sizes are in bytes, None where nothing tells them; `bench`: the bench controls work here."""

    oldest_utc_ms: int | None = None
    log_bytes: int | None = None
    free_bytes: int | None = None
    bench: bool = False


def now_view(state: StationState, recent: Recent, facts: Beside, at_ms: int) -> Json:
    """Everything at station time `at_ms`, which is not before the state's; the state is that of a station that has booted."""
    return {
        "seq": state.seq,
        "utc_ms": state.clock.utc_ms(at_ms),
        "connectors": [_connector(state, connector, recent, at_ms) for connector in state.connectors.real],
        "station": _station(state, recent, facts),
        "link": _link(state, recent),
        "registration": _registration(state),
        "outbox": _outbox(state, facts),
        "clock": {"trusted": state.clock.trusted, "source": state.clock.source},
        "faults": _faults(state),
    }


def _connector(state: StationState, connector: Connector, recent: Recent, at_ms: int) -> Json:
    reason = limit_reason(state, connector.connector_id, at_ms)
    why, todo = hindrance(state, connector, reason)
    reading = connector.reading if connector.contactor_closed and not connector.meter_failed else None
    power_w = None if reading is None else reading.power_w
    present = (at_ms, power_w if connector.contactor_closed else 0, connector.limit_ma)
    curve = [*recent.curve(connector.connector_id, at_ms, connector.limit_ma), present]
    return {
        "connector_id": connector.connector_id,
        "status": connector.status or UNKNOWN_STATUS,
        "why": why,
        "todo": todo,
        "cable_ma": connector.cable_rating_ma,
        "fixed_cable": not state.connectors.socket,
        "locked": connector.locked if state.connectors.has_lock else None,
        "jammed": connector.jammed,
        "contactor_closed": connector.contactor_closed,
        "pilot": connector.pilot_state,
        "register_wh": None if connector.reading is None else connector.reading.energy_wh,
        "power_w": power_w,
        "current_ma": [] if reading is None else list(reading.current_ma),
        "limit_ma": connector.limit_ma,
        "phases": connector.phases,
        "limit_by": limit_said(reason),
        "session": _session(state, state.transactions.on(connector.connector_id), connector, at_ms),
        "curve": [[state.clock.utc_ms(moment_ms), power_w, limit] for moment_ms, power_w, limit in curve],
    }


def _session(state: StationState, transaction: Transaction | None, connector: Connector, at_ms: int) -> Json | None:
    if transaction is None:
        return None
    reading = connector.reading
    return {
        "number": transaction.number,
        "transaction_id": transaction.transaction_id,
        "tag": shortened(transaction.id_tag),
        "started": state.clock.utc_of(transaction.started),
        "lasts_ms": max(0, at_ms - transaction.started.at_ms),
        "energy_wh": None if reading is None else max(0, reading.energy_wh - transaction.meter_start_wh),
    }


def _station(state: StationState, recent: Recent, facts: Beside) -> Json:
    described = state.described
    return {
        "identity": described.identity,
        "model": f"{described.vendor} {described.model}",
        "serial": described.serial,
        "version": state.maintenance.software_version,
        "firmware_version": state.maintenance.firmware_version,
        "board": described.board,
        "bench": facts.bench,
        "boots": state.clock.boot,
        "booted": recent.booted_ms,
        "orderly": state.boot.orderly,
        "stopping": bool(state.maintenance.stopping),
        "disk": state.boot.disk,
        "free_bytes": facts.free_bytes,
        "log_bytes": facts.log_bytes,
        "log_events": state.seq,
    }


def _link(state: StationState, recent: Recent) -> Json:
    link = state.link
    since = state.clock.utc_ms(link.opened_ms) if link.up else recent.down_since_ms
    return {
        "up": link.up,
        "since": since,
        "url": without_credentials(state.described.csms_url).partition("?")[0],
        "trouble": recent.trouble,
        "next_try": _next_try(state, link),
    }


def _next_try(state: StationState, link: Link) -> int | None:
    return None if link.up or link.connect_due_ms is None else state.clock.utc_ms(link.connect_due_ms)


def _registration(state: StationState) -> Json:
    registration = state.registration
    due_ms = registration.boot_due_ms
    return {
        "status": registration.status,
        "interval_s": registration.interval_s,
        "accepted_ever": registration.accepted_ever,
        "next_try": None if due_ms is None or not state.link.up else state.clock.utc_ms(due_ms),
    }


def _outbox(state: StationState, facts: Beside) -> Json:
    outbox = state.outbox
    return {
        "pending": outbox.pending,
        "oldest": facts.oldest_utc_ms if outbox.pending else None,
        "given_up": outbox.given_up,
        "why": _why_it_waits(state),
    }


def _why_it_waits(state: StationState) -> Json | None:
    outbox = state.outbox
    if not outbox.pending:
        return None
    if not state.link.up:
        return say("outbox.offline")
    if outbox.in_flight is not None:
        return say("outbox.in_flight", action=outbox.in_flight.action, at=state.clock.utc_ms(outbox.in_flight.sent_ms))
    if state.registration.status != ACCEPTED:
        return say("outbox.unregistered")
    retries = [attempt.retry_due_ms for attempt in outbox.attempts if attempt.retry_due_ms is not None]
    return say("outbox.retry", at=state.clock.utc_ms(min(retries))) if retries else say("outbox.moving")


def _faults(state: StationState) -> list[Json]:
    """Each fault and warning that holds, the station's first."""
    found = []
    for connector in state.connectors.by_id:
        own = own_fault(connector)
        held = connector.faults if own is None or own in connector.faults else (own, *connector.faults)
        found += [
            {"connector_id": connector.connector_id, **fault_said(fault), "remedy": remedy(fault)} for fault in held
        ]
    return found
