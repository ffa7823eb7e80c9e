"""The wire between a station and its CSMS: every byte passes through here, and can be held back, dropped or be the last one."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

_CHUNK = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_SMALL_BUFFER = 4_096


class Way(Enum):
    """A direction."""

    TO_CSMS = "to the CSMS"
    TO_STATION = "to the station"


class End(Enum):
    """How a connection ends: by a reset, or as if it had been closed in order."""

    RST = "reset"
    FIN = "closed"


@dataclass(slots=True)
class _Cut:
    way: Way
    after_bytes: int
    end: End


class Wire:
    """A proxy on a port of its own, for one connection at a time.

    `dripping`: one byte at a time. `swallowing`: whatever is sent is gone, both ways, and nobody is told. `stuck`: nobody reads
    what the station sends.
    """

    def __init__(self, csms_port: int) -> None:
        self.port = 0
        self.connections = 0
        self.dripping = self.swallowing = self.stuck = False
        self._csms_port = csms_port
        self._cut: _Cut | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        listener.bind(("127.0.0.1", 0))
        self._server = await asyncio.start_server(self._connected, sock=listener, limit=_SMALL_BUFFER)
        self.port = listener.getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """The station's `csms.url`."""
        return f"ws://127.0.0.1:{self.port}/ocpp"

    def cut(self, way: Way, after_bytes: int, end: End) -> None:
        """The connection ends once so many more bytes have passed this way."""
        self._cut = _Cut(way, after_bytes, end)

    async def _connected(self, station_in: asyncio.StreamReader, station_out: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._join(station_in, station_out))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait([task])

    async def _join(self, station_in: asyncio.StreamReader, station_out: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.swallowing = self.stuck = False
        csms_in, csms_out = await asyncio.open_connection("127.0.0.1", self._csms_port)
        ways = [
            asyncio.create_task(self._forward(Way.TO_CSMS, station_in, csms_out)),
            asyncio.create_task(self._forward(Way.TO_STATION, csms_in, station_out)),
        ]
        try:
            ended, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if End.RST in {way.result() for way in ended}:
                for writer in (station_out, csms_out):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                    writer.transport.abort()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (station_out, csms_out):
                writer.close()

    async def _forward(self, way: Way, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> End:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(1 if self.dripping else _CHUNK):
                while self.stuck and way is Way.TO_CSMS:  # noqa: ASYNC110  # until the connection is given up
                    await asyncio.sleep(0.01)
                if self.swallowing:
                    continue
                cut = self._cut
                if cut is not None and cut.way is way:
                    passed, cut.after_bytes = data[: cut.after_bytes], cut.after_bytes - len(data)
                    target.write(passed)
                    await target.drain()
                    if cut.after_bytes <= 0:
                        self._cut = None
                        return cut.end
                    continue
                target.write(data)
                await target.drain()
        return End.FIN
