"""What changed between two moments, as an engineer would say it: the facts of both states, and where they differ.

What only the software itself reckons with (places in queues, when a reading was taken) is left out here; --json has every member.
"""

import re
from collections.abc import Iterator

from projections.connector import Connector
from projections.station import StationState
from projections.transactions import Transaction
from station.features.smart_charging.reasons import limit_reason
from station.replay.opening.times import LogPlace, Zone
from station.replay.pages.page import Page, Paragraph, table
from station.replay.pages.station_page import Change
from station.telling.amounts import current, energy, plural
from station.telling.limit_words import limited_by

Facts = dict[tuple[str, str], str]
"""What is so, by the subject and what of it; "" where there is nothing to say."""
_AMOUNT = re.compile(r"-?\d+\.\d{3} kWh")
_ROWS_MAX = 200


def changes_page(
    states: tuple[StationState, StationState], places: tuple[LogPlace, LogPlace], members: list[Change], zone: Zone
) -> Page:
    """The differences for people; `members` are all members of the state that differ."""
    first, second = places
    title = f"From event {first.seq}, {zone.text(first.utc_ms)}, to event {second.seq}, {zone.text(second.utc_ms)}"
    before, after = (facts_of(state, place, zone) for state, place in zip(states, places, strict=True))
    gone = _transactions_of(before) - _transactions_of(after)
    rows = [
        (subject, what, before.get((subject, what)) or "—", _now(before, after, (subject, what)))
        for subject, what in dict.fromkeys((*before, *after))
        if before.get((subject, what), "") != after.get((subject, what), "") and subject not in gone
    ]
    rows += [(subject, "with the CSMS", "not settled", "settled") for subject in sorted(gone)]
    shown = Page().add(title, table(("of", "what", "was", "is"), rows[:_ROWS_MAX]))
    if len(rows) > _ROWS_MAX:
        return shown.add("", Paragraph(lines=(f"… and {len(rows) - _ROWS_MAX} more",)))
    if not rows:
        inner = f" ({plural(len(members), 'member')} of the state did: --json)" if members else ""
        return shown.add(title, Paragraph(lines=(f"nothing changed that a person would notice{inner}",)))
    return shown


def _transactions_of(found: Facts) -> set[str]:
    """The transactions that a state knows: once one is settled with the CSMS it is none of the state any more."""
    return {subject for subject, _ in found if subject.startswith("transaction ")}


def _now(before: Facts, after: Facts, key: tuple[str, str]) -> str:
    """What is so now; of energy also by how much it grew."""
    was, now = before.get(key, ""), after.get(key, "")
    if _AMOUNT.fullmatch(was) and _AMOUNT.fullmatch(now):
        grown = _wh(now) - _wh(was)
        return f"{now} ({'+' if grown > 0 else ''}{energy(grown)})"
    return now or "—"


def _wh(text: str) -> int:
    return int(text.removesuffix(" kWh").replace(".", ""))


def facts_of(state: StationState, place: LogPlace, zone: Zone) -> Facts:
    """The facts of a state, in the order in which they are shown."""
    found: Facts = {}
    for subject, what, text in _all(state, place, zone):
        found[subject, what] = text
    return found


def _all(state: StationState, place: LogPlace, zone: Zone) -> Iterator[tuple[str, str, str]]:
    for what, text in _station(state):
        yield "the station", what, text
    for connector in state.connectors.by_id:
        for what, text in _connector(state, connector, place, zone):
            yield f"connector {connector.connector_id}", what, text
    for number, transaction in sorted(state.transactions.by_number.items()):
        for what, text in _transaction(state, transaction, zone):
            yield f"transaction {number}", what, text
    authorization = state.authorization
    yield "the local list", "version", str(authorization.list_version)
    yield "the local list", "tags", str(len(authorization.local_list))
    yield "the cache", "tags", str(len(authorization.cache))
    for held in state.charging_profiles.all:
        profile = held.profile
        where = "the station" if held.connector_id == 0 else f"connector {held.connector_id}"
        limits = ", ".join(f"{period.limit_deci / 10:g} {profile.unit}" for period in profile.periods[:4])
        more = ", …" if len(profile.periods) > 4 else ""
        said = f"{where}: {profile.purpose}, level {profile.stack_level}, {limits}{more}"
        yield f"charging profile {profile.charging_profile_id}", "installed", said
    for reservation in state.reservations.all:
        until = zone.short(reservation.expiry_utc_ms)
        said = f"connector {reservation.connector_id} for tag {reservation.id_tag} until {until}"
        yield f"reservation {reservation.reservation_id}", "made", said
    for key, value in sorted(state.configuration.overrides.items()):
        yield "the configuration", key, str(value)


def _station(state: StationState) -> Iterator[tuple[str, str]]:
    clock, job, outbox = state.clock, state.maintenance, state.outbox
    yield "boot", str(clock.boot)
    yield "software", job.software_version
    yield "firmware", job.firmware_version
    yield "ended", state.boot.ended
    yield "stopping", job.stopping
    yield "reset", "" if job.reset is None else job.reset.kind
    yield "link", f"up, connection {state.link.connection}" if state.link.up else "down"
    yield "registration", state.registration.status
    yield "clock", f"{'trusted' if clock.trusted else 'not trusted'} ({clock.source or 'never set'})"
    yield "messages queued", str(outbox.pending)
    yield "messages given up", str(outbox.given_up)
    yield "disk", state.boot.disk
    yield "firmware job", "" if job.firmware is None else f"{job.firmware.request.job}: {job.firmware.step}"
    yield "diagnostics job", "" if job.diagnostics is None else f"{job.diagnostics.request.job}: {job.diagnostics.step}"


def _connector(state: StationState, connector: Connector, place: LogPlace, zone: Zone) -> Iterator[tuple[str, str]]:
    yield "status", connector.status
    yield "error", "" if connector.error_code == "NoError" else connector.error_code
    yield "availability", connector.availability
    yield "faults", ", ".join(fault.error_code for fault in connector.faults)
    yield "emergency stop", "pressed" if connector.emergency_stop else ""
    if connector.connector_id == 0:
        return
    yield "pilot", connector.pilot_state
    yield "cable", "" if connector.cable_rating_ma is None else f"rated {current(connector.cable_rating_ma)}"
    yield "lock", "jammed" if connector.jammed else "closed" if connector.locked else "open"
    yield "contactor", connector.contactor_fault or ("closed" if connector.contactor_closed else "open")
    found = limit_reason(state, connector.connector_id, place.at_ms)
    by = limited_by(found, lambda utc_ms: zone.moment(utc_ms, place.utc_ms))
    yield "limit", current(connector.limit_ma) + (f", {by}" if by else "")
    reading = connector.reading
    yield "meter", "" if reading is None else energy(reading.energy_wh)
    yield "power", "" if reading is None or reading.power_w is None else f"{reading.power_w} W"
    yield "meter fails", connector.meter_failed
    number = connector.transaction_number
    yield "transaction", "" if number is None else str(number)
    yield "authorized", "" if connector.grant is None else f"tag {connector.grant.id_tag}"
    yield "held for", "" if connector.held_for is None else f"tag {connector.held_for.id_tag}"


def _transaction(state: StationState, transaction: Transaction, zone: Zone) -> Iterator[tuple[str, str]]:
    yield "started", f"{zone.short(state.clock.utc_of(transaction.started))} by tag {transaction.id_tag}"
    yield "register at the start", energy(transaction.meter_start_wh)
    yield "CSMS's id", "" if transaction.transaction_id is None else str(transaction.transaction_id)
    is_settled = transaction.start_settled
    yield "StartTransaction", "given up" if transaction.start_given_up else "settled" if is_settled else "queued"
    if transaction.stopped is not None:
        yield "ended", f"{zone.short(state.clock.utc_of(transaction.stopped))}, {transaction.reason}"
        yield "register at the end", energy(transaction.meter_stop_wh or 0)
        yield "StopTransaction", "settled" if transaction.stop_settled else "queued"
