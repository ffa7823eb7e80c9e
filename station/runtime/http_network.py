"""HTTP by the connections of `station.runtime.dialing`: every address of a name is tried, and each is judged before it is used.

The client itself would take any address that a name or a redirect leads to; so its pool is given a network that asks the
dialer. That network also listens while it writes: a server that refuses an upload by its head answers and hangs up, and the
answer would be lost with the connection.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore2
import httpx2

from station.runtime.dialing import Dialer, connect_to

READ_AHEAD_BYTES = 256 * 1024


class _Wire(asyncio.Protocol):
    """What has come, kept though the connection be lost."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.received = bytearray()
        self.ended = False
        self.failure: Exception | None = None
        self.changed = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream has one"
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.changed.set()
        if len(self.received) > READ_AHEAD_BYTES and self.transport is not None:
            self.transport.pause_reading()

    def eof_received(self) -> None:
        self.ended = True
        self.changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended, self.failure = True, exc
        self.changed.set()
        self.writable.set()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection as httpcore2 uses it."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    @property
    def _transport(self) -> asyncio.Transport:
        assert self._wire.transport is not None, "it is connected"
        return self._wire.transport

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # the library's name
        wire = self._wire
        try:
            async with asyncio.timeout(timeout):
                while not wire.received and not wire.ended:
                    wire.changed.clear()
                    await wire.changed.wait()
        except TimeoutError as error:
            raise httpcore2.ReadTimeout from error
        found = bytes(wire.received[:max_bytes])
        del wire.received[:max_bytes]
        if not found and wire.failure is not None:
            raise httpcore2.ReadError(str(wire.failure)) from wire.failure
        if not wire.ended and len(wire.received) <= READ_AHEAD_BYTES:
            self._transport.resume_reading()
        return found

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # the library's name
        wire = self._wire
        await asyncio.sleep(0)  # what has come is read first: an error of writing would drop it
        try:
            async with asyncio.timeout(timeout):
                if not wire.ended:
                    self._transport.write(buffer)
                await wire.writable.wait()
        except TimeoutError as error:
            raise httpcore2.WriteTimeout from error
        if wire.ended:
            raise httpcore2.WriteError("the server hung up")

    async def aclose(self) -> None:
        self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # the library's name
    ) -> httpcore2.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                self._wire.transport = await loop.start_tls(
                    self._transport, self._wire, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore2.ConnectTimeout("TLS is not answered") from error
        except OSError as error:
            self._transport.abort()
            raise httpcore2.ConnectError(f"TLS fails: {error}") from error
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # of a connection at rest: it has ended, or says what nobody asked for
            return self._wire.ended or bool(self._wire.received)
        return self._transport.get_extra_info(info)


class _Network(httpcore2.AsyncNetworkBackend):
    """Connects to a name at the first of its addresses that answers, but for those to `avoid`.

    `reached` is the one that did last, "" if none did.
    """

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self.reached = ""
        self.avoid: frozenset[str] = frozenset()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # the library's name
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.reached = ""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._dialer.addresses(host, port)
                left = [address for address in addresses if address.text not in self.avoid]
                if not left:
                    raise ConnectionError(f"no other address of {host} is left")
                address, connected = await connect_to(left)
                _, wire = await asyncio.get_running_loop().create_connection(_Wire, sock=connected)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no address of {host} answers") from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        self.reached = address.text
        return _Stream(wire)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class DiallingTransport(httpx2.AsyncBaseTransport):
    """What an httpx2 client sends its requests by. Failures are httpcore2's (see FAILURES)."""

    def __init__(self, dialer: Dialer, tls: ssl.SSLContext) -> None:
        self._dialer = dialer
        self._network = _Network(dialer)
        self._pool = httpcore2.AsyncConnectionPool(ssl_context=tls, network_backend=self._network)

    def doubt(self) -> None:
        """What was reached last led nowhere: the next try begins with another address."""
        if self._network.reached:
            self._dialer.doubt(self._network.reached)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request, one answer; redirects are the client's."""
        url = request.url
        asked = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        answer = await self._answered(asked)
        self._dialer.trust(self._network.reached)
        return httpx2.Response(
            status_code=answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    async def _answered(self, asked: httpcore2.Request) -> httpcore2.Response:
        """An address that accepts the connection and then has no TLS is passed over: nothing of the request has left yet."""
        self._network.avoid = frozenset()
        failure: Exception | None = None
        while True:
            try:
                return await self._pool.handle_async_request(asked)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                if not self._network.reached:
                    raise failure or error from None
                failure = error
                self.doubt()
                self._network.avoid |= {self._network.reached}

    async def aclose(self) -> None:
        await self._pool.aclose()


PROTOCOL_FAILURES: tuple[type[Exception], ...] = (httpx2.ProtocolError, httpcore2.ProtocolError)
"""Those of a server that does not speak HTTP as it should."""
FAILURES: tuple[type[Exception], ...] = (
    httpx2.HTTPError,
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    httpcore2.ConnectionNotAvailable,
)
"""What goes wrong on the way of a request."""
