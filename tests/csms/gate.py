"""What stands before a CSMS's WebSocket: path identity, Basic password, refusals, and the port that outlives a stop."""

import base64
import hmac
import http
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

FRAME_BYTES_MAX = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """One HTTP upgrade that reached the CSMS: what it asked for and the status it got (101 for a link)."""

    path: str
    authorization: str
    subprotocols: str
    status: int


class Gate:
    """Listens on one loopback port of its own, checks upgrades, and hands links over; the port survives `close`."""

    def __init__(
        self,
        handler: Callable[[ServerConnection], Awaitable[None]],
        *,
        identity: str,
        password: bytes | None = None,
        tls: ssl.SSLContext | None = None,
        on_handshake: Callable[[], None] = lambda: None,
    ) -> None:
        self.identity = identity
        self.password = password
        self.tls = tls
        self.port = 0
        self.refuse_with: int | None = None
        self.handshakes: list[Handshake] = []
        self._handler = handler
        self._on_handshake = on_handshake
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """The settings' `csms.url`: without the identity."""
        scheme, host = ("wss", "localhost") if self.tls else ("ws", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}/ocpp"

    async def open(self) -> None:
        """Listen; on the same port as before if there was one."""
        self._server = await serve(
            self._handler,
            "127.0.0.1",
            self.port,
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]  # a NewType of str
            process_request=self._check,
            compression=None,
            ping_interval=None,
            close_timeout=1,
            max_size=FRAME_BYTES_MAX,
            ssl=self.tls,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        """Stop listening and close every link; connecting is refused by the operating system from then on."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        status = self._status_of(request)
        handshake = Handshake(
            path=request.path,
            authorization=request.headers.get("Authorization", ""),
            subprotocols=request.headers.get("Sec-WebSocket-Protocol", ""),
            status=status,
        )
        self.handshakes.append(handshake)
        self._on_handshake()
        return None if status == 101 else connection.respond(http.HTTPStatus(status), "no\n")

    def _status_of(self, request: Request) -> int:
        if self.refuse_with is not None:
            return self.refuse_with
        path = request.path.partition("?")[0]
        if unquote(path.removeprefix("/ocpp/")) != self.identity or path.count("/") != 2:
            return 404
        if "ocpp1.6" not in request.headers.get("Sec-WebSocket-Protocol", ""):
            return 400
        if self.password is None:
            return 101
        credentials = base64.b64encode(self.identity.encode() + b":" + self.password).decode()
        given = request.headers.get("Authorization", "")
        return 101 if hmac.compare_digest(given, f"Basic {credentials}") else 401
