"""GET /api/stream: the events as they become durable, as server-sent events (HTML Living Standard, 9.2) that resume without a gap.

    id: 412
    data: {"seq": 412, ...}              an event as in /api/events

    event: gap                           the events up to here are not kept any more; the next one follows
    data: {"first_seq": 300}

    event: reset                         this log ends before `after`: it is another log, or was salvaged
    data: {"last_seq": 12}

The ids are sequence numbers, so a browser that was away asks with `Last-Event-ID` for what comes behind. Nothing is kept for a reader:
each goes through the log at its own pace, a slice at a time, and those that are at its end share one reading of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from eventstore.chain import Row
from eventstore.event import Recorded
from projections.station import StationState
from station.service.context import StationPort
from station.service.views import event_rows

STREAMS_MAX = 16
SLICE_ROWS = 50
ALIVE_S = 15.0
"""After so long without an event a comment is sent, so that both ends notice a peer that is gone."""
GATHER_S = 0.05
"""What becomes durable within this time is read at once."""
RETRY_MS = 2_000
"""How long a browser waits before it connects again."""

_Piece = tuple[int, bytes]  # the seq of the last event in it, and the text


class Streams:
    """All streams of one station. `close` ends them; until then new ones may be opened, STREAMS_MAX at a time."""

    def __init__(self, station: StationPort) -> None:
        self._station = station
        self._open: set[asyncio.Event] = set()
        self._shared: tuple[tuple[int, int], asyncio.Task[_Piece]] | None = None
        self._is_closed = False
        station.followers.append(self._publish)

    @property
    def is_full(self) -> bool:
        """Whether no further one may be opened."""
        return len(self._open) >= STREAMS_MAX

    def close(self) -> None:
        """The service ends: every stream ends, and its reader asks again later."""
        self._is_closed = True
        self._wake()

    def _publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        self._wake()

    def _wake(self) -> None:
        for each in self._open:
            each.set()

    async def pieces(self, after: int, wake: asyncio.Event, is_gone: Callable[[], bool]) -> AsyncIterator[bytes]:
        """The text of a stream behind seq `after`, until all are closed or its reader is gone; `wake` lets it look whether that is so.

        Raises StorageError.
        """
        self._open.add(wake)
        try:
            yield b"retry: %d\n\n" % RETRY_MS
            last_seq = self._station.log.head.seq
            if after > last_seq:
                after = last_seq
                yield _named("reset", {"last_seq": after}, after)
            while not (self._is_closed or is_gone()):
                wake.clear()
                after, text = await self._next(after)
                if text:
                    yield text
                elif not await _woken(wake):
                    yield b": alive\n\n"
        finally:
            self._open.discard(wake)

    async def _next(self, after: int) -> _Piece:
        """The next slice behind `after`. Who asks for the same while nothing has come since gets the same."""
        asked = after, self._station.log.head.seq
        if self._shared is None or self._shared[0] != asked:
            self._shared = asked, asyncio.ensure_future(self._read(after))
        return await asyncio.shield(self._shared[1])

    async def _read(self, after: int) -> _Piece:
        rows = await self._station.log.read_rows(after, SLICE_ROWS)
        if not rows:
            return after, b""
        gap = b"" if rows[0].seq == after + 1 else _named("gap", {"first_seq": rows[0].seq}, rows[0].seq - 1)
        return rows[-1].seq, gap + b"".join(_texts(rows))


class EventStream:
    """The answer that is one stream: sent until the reader is gone, or all streams are closed."""

    def __init__(self, streams: Streams, after: int) -> None:
        self._streams = streams
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Waits for what is not taken, so a reader that is slow costs the slice that is on its way."""
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        wake = asyncio.Event()
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _: wake.set())
        pieces = self._streams.pieces(self._after, wake, gone.done)
        try:
            async for text in pieces:
                await send({"type": "http.response.body", "body": text, "more_body": True})
        finally:
            gone.cancel()
            await pieces.aclose()  # type: ignore[attr-defined]  # it is a generator
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _woken(wake: asyncio.Event) -> bool:
    """Whether something came; False after ALIVE_S in which nothing did."""
    try:
        async with asyncio.timeout(ALIVE_S):
            await wake.wait()
    except TimeoutError:
        return False
    await asyncio.sleep(GATHER_S)
    return True


def _texts(rows: Sequence[Row]) -> list[bytes]:
    shown = event_rows(rows)
    return [b"id: %d\ndata: %b\n\n" % (row.seq, orjson.dumps(one)) for row, one in zip(rows, shown, strict=True)]


def _named(name: str, data: dict[str, Any], seq: int) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (seq, name.encode(), orjson.dumps(data))


_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
