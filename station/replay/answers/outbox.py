"""What waited in the outbox at one moment, and why each message had not been sent yet (section 3.7, OCPP-J 4.1)."""

from collections.abc import Iterator

from eventstore.value import Value
from projections.outbox import BOOT, PRIORITY, TRANSACTION, Attempt, Owed
from projections.registration import ACCEPTED, REJECTED
from projections.station import StationState
from station.core.calls import next_call
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, LogPlace
from station.telling.amounts import duration


class OwedEntry(Value, frozen=True, kw_only=True):
    """One message in the outbox: since when, how often it had been sent, and what it waited for."""

    seq: int
    lane: str
    action: str
    transaction: int | None
    since_utc_ms: int
    waiting_ms: int
    transmissions: int
    failures: int
    timeouts: int
    waits_for: str


def why_nothing_goes(state: StationState, at_ms: int) -> str:
    """What holds up every message at this moment; "" if the next one may go."""
    link, registration = state.link, state.registration
    if not link.up:
        due = (
            ""
            if link.connect_due_ms is None
            else f", the next attempt in {duration(max(0, link.connect_due_ms - at_ms))}"
        )
        return f"there is no connection{due}"
    if link.close_wanted:
        return "the connection is about to be closed"
    if state.outbox.in_flight is not None:
        flying = state.outbox.in_flight
        return f"{flying.action} has been waiting for its answer for {duration(at_ms - flying.sent_ms)} (one at a time)"
    if registration.status == REJECTED:
        return "the CSMS has rejected the station: nothing may be sent until its interval is over (4.2)"
    if registration.status != ACCEPTED:
        return f"the station is not accepted (registration {registration.status}): only BootNotification may go (4.2)"
    return ""


def owed_entries(reader: LogReader, calendar: Calendar, state: StationState, place: LogPlace) -> Iterator[OwedEntry]:
    """Everything in the outbox, in the order in which it arose in each lane, transactional messages last."""
    outbox = state.outbox
    held_up = why_nothing_goes(state, place.at_ms)
    following = next_call(state, place.at_ms)
    blocker = outbox.window[0] if outbox.window else None
    behind: list[Owed] = []
    if outbox.beyond:
        entries = reader.owed(outbox.window_end_seq, place.seq, outbox.beyond)
        behind = [Owed(seq=entry.seq, name=entry.event.NAME, event=entry.event) for entry in entries]
    for owed in (*outbox.calls, *outbox.window, *behind):
        attempt = outbox.attempt_for(owed.seq)
        recorded = reader.event(owed.seq)
        since_ms = place.at_ms if recorded is None else recorded.at_ms
        in_flight = outbox.in_flight is not None and outbox.in_flight.owed_seq == owed.seq
        yield OwedEntry(
            seq=owed.seq,
            lane=owed.lane,
            action=owed.action,
            transaction=owed.number,
            since_utc_ms=place.utc_ms if recorded is None else calendar.utc_ms(recorded),
            waiting_ms=place.at_ms - since_ms,
            transmissions=0 if attempt is None else attempt.transmissions,
            failures=0 if attempt is None else attempt.failures,
            timeouts=0 if attempt is None else attempt.timeouts,
            waits_for=(
                "its answer"
                if in_flight
                else _reason(owed, attempt, blocker, place.at_ms)
                or _held_up(owed, held_up)
                or ("nothing: it goes next" if following is not None and following.seq == owed.seq else "its turn")
            ),
        )


def _reason(owed: Owed, attempt: Attempt | None, blocker: Owed | None, at_ms: int) -> str:
    """What this very message waits for."""
    if owed.lane == TRANSACTION and blocker is not None and blocker.seq != owed.seq:
        return f"{blocker.action} before it (event {blocker.seq}): the order is kept"
    if attempt is not None and attempt.retry_due_ms is not None and attempt.retry_due_ms > at_ms:
        cause = "CALLERROR" if attempt.failures else "time-out"
        return f"its next attempt in {duration(attempt.retry_due_ms - at_ms)}, after a {cause}"
    return ""


def _held_up(owed: Owed, held_up: str) -> str:
    if held_up.startswith("the station is not accepted") and owed.lane in (BOOT, PRIORITY):
        return ""
    return held_up
