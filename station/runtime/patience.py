"""Which facts may wait a moment to share a commit with the next ones.

Each commit is a sync and two pages at least. A batch from which nothing follows outside, no frame, no output, no closing of a link,
has no effect yet, so it may wait a moment for the next one and share its commit: that the contactor has closed, with the
answer to StartTransaction. It becomes durable a little later, as on a slower disk, and is published when it is. What is sent,
and what somebody waits for, is written at once; so is the answer that gives a transaction its id or settles it: a power cut before
that is on the disk has the CSMS asked a second time.
"""

from collections.abc import Sequence

from eventstore.catalogue.hardware import ContactorObserved, LockObserved, MeterObserved
from eventstore.catalogue.link import CallDispatched, CallSettled, FrameIgnored, FrameReceived
from eventstore.event import Event, Recorded
from projections.station import StationState
from station.rules import outputs

MOMENT_S = 0.02
QUIET: frozenset[type[Event]] = frozenset(
    {
        CallSettled,
        ContactorObserved,
        FrameIgnored,
        FrameReceived,
        LockObserved,
        MeterObserved,
    }
)
"""Events that by themselves bring nothing about outside; a call that has left already (`FrameReceived.ahead`) is one more."""


def may_wait(before: StationState, after: StationState, batch: Sequence[Recorded]) -> bool:
    """Whether nothing outside follows from the batch that leads from one state to the other."""
    left = {recorded.event.ahead for recorded in batch if isinstance(recorded.event, FrameReceived)}
    for recorded in batch:
        event = recorded.event
        if type(event) not in QUIET and not (isinstance(event, CallDispatched) and event.message_id in left):
            return False
    return after.connectors.known and all(
        outputs.wanted(before, connector.connector_id) == outputs.wanted(after, connector.connector_id)
        and before.connectors[connector.connector_id].let_go_by_ms == connector.let_go_by_ms
        for connector in after.connectors.real
    )
