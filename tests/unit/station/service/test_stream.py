"""The stream of events, read as a browser reads it; the reader's end of the connection is in the hand of the test."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from eventstore.catalogue.hardware import EmergencyStopObserved
from station.service import stream
from station.service.stream import SLICE_ROWS, STREAMS_MAX, EventStream, Streams
from tests.unit.station.service.stations import Served, served

pytestmark = pytest.mark.asyncio
WITHIN_S = 60


@dataclass
class Reader:
    """A browser: it takes what comes while its hand is open, and may go away."""

    takes: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    text: str = ""
    sent: int = 0
    ended: bool = False

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            assert (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]
            return
        self.sent += 1
        await self.takes.wait()
        self.text += message["body"].decode()
        self.ended = not message["more_body"]

    @property
    def messages(self) -> list[dict[str, str]]:
        """What stands between empty lines, field by field; comments are none."""
        blocks = [block for block in self.text.split("\n\n") if block and not block.startswith(":")]
        return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]

    @property
    def seqs(self) -> list[int]:
        return [json.loads(each["data"])["seq"] for each in self.messages if "event" not in each and "data" in each]

    async def has(self, seq: int) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not self.seqs or self.seqs[-1] < seq:  # noqa: ASYNC110  # it knows nothing of its test
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def reading(streams: Streams, after: int, *, takes: bool = True) -> AsyncIterator[Reader]:
    reader = Reader()
    if takes:
        reader.takes.set()
    running = asyncio.create_task(EventStream(streams, after)({"type": "http"}, reader.receive, reader.send))
    try:
        yield reader
    finally:
        reader.gone.set()
        reader.takes.set()
        await asyncio.wait_for(running, WITHIN_S)


async def press(station: Served, times: int) -> int:
    """So many events at least; the last seq."""
    return await station.station.observe(*(EmergencyStopObserved(pressed=bool(n % 2)) for n in range(times)))


async def test_a_stream_begins_behind_its_number_and_goes_on_with_what_comes(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        streams = Streams(station.station)
        async with reading(streams, 1) as reader:
            last = station.station.log.head.seq
            await reader.has(last)
            for _ in range(3):
                last = await press(station, 2)
                await reader.has(last)
            assert reader.seqs == list(range(2, last + 1))
        everything = (await station.http.get("/api/events?limit=10000")).json()["events"]
        shown = [json.loads(each["data"]) for each in reader.messages if "data" in each]
        assert shown == everything[1:]
        assert [int(each["id"]) for each in reader.messages if "data" in each] == reader.seqs


async def test_a_reader_that_was_away_resumes_without_a_gap_and_without_a_double(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        streams = Streams(station.station)
        async with reading(streams, 0) as first:
            await first.has(station.station.log.head.seq)
        last = await press(station, 3 * SLICE_ROWS)
        async with reading(streams, int(first.messages[-1]["id"])) as second:
            await second.has(last)
        assert first.seqs + second.seqs == list(range(1, last + 1))


async def test_a_reader_that_takes_nothing_costs_one_slice_and_gets_all_of_it_later(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        async with reading(Streams(station.station), 0, takes=False) as reader:
            last = await press(station, 10 * SLICE_ROWS)
            await asyncio.sleep(0.2)
            assert reader.sent == 1, "nothing is made before the piece before it is taken"
            reader.takes.set()
            await reader.has(last)
        assert reader.seqs == list(range(1, last + 1))


async def test_readers_at_the_end_share_what_is_read_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(tmp_path) as station:
        streams = Streams(station.station)
        read, asked = streams._read, list[int]()

        async def counted(after: int) -> Any:
            asked.append(after)
            return await read(after)

        monkeypatch.setattr(streams, "_read", counted)
        async with contextlib.AsyncExitStack() as stack:
            last = station.station.log.head.seq
            readers = [await stack.enter_async_context(reading(streams, last)) for _ in range(10)]
            await asyncio.sleep(0.1)
            asked.clear()
            last = await press(station, 1)
            for reader in readers:
                await reader.has(last)
            await asyncio.sleep(0.1)
            assert len(asked) <= 4, "the news, and that there is no more of it; each perhaps twice"


async def test_who_asks_behind_the_end_is_at_another_log(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        async with reading(Streams(station.station), 10_000) as reader:
            before = station.station.log.head.seq
            last = await press(station, 1)
            await reader.has(last)
        named = next(each for each in reader.messages if each.get("event") == "reset")
        assert (json.loads(named["data"]), named["id"]) == ({"last_seq": before}, str(before))
        assert reader.seqs == list(range(before + 1, last + 1))


async def test_events_that_are_kept_no_more_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(tmp_path) as station:
        last = await press(station, 10)
        log = station.station.log
        rows = log.read_rows

        async def kept(after: int, limit: int) -> Any:
            return await rows(max(after, 7), limit)

        monkeypatch.setattr(log, "read_rows", kept)
        async with reading(Streams(station.station), 2) as reader:
            await reader.has(last)
        named = next(each for each in reader.messages if each.get("event") == "gap")
        assert (json.loads(named["data"]), named["id"]) == ({"first_seq": 8}, "7")
        assert reader.seqs == list(range(8, last + 1))


async def test_silence_is_broken_by_a_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "ALIVE_S", 0.01)
    async with served(tmp_path) as station, reading(Streams(station.station), 0) as reader:
        async with asyncio.timeout(WITHIN_S):
            while ": alive\n\n" not in reader.text:  # noqa: ASYNC110  # it knows nothing of its test
                await asyncio.sleep(0.005)


async def test_the_end_of_the_service_ends_every_stream(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        streams = Streams(station.station)
        async with reading(streams, 0) as reader:
            await reader.has(station.station.log.head.seq)
            streams.close()
            async with asyncio.timeout(WITHIN_S):
                while not reader.ended:  # noqa: ASYNC110  # it knows nothing of its test
                    await asyncio.sleep(0.005)


async def test_there_are_so_many_streams_and_no_more(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        streams = Streams(station.station)
        async with contextlib.AsyncExitStack() as stack:
            for n in range(STREAMS_MAX):
                assert not streams.is_full, n
                reader = await stack.enter_async_context(reading(streams, 0))
                await reader.has(1)
            assert streams.is_full
        assert not streams.is_full


@pytest.mark.parametrize("query", ["after=-1", "after=x", "aftr=1"])
async def test_a_number_that_is_none_is_refused(tmp_path: Path, query: str) -> None:
    async with served(tmp_path) as station:
        response = await station.http.get(f"/api/stream?{query}")
        assert response.status_code == 422
        response = await station.http.get("/api/stream", headers={"last-event-id": query})
        assert response.status_code == 422
        assert (await station.http.head("/api/stream")).status_code == 200
