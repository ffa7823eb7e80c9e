"""The HTTP server: its address is taken early, the server itself is loaded when somebody asks.

uvicorn would install signal handlers, raise the signal again afterwards, and end the process when the address is taken. So the
socket is bound and listening before anything else is opened, and uvicorn runs without its signal handling, and without its
loop that wakes up ten times a second. Nor does it accept: that is done here (`accepting`), within bounds (`places`).

The web framework takes a quarter of a second and 7 MB. The first message to the CSMS must not wait for it, and a station that
nobody asks need not carry it: the kernel holds the first connection in the socket's backlog while it is imported, in a thread.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from errno import EADDRINUSE
from functools import partial
from typing import TYPE_CHECKING

from eventstore.descriptors import limit
from eventstore.value import Value
from station.service.accepting import Acceptor
from station.service.access import Tokens, read_tokens
from station.service.context import ServiceContext
from station.service.places import Place, Places
from station.settings.loading import Settings

if TYPE_CHECKING:
    import uvicorn

    from station.service.page_past import PastProcess

LOGGER = logging.getLogger(__name__)
_Protocols = Callable[[Place, Callable[[Place], None]], asyncio.BaseProtocol]

BACKLOG = 2048
"""So many may wait to be accepted: a flood must not make the kernel drop who means it, who would try again after a second."""
GRACE_S = 1
"""How long open requests may take to end once the service stops."""


class ListenError(Exception):
    """The service cannot listen on its address; the text names it."""


class AddressTaken(ListenError):  # noqa: N818  # it says what is the case
    """Another process listens on the address."""


class Listener(Value, frozen=True, kw_only=True):
    """The socket on which the service will answer, and the tokens that it will ask for."""

    socket: socket.socket
    tokens: Tokens

    @property
    def port(self) -> int:
        """The port, also where the settings left the choice to the system (0)."""
        return int(self.socket.getsockname()[1])

    def close(self) -> None:
        """Give the address up."""
        self.socket.close()


def bind(settings: Settings) -> Listener | None:
    """Take the address of `[service] listen`; None if the service is off.

    Raises AddressTaken, ListenError, and SettingsError for a token file that cannot be used.
    """
    if settings.service.address is None:
        return None
    tokens = read_tokens(settings)
    return Listener(socket=_listen(*settings.service.address, settings.service.listen), tokens=tokens)


def _listen(host: str, port: int, text: str) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"[service] listen {text}: {error.strerror}") from error
    try:
        # A process that replaced itself finds connections of its predecessor in TIME_WAIT.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)  # now: two sockets may be bound to one address until one of them listens
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        if error.errno == EADDRINUSE:
            raise AddressTaken(f"[service] listen {text}: the address is taken by another process") from error
        raise ListenError(f"[service] listen {text}: {error.strerror}") from error
    return listening


async def serve(listener: Listener, context: ServiceContext, *, on_listening: Callable[[], None]) -> None:
    """Answer requests until cancelled; `on_listening` is called at once: connections from now on are answered.

    When cancelled, open requests may end within GRACE_S. The listener is closed in every case. Should the server itself fail, e.g.
    because its library is being replaced, the address is given up and the station goes on without it.
    """
    try:
        on_listening()
        await _until_somebody_asks(listener.socket)
        await _serve(listener, context)
    except Exception:
        LOGGER.exception("the HTTP service has failed; the station goes on without it")
        listener.close()
        await asyncio.Event().wait()
    finally:
        listener.close()


async def _serve(listener: Listener, context: ServiceContext) -> None:
    loop, places = asyncio.get_running_loop(), Places(limit)
    server, connection, stop, past = await asyncio.to_thread(_load, listener, context)
    beginning: set[asyncio.Task[object]] = set()

    def begin(accepted: socket.socket, place: Place) -> None:
        task = loop.create_task(loop.connect_accepted_socket(lambda: connection(place, places.leave), accepted))
        beginning.add(task)
        task.add_done_callback(beginning.discard)

    acceptor = Acceptor(listener.socket, places, begin)
    serving = loop.create_task(server.serve(sockets=[]), name="HTTP server")
    acceptor.open()
    try:
        done, _ = await asyncio.wait((serving, acceptor.broken), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        acceptor.close()
        stop()
        await past.close()
        await serving


async def _until_somebody_asks(listening: socket.socket) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listening, asked.set)
    try:
        await asked.wait()
    finally:
        loop.remove_reader(listening)


def _load(
    listener: Listener, context: ServiceContext
) -> tuple["uvicorn.Server", _Protocols, Callable[[], None], "PastProcess"]:
    """The server, what makes its connections, what stops it, and the process that reads the past, which is to be closed.

    Runs in a thread: the imports take long, the rest touches nothing that runs.
    """
    import uvicorn

    from station.service.app import build
    from station.service.connections import IDLE_S, Connection
    from station.service.page_past import PastProcess
    from station.service.stream import Streams

    stopping, streams = asyncio.Event(), Streams(context.station)
    past = PastProcess(context.settings.storage.directory)

    def stop() -> None:
        streams.close()  # they would go on until the end of the grace
        stopping.set()

    class QuietServer(uvicorn.Server):
        """uvicorn without its signal handlers and without its ticking."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def main_loop(self) -> None:
            await stopping.wait()

    config = uvicorn.Config(
        build(context, listener.tokens, streams, past),
        http="h11",
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",  # what a peer does wrong is no news, what we do wrong the application logs itself
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=GRACE_S,
    )
    config.load()
    server = QuietServer(config)
    return server, partial(Connection, config, server.server_state), stop, past
