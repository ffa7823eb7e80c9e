"""Stations that owe the CSMS what a test says."""

from eventstore.catalogue.authorization import AuthorizeQueued
from eventstore.catalogue.connectors import StatusNotificationQueued
from eventstore.catalogue.registration import BootNotificationQueued, DataTransferQueued, HeartbeatQueued
from eventstore.catalogue.transactions import Moment
from eventstore.event import Event
from eventstore.value import replace
from projections.outbox import Owed
from projections.station import StationState
from tests.given import charging

BOOT = BootNotificationQueued(triggered=False)
HEARTBEAT, TRIGGERED = HeartbeatQueued(triggered=False), HeartbeatQueued(triggered=True)
AUTHORIZE = AuthorizeQueued(id_tag="A", connector_id=1, purpose="start")
TRANSFER = DataTransferQueued(vendor_id="v", message_id=None, data=None)
STATUS = StatusNotificationQueued(
    connector_id=1,
    status="Available",
    error_code="NoError",
    info="",
    vendor_error_code="",
    reported=Moment(at_ms=1, boot=1, utc_ms=1),
)


def owing(*events: Event, sample: bool = False, status: str = "Accepted") -> StationState:
    """A station that owes these, in this order, and a sample from before them."""
    found = charging()
    if sample:
        found.csms = None
        found.advance(60)
    outbox = found.state.outbox
    window = tuple(replace(owed, seq=found.state.link.opened_seq - 1) for owed in outbox.window)
    owed = tuple(Owed(seq=1_000 + number, name=event.NAME, event=event) for number, event in enumerate(events))
    return replace(
        found.state,
        outbox=replace(outbox, calls=owed, window=window, in_flight=None, attempts=()),
        registration=replace(found.state.registration, status=status),
    )
