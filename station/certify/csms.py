"""The CSMS that is built in: for one station, with a record of every frame, answers by script, and TLS made for the run.

It reads and writes frames itself and holds both directions to the declarations of the wire. Whoever else connects as the station
meanwhile is noticed: then nothing that is seen says anything about the station.
"""

import asyncio
import base64
import contextlib
import hmac
import http
import itertools
import json
import ssl
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from eventstore.value import Value
from station.certify.failing import CaseFailed, RunEnded
from station.certify.payloads import instant_of, renamed
from station.certify.ports import Answer, CallRefused, Payload
from station.runtime.clock import SystemClock
from station.runtime.entropy import installation
from station.wire.frames import CallErrorFrame, CallFrame, CallResultFrame, FrameError, parse
from station.wire.messages import MESSAGES
from station.wire.schema import PayloadError, load_request, load_response

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

SUBPROTOCOL = "ocpp1.6"
PATH = "/ocpp"
WAIT_S = 60.0
BOTH_OPEN_S = 5.0
"""A station that comes back may leave its old connection open for a moment."""
FRAME_BYTES_MAX = 4 << 20
FIRST_TRANSACTION_ID = 1001
HEARTBEAT_INTERVAL_S = 86_400


class RecordedFrame(Value, frozen=True, kw_only=True):
    """A frame in the order in which it passed; see `ports.SeenFrame`."""

    order: int
    at_s: float
    utc_ms: int
    connection: int
    outbound: bool
    kind: str
    message_id: str
    action: str
    payload: Payload
    text: str
    error_code: str = ""


class LaboratoryCsms:
    """`async with LaboratoryCsms(identity, host, port) as csms:`. `port` 0 is a free one, kept from then on.

    Entering raises OSError if the address is taken.
    """

    def __init__(
        self, identity: str, host: str = "127.0.0.1", port: int = 0, *, both_open_s: float = BOTH_OPEN_S
    ) -> None:
        self.frames: list[RecordedFrame] = []
        self.deviations: list[str] = []
        self.authorizations: list[str] = []
        self.paths: list[str] = []
        self.link_count = 0
        self.intrusion = ""
        self._identity = identity
        self._host, self._port = host, port
        self._both_open_s = both_open_s
        self._context: ssl.SSLContext | None = None
        self._password: bytes | None = None
        self._clock = SystemClock()
        self._offset = timedelta()
        self._open: dict[int, ServerConnection] = {}
        self._tls: Any = None
        self._actions: dict[tuple[bool, str], str] = {}
        self._queued: dict[str, deque[Answer]] = defaultdict(deque)
        self._standing: dict[str, Answer] = {}
        self._transaction_ids = itertools.count(FIRST_TRANSACTION_ID)
        self._message_ids = (f"lab-{installation()}-{number}" for number in itertools.count(1))
        self._news = asyncio.Event()
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        await self.come_up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.go_down()

    # The address --------------------------------------------------------------------------------------------------

    def url(self, host: str = "") -> str:
        """What the station's settings need as `csms.url`."""
        scheme = "wss" if self._context else "ws"
        # A certificate of the run names localhost, which is what a host name check compares.
        shown = host or ("localhost" if self._context and self._host == "127.0.0.1" else self._host)
        return f"{scheme}://{f'[{shown}]' if ':' in shown else shown}:{self._port}{PATH}"

    def secure(self, context: ssl.SSLContext | None, password: bytes | None) -> None:
        """This TLS from the next `come_up` on, this Basic password from now on."""
        self._context, self._password = context, password

    async def come_up(self) -> None:
        """Listens; at the same port as before if there was one."""
        from websockets.asyncio.server import serve
        from websockets.typing import Subprotocol

        self._server = await serve(
            self._converse,
            self._host,
            self._port,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            process_request=self._checked,
            compression=None,
            ping_interval=None,
            close_timeout=1,
            max_size=FRAME_BYTES_MAX,
            ssl=self._context,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def go_down(self) -> None:
        """Every connection is closed; connecting is refused."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _checked(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        given = request.headers.get("Authorization", "")
        self.authorizations.append(given)
        self.paths.append(request.path)
        self._tell()
        status = self._status_of(request.path, request.headers.get("Sec-WebSocket-Protocol", ""), given)
        return None if status == http.HTTPStatus.SWITCHING_PROTOCOLS else connection.respond(status, "no\n")

    def _status_of(self, path: str, subprotocols: str, authorization: str) -> http.HTTPStatus:
        prefix, _, identity = path.partition("?")[0].rpartition("/")
        if prefix != PATH or unquote(identity) != self._identity:
            return http.HTTPStatus.NOT_FOUND
        if SUBPROTOCOL not in subprotocols:
            return http.HTTPStatus.BAD_REQUEST
        if self._password is not None:
            pair = base64.b64encode(self._identity.encode() + b":" + self._password).decode()
            if not hmac.compare_digest(authorization, f"Basic {pair}"):
                return http.HTTPStatus.UNAUTHORIZED
        return http.HTTPStatus.SWITCHING_PROTOCOLS

    # Connections --------------------------------------------------------------------------------------------------

    @property
    def is_linked(self) -> bool:
        """Whether a connection is open."""
        return bool(self._open)

    def tls(self) -> Any:
        """The TLS of the last connection."""
        return self._tls

    async def _converse(self, socket: "ServerConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        self.link_count += 1
        number = self.link_count
        watch = asyncio.create_task(self._watch(number, socket)) if self._open else None
        self._open[number] = socket
        self._tls = socket.transport.get_extra_info("ssl_object")
        self._tell()
        try:
            async for text in socket:
                answer = self._taken(number, text if isinstance(text, str) else text.decode(errors="replace"))
                if answer is not None:
                    self._add(answer, number, outbound=True)
                    await socket.send(answer)
        except ConnectionClosed:
            pass
        finally:
            del self._open[number]
            self._tell()
            if watch is not None:
                watch.cancel()

    async def _watch(self, number: int, socket: "ServerConnection") -> None:
        """Two that stay open are two stations."""
        await asyncio.sleep(self._both_open_s)
        if number in self._open and len(self._open) > 1:
            where = socket.remote_address[0] if socket.remote_address else "elsewhere"
            self.intrusion = f"another station connects as {self._identity} from {where} while this one is connected"
            self._tell()

    # The record ---------------------------------------------------------------------------------------------------

    def _taken(self, connection: int, text: str) -> str | None:
        """Records a frame of the station; the frame that answers it, None for whatever is no CALL."""
        frame = self._add(text, connection, outbound=False)
        if frame.kind != "call":
            return None
        return json.dumps([3, frame.message_id, self._answer_to(frame.action, frame.payload)], default=float)

    def _add(self, text: str, connection: int, *, outbound: bool) -> RecordedFrame:
        kind, message_id, action, payload, error_code = _parts(text)
        if kind == "call":
            self._actions[outbound, message_id] = action
        elif kind != "other":
            action = self._actions.get((not outbound, message_id), "")
        frame = RecordedFrame(
            order=len(self.frames),
            at_s=asyncio.get_running_loop().time(),
            utc_ms=int(self.utc().timestamp() * 1000),
            connection=connection,
            outbound=outbound,
            kind=kind,
            message_id=message_id,
            action=action,
            payload=payload,
            text=text,
            error_code=error_code,
        )
        if not outbound and (deviation := _deviation_of(frame)):
            self.deviations.append(deviation)
        self.frames.append(frame)
        self._tell()
        return frame

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # The clock ----------------------------------------------------------------------------------------------------

    def utc(self) -> datetime:
        """Its calendar."""
        return datetime.fromtimestamp(self._clock.system_utc_ms() / 1000, UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Its calendar moves on."""
        self._offset += timedelta(seconds=seconds)

    # Answers ------------------------------------------------------------------------------------------------------

    def answer(self, action: str, *answers: Answer) -> None:
        """The next answers to an action."""
        self._queued[action].extend(answers)

    def always(self, action: str, answer: Answer) -> None:
        """The standing answer to an action."""
        self._standing[action] = answer

    def forget_answers(self) -> None:
        """Everything is accepted again."""
        self._queued.clear()
        self._standing.clear()

    def started(self, status: str = "Accepted", **id_tag_info: Any) -> Payload:
        """An answer to StartTransaction with the next transaction id."""
        return {"transactionId": next(self._transaction_ids), "idTagInfo": {"status": status, **id_tag_info}}

    def _answer_to(self, action: str, payload: Payload) -> Payload:
        queue = self._queued[action]
        answer = queue.popleft() if queue else self._standing.get(action)
        if answer is not None:
            return answer(payload) if callable(answer) else answer
        now = instant_of(self.utc())
        match action:
            case "BootNotification":
                return {"status": "Accepted", "interval": HEARTBEAT_INTERVAL_S, "currentTime": now}
            case "Heartbeat":
                return {"currentTime": now}
            case "Authorize" | "StopTransaction":
                return {"idTagInfo": {"status": "Accepted"}}
            case "StartTransaction":
                return self.started()
            case "DataTransfer" | "SignCertificate":
                return {"status": "Accepted"}
        return {}

    # Asking -------------------------------------------------------------------------------------------------------

    async def request(self, action: str, **members: Any) -> Payload:
        """A CALL and the payload of its answer. Raises CallRefused, or CaseFailed where none comes."""
        from websockets.exceptions import ConnectionClosed

        if not self._open:
            raise CaseFailed(f"a connection to send {action} on", "the station is not connected")
        number, socket = next(reversed(self._open.items()))
        message_id = next(self._message_ids)
        text = json.dumps([2, message_id, action, renamed(members)], default=float)
        self._add(text, number, outbound=True)
        with contextlib.suppress(ConnectionClosed):
            await socket.send(text)

        def answer() -> RecordedFrame | None:
            for frame in reversed(self.frames):
                if frame.message_id == message_id and not frame.outbound and frame.kind in ("result", "error"):
                    return frame
            return None

        frame: RecordedFrame = await self.until(answer, f"an answer to {action}")
        if frame.kind == "error":
            raise CallRefused(frame.error_code)
        return frame.payload

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Waits for a condition on the record. Raises CaseFailed, or RunEnded if somebody else connects."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not (value := condition()):
                    if self.intrusion:
                        raise RunEnded(self.intrusion)
                    await self._news.wait()
        except TimeoutError:
            raise CaseFailed(what, f"nothing of it within {WAIT_S:g} s") from None
        if self.intrusion:
            raise RunEnded(self.intrusion)
        return value


def _parts(text: str) -> tuple[str, str, str, Payload, str]:
    try:
        frame = parse(text)
    except FrameError:
        return "other", "", "", {}, ""
    match frame:
        case CallFrame():
            return "call", frame.message_id, frame.action, frame.payload, ""
        case CallResultFrame():
            return "result", frame.message_id, "", frame.payload, ""
        case CallErrorFrame():
            return "error", frame.message_id, "", frame.details, frame.error_code


def _deviation_of(frame: RecordedFrame) -> str:
    """What is wrong with a frame of the station against the declarations of the wire; empty if nothing is."""
    if frame.kind == "other":
        return f"no frame of OCPP-J: {frame.text[:200]!r}"
    if frame.kind == "error":
        return ""
    known = MESSAGES.get(frame.action)
    if known is None:
        return f"{frame.kind} of no known action: {frame.text[:200]}"
    try:
        if frame.kind == "call":
            _, deviations = load_request(known.request, frame.payload)
        else:
            _, deviations = load_response(known.response, frame.payload)
    except PayloadError as error:
        return f"{frame.action} {frame.kind}: {error}"
    return f"{frame.action} {frame.kind}: {'; '.join(deviations)}" if deviations else ""
