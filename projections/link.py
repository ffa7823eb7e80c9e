"""The link to the CSMS: up or down, when to connect next, and the CALLs of the CSMS that are still to be answered."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.lifecycle import DeadlineReached, StationBooted, StationDescribed
from eventstore.catalogue.link import (
    CallAnswered,
    CallDeferred,
    CallDispatched,
    CallPrepared,
    ConnectFailed,
    FloodFound,
    FrameReceived,
    LinkClosed,
    LinkCloseDecided,
    LinkOpened,
    NetworkRestored,
)
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.clock import Clock

RECONNECT = "reconnect"
ATTEMPTS_COUNTED = 32
FLOOD_WAIT_MS = 300_000
FLOOD_WAIT_MAX_MS = 3_600_000
CALM_MS = 3_600_000
"""A connection that lasted so long without a flood ends the count of floods."""


class OpenCall(Value, frozen=True, kw_only=True):
    """A CALL of the CSMS whose answer is deferred: `connector_id` is what it waits for, `due_ms` its last moment."""

    connection: int
    message_id: str
    action: str
    connector_id: int
    due_ms: int


class Link(Value, frozen=True, kw_only=True):
    """`connect_due_ms` None while up or while an attempt is wanted (`connect_wanted`); attempts count since it was up.

    `floods` counts the connections in a row that were given up for a flood, `is_flooded` says that this one is one of them.
    """

    up: bool = False
    connection: int = 0
    opened_seq: int = 0
    connect_wanted: bool = False
    connect_due_ms: int | None = None
    attempts: int = 0
    close_wanted: bool = False
    calls_made: int = 0
    open_calls: tuple[OpenCall, ...] = ()
    reconnect_min_ms: int = 1_000
    reconnect_max_ms: int = 300_000
    opened_ms: int = 0
    floods: int = 0
    is_flooded: bool = False


def reconnect_delay_ms(link: Link, entropy: int) -> int:
    """How long to wait before the next attempt: doubling from the minimum to the maximum, half of it jittered.

    `entropy` is 0..999. OCPP-J errata 3.3 asks for a back-off that does not overload the CSMS.
    """
    ceiling = min(link.reconnect_max_ms, link.reconnect_min_ms << min(link.attempts, ATTEMPTS_COUNTED))
    return ceiling // 2 + ceiling * entropy // 2000


def _on_boot(link: Link, event: StationBooted, recorded: Recorded, clock: Clock) -> Link:
    return replace(
        link,
        up=False,
        connect_wanted=True,
        connect_due_ms=None,
        attempts=0,
        close_wanted=False,
        calls_made=0,
        open_calls=(),
    )


def _on_described(link: Link, event: StationDescribed, recorded: Recorded, clock: Clock) -> Link:
    return replace(link, reconnect_min_ms=event.reconnect_min_ms, reconnect_max_ms=max(1, event.reconnect_max_ms))


def _on_opened(link: Link, event: LinkOpened, recorded: Recorded, clock: Clock) -> Link:
    return replace(
        link,
        up=True,
        connection=event.connection,
        opened_seq=recorded.seq,
        opened_ms=recorded.at_ms,
        is_flooded=False,
        connect_wanted=False,
        connect_due_ms=None,
        close_wanted=False,
    )


def _asked_ms(retry_after_s: int, entropy: int) -> int:
    """How long the CSMS asked to be left alone, and up to a tenth more: whom it asked alike shall not come back as one."""
    return retry_after_s * 1000 + retry_after_s * entropy // 10


def _wait(link: Link, entropy: int, at_ms: int, asked_ms: int = 0) -> Link:
    return replace(
        link,
        up=False,
        connect_wanted=False,
        close_wanted=False,
        connect_due_ms=at_ms + max(reconnect_delay_ms(link, entropy), asked_ms),
        attempts=min(link.attempts + 1, ATTEMPTS_COUNTED),
        open_calls=(),
    )


def _on_closed(link: Link, event: LinkClosed, recorded: Recorded, clock: Clock) -> Link:
    if link.is_flooded:
        flood_ms = min(FLOOD_WAIT_MAX_MS, FLOOD_WAIT_MS << min(link.floods - 1, ATTEMPTS_COUNTED))
        return _wait(link, event.entropy, recorded.at_ms, flood_ms + flood_ms * event.entropy // 10_000)
    calm = recorded.at_ms - link.opened_ms >= CALM_MS
    return _wait(replace(link, floods=0) if calm else link, event.entropy, recorded.at_ms)


def _on_flood(link: Link, event: FloodFound, recorded: Recorded, clock: Clock) -> Link:
    if event.connection != link.connection or link.is_flooded:
        return link
    return replace(link, is_flooded=True, floods=link.floods + 1)


def _on_failed(link: Link, event: ConnectFailed, recorded: Recorded, clock: Clock) -> Link:
    return _wait(link, event.entropy, recorded.at_ms, _asked_ms(event.retry_after_s, event.entropy))


def _on_deadline(link: Link, event: DeadlineReached, recorded: Recorded, clock: Clock) -> Link:
    if event.name != RECONNECT or link.up:
        return link
    return replace(link, connect_wanted=True, connect_due_ms=None)


def _on_network(link: Link, event: NetworkRestored, recorded: Recorded, clock: Clock) -> Link:
    return link if link.up else replace(link, connect_wanted=True, connect_due_ms=None)


def _on_close_decided(link: Link, event: LinkCloseDecided, recorded: Recorded, clock: Clock) -> Link:
    return replace(link, close_wanted=True) if event.connection == link.connection else link


def _on_dispatched(link: Link, event: CallDispatched, recorded: Recorded, clock: Clock) -> Link:
    return replace(link, calls_made=link.calls_made + 1)


def _on_prepared(link: Link, event: CallPrepared, recorded: Recorded, clock: Clock) -> Link:
    return replace(link, calls_made=link.calls_made + 1)


def _on_frame(link: Link, event: FrameReceived, recorded: Recorded, clock: Clock) -> Link:
    # Only a link that talks ends the back-off: a CSMS that accepts and drops connections must not be hammered.
    return replace(link, attempts=0) if link.attempts else link


def _on_deferred(link: Link, event: CallDeferred, recorded: Recorded, clock: Clock) -> Link:
    call = OpenCall(
        connection=event.connection,
        message_id=event.message_id,
        action=event.action,
        connector_id=event.connector_id,
        due_ms=event.due_ms,
    )
    return replace(link, open_calls=(*link.open_calls, call))


def _on_answered(link: Link, event: CallAnswered, recorded: Recorded, clock: Clock) -> Link:
    # A CALLERROR is for another CALL that came under the same message id: the one that waits is answered yet.
    if not link.open_calls or event.error_code:
        return link
    kept = tuple(call for call in link.open_calls if call.message_id != event.message_id)
    return link if len(kept) == len(link.open_calls) else replace(link, open_calls=kept)


FOLDS: Mapping[type[Event], Callable[[Link, Any, Recorded, Clock], Link]] = {
    StationBooted: _on_boot,
    StationDescribed: _on_described,
    LinkOpened: _on_opened,
    LinkClosed: _on_closed,
    ConnectFailed: _on_failed,
    DeadlineReached: _on_deadline,
    NetworkRestored: _on_network,
    LinkCloseDecided: _on_close_decided,
    CallDispatched: _on_dispatched,
    CallPrepared: _on_prepared,
    FrameReceived: _on_frame,
    FloodFound: _on_flood,
    CallDeferred: _on_deferred,
    CallAnswered: _on_answered,
}
