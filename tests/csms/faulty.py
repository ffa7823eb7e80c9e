"""A CSMS that misbehaves on purpose, on bare `websockets`: nothing between a script and the bytes.

A script says for each action what happens to the next calls, one behaviour per call, then the standing behaviour.
A behaviour is a function of the exchange; the named ones below are what real central systems were seen to do.
"""

import asyncio
import contextlib
import itertools
import json
import socket
import uuid
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from tests.csms.frames import Frame, Payload, camel_case, instant_of
from tests.csms.gate import Gate
from tests.csms.record import WAIT_S, Record


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One call from the station that waits for whatever the script wants to happen to it."""

    csms: "FaultyCsms"
    link: "Link"
    frame: Frame

    def proper(self) -> Payload:
        """The payload that a faultless CSMS would answer."""
        return self.csms.proper_answer(self.frame)

    async def result(self, payload: Any, *, message_id: str = "") -> None:
        """Send a CALLRESULT with whatever payload."""
        await self.text(json.dumps([3, message_id or self.frame.message_id, payload]))

    async def text(self, text: str) -> None:
        """Send a text message; nothing happens if the link is gone by now."""
        await self.csms.send_text(text, link=self.link)


Behaviour = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Link:
    """One connection of the station; `deaf` is a half-open one: bytes arrive, nothing is read, nothing is said."""

    number: int
    socket: ServerConnection
    deaf: bool = False


class FaultyCsms(Record[Link]):
    """A CSMS whose answers follow a script: `csms.script("StartTransaction", error("InternalError"), proper())`."""

    def __init__(self, *, identity: str = "CB-0001", heartbeat_interval_s: int = 300) -> None:
        super().__init__()
        self.gate = Gate(self._serve, identity=identity, on_handshake=self.notify)
        self.heartbeat_interval_s = heartbeat_interval_s
        self.held: list[Exchange] = []
        self._transaction_ids = itertools.count(5002)
        self._scripts: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._standing: dict[str, Behaviour] = {}

    @property
    def url(self) -> str:
        """What the station's settings need as `csms.url`."""
        return self.gate.url

    async def __aenter__(self) -> Self:
        await self.gate.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for link in self.links:
            link.socket.transport.abort()
        await self.gate.close()

    # Script ---------------------------------------------------------------------------------------------------

    def script(self, action: str, *behaviours: Behaviour) -> None:
        """What happens to the next calls of an action, one behaviour each."""
        self._scripts[action].extend(behaviours)

    def always(self, action: str, behaviour: Behaviour) -> None:
        """What happens to the calls of an action once its script is used up."""
        self._standing[action] = behaviour

    async def release(self, action: str = "") -> None:
        """Let the oldest held call (of that action) have its proper answer after all."""
        held = next(exchange for exchange in self.held if action in {"", exchange.frame.action})
        self.held.remove(held)
        await held.result(held.proper())

    def proper_answer(self, call: Frame) -> Payload:
        """The payload of a faultless answer; a StartTransaction gets a new id each time."""
        return self.faultless_answer(
            call.action, heartbeat_interval_s=self.heartbeat_interval_s, transaction_ids=self._transaction_ids
        )

    # Towards the station --------------------------------------------------------------------------------------

    async def send_text(self, text: str, *, link: Link | None = None) -> None:
        """Send a text message as it stands, whole; a link that is gone or deaf swallows it."""
        link = link or self._open_link()
        if link.deaf:
            return
        self.add(text, connection=link.number, outbound=True, hold_to_schema=False)
        with contextlib.suppress(ConnectionClosed):
            await link.socket.send(text)

    async def send_bytes(self, data: bytes) -> None:
        """Write bytes past the WebSocket layer, one TCP segment each if possible."""
        transport = self._open_link().socket.transport
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index in range(len(data)):
            transport.write(data[index : index + 1])
            await asyncio.sleep(0)

    async def request(self, action: str, *, message_id: str = "", within_s: float = WAIT_S, **members: Any) -> Frame:
        """Send a CALL, however wrong its payload, and return the frame that answers it."""
        payload = {camel_case(name): value for name, value in members.items()}
        return await self.request_payload(action, payload, message_id=message_id, within_s=within_s)

    async def request_payload(
        self, action: str, payload: Any, *, message_id: str = "", within_s: float = WAIT_S
    ) -> Frame:
        """The same with the payload as it stands."""
        message_id = message_id or str(uuid.uuid4())
        await self.send_text(json.dumps([2, message_id, action, payload]))
        return await self.result_of(message_id, outbound=False, within_s=within_s)

    def go_deaf(self) -> None:
        """Make the open link half-open: the TCP connection stands, nothing is read or said any more."""
        link = self._open_link()
        link.deaf = True
        link.socket.transport.pause_reading()

    def cut(self) -> None:
        """Reset the open link's TCP connection."""
        self._open_link().socket.transport.abort()

    def _open_link(self) -> Link:
        assert self.link is not None, f"no link\n{self.tail()}"
        return self.link

    # From the station -----------------------------------------------------------------------------------------

    async def _serve(self, socket: ServerConnection) -> None:
        link = Link(number=len(self.links) + 1, socket=socket)
        self.opened(link)
        tasks: set[asyncio.Task[None]] = set()
        try:
            async for text in socket:
                frame = self.add(str(text), connection=link.number, outbound=False)
                if frame.kind == "call":
                    task = asyncio.create_task(self._behave(Exchange(csms=self, link=link, frame=frame)))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
        except ConnectionClosed:
            pass
        finally:
            for task in list(tasks):
                task.cancel()
            self.closed(link)

    async def _behave(self, exchange: Exchange) -> None:
        queue = self._scripts[exchange.frame.action]
        behaviour = queue.popleft() if queue else self._standing.get(exchange.frame.action, proper())
        await behaviour(exchange)


# Behaviours -------------------------------------------------------------------------------------------------------


def proper(**members: Any) -> Behaviour:
    """The faultless answer, with these members (standard names by Python ones) put over it."""

    async def behave(exchange: Exchange) -> None:
        changed = {camel_case(name): value for name, value in members.items()}
        await exchange.result(exchange.proper() | changed)

    return behave


def payload(value: Any) -> Behaviour:
    """A CALLRESULT with this payload, whatever it is."""

    async def behave(exchange: Exchange) -> None:
        await exchange.result(value)

    return behave


def lost() -> Behaviour:
    """No answer, ever."""

    async def behave(exchange: Exchange) -> None:
        return None

    return behave


def held() -> Behaviour:
    """No answer until `csms.release()`."""

    async def behave(exchange: Exchange) -> None:
        exchange.csms.held.append(exchange)
        exchange.csms.notify()

    return behave


def late(delay_s: float) -> Behaviour:
    """The faultless answer after a while."""

    async def behave(exchange: Exchange) -> None:
        await asyncio.sleep(delay_s)
        await exchange.result(exchange.proper())

    return behave


def doubled(*payloads: Payload) -> Behaviour:
    """The answer twice: the same one, or the given ones one after the other."""

    async def behave(exchange: Exchange) -> None:
        same = exchange.proper()
        for answer in payloads or (same, same):
            await exchange.result(answer)

    return behave


def error(code: str, description: str = "scripted") -> Behaviour:
    """A CALLERROR."""

    async def behave(exchange: Exchange) -> None:
        await exchange.text(json.dumps([4, exchange.frame.message_id, code, description, {}]))

    return behave


def text(form: str) -> Behaviour:
    """Any text; "%" stands for the message id."""

    async def behave(exchange: Exchange) -> None:
        await exchange.text(form.replace("%", exchange.frame.message_id))

    return behave


def wrong_message_id() -> Behaviour:
    """A faultless payload under an id that nobody used."""

    async def behave(exchange: Exchange) -> None:
        await exchange.result(exchange.proper(), message_id="nobody-asked-this")

    return behave


def told_time(offset: timedelta) -> Behaviour:
    """The faultless answer with a currentTime that is off."""

    async def behave(exchange: Exchange) -> None:
        now = instant_of(exchange.csms.utc() + offset)
        await exchange.result(exchange.proper() | {"currentTime": now})

    return behave


def cut_before_answer() -> Behaviour:
    """The call is processed, and the TCP connection is reset before the answer leaves."""

    async def behave(exchange: Exchange) -> None:
        exchange.proper()
        exchange.link.socket.transport.abort()

    return behave


def cut_mid_answer() -> Behaviour:
    """Half of the answer's WebSocket frame leaves, then the TCP connection is closed."""

    async def behave(exchange: Exchange) -> None:
        data = _answer_bytes(exchange)
        exchange.link.socket.transport.write(data[: len(data) // 2])
        exchange.link.socket.transport.close()

    return behave


def dripped() -> Behaviour:
    """The faultless answer, one byte per TCP segment."""

    async def behave(exchange: Exchange) -> None:
        await exchange.csms.send_bytes(_answer_bytes(exchange))

    return behave


def deaf() -> Behaviour:
    """The link goes half-open with the call unanswered."""

    async def behave(exchange: Exchange) -> None:
        exchange.csms.go_deaf()

    return behave


def text_frame(content: str) -> bytes:
    """The bytes of one WebSocket text message from a server."""
    return WebSocketFrame(Opcode.TEXT, content.encode()).serialize(mask=False)


def _answer_bytes(exchange: Exchange) -> bytes:
    answer = json.dumps([3, exchange.frame.message_id, exchange.proper()])
    exchange.csms.add(answer, connection=exchange.link.number, outbound=True, hold_to_schema=False)
    return text_frame(answer)
