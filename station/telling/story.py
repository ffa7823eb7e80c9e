"""The daemon's journal: which events are logged while they happen, in the words of the timeline, repetitions combined.

A fold over durable batches and the state behind each: no clock, no file, and for an event that is not logged no work but one
look into a table. Everything that makes the story is logged (`wording.HEADLINE`); some kinds are worded in a way of their own,
and some steps between as well (`_WAYS`). A failure that repeats is logged less and less often (`repeats`); what a flood could
multiply is bounded; that a transaction started or ended is always logged.

Id tags open cables: whoever reads the journal need not learn them. They are shortened unless the settings say otherwise.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from eventstore.catalogue import (
    configuration,
    connectors,
    hardware,
    lifecycle,
    link,
    maintenance,
    registration,
    smart_charging,
    transactions,
)
from eventstore.event import Event, Recorded
from projections.credentials import FINGERPRINT
from projections.limit_reason import STATION, LimitReason
from projections.link import RECONNECT
from projections.registration import ACCEPTED
from projections.station import StationState
from projections.transactions import Transaction
from station.telling.amounts import duration, energy, plural
from station.telling.limit_words import limited_by
from station.telling.line import DEBUG, Line
from station.telling.shown import utc
from station.telling.teller import Lines, Teller
from station.telling.wording import CORRECTION_TOLD_MS, DETAIL, HEADLINE, TABLE, adjusted, booted, words

LINK_FREE = 3
"""As many lost connections of one run are logged as they come."""
SETTLES_MS = 60_000
"""A connection that lasts so long is logged, however unstable the link was before."""
_LINK = "link"
_ENDS = (transactions.TransactionEnding, transactions.TransactionStopped)
_SUSPENDERS = (*_ENDS, smart_charging.LimitChanged)


class Story:
    """The story of one process."""

    def __init__(
        self,
        *,
        ended: str = "",
        full_tags: bool = False,
        details: bool = False,
        local: Callable[[int], datetime] = utc,
        limit_reason: Callable[[StationState, int, int], LimitReason | None] | None = None,
    ) -> None:
        """`limit_reason` tells what decides the limit of a connector at a moment of station time. `ended`, `full_tags` and `local` as a Teller has them; `details`: the steps between are logged too, at DEBUG."""
        self._teller = Teller(ended=ended, full_tags=full_tags, details=details, local=local)
        self._teller.limit_reason = limit_reason
        self._ways: Mapping[type[Event], Way] = _WAYS if not details else {**_DETAILS, **_WAYS}

    def tell(self, state: StationState, batch: Sequence[Recorded]) -> list[Line]:
        """What the batch adds to the story; `state` is what the station knows behind it."""
        teller, ways = self._teller, self._ways
        teller.state = state
        told: list[Line] = []
        if teller.repeats.is_holding and batch:
            told.extend(map(teller.left_out, teller.repeats.overdue(batch[-1].at_ms)))
        for recorded in batch:
            if recorded.seq == recorded.cause:
                teller.cause = recorded.event
                teller.of_cause.clear()
            way = ways.get(type(recorded.event))
            if way is not None:
                told.extend(way(teller, recorded, state))
        return told


# ---- how events are worded -------------------------------------------------------------------------------------


def _headline(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """Most of them."""
    if teller.usual.goes_on(recorded.event):
        return
    event = teller.shown(recorded.event)
    yield from teller.often(recorded, words(event) + teller.why(event))


def _detail(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A step between, for a developer."""
    line = teller.line(recorded, words(teller.shown(recorded.event)), at_level=DEBUG)
    if teller.repeats.may_tell((line.type, line.connector_id), line, recorded.at_ms, recorded.utc_ms):
        yield line


def _failure(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """What goes wrong again and again, for what it concerns by its own name."""
    event: Any = recorded.event
    key = getattr(event, "action", None) or getattr(event, "kind", None)
    due_ms = getattr(event, "retry_due_ms", None)
    yield from teller.failed(recorded, words(teller.shown(event)), key, due_ms=due_ms)


def _disagreed(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A CSMS whose time is not believed; it is off by another span each time."""
    yield from teller.failed(recorded, words(recorded.event), gist="off")


def _booted(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A boot, and why the process before it ended."""
    event = recorded.event
    assert isinstance(event, lifecycle.StationBooted), "as the table says"
    if event.orderly:
        why = teller.ended
    else:
        why = "it was killed or crashed" if state.boot.same_power else "the power went, or the machine restarted"
    teller.is_ending, teller.offset_ms = False, event.offset_ms
    yield teller.line(recorded, booted(event, why))


def _adjusted(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A clock that was moved by more than clocks drift; less is a step between."""
    event = recorded.event
    assert isinstance(event, lifecycle.ClockAdjusted), "as the table says"
    moved_ms = None if teller.offset_ms is None else event.offset_ms - teller.offset_ms
    teller.offset_ms = event.offset_ms
    if moved_ms is not None and abs(moved_ms) >= CORRECTION_TOLD_MS:
        yield from teller.often(recorded, adjusted(event, moved_ms))
    elif teller.details:
        yield from _detail(teller, recorded, state)


def _described(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """What the station is, and that it begins to connect."""
    event = recorded.event
    assert isinstance(event, lifecycle.StationDescribed), "as the table says"
    yield teller.line(recorded, words(event))
    yield teller.line(recorded, f"Connecting to the CSMS at {event.csms_url}")


def _stopping(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """The end; nothing is tried again."""
    teller.is_ending = True
    yield teller.line(recorded, words(recorded.event))


def _disk(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """Another level of the disk than before."""
    event = recorded.event
    assert isinstance(event, lifecycle.DiskSpaceObserved), "as the table says"
    if event.level != teller.disk:
        teller.disk = event.level
        yield from teller.often(recorded, words(event))


def _contactor(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A contactor that does not obey."""
    event = recorded.event
    if isinstance(event, hardware.ContactorObserved) and event.fault:
        yield from teller.often(recorded, words(event))


def _meter_failed(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A meter that cannot be read; that it can be again follows from the connector's status."""
    event = recorded.event
    assert isinstance(event, hardware.MeterFailed), "as the table says"
    teller.unreadable.add(event.connector_id)
    yield from teller.failed(recorded, words(event))


def _doubted(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A register that is not believed; what it shows is another one each time."""
    event = recorded.event
    assert isinstance(event, transactions.MeterDoubted), "as the table says"
    yield from teller.failed(recorded, words(event), event.reason, gist=event.reason)


def _status(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """Of a connector's status only what no other line says: who suspends, who goes on, a meter that works again."""
    event = recorded.event
    assert isinstance(event, connectors.ConnectorStatusChanged), "as the table says"
    number = event.connector_id
    if number in teller.unreadable and not state.connectors[number].meter_failed:
        teller.unreadable.discard(number)
        yield from teller.often(recorded, f"The meter can be read again on connector {number}")
    if event.status == "SuspendedEV":
        teller.suspended.add(number)
        yield from teller.often(recorded, f"Suspended by the vehicle on connector {number} (SuspendedEV)")
    elif event.status == "SuspendedEVSE":
        teller.suspended.add(number)
        if teller.of_cause & {(kind, number) for kind in _SUSPENDERS}:
            return  # logged already, with the reason
        yield from teller.often(recorded, f"Suspended by the station on connector {number} (SuspendedEVSE)")
    elif number in teller.suspended:
        teller.suspended.discard(number)
        if event.status == "Charging":
            yield from teller.often(recorded, f"Charging goes on on connector {number}")


def _limit(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """Another limit, and who set it; not that a transaction that ends is offered nothing any more."""
    event = recorded.event
    assert isinstance(event, smart_charging.LimitChanged), "as the table says"
    place = event.connector_id
    if not event.limit_ma and teller.of_cause & {(kind, place) for kind in _ENDS}:
        return
    teller.of_cause.add((smart_charging.LimitChanged, place))
    begins = (transactions.TransactionStarted, place) in teller.of_cause
    text = words(event) + (", for the new transaction" if begins else "")
    found = None if teller.limit_reason is None else teller.limit_reason(state, place, recorded.at_ms)
    if found is not None and found.kind != STATION:  # that one goes without saying
        text += f", {limited_by(found, lambda utc_ms: teller.clock(utc_ms, recorded.utc_ms))}"
    yield from teller.often(recorded, text + ("" if begins else teller.why(event)))


def _marked(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """Always; and what follows from the same cause may refer to it."""
    event: Any = recorded.event
    teller.of_cause.add((type(event), event.connector_id))
    shown = teller.shown(event)
    begins = isinstance(event, transactions.TransactionStarted)  # and its line says who decided it
    yield teller.line(recorded, words(shown) + ("" if begins else teller.why(shown)))


def _stopped(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """The end of a transaction, with what was charged and how long it took."""
    event = recorded.event
    assert isinstance(event, transactions.TransactionStopped), "as the table says"
    teller.of_cause.add((transactions.TransactionStopped, event.connector_id))
    teller.suspended.discard(event.connector_id)
    shown = teller.shown(event)
    text = words(shown)
    known = state.transactions.known(event.number)
    if isinstance(known, Transaction):
        took_ms = max(0, event.stopped.at_ms - known.started.at_ms)
        text += f"; {energy(event.meter_stop_wh - known.meter_start_wh)} charged in {duration(took_ms)}"
    yield teller.line(recorded, text + (teller.why(shown) if event.reason == "Other" else ""))


def _configured(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A configuration key; a secret by its name alone."""
    event = recorded.event
    assert isinstance(event, configuration.ConfigurationChanged), "as the table says"
    text = f"{event.key} is another one now" if event.value.startswith(FINGERPRINT) else words(event)
    yield from teller.often(recorded, text + teller.why(event))


# ---- the link ------------------------------------------------------------------------------------------------


def _deadline(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """The first attempt after a connection; of the later ones only the failure is logged."""
    event = recorded.event
    assert isinstance(event, lifecycle.DeadlineReached), "as the table says"
    if event.name == RECONNECT and teller.was_connected and not teller.is_restless:
        teller.was_connected = False
        yield from teller.often(recorded, "Connecting to the CSMS")


def _opened(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A connection, and how many attempts it took. After one that was lost again and again, only if it lasts."""
    count = teller.repeats.over((link.ConnectFailed.NAME, None, None))
    text = words(recorded.event)
    if count is not None:
        since = teller.clock(count.since_utc_ms, recorded.utc_ms)
        text += f", after {plural(count.times, 'failed attempt')} since {since}"
    line = teller.line(recorded, text)
    if teller.is_restless:
        teller.repeats.drop(_LINK)
        teller.repeats.hold(_LINK, line, recorded.utc_ms, recorded.at_ms + SETTLES_MS)
    else:
        yield line


def _closed(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A connection that is gone, and when the next one is tried."""
    event = recorded.event
    assert isinstance(event, link.LinkClosed), "as the table says"
    teller.repeats.drop(_LINK)
    next_ms = _next_try_ms(teller, state)
    lines = list(teller.failed(recorded, words(event), due_ms=next_ms, free=LINK_FREE, gist=event.reason))
    teller.is_restless = not lines
    teller.was_connected = True
    yield from lines


def _not_connected(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """An attempt that failed, and when the next one is made."""
    yield from teller.failed(recorded, words(recorded.event), due_ms=_next_try_ms(teller, state))


def _next_try_ms(teller: Teller, state: StationState) -> int | None:
    return None if teller.is_ending else state.link.connect_due_ms


def _registered(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """What the CSMS says to BootNotification."""
    event = recorded.event
    assert isinstance(event, registration.RegistrationAnswered), "as the table says"
    if event.status != ACCEPTED:
        yield from teller.failed(recorded, words(event), event.status, due_ms=event.retry_due_ms)
    elif not teller.is_restless:
        yield from teller.often(
            recorded, f"Registered: the CSMS says {event.status}, interval {duration(event.interval_s * 1000)}"
        )


def _settled(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A CALL of ours that brought no result."""
    event = recorded.event
    assert isinstance(event, link.CallSettled), "as the table says"
    if event.outcome not in ("result", "void"):
        yield from teller.failed(recorded, words(event), event.action, due_ms=event.retry_due_ms)


def _job_step(teller: Teller, recorded: Recorded, state: StationState) -> Lines:
    """A transfer that is tried again."""
    event: Any = recorded.event
    if event.step == "retry":
        what = "Firmware" if isinstance(event, maintenance.FirmwareStepDecided) else "Diagnostics"
        wait = duration(max(0, event.due_ms - recorded.at_ms))
        yield from teller.often(recorded, f"{what} job {event.job}: next try in {wait}")


Way = Callable[[Teller, Recorded, StationState], Iterable[Line]]


def _as_headlines() -> dict[type[Event], Way]:
    return {kind: _headline for kind, (loudness, _) in TABLE.items() if loudness == HEADLINE}


_WAYS: Mapping[type[Event], Way] = {
    **_as_headlines(),
    lifecycle.StationBooted: _booted,
    lifecycle.StationDescribed: _described,
    lifecycle.StationStopping: _stopping,
    lifecycle.StationStopped: _stopping,
    lifecycle.ClockAdjusted: _adjusted,
    lifecycle.DiskSpaceObserved: _disk,
    lifecycle.DeadlineReached: _deadline,
    lifecycle.ClockDisagreed: _disagreed,
    lifecycle.DecisionFailed: _failure,
    lifecycle.ObservationRejected: _failure,
    lifecycle.ObservationsDropped: _failure,
    hardware.ContactorObserved: _contactor,
    hardware.MeterFailed: _meter_failed,
    link.LinkOpened: _opened,
    link.LinkClosed: _closed,
    link.ConnectFailed: _not_connected,
    link.FrameRefused: _failure,
    link.CallTimedOut: _failure,
    link.CallSettled: _settled,
    link.CallShed: _failure,
    registration.RegistrationAnswered: _registered,
    registration.RegistrationLost: _failure,
    transactions.TransactionStarted: _marked,
    transactions.TransactionEnding: _marked,
    transactions.TransactionStopped: _stopped,
    transactions.MeterSamplesDropped: _failure,
    transactions.MeterDoubted: _doubted,
    connectors.ConnectorStatusChanged: _status,
    smart_charging.LimitChanged: _limit,
    configuration.ConfigurationChanged: _configured,
    maintenance.ResetDue: _headline,
    maintenance.FirmwareStepDecided: _job_step,
    maintenance.DiagnosticsStepDecided: _job_step,
}
_DETAILS: Mapping[type[Event], Way] = {
    kind: _detail for kind, (loudness, _) in TABLE.items() if loudness == DETAIL and kind is not link.CallAnswered
}
"""An answer may hold anything, a DataTransfer's for one: it stays in the log."""
