"""The network between a simulated station and its CSMS, and the station's end of it.

A wire is one connection: what is sent arrives later and in order, or not at all once the wire is cut. A silent wire
swallows what either side sends. `SimulatedLink` does what `station.runtime.link` does, on wires instead of sockets.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from eventstore.catalogue.link import (
    CallAnswered,
    CallDispatched,
    CallPrepared,
    ConnectFailed,
    FrameReceived,
    LinkClosed,
    LinkOpened,
)
from eventstore.event import Observation, Recorded
from projections.station import StationState
from station.core.calls import MESSAGE_TIMEOUT
from station.core.sending import frame_of
from station.features.link import WEBSOCKET_PING_INTERVAL
from station.wire.frames import is_result_of
from tests.simulation.virtual_time import virtual_loop

LATENCY_MAX_MS = 400


class Peer(Protocol):
    """The other end."""

    def opened(self, wire: "Wire") -> None:
        """A station has connected."""

    def received(self, wire: "Wire", text: str) -> None:
        """A frame has arrived."""

    def lost(self, wire: "Wire") -> None:
        """The wire is gone."""


@dataclass(eq=False)
class Wire:
    """One connection. `to_station` and `on_cut` are the station's end of it."""

    number: int
    peer: Peer
    chance: random.Random
    to_station: Callable[[str], None]
    on_cut: Callable[[str], None]
    alive: bool = True
    silent: bool = False
    _last_up_ms: int = 0
    _last_down_ms: int = 0

    def send_up(self, text: str) -> None:
        """From the station to the CSMS."""
        self._last_up_ms = self._arrival(self._last_up_ms)
        self._deliver(self._last_up_ms, lambda: self.peer.received(self, text))

    def send_down(self, text: str) -> None:
        """From the CSMS to the station."""
        self._last_down_ms = self._arrival(self._last_down_ms)
        self._deliver(self._last_down_ms, lambda: self.to_station(text))

    def cut(self, reason: str = "reset by peer") -> None:
        """Both ends lose it at once; what is under way is lost."""
        if self.alive:
            self.alive = False
            self.peer.lost(self)
            self.on_cut(reason)

    def _arrival(self, last_ms: int) -> int:
        return max(last_ms, virtual_loop().now_ms + self.chance.randrange(5, LATENCY_MAX_MS))

    def _deliver(self, at_ms: int, receive: Callable[[], None]) -> None:
        def arrive() -> None:
            if self.alive and not self.silent:
                receive()

        virtual_loop().call_at(at_ms / 1000, arrive)


@dataclass
class Network:
    """Whether stations get through; wires are numbered in the order in which they opened."""

    peer: Peer
    chance: random.Random
    up: bool = True
    wires: list[Wire] = field(default_factory=list)

    @property
    def wire(self) -> Wire | None:
        """The wire that is open, if one is."""
        return self.wires[-1] if self.wires and self.wires[-1].alive else None

    def connect(self, to_station: Callable[[str], None], on_cut: Callable[[str], None]) -> Wire | None:
        """A new wire, or None if nobody answers."""
        if not self.up:
            return None
        wire = Wire(len(self.wires) + 1, self.peer, self.chance, to_station, on_cut)
        self.wires.append(wire)
        self.peer.opened(wire)
        return wire

    def go(self, *, up: bool) -> None:
        """The network comes or goes."""
        self.up = up
        if self.wire is not None and (not up or self.wire.silent):
            self.wire.cut("no network")

    def go_silent(self) -> None:
        """The present wire swallows everything from now on."""
        if self.wire is not None:
            self.wire.silent = True


class SimulatedLink:
    """Follows the station; one attempt or connection at a time."""

    def __init__(self, network: Network, submit: Callable[[Observation], None], chance: random.Random) -> None:
        self._network = network
        self._submit = submit
        self._chance = chance
        self._state: StationState | None = None
        self._connection = 0
        self._wire: Wire | None = None
        self._connecting = False
        self._ended = False
        self._retired = False
        self._sent_ahead = ""
        self.on_sent: Callable[[CallDispatched | CallPrepared | CallAnswered], None] = lambda event: None

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Writes the frames of the batch, closes or connects as the state wants."""
        if self._ended:
            return
        self._state = state
        for recorded in batch:
            event = recorded.event
            if not isinstance(event, CallDispatched | CallAnswered) or event.connection != self._connection:
                continue
            if event.message_id != self._sent_ahead:
                self._send(event)
        if state.link.close_wanted and self._wire is not None:
            self._wire.cut("closed by the station")
        if state.link.connect_wanted and not self._retired and not self._connecting and self._wire is None:
            self._connecting = True
            self._connection = state.link.connection + 1
            virtual_loop().call_later(self._chance.randrange(20, 800) / 1000, self._attempt)

    def _send(self, event: CallDispatched | CallPrepared | CallAnswered) -> None:
        if self._wire is not None:
            self.on_sent(event)
            self._wire.send_up(frame_of(event))

    def retire(self) -> None:
        """The process is about to end: no connection is opened any more."""
        self._retired = True

    async def close(self) -> None:
        """The process ends: nobody hears of the wire any more."""
        self.end()

    def end(self) -> None:
        """At once, in the middle of anything."""
        self._ended = True
        if self._wire is not None:
            self._wire.cut()

    def _attempt(self) -> None:
        if self._ended or self._retired:
            return
        self._connecting = False
        wire = self._network.connect(self._receive, self._cut)
        if wire is None:
            self._submit(ConnectFailed(reason="refused", entropy=self._chance.randrange(1000)))
            return
        self._wire, self._sent_ahead = wire, ""
        self._submit(LinkOpened(connection=self._connection))
        self._plan_ping(wire)

    def _receive(self, text: str) -> None:
        if not self._ended:
            self._submit(FrameReceived(connection=self._connection, text=text, ahead=self._send_ahead(text)))

    def _send_ahead(self, text: str) -> str:
        """The prepared call leaves with the answer that it waits for, before that answer is durable."""
        outbox = None if self._state is None else self._state.outbox
        if outbox is None or outbox.prepared is None or outbox.in_flight is None:
            return ""
        prepared = outbox.prepared
        if prepared.connection != self._connection or prepared.message_id == self._sent_ahead:
            return ""
        if not is_result_of(text, outbox.in_flight.message_id):
            return ""
        self._sent_ahead = prepared.message_id
        self._send(prepared)
        return prepared.message_id

    def _cut(self, reason: str) -> None:
        self._wire = None
        if not self._ended:
            self._submit(LinkClosed(connection=self._connection, reason=reason, entropy=self._chance.randrange(1000)))

    def _plan_ping(self, wire: Wire) -> None:
        """A silent wire is found by the pong that is missing; with pings switched off only by calls that time out."""
        assert self._state is not None
        interval_s = WEBSOCKET_PING_INTERVAL.of(self._state)
        virtual_loop().call_later(interval_s or 60, self._ping, wire, bool(interval_s))

    def _ping(self, wire: Wire, pings: bool) -> None:
        if not wire.alive or self._ended:
            return
        assert self._state is not None
        if wire.silent and pings:
            virtual_loop().call_later(MESSAGE_TIMEOUT.of(self._state), wire.cut, "no pong: the link is half open")
            return
        self._plan_ping(wire)
