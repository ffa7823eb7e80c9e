"""The station as it was at one moment, and what changed between two: the projections, in words and as plain values."""

from collections.abc import Iterator
from typing import Any

from eventstore.structure import to_plain
from eventstore.value import Value
from projections.connector import Connector
from projections.station import StationState
from station.features.smart_charging.reasons import limit_reason
from station.replay.opening.folding import Folded
from station.replay.opening.times import LogPlace, Zone
from station.replay.pages.page import Page, facts, table
from station.telling.amounts import current, energy, plural
from station.telling.commissioning_words import told
from station.telling.limit_words import limited_by

_KEYS = ("connector_id", "owed_seq", "seq", "number", "message_id", "connection")
"""The members that identify an item of a list, where it has them: an item that moved up has not changed."""
_LIST_MAX = 40


def state_page(folded: Folded, place: LogPlace, zone: Zone) -> Page:
    """The state for people."""
    state = folded.state
    shown = Page().add(
        f"After event {place.seq}, {zone.text(place.utc_ms)} ({zone.name})", _head(state, folded, place.caution)
    )
    shown.add("Connectors", table(*_connectors(state)))
    shown.add("Limits", table((">conn", ">limit", ">phases", "limited"), _limits(state, place, zone)))
    shown.add("Transactions", table(*_transactions(state, zone)))
    authorization = state.authorization
    held = [
        (held.connector_id, held.profile.charging_profile_id, held.profile.purpose, held.profile.stack_level)
        for held in state.charging_profiles.all
    ]
    shown.add(
        "Authorization",
        facts(
            ("local list", f"version {authorization.list_version}, {plural(len(authorization.local_list), 'tag')}"),
            ("cache", plural(len(authorization.cache), "tag")),
        ),
    )
    shown.add("Charging profiles", table((">connector", ">id", "purpose", ">level"), held[:_LIST_MAX]))
    shown.add("Set by the CSMS", facts(*sorted(state.configuration.overrides.items())))
    return shown


def _head(state: StationState, folded: Folded, caution: str) -> Any:
    link, registration, clock = state.link, state.registration, state.clock
    described = state.description
    connected = f"up, connection {link.connection}" if link.up else f"down, {plural(link.attempts, 'attempt')} so far"
    job = state.maintenance
    oddity = f"{plural(folded.left_out, 'event')} could not be taken into account" if folded.left_out else ""
    return facts(
        ("station", "" if described is None else described.identity),
        ("boot", f"{clock.boot}, software {job.software_version}, firmware {job.firmware_version}"),
        ("link", connected),
        ("registration", registration.status),
        ("clock", f"{'trusted' if clock.trusted else 'not trusted'} ({clock.source or 'never set'})"),
        ("outbox", f"{plural(state.outbox.pending, 'message')} queued, {state.outbox.given_up} given up so far"),
        ("disk", "" if state.boot.disk == "ok" else state.boot.disk),
        ("stopping", job.stopping),
        ("reset", "" if job.reset is None else job.reset.kind),
        ("firmware job", "" if job.firmware is None else f"{job.firmware.request.job}: {job.firmware.step}"),
        (
            "diagnostics job",
            "" if job.diagnostics is None else f"{job.diagnostics.request.job}: {job.diagnostics.step}",
        ),
        ("commissioning test", told(state.commissioning)),
        ("ended", state.boot.ended),
        ("CAUTION", "; ".join(each for each in (caution, oddity) if each)),
    )


def _connectors(state: StationState) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    columns = (
        ">conn",
        "status",
        "error",
        "availability",
        "pilot",
        "cable",
        "lock",
        "contactor",
        ">limit",
        ">meter",
        "more",
    )
    return columns, [_connector(state, connector) for connector in state.connectors.by_id]


def _connector(state: StationState, connector: Connector) -> tuple[Any, ...]:
    more = [fault.error_code for fault in connector.faults]
    more += [f"transaction {connector.transaction_number}"] if connector.transaction_number is not None else []
    more += [f"authorized: {connector.grant.id_tag}"] if connector.grant is not None else []
    more += [f"held for {connector.held_for.id_tag}"] if connector.held_for is not None else []
    more += ["emergency stop"] if connector.emergency_stop else []
    more += [f"meter: {connector.meter_failed}"] if connector.meter_failed else []
    if connector.connector_id == 0:
        return (0, connector.status, connector.error_code, connector.availability, *[""] * 6, ", ".join(more))
    cable = connector.cable_rating_ma
    return (
        connector.connector_id,
        connector.status,
        connector.error_code,
        connector.availability,
        connector.pilot_state,
        "" if cable is None else current(cable),
        "jammed" if connector.jammed else "closed" if connector.locked else "open",
        connector.contactor_fault or ("closed" if connector.contactor_closed else "open"),
        current(connector.limit_ma),
        "" if connector.reading is None else energy(connector.reading.energy_wh),
        ", ".join(more),
    )


def _limits(state: StationState, place: LogPlace, zone: Zone) -> Iterator[tuple[Any, ...]]:
    """What the connectors that charge are offered, and what decides that."""
    if state.description is None:
        return
    for connector in state.connectors.real:
        if connector.transaction_number is not None:
            found = limit_reason(state, connector.connector_id, place.at_ms)
            by = limited_by(found, lambda utc_ms: zone.moment(utc_ms, place.utc_ms))
            yield connector.connector_id, current(connector.limit_ma), connector.phases, by


def _transactions(state: StationState, zone: Zone) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    columns = (">no", ">CSMS id", ">conn", "tag", "started", ">from", ">to", "ended by", "start", "stop")
    rows = [
        (
            number,
            item.transaction_id,
            item.connector_id,
            item.id_tag,
            zone.short(state.clock.utc_of(item.started)),
            energy(item.meter_start_wh),
            "running" if item.meter_stop_wh is None else energy(item.meter_stop_wh),
            item.reason,
            "given up" if item.start_given_up else "settled" if item.start_settled else "queued",
            "settled" if item.stop_settled else "" if item.stopped is None else "queued",
        )
        for number, item in sorted(state.transactions.by_number.items())
    ]
    return columns, rows[:_LIST_MAX]


class Change(Value, frozen=True, kw_only=True):
    """One member of the state that differs: where it is, and its two values; None where there is no such member."""

    path: str
    before: Any
    after: Any


def changes(before: StationState, after: StationState) -> list[Change]:
    """What differs between two states, member by member."""
    return list(_changes("", to_plain(before), to_plain(after)))


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    old, new = _members(before), _members(after)
    if old is None or new is None:
        yield Change(path=path, before=before, after=after)
        return
    for name in [*old, *(name for name in new if name not in old)]:
        yield from _changes(f"{path}.{name}" if path else name, old.get(name), new.get(name))


def _members(value: Any) -> dict[str, Any] | None:
    """A value's members by name; None for a value that has none."""
    match value:
        case dict():
            return {str(name): content for name, content in value.items()}
        case list() if all(isinstance(item, dict) for item in value):
            key = next((key for key in _KEYS if all(key in item for item in value)), None)
            named = {f"[{item[key]}]" if key else f"[{place}]": item for place, item in enumerate(value)}
            return named if len(named) == len(value) else None
        case _:
            return None
