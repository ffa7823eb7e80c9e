"""The outbox: what waits to be delivered to the CSMS. It is derived from facts, never a table of rendered messages.

Lanes and their fate:

    boot         BootNotification; one at a time, nothing else before it is answered
    authorize    Authorize; without a link the offline rules decide instead (3.5)
    priority     triggered messages; gone with the link
    status       StatusNotification; gone with the link, the current status is reported anew (4.9)
    notice       statuses of firmware, diagnostics and logs, DataTransfer, SignCertificate; kept through restarts and outages
    security     SecurityEventNotification; kept until the CSMS has confirmed it (white paper, A04.FR.02), after all else
    transaction  StartTransaction, MeterValues, StopTransaction; strictly in order, kept until settled (3.7.1)
    heartbeat    Heartbeat; gone with the link

A lane may be bounded, for each kind of entry by itself: what has to go for it goes by an event (CallShed), and no kind goes
for another. BootNotification, Authorize and the transaction lane are never shed.

The transaction lane is bounded in memory however long the outage: a window of the oldest entries is held, the rest is a count and
two cursors into the log. When the window runs low, OutboxWindowRead brings the next entries from the log.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from eventstore.catalogue import BY_NAME
from eventstore.catalogue.authorization import AuthorizeQueued
from eventstore.catalogue.certificates import SignCertificateQueued
from eventstore.catalogue.connectors import StatusNotificationQueued
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.link import (
    CallDispatched,
    CallPrepared,
    CallSettled,
    CallShed,
    CallTimedOut,
    CallVoided,
    DeliveryRecovered,
    LinkClosed,
    OutboxWindowRead,
    OwedEventsLost,
)
from eventstore.catalogue.maintenance import DiagnosticsStatusQueued, FirmwareStatusQueued, SignedFirmwareStatusQueued
from eventstore.catalogue.registration import (
    BootNotificationQueued,
    DataTransferQueued,
    HeartbeatQueued,
    RegistrationLost,
)
from eventstore.catalogue.security import LogStatusQueued, SecurityEventRaised
from eventstore.catalogue.transactions import (
    MeterSampled,
    MeterValuesTriggered,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from eventstore.structure import from_plain
from eventstore.value import Value, replace
from projections.clock import Clock

BOOT, AUTHORIZE, PRIORITY, STATUS = "boot", "authorize", "priority", "status"
NOTICE, SECURITY, TRANSACTION, HEARTBEAT = "notice", "security", "transaction", "heartbeat"
# Lanes whose entries end with the link: what they say would be untrue or unwanted on the next one.
VOLATILE = frozenset({BOOT, PRIORITY, STATUS, HEARTBEAT})
# Lanes whose entries are sent again until they are answered.
CONFIRMED = frozenset({TRANSACTION, SECURITY})

WINDOW_MAX = 48
WINDOW_LOW = 16
MESSAGE_IDS_KEPT = 8

ACTIONS: Mapping[type[Event], tuple[str, str]] = {
    BootNotificationQueued: ("BootNotification", BOOT),
    AuthorizeQueued: ("Authorize", AUTHORIZE),
    MeterValuesTriggered: ("MeterValues", PRIORITY),
    StatusNotificationQueued: ("StatusNotification", STATUS),
    FirmwareStatusQueued: ("FirmwareStatusNotification", NOTICE),
    SignedFirmwareStatusQueued: ("SignedFirmwareStatusNotification", NOTICE),
    DiagnosticsStatusQueued: ("DiagnosticsStatusNotification", NOTICE),
    LogStatusQueued: ("LogStatusNotification", NOTICE),
    DataTransferQueued: ("DataTransfer", NOTICE),
    SignCertificateQueued: ("SignCertificate", NOTICE),
    SecurityEventRaised: ("SecurityEventNotification", SECURITY),
    TransactionStarted: ("StartTransaction", TRANSACTION),
    MeterSampled: ("MeterValues", TRANSACTION),
    TransactionStopped: ("StopTransaction", TRANSACTION),
    HeartbeatQueued: ("Heartbeat", HEARTBEAT),
}
TRANSACTIONAL: tuple[type[Event], ...] = tuple(kind for kind, (_, lane) in ACTIONS.items() if lane == TRANSACTION)


class Owed(Value, frozen=True, kw_only=True):
    """An entry: the event `seq` that the CSMS must receive, whole, to be rendered when it is dispatched."""

    seq: int
    name: str
    event: Event

    @property
    def action(self) -> str:
        """The OCPP action that tells it."""
        return ACTIONS[type(self.event)][0]

    @property
    def lane(self) -> str:
        """Where it waits: triggered messages go with the priority lane, a triggered BootNotification too."""
        return PRIORITY if getattr(self.event, "triggered", False) else ACTIONS[type(self.event)][1]

    @property
    def number(self) -> int | None:
        """Our number of the transaction it belongs to, if any."""
        return getattr(self.event, "number", None)


def owed_from(plain: Any) -> Owed:
    """The entry of a snapshot: its name says what the event is. Raises KeyError, TypeError or ValueError for what is none."""
    event = from_plain(BY_NAME[plain["name"]], plain["event"])
    return Owed(seq=plain["seq"], name=plain["name"], event=event)


class Attempt(Value, frozen=True, kw_only=True):
    """What has been tried for an entry that was dispatched at least once.

    `payload` is frozen at the first dispatch. `failures` counts CALLERRORs (TransactionMessageAttempts), `timeouts`
    those in a row. `keep_id`: the last transmission was left unanswered by a lost link, its message id goes again.
    """

    owed_seq: int
    payload: str
    message_ids: tuple[str, ...]
    transmissions: int = 1
    failures: int = 0
    timeouts: int = 0
    retry_due_ms: int | None = None
    keep_id: bool = False


class InFlight(Value, frozen=True, kw_only=True):
    """The one CALL of ours that waits for its answer (OCPP-J 4.1.1)."""

    message_id: str
    action: str
    lane: str
    owed_seq: int
    connection: int
    sent_ms: int


class Outbox(Value, frozen=True, kw_only=True):
    """`calls`: all lanes but the transaction lane, oldest first. `window`, `beyond`, `window_end_seq`: that lane.

    `prepared` is the call recorded ahead of its turn; `voided` one that was called off, until it is certain that the
    link had not sent it already.
    """

    calls: tuple[Owed, ...] = ()
    window: tuple[Owed, ...] = ()
    beyond: int = 0
    window_end_seq: int = 0
    last_owed_seq: int = 0
    in_flight: InFlight | None = None
    prepared: CallPrepared | None = None
    voided: CallPrepared | None = None
    attempts: tuple[Attempt, ...] = ()
    given_up: int = 0

    @property
    def oldest_seq(self) -> int | None:
        """The seq of the oldest event in the outbox; None if it is empty."""
        return min((entry.seq for entry in (*self.calls, *self.window[:1])), default=None)

    @property
    def pending(self) -> int:
        """How many calls are queued, over all lanes."""
        return len(self.calls) + len(self.window) + self.beyond

    def attempt_for(self, owed_seq: int) -> Attempt | None:
        """What was tried for the entry, if anything."""
        return next((attempt for attempt in self.attempts if attempt.owed_seq == owed_seq), None)

    def attempt_of(self, message_id: str) -> Attempt | None:
        """Whose transmission had this message id, however long ago."""
        return next((attempt for attempt in self.attempts if message_id in attempt.message_ids), None)

    def ahead(self, message_id: str) -> CallPrepared | None:
        """The call that was recorded ahead under this message id; it may have left, even if it was called off since."""
        recorded = (self.prepared, self.voided)
        return next((call for call in recorded if call is not None and call.message_id == message_id), None)

    def entry(self, owed_seq: int) -> Owed | None:
        """The entry, if it is still queued and at hand."""
        if self.window and self.window[0].seq == owed_seq:
            return self.window[0]
        return next((owed for owed in self.calls if owed.seq == owed_seq), None)

    @property
    def must_read(self) -> bool:
        """Whether the window runs low while more entries are in the log."""
        return self.beyond > 0 and len(self.window) <= WINDOW_LOW


def _on_owed(outbox: Outbox, event: Event, recorded: Recorded, _: Clock) -> Outbox:
    owed = Owed(seq=recorded.seq, name=event.NAME, event=event)
    if owed.lane == TRANSACTION:
        if outbox.beyond or len(outbox.window) >= WINDOW_MAX:
            return replace(outbox, beyond=outbox.beyond + 1, last_owed_seq=recorded.seq)
        return replace(outbox, window=(*outbox.window, owed), window_end_seq=recorded.seq, last_owed_seq=recorded.seq)
    return replace(outbox, calls=(*outbox.calls, owed))


def _on_security_event(outbox: Outbox, event: SecurityEventRaised, recorded: Recorded, clock: Clock) -> Outbox:
    return _on_owed(outbox, event, recorded, clock) if event.send else outbox


def _on_shed(outbox: Outbox, event: CallShed, recorded: Recorded, _: Clock) -> Outbox:
    after = _without_entry(outbox, event.owed_seq)
    return replace(after, given_up=after.given_up + 1)


def _on_window_read(outbox: Outbox, event: OutboxWindowRead, recorded: Recorded, _: Clock) -> Outbox:
    read = tuple(Owed(seq=entry.seq, name=entry.event.NAME, event=entry.event) for entry in event.entries or ())
    if len(read) != event.count or outbox.window_end_seq != event.after_seq:
        raise ValueError(f"OutboxWindowRead {event.after_seq}..{event.to_seq} does not continue the window")
    return replace(
        outbox,
        window=outbox.window + read,
        beyond=outbox.beyond - event.count,
        window_end_seq=event.to_seq,
    )


def _on_lost(outbox: Outbox, event: OwedEventsLost, recorded: Recorded, _: Clock) -> Outbox:
    is_all = event.to_seq == 0
    if event.count > outbox.beyond or (is_all and event.count != outbox.beyond):
        raise ValueError(f"{event.count} owed events are said to be lost, {outbox.beyond} lie behind the window")
    return replace(
        outbox,
        beyond=outbox.beyond - event.count,
        window_end_seq=outbox.last_owed_seq if is_all else max(outbox.window_end_seq, event.to_seq),
        given_up=outbox.given_up + event.count,
    )


def _on_recovered(outbox: Outbox, event: DeliveryRecovered, recorded: Recorded, _: Clock) -> Outbox:
    waiting = {owed.seq for owed in outbox.calls}
    return replace(
        outbox,
        window=tuple(owed for owed in outbox.window if owed.seq > event.unsure_seq),
        beyond=outbox.beyond - event.beyond,
        window_end_seq=max(outbox.window_end_seq, event.unsure_seq) if event.beyond else outbox.window_end_seq,
        attempts=tuple(
            item for item in outbox.attempts if item.owed_seq > event.unsure_seq or item.owed_seq in waiting
        ),
        in_flight=_kept_call(outbox.in_flight, event),
        prepared=_kept_call(outbox.prepared, event),
        voided=_kept_call(outbox.voided, event),
        given_up=outbox.given_up + event.unsure,
    )


_AnyCall = TypeVar("_AnyCall", InFlight, CallPrepared)


def _kept_call(call: _AnyCall | None, event: DeliveryRecovered) -> _AnyCall | None:
    is_gone = call is not None and call.lane == TRANSACTION and call.owed_seq <= event.unsure_seq
    return None if is_gone else call


def _on_dispatched(outbox: Outbox, event: CallDispatched, recorded: Recorded, _: Clock) -> Outbox:
    in_flight = InFlight(
        message_id=event.message_id,
        action=event.action,
        lane=event.lane,
        owed_seq=event.owed_seq,
        connection=event.connection,
        sent_ms=recorded.at_ms,
    )
    before = outbox.attempt_for(event.owed_seq)
    if before is None:
        attempt = Attempt(owed_seq=event.owed_seq, payload=event.payload, message_ids=(event.message_id,))
    else:
        known = tuple(known for known in before.message_ids if known != event.message_id)
        attempt = replace(
            before,
            message_ids=(*known, event.message_id)[-MESSAGE_IDS_KEPT:],
            transmissions=before.transmissions + 1,
            retry_due_ms=None,
            keep_id=False,
        )
    return replace(outbox, in_flight=in_flight, attempts=_with(outbox.attempts, attempt), prepared=None, voided=None)


def _on_prepared(outbox: Outbox, event: CallPrepared, recorded: Recorded, _: Clock) -> Outbox:
    return replace(outbox, prepared=event)


def _on_voided(outbox: Outbox, event: CallVoided, recorded: Recorded, _: Clock) -> Outbox:
    return replace(outbox, prepared=None, voided=outbox.prepared)


def _with(attempts: tuple[Attempt, ...], attempt: Attempt) -> tuple[Attempt, ...]:
    return (*(known for known in attempts if known.owed_seq != attempt.owed_seq), attempt)


def _without_entry(outbox: Outbox, owed_seq: int) -> Outbox:
    attempts = tuple(attempt for attempt in outbox.attempts if attempt.owed_seq != owed_seq)
    if outbox.window and outbox.window[0].seq == owed_seq:
        return replace(outbox, window=outbox.window[1:], attempts=attempts)
    return replace(outbox, calls=tuple(owed for owed in outbox.calls if owed.seq != owed_seq), attempts=attempts)


def _landed(outbox: Outbox, message_id: str) -> Outbox:
    if outbox.in_flight is None or outbox.in_flight.message_id != message_id:
        return outbox
    return replace(outbox, in_flight=None)


def _on_settled(outbox: Outbox, event: CallSettled, recorded: Recorded, _: Clock) -> Outbox:
    after = _landed(outbox, event.message_id)
    if event.ends_entry:
        after = _without_entry(after, event.owed_seq)
        return replace(after, given_up=after.given_up + 1) if event.outcome == "given_up" else after
    attempt = after.attempt_for(event.owed_seq)
    if attempt is None:
        return after
    counted = 1 if event.outcome in ("error", "malformed") and event.error_code != "SecurityError" else 0
    failed = replace(attempt, failures=attempt.failures + counted, timeouts=0, retry_due_ms=event.retry_due_ms)
    return replace(after, attempts=_with(after.attempts, failed))


def _on_timed_out(outbox: Outbox, event: CallTimedOut, recorded: Recorded, _: Clock) -> Outbox:
    after = _landed(outbox, event.message_id)
    if event.ends_entry:
        return _without_entry(after, event.owed_seq)
    attempt = after.attempt_for(event.owed_seq)
    if attempt is None:
        return after
    late = replace(attempt, timeouts=attempt.timeouts + 1, retry_due_ms=event.retry_due_ms)
    return replace(after, attempts=_with(after.attempts, late))


def _link_gone(outbox: Outbox, emptied: frozenset[str]) -> Outbox:
    """Some lanes empty; the call in flight keeps its message id for the next connection (OCPP-J 4.1.4).

    What waited because of a time-out waits no longer: that was the connection's doing. After a CALLERROR the wait goes on.
    """
    calls = tuple(owed for owed in outbox.calls if owed.lane not in emptied)
    kept = {owed.seq for owed in calls} | {owed.seq for owed in outbox.window[:2]}
    unanswered = outbox.in_flight.owed_seq if outbox.in_flight else None
    attempts = tuple(
        replace(attempt, keep_id=True, retry_due_ms=None, timeouts=0)
        if attempt.owed_seq == unanswered
        else replace(attempt, timeouts=0, retry_due_ms=None if attempt.timeouts else attempt.retry_due_ms)
        for attempt in outbox.attempts
        if attempt.owed_seq in kept
    )
    ahead = outbox.prepared or outbox.voided
    if ahead is not None and ahead.owed_seq in kept and outbox.attempt_for(ahead.owed_seq) is None:
        # It may have been sent unrecorded: it is sent again with the same bytes and id.
        attempt = Attempt(owed_seq=ahead.owed_seq, payload=ahead.payload, message_ids=(ahead.message_id,), keep_id=True)
        attempts = (*attempts, attempt)
    return replace(outbox, calls=calls, in_flight=None, attempts=attempts, prepared=None, voided=None)


def _on_link_closed(outbox: Outbox, event: LinkClosed, recorded: Recorded, _: Clock) -> Outbox:
    return _link_gone(outbox, VOLATILE)


def _on_registration_lost(outbox: Outbox, event: RegistrationLost, recorded: Recorded, _: Clock) -> Outbox:
    # What they say would be history by the next acceptance, after which the current status is reported.
    calls = tuple(owed for owed in outbox.calls if owed.lane not in (STATUS, HEARTBEAT))
    kept = {owed.seq for owed in calls} | {owed.seq for owed in outbox.window[:2]}
    attempts = tuple(attempt for attempt in outbox.attempts if attempt.owed_seq in kept)
    return replace(outbox, calls=calls, attempts=attempts)


def _on_boot(outbox: Outbox, event: StationBooted, recorded: Recorded, _: Clock) -> Outbox:
    # Who presented a tag before the power went is no longer there.
    return _link_gone(outbox, VOLATILE | {AUTHORIZE})


FOLDS: Mapping[type[Event], Callable[[Outbox, Any, Recorded, Clock], Outbox]] = {
    **dict.fromkeys(ACTIONS, _on_owed),
    SecurityEventRaised: _on_security_event,
    StationBooted: _on_boot,
    LinkClosed: _on_link_closed,
    RegistrationLost: _on_registration_lost,
    OutboxWindowRead: _on_window_read,
    OwedEventsLost: _on_lost,
    CallShed: _on_shed,
    DeliveryRecovered: _on_recovered,
    CallDispatched: _on_dispatched,
    CallPrepared: _on_prepared,
    CallVoided: _on_voided,
    CallSettled: _on_settled,
    CallTimedOut: _on_timed_out,
}
