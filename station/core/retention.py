"""What of the log is kept longest.

The station itself still needs the facts that the CSMS has not received, and the beginnings of what is not settled. The rest is
history: how long that is kept is the operator's business (docs/segments.md). Where room is short, the record of the
transactions outlives all else, which is chatter: heartbeats, status, refused frames, attempts to connect, charging profiles.
To the record belong the transactions and their meter values, who was authorized for them, what was said of them to the CSMS
and by it, what the meter, the pilot and the contactor did, the boots and clocks that date all this, what the log says of
itself, and the security events, of which the log is the record (white paper, A04.FR.04). An observation and what was decided
on it stay together, so the answer of the CSMS to a StartTransaction stays for what it led to, and one to a Heartbeat goes.
"""

from eventstore.catalogue import BY_NAME, hardware, lifecycle, link, security, transactions
from eventstore.catalogue import authorization as auth
from eventstore.event import Event
from projections.outbox import AUTHORIZE, TRANSACTION
from projections.station import StationState

_CHATTER = frozenset(
    kind.NAME
    for kind in (
        lifecycle.DeadlineReached,
        lifecycle.DiskSpaceObserved,
        lifecycle.ClockDisagreed,
        lifecycle.SystemClockObserved,
        lifecycle.ObservationsDropped,
        transactions.MeterValuesTriggered,
    )
)
RECORD = frozenset(
    name for name, kind in BY_NAME.items() if kind.__module__ in (transactions.__name__, lifecycle.__name__)
) - _CHATTER | frozenset(
    kind.NAME
    for kind in (
        auth.AuthorizeQueued,
        auth.AuthorizationPostponed,
        auth.IdTagInfoReceived,
        auth.AuthorizationGranted,
        hardware.PilotStateObserved,
        hardware.ContactorObserved,
        hardware.MeterObserved,
        hardware.MeterFailed,
        link.CallVoided,
        link.OwedEventsLost,
        link.DeliveryRecovered,
        security.SecurityEventRaised,
        security.SecurityProfileTrialBegun,
        security.SecurityProfileProven,
        security.SecurityProfileFallenBack,
        security.TamperObserved,
    )
)
"""The types of the events that make the batch in which they stand a record."""
_CALLS = (link.CallDispatched, link.CallPrepared, link.CallSettled, link.CallTimedOut)


def is_record(event: Event) -> bool:
    """Whether this event makes what was observed and decided together with it a record of the transactions."""
    if isinstance(event, _CALLS):
        return event.lane in (TRANSACTION, AUTHORIZE)
    return event.NAME in RECORD


def needed_seq(state: StationState) -> int:
    """The first event that may still have to be read, or accounted for: nothing from here on is ever dropped.

    The first one in the outbox, or the start of a transaction that runs or that the CSMS has not confirmed wholly, whichever
    is older; the next event when there is neither.
    """
    outbox = state.outbox
    owed = outbox.window[0].seq if outbox.window else outbox.window_end_seq + 1 if outbox.beyond else state.seq + 1
    return min((owed, *(transaction.started_seq for transaction in state.transactions.by_number.values())))
