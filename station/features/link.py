"""The link's own times: when to connect again, when a call has waited long enough, when a retry is due.

What the times mean stands in `projections.link` and `station.core.calls`; this slice makes them deadlines and declares
the keys of OCPP-J and of message delivery.
"""

from collections.abc import Iterable

from eventstore.catalogue.link import FloodFound, FrameCondensed, LinkCloseDecided
from eventstore.catalogue.security import TlsFailed
from projections.link import RECONNECT
from projections.station import StationState
from station.core import calls, condensing
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import Deadline, Events, Feature, Rule
from station.rules.shedding import shed

WEBSOCKET_PING_INTERVAL = ConfigKey(
    name="WebSocketPingInterval",
    kind=Integer(maximum=86_400),
    access=Access.READ_WRITE,
    default=60,
    unit="s",
    clause="9.1.34, OCPP-J 7",
    doc="Seconds between pings on an idle link; 0 sends none.",
)


def _deadlines(state: StationState) -> Iterable[Deadline]:
    if state.link.connect_due_ms is not None and not state.link.up:
        yield Deadline(due_ms=state.link.connect_due_ms, name=RECONNECT)
    yield from calls.deadlines(state)


def _on_condensed(state: StationState, event: FrameCondensed, at_ms: int) -> Events:
    return tuple(condensing.receive(state, event, at_ms))


def _on_flood(state: StationState, event: FloodFound, at_ms: int) -> Events:
    """A connection that floods is given up, and made anew late: see `projections.link`."""
    if not state.link.up or event.connection != state.link.connection or state.link.close_wanted:
        return ()
    seconds = event.lasted_ms // 1000
    reason = f"the CSMS floods: {event.frames} frames in {seconds} s"
    return (LinkCloseDecided(connection=event.connection, reason=reason),)


def _on_tls_failed(state: StationState, event: TlsFailed, at_ms: int) -> Events:
    """Most often the handshake failed, and there is no connection. One that is open was judged before the time was known: it
    ends (white paper, A00.FR.310 and A00.FR.414)."""
    if not state.link.up or event.connection != state.link.connection or state.link.close_wanted:
        return ()
    return (LinkCloseDecided(connection=event.connection, reason=event.detail),)


FEATURE = Feature(
    name="link",
    ocpp_profile="Core",
    observes={FrameCondensed: _on_condensed, FloodFound: _on_flood, TlsFailed: _on_tls_failed},
    rules=(Rule(decide=shed, reads=("outbox",)),),
    deadlines=_deadlines,
    config_keys=(
        calls.MESSAGE_TIMEOUT,
        calls.TRANSACTION_MESSAGE_ATTEMPTS,
        calls.TRANSACTION_MESSAGE_RETRY_INTERVAL,
        WEBSOCKET_PING_INTERVAL,
    ),
)
