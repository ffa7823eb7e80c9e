"""A small CSMS for one station: it records every CALL, answers each, and refuses nothing.

It reads frames with the standard library alone, so that what it saw is a second opinion. A transaction-related CALL that is
repeated with the same payload gets the answer that it got before: a StartTransaction thus keeps its id.
"""

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from eventstore.value import Value
from station.runtime.clock import StationClock, SystemClock
from station.wire.instants import format_utc_ms

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection

SUBPROTOCOL = "ocpp1.6"
CALL_RESULT = 3
TOLD_ONCE = frozenset({"StartTransaction", "MeterValues", "StopTransaction"})
FIRST_TRANSACTION_ID = 9001
HEARTBEAT_INTERVAL_S = 300

Payload = Mapping[str, Any]


class Received(Value, frozen=True, kw_only=True):
    """A CALL of the station, on which connection it came, and what it was answered with; `repeated`: it had come before."""

    connection: int
    message_id: str
    action: str
    payload: Payload
    answer: Payload
    repeated: bool


class Csms:
    """The CSMS, on loopback: `async with Csms() as csms:`. `tell` is called with each CALL.

    `port` 0 is one of its own. Entering raises OSError when the address is taken.
    """

    def __init__(self, clock: StationClock | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.received: list[Received] = []
        self.connection = 0
        self.tell: Callable[[Received], None] = lambda _: None
        self._clock = clock or SystemClock()
        self._address = host, port
        self._answers: dict[tuple[str, str], Payload] = {}
        self._next_transaction_id = FIRST_TRANSACTION_ID
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """The endpoint that a station's settings name; the identity is appended."""
        assert self._server is not None, "the port is known once the CSMS listens"
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}/ocpp"

    async def __aenter__(self) -> Self:
        from websockets.asyncio.server import serve
        from websockets.typing import Subprotocol

        self._server = await serve(
            self._converse,
            *self._address,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            ping_interval=None,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _converse(self, socket: "ServerConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        self.connection += 1
        connection = self.connection
        try:
            async for text in socket:
                if (answer := self._take(connection, text)) is not None:
                    await socket.send(answer)
        except ConnectionClosed:
            return

    def _take(self, connection: int, text: str | bytes) -> str | None:
        """The frame that answers a CALL; None for whatever is none, since this CSMS calls nobody."""
        try:
            frame = json.loads(text)
        except ValueError:
            return None
        match frame:
            case [2, str() as message_id, str() as action, dict() as payload]:
                received = self._received(connection, message_id, action, payload)
                self.note(received)
                return json.dumps([CALL_RESULT, message_id, received.answer])
        return None

    def _received(self, connection: int, message_id: str, action: str, payload: Payload) -> Received:
        content = (action, json.dumps(payload))
        repeated = action in TOLD_ONCE and content in self._answers
        answer = self._answers[content] if repeated else self._answer(action)
        self._answers[content] = answer
        return Received(
            connection=connection,
            message_id=message_id,
            action=action,
            payload=payload,
            answer=answer,
            repeated=repeated,
        )

    def note(self, received: Received) -> None:
        """Writes a CALL into the record."""
        self.received.append(received)
        self.tell(received)

    def _answer(self, action: str) -> Payload:
        now = format_utc_ms(self._clock.system_utc_ms())
        match action:
            case "BootNotification":
                return {"status": "Accepted", "interval": HEARTBEAT_INTERVAL_S, "currentTime": now}
            case "Heartbeat":
                return {"currentTime": now}
            case "Authorize" | "StopTransaction":
                return {"idTagInfo": {"status": "Accepted"}}
            case "StartTransaction":
                transaction_id, self._next_transaction_id = self._next_transaction_id, self._next_transaction_id + 1
                return {"transactionId": transaction_id, "idTagInfo": {"status": "Accepted"}}
            case "DataTransfer":
                return {"status": "Accepted"}
        return {}
