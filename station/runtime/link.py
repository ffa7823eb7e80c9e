"""The WebSocket to the CSMS (OCPP-J 3): one connection attempt at a time, frames in, frames out, pings.

The link decides nothing: when to connect, when to close and what to send stand in the state. It submits what happens
(LinkOpened, FrameReceived, LinkClosed, ConnectFailed) and writes the frames of durable batches in their order. Secrets
are taken out of frames before they become observations.

A half-open link is found by our own pings (WebSocketPingInterval): no pong within MessageTimeout closes it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from eventstore.catalogue.link import (
    CallAnswered,
    CallDispatched,
    ConnectFailed,
    FloodFound,
    FrameReceived,
    FrameRefused,
    LinkClosed,
    LinkOpened,
)
from eventstore.event import Observation, Recorded
from projections.link import Link
from projections.station import StationState
from station.core.calls import MESSAGE_TIMEOUT
from station.core.condensing import condense
from station.core.sending import frame_of
from station.features.link import WEBSOCKET_PING_INTERVAL
from station.runtime import entropy
from station.runtime.approach import CLOSE_TIMEOUT_S, OPEN_TIMEOUT_S, Approach, reason_of
from station.runtime.clock import StationClock
from station.runtime.dialing import Dialer
from station.runtime.frame_secrets import may_hold_secret
from station.runtime.secrets import Secrets
from station.runtime.throttle import Throttle
from station.runtime.websocket import (
    SUBPROTOCOL,
    identity_doubled,
    wait_asked_s,
)
from station.settings.loading import Settings
from station.wire.frames import is_result_of, may_answer

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

LOGGER = logging.getLogger(__name__)

GOING_AWAY = 1001


class CsmsLink:
    """The one user of the network. `submit` puts an observation into the station's inbox."""

    def __init__(
        self,
        settings: Settings,
        clock: StationClock,
        secrets: Secrets,
        submit: Callable[[Observation], None],
        has_room: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._secrets = secrets
        self._approach = Approach(settings, clock, secrets)
        self._submit = submit
        self._has_room = has_room
        self._state: StationState | None = None
        self._task: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None
        self._dialer = Dialer()
        if doubled := identity_doubled(settings):
            LOGGER.warning("%s: %s", settings.shown_connection_url, doubled)
        self._connection = 0
        self._closing = asyncio.Event()
        self._sent_ahead = ""  # the message id of the prepared call that left last
        self._outgoing: asyncio.Queue[str | None] = asyncio.Queue()
        self._attempted: Link | None = None  # as it was when the attempt began whose end is not published yet
        self._network_up = True
        self._silent = False
        self._is_retired = False
        self._ping_changed = asyncio.Event()

    # ---- follower of the station ---------------------------------------------------------------------------------

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Writes the frames of the batch, closes or connects as the state wants."""
        before, self._state = self._state, state
        for recorded in batch:
            event = recorded.event
            if not isinstance(event, CallDispatched | CallAnswered) or event.connection != self._connection:
                continue
            if event.message_id != self._sent_ahead:
                self._outgoing.put_nowait(frame_of(event))
        if state.link.close_wanted:
            self._hang_up()
        elif self._socket is not None:
            self._record(self._approach.judge_again(state, self._connection))
        ended = any(isinstance(recorded.event, ConnectFailed | LinkClosed) for recorded in batch)
        if ended or state.link != self._attempted:
            self._attempted = None
        # A state from before the end of the last attempt still wants that one.
        may_begin = not self._is_retired and self._attempted is None and (self._task is None or self._task.done())
        if state.link.connect_wanted and may_begin:
            self._attempted = state.link
            self._task = asyncio.get_running_loop().create_task(self._live(state), name="link")
        if before is None or before.configuration is not state.configuration:
            self._ping_changed.set()  # perhaps

    def _hang_up(self) -> None:
        """What is queued leaves first."""
        self._closing.set()
        self._outgoing.put_nowait(None)

    def retire(self) -> None:
        """The process is about to end: a connection that is up goes on, no other is opened."""
        self._is_retired = True
        if self._socket is None and self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Closes the connection in order (going away) once what was queued has been written; an attempt is given up."""
        if self._socket is not None:
            self._hang_up()
        elif self._task is not None:
            self._task.cancel()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=CLOSE_TIMEOUT_S)
            if not done:
                self._task.cancel()
                await asyncio.wait({self._task})

    # ---- the bench's network -------------------------------------------------------------------------------------

    def network(self, *, up: bool, silent: bool = False) -> None:
        """Cuts the network or restores it: up False resets the connection and lets attempts fail at once; silent
        leaves it open and drops the bytes of both directions."""
        self._network_up, self._silent = up, silent and not up
        socket = self._socket
        if socket is None:
            return
        if not up and silent:
            socket.transport.pause_reading()
        elif not up:
            socket.transport.abort()
        elif socket.transport.is_reading() is False:
            socket.transport.resume_reading()

    # ---- one connection ------------------------------------------------------------------------------------------

    async def _live(self, state: StationState) -> None:
        """One attempt, and the connection's whole life if it succeeds."""
        self._connection = state.link.connection + 1
        self._sent_ahead = ""
        self._closing = asyncio.Event()
        self._outgoing = asyncio.Queue()
        try:
            socket = await self._connect(state)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever goes wrong in connecting is a failed attempt
            self._record(self._approach.failed(self._known, error))
            reason = self._approach.why_not(error)
            self._submit(ConnectFailed(reason=reason, entropy=entropy.draw(), retry_after_s=wait_asked_s(error)))
            return
        self._socket = socket
        self._record(self._approach.met(self._known))
        self._submit(LinkOpened(connection=self._connection))
        self._record(self._approach.opened(self._known))
        reason = "closed"
        try:
            reason = await self._converse(socket)
        finally:
            self._socket = None
            socket.transport.abort()
            self._submit(LinkClosed(connection=self._connection, reason=reason, entropy=entropy.draw()))

    async def _connect(self, state: StationState) -> "ClientConnection":
        if not self._network_up:
            if self._silent:  # nothing answers, as on a network that swallows packets
                await self._clock.wait(asyncio.Event(), self._clock.at_ms() + OPEN_TIMEOUT_S * 1000)
            raise ConnectionError("no network")
        # Files are read: a disk that hangs must not hold the loop.
        try:
            attempts = await asyncio.to_thread(self._approach.attempts, state)
        finally:
            self._record(self._approach.found())
        socket = await self._approach.open(attempts, self._dialer)
        if socket.subprotocol != SUBPROTOCOL:
            await socket.close(1002, "subprotocol ocpp1.6 was not selected")
            raise ConnectionError("the server did not select the subprotocol ocpp1.6 (OCPP-J 3.1.2)")
        return socket

    @property
    def _known(self) -> StationState:
        assert self._state is not None, "a link lives after the first publication"
        return self._state

    def _record(self, observations: Iterable[Observation]) -> None:
        for each in observations:
            self._submit(each)

    async def _converse(self, socket: "ClientConnection") -> str:
        """Until the connection ends; returns why it did."""
        # In this order they are asked why it ended: what the station did is the cause of what it then read.
        tasks = [
            asyncio.create_task(self._write(socket), name="link write"),
            asyncio.create_task(self._ping(socket), name="link ping"),
            asyncio.create_task(self._read(socket), name="link read"),
        ]
        closing = asyncio.create_task(self._closing.wait(), name="link close")
        try:
            await asyncio.wait([*tasks, closing], return_when=asyncio.FIRST_COMPLETED)
            if self._closing.is_set():  # a CSMS that reads nothing any more holds the writer for ever
                await asyncio.wait(tasks[:1], timeout=2 * CLOSE_TIMEOUT_S)
            return next((task.result() for task in tasks if task.done()), "closed by the station, not all was sent")
        finally:
            for task in (*tasks, closing):
                task.cancel()
            await asyncio.wait([*tasks, closing])

    async def _read(self, socket: "ClientConnection") -> str:
        from websockets.exceptions import ConnectionClosed

        throttle = Throttle(self._clock.at_ms())
        try:
            async for message in socket:
                await self._take(message, throttle)
                while not self._has_room():
                    await self._clock.sleep_until(self._clock.at_ms() + 10)
        except ConnectionClosed as closed:
            return reason_of(closed)
        return f"closed by the CSMS: {socket.close_code} {socket.close_reason or ''}".strip()

    async def _take(self, message: str | bytes, throttle: Throttle) -> None:
        """Submits what came, and waits for as long as the budget of the connection is overdrawn."""
        is_answer = isinstance(message, str) and self._is_awaited(message)
        wait_ms = 0 if is_answer else throttle.pay(len(message), self._clock.at_ms())
        if isinstance(message, str):
            ahead = self._send_ahead(message)
            text = await self._without_secret(message)
            condensed = None
            if throttle.is_overdrawn and not is_answer and self._state is not None:
                condensed = condense(self._state, self._connection, text)
            self._submit(condensed or FrameReceived(connection=self._connection, text=text, ahead=ahead))
        else:
            self._submit(FrameRefused(connection=self._connection, reason="a binary frame"))
        if wait_ms:
            await self._clock.sleep_until(self._clock.at_ms() + wait_ms)
        if throttle.is_flood(self._clock.at_ms()):
            lasted_ms, frames = throttle.give_up(self._clock.at_ms())
            self._submit(FloodFound(connection=self._connection, frames=frames, lasted_ms=lasted_ms))

    def _is_awaited(self, text: str) -> bool:
        """Whether the frame answers the call of ours that is in flight, or the one that was sent ahead behind it."""
        if self._state is None:
            return False
        outbox = self._state.outbox
        if outbox.in_flight is not None and may_answer(text, outbox.in_flight.message_id):
            return True
        return outbox.ahead(self._sent_ahead) is not None and may_answer(text, self._sent_ahead)

    def _send_ahead(self, text: str) -> str:
        """Sends the prepared call if the frame is the CALLRESULT that it waits for; returns its message id, else "".

        Its record is durable, so its bytes may leave before that answer's record is (`station.core.calls.prepare`).
        """
        outbox = None if self._state is None else self._state.outbox
        if outbox is None or outbox.prepared is None or outbox.in_flight is None:
            return ""
        prepared = outbox.prepared
        if prepared.connection != self._connection or prepared.message_id == self._sent_ahead:
            return ""
        if not is_result_of(text, outbox.in_flight.message_id):
            return ""
        self._sent_ahead = prepared.message_id
        self._outgoing.put_nowait(frame_of(prepared))
        return prepared.message_id

    async def _without_secret(self, text: str) -> str:
        """The frame as it may be logged; keeping a secret waits for the disk, so that happens in a thread."""
        return await asyncio.to_thread(self._secrets.redact, text) if may_hold_secret(text) else text

    async def _write(self, socket: "ClientConnection") -> str:
        from websockets.exceptions import ConnectionClosed

        while (text := await self._outgoing.get()) is not None:
            if self._silent:
                continue
            try:
                await socket.send(text)
            except ConnectionClosed as closed:
                return reason_of(closed)
        await socket.close(GOING_AWAY, "")
        return "closed by the station"

    async def _ping(self, socket: "ClientConnection") -> str:
        """Pings by WebSocketPingInterval, which acts at once when it is changed; returns when a pong is missing."""
        from websockets.exceptions import ConnectionClosed

        sent_ms = self._clock.at_ms()
        while True:
            self._ping_changed.clear()
            assert self._state is not None, "a link lives after the first publication"
            interval_s = WEBSOCKET_PING_INTERVAL.of(self._state)
            due_ms = None if interval_s == 0 else sent_ms + interval_s * 1000
            await self._clock.wait(self._ping_changed, due_ms)
            if due_ms is None or self._clock.at_ms() < due_ms:
                continue
            sent_ms = self._clock.at_ms()
            try:
                if not await self._is_alive(socket, MESSAGE_TIMEOUT.of(self._state)):
                    return "no pong: the link is half open"
            except ConnectionClosed as closed:
                return reason_of(closed)

    async def _is_alive(self, socket: "ClientConnection", within_s: int) -> bool:
        """Whether a ping is answered in time; one that cannot even leave is not. Raises ConnectionClosed."""
        asked = asyncio.create_task(self._asked(socket), name="link pong")
        answered = asyncio.Event()
        asked.add_done_callback(lambda _: answered.set())
        try:
            await self._clock.wait(answered, self._clock.at_ms() + within_s * 1000)
            if asked.done():
                asked.result()
            return asked.done()
        finally:
            asked.cancel()
            await asyncio.wait([asked])

    async def _asked(self, socket: "ClientConnection") -> None:
        if self._silent:
            await asyncio.Event().wait()
        await (await socket.ping())
