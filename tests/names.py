"""Names with several addresses, some of them broken: what a resolver would say, and hosts on loopback that swallow or keep silent."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest


class Names:
    """The names that the tests' resolver knows, and how often it was asked for each; everything else is resolved as usual.

    One without an address is known not to be there.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.known: dict[str, tuple[str, ...]] = {}
        self.asked: list[str] = []
        self._real = socket.getaddrinfo
        patch.setattr(socket, "getaddrinfo", self._resolve)

    def _resolve(self, host: Any, *more: Any, **options: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in self.known:
            return self._real(host, *more, **options)
        self.asked.append(name)
        if not self.known[name]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [found for one in self.known[name] for found in self._real(one, *more, **options)]


@contextlib.contextmanager
def swallowing(address: str, port: int) -> Iterator[None]:
    """Packets to the address and port get lost: a listener whose queue is full."""
    hole, waiting = socket.socket(), []
    hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    hole.bind((address, port))
    hole.listen(0)
    for _ in range(4):
        one = socket.socket()
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            one.connect((address, port))
        waiting.append(one)
    try:
        yield
    finally:
        for one in (hole, *waiting):
            one.close()


@contextlib.asynccontextmanager
async def dull(address: str, port: int, *, hangs_up: bool) -> AsyncIterator[list[int]]:
    """A host that takes connections and never says a word: it keeps silent or hangs up; yields one entry a connection."""
    taken: list[int] = []
    done = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(1)
        if not hangs_up:
            await done.wait()
        writer.transport.abort()

    async with await asyncio.start_server(take, address, port):
        try:
            yield taken
        finally:
            done.set()
            await asyncio.sleep(0)
