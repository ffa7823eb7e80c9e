"""An independent CSMS: the `ocpp` package routes, converts and validates, `websockets` carries; ours is the record.

Nothing of the product is imported, so that a misreading of the standard would have to be made twice to go unseen.
Answers are scripted by action: a queue of answers that are used up, then the standing answer.
"""

import asyncio
import contextlib
import itertools
import ssl
import uuid
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import ocpp.messages
from ocpp.charge_point import camel_to_snake_case, snake_to_camel_case
from ocpp.exceptions import OCPPError
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.csms.frames import Payload
from tests.csms.gate import Gate
from tests.csms.record import WAIT_S, Record

ocpp.messages.ASYNC_VALIDATION = False  # a thread per payload buys nothing here


class CallError(Exception):
    """A CALLERROR: raised by `request` when the station answers so; given as an answer, sent to the station."""

    def __init__(self, code: str, description: str = "", details: Payload | None = None) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.details = details or {}


Answer = Payload | CallError | Callable[[Payload], Payload | Awaitable[Payload]]


@dataclass(slots=True, kw_only=True)
class Link:
    """One connection of the station, its number counted from 1 in the order of opening."""

    number: int
    socket: ServerConnection
    station: "_Station"


class Csms(Record[Link]):
    """A CSMS for one station on a loopback port: `async with Csms() as csms:`.

    `heartbeat_interval_s` is the interval of an Accepted BootNotification; transaction ids rise from
    `transaction_id`. Every payload of both directions is held to the published schemas; see `assert_conforming`.
    """

    def __init__(
        self,
        *,
        identity: str = "CB-0001",
        password: bytes | None = None,
        tls: ssl.SSLContext | None = None,
        heartbeat_interval_s: int = 300,
        transaction_id: int = 1001,
    ) -> None:
        super().__init__()
        self.gate = Gate(self._serve, identity=identity, password=password, tls=tls, on_handshake=self.notify)
        self.heartbeat_interval_s = heartbeat_interval_s
        self._transaction_ids = itertools.count(transaction_id)
        self._queued: dict[str, deque[Answer]] = defaultdict(deque)
        self._standing: dict[str, Answer] = {}

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
        await self.gate.close()

    # Links ----------------------------------------------------------------------------------------------------

    async def hang_up(self, code: int = 1000) -> None:
        """Close the open link with a close frame, as a CSMS that is redeployed does."""
        assert self.link is not None
        await self.link.socket.close(code)

    async def go_down(self) -> None:
        """Close every link and stop listening: connecting is refused."""
        await self.gate.close()
        await self.disconnected()

    async def come_up(self) -> None:
        """Listen again on the same port."""
        await self.gate.open()

    async def _serve(self, socket: ServerConnection) -> None:
        number = len(self.links) + 1
        station = _Station(self, _Recorded(self, socket, number), number)
        link = Link(number=number, socket=socket, station=station)
        self.opened(link)
        try:
            await station.start()
        finally:
            self.closed(link)

    # Answers --------------------------------------------------------------------------------------------------

    def answer(self, action: str, *answers: Answer) -> None:
        """Script the next answers to an action, one per call; then the standing answer holds again."""
        self._queued[action].extend(answers)

    def always(self, action: str, answer: Answer) -> None:
        """Replace the standing answer to an action."""
        self._standing[action] = answer

    async def answer_to(self, action: str, payload: Payload) -> Payload:
        """The scripted or standing answer to a call; raises CallError where that was scripted."""
        queue = self._queued[action]
        answer = queue.popleft() if queue else self._standing.get(action)
        if answer is None:
            return self.faultless_answer(
                action, heartbeat_interval_s=self.heartbeat_interval_s, transaction_ids=self._transaction_ids
            )
        if isinstance(answer, CallError):
            raise answer
        if callable(answer):
            given = answer(payload)
            return await given if isinstance(given, Awaitable) else given
        return answer

    def started(self, status: str = "Accepted", **id_tag_info: Any) -> Payload:
        """A StartTransaction answer with the next transaction id."""
        return {"transactionId": next(self._transaction_ids), "idTagInfo": {"status": status, **id_tag_info}}

    # Requests -------------------------------------------------------------------------------------------------

    async def request(self, action: str, *, within_s: float = WAIT_S, **members: Any) -> Payload:
        """Send a CALL and return the payload of its answer; CallError if the answer is one.

        Members go by Python or standard names; one that is None is left out. Raises AssertionError without a link
        or an answer in time.
        """
        link = self.link
        assert link is not None, f"no link to send {action} on\n{self.tail()}"
        members = {_snake_case(name): value for name, value in members.items()}
        message_id = str(uuid.uuid4())
        sent = link.station.call(
            getattr(call, action)(**members), suppress=True, unique_id=message_id, skip_schema_validation=False
        )
        try:
            async with asyncio.timeout(within_s):
                await sent
        except TimeoutError:
            raise AssertionError(f"no answer to {action} within {within_s} s\n{self.tail()}") from None
        frame = await self.result_of(message_id, outbound=False)
        if frame.kind == "error":
            raise CallError(frame.error_code, "", frame.payload)
        return frame.payload


class _Recorded:
    """A connection as the `ocpp` package wants it, with the record in between."""

    def __init__(self, record: Record[Any], socket: ServerConnection, number: int) -> None:
        self._record = record
        self._socket = socket
        self._number = number

    async def recv(self) -> str:
        text = await self._socket.recv(decode=True)
        self._record.add(text, connection=self._number, outbound=False)
        return text

    async def send(self, text: str) -> None:
        self._record.add(text, connection=self._number, outbound=True)
        with contextlib.suppress(ConnectionClosed):  # an answer may come too late for its link
            await self._socket.send(text)


class _Station(ChargePoint):
    """The `ocpp` package's end of one link: one handler for each action that a station may call."""

    def __init__(self, csms: Csms, connection: _Recorded, number: int) -> None:
        super().__init__(f"link {number}", connection)
        self._csms = csms

    async def start(self) -> None:
        """Route frames until the link closes; each CALL in a task, so that a held answer holds up nothing else."""
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                task = asyncio.create_task(self.route_message(await self._connection.recv()))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        except ConnectionClosed:
            pass
        finally:
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, action: str, members: Mapping[str, Any]) -> Any:
        payload = snake_to_camel_case(dict(members))
        try:
            answer = await self._csms.answer_to(action, payload)
        except CallError as error:
            raise _ocpp_error(error) from error
        return getattr(call_result, action)(**camel_to_snake_case(answer))

    @on("Authorize")
    async def authorize(self, **members: Any) -> Any:
        return await self._answer("Authorize", members)

    @on("BootNotification")
    async def boot_notification(self, **members: Any) -> Any:
        return await self._answer("BootNotification", members)

    @on("DataTransfer")
    async def data_transfer(self, **members: Any) -> Any:
        return await self._answer("DataTransfer", members)

    @on("DiagnosticsStatusNotification")
    async def diagnostics_status_notification(self, **members: Any) -> Any:
        return await self._answer("DiagnosticsStatusNotification", members)

    @on("FirmwareStatusNotification")
    async def firmware_status_notification(self, **members: Any) -> Any:
        return await self._answer("FirmwareStatusNotification", members)

    @on("Heartbeat")
    async def heartbeat(self, **members: Any) -> Any:
        return await self._answer("Heartbeat", members)

    @on("LogStatusNotification")
    async def log_status_notification(self, **members: Any) -> Any:
        return await self._answer("LogStatusNotification", members)

    @on("MeterValues")
    async def meter_values(self, **members: Any) -> Any:
        return await self._answer("MeterValues", members)

    @on("SecurityEventNotification")
    async def security_event_notification(self, **members: Any) -> Any:
        return await self._answer("SecurityEventNotification", members)

    @on("SignCertificate")
    async def sign_certificate(self, **members: Any) -> Any:
        return await self._answer("SignCertificate", members)

    @on("SignedFirmwareStatusNotification")
    async def signed_firmware_status_notification(self, **members: Any) -> Any:
        return await self._answer("SignedFirmwareStatusNotification", members)

    @on("StartTransaction")
    async def start_transaction(self, **members: Any) -> Any:
        return await self._answer("StartTransaction", members)

    @on("StatusNotification")
    async def status_notification(self, **members: Any) -> Any:
        return await self._answer("StatusNotification", members)

    @on("StopTransaction")
    async def stop_transaction(self, **members: Any) -> Any:
        return await self._answer("StopTransaction", members)


def _snake_case(name: str) -> str:
    (converted,) = camel_to_snake_case({name: None})
    return str(converted)


def _ocpp_error(error: CallError) -> OCPPError:
    for kind in OCPPError.__subclasses__():
        if kind.code == error.code:
            return kind(description=error.description, details=error.details)
    raise AssertionError(f"{error.code} is no error code of OCPP-J")
