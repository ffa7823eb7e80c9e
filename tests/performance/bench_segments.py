"""What years of service take on the disk, and how long closing a segment holds up the appends.

    python tests/performance/bench_segments.py [days]

Tells a month (or so many days) of a station with ten sessions a day, samples every 60 s with noise on the meter, heartbeats every
300 s; writes it through the real event log with segments of the default size; and prints the bytes per idle day, per charging
hour and per year, before and after compression, the time of a switch, and what compressing and reading back take.
It gives no verdict.
"""

import asyncio
import random
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from eventstore.archive import ArchiveReader
from eventstore.event import Event
from eventstore.log import EventLog
from eventstore.segments import archives
from station.runtime.books import books_closed
from tests.given import StationUnderTest, station

CHUNK = 2_000
SEGMENT_BYTES = 8 << 20
SESSIONS = 10
SESSION_MINUTES = 60


class Metered(StationUnderTest):
    """A station whose meter reads what a real one would: no two readings alike. The kernel's invariants are left out."""

    chance = random.Random(1)

    def _check_fold(self, *_: object) -> None:
        """Not here: a month is long."""

    def _check_rest(self, *_: object) -> None:
        """Not here."""

    def read_meter(self, connector_id: int = 1, **values: Any) -> list[Event]:
        current_ma = tuple(15_900 + self.chance.randrange(200) for _ in range(3))
        voltage_mv = tuple(229_000 + self.chance.randrange(4_000) for _ in range(3))
        power_w = sum(ma * mv for ma, mv in zip(current_ma, voltage_mv, strict=True)) // 1_000_000
        return super().read_meter(connector_id, power_w=power_w, current_ma=current_ma, voltage_mv=voltage_mv, **values)


def begun() -> Metered:
    """Online, with the usual measurands."""
    found = Metered(description=station().description)
    found.online()
    found.configure(
        HeartbeatInterval=300,
        MeterValueSampleInterval=60,
        MeterValuesSampledData="Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage",
    )
    return found


def forget(found: Metered) -> None:
    """What was sent is of no interest here."""
    found.forget()
    found.log.clear()


def day(found: Metered, sessions: int = SESSIONS) -> None:
    """Sessions of an hour, evenly over the day."""
    for number in range(sessions):
        found.advance(86_400 / sessions - SESSION_MINUTES * 60)
        found.plug()
        found.swipe(f"04{number:06X}")
        for _ in range(SESSION_MINUTES):
            found.charge(180 + found.chance.randrange(8))
            found.advance(60)
        found.swipe(f"04{number:06X}")
        found.unplug()


async def at_once() -> None:
    """No pause."""


class Book:
    """A log in the making, with what it cost."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.switches_ms: list[float] = []
        self.written = 0
        self.compressed_s = 0.0

    async def take(self, found: Metered) -> None:
        """Append what was told, and close the segment when it is full."""
        for start in range(0, len(found.log), CHUNK):
            await self.log.append(found.log[start : start + CHUNK])
        forget(found)
        if await self.log.segment_bytes() >= SEGMENT_BYTES:
            await self.close(found)

    async def close(self, found: Metered) -> None:
        """As the station does it, timed."""
        event, content = books_closed(found.state, found.at_ms, self.log.opening.head.seq + 1)
        found.observe(event)
        begun_s = perf_counter()
        await self.log.append(found.log)
        await self.log.close_segment(
            state=content, layout=event.layout, fingerprint=event.fingerprint, owed_seq=event.owed_seq
        )
        self.switches_ms.append((perf_counter() - begun_s) * 1000)
        forget(found)
        for segment in self.log.archives.waiting:
            self.written += segment.path.stat().st_size
            begun_s = perf_counter()
            await self.log.archives.compress(segment, at_once)
            self.compressed_s += perf_counter() - begun_s


async def measured(directory: Path, days: int, sessions: int) -> tuple[Book, int]:
    """The log of so many days."""
    log = await EventLog.open(directory, identity="CB-0001")
    try:
        book, found = Book(log), begun()
        await book.take(found)
        await book.close(found)
        first = log.head.seq
        book.written = 0
        for _ in range(days):
            if sessions:
                day(found, sessions)
            else:
                found.advance(86_400)
            await book.take(found)
        await book.close(found)
        return book, log.head.seq - first
    finally:
        await log.close()


def archived_bytes(directory: Path) -> int:
    """Without the first one, which holds the beginning."""
    return sum(segment.path.stat().st_size for segment in archives(directory)[1:])


def verified_s(directory: Path) -> float:
    """How long all archives take to verify."""
    begun_s = perf_counter()
    for segment in archives(directory):
        with ArchiveReader(segment.path) as reader:
            assert reader.verify() == ()
    return perf_counter() - begun_s


def main(days: int) -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as name:
        idle, _ = asyncio.run(measured(Path(name) / "idle", days, 0))
        idle_archived = archived_bytes(Path(name) / "idle")
        busy, events = asyncio.run(measured(Path(name) / "busy", days, SESSIONS))
        archived = archived_bytes(Path(name) / "busy")
        seconds = verified_s(Path(name) / "busy")
    hours = days * SESSIONS * SESSION_MINUTES / 60
    share = idle.written / days * (1 - SESSIONS * SESSION_MINUTES / 1440)
    share_archived = idle_archived / days * (1 - SESSIONS * SESSION_MINUTES / 1440)
    print(f"{days} days, {SESSIONS} sessions a day: {events} events, {events / days:.0f} a day")
    print(f"{'':24}{'as written':>14}{'archived':>14}{'ratio':>8}")
    rows = (
        ("idle day, KiB", idle.written / days / 1024, idle_archived / days / 1024),
        (
            "charging hour, KiB",
            (busy.written - share * days) / hours / 1024,
            (archived - share_archived * days) / hours / 1024,
        ),
        ("year, MiB", busy.written / days * 365 / 2**20, archived / days * 365 / 2**20),
        ("event, bytes", busy.written / events, archived / events),
    )
    for what, before, after in rows:
        print(f"{what:24}{before:14.1f}{after:14.1f}{before / after:8.1f}")
    switches = sorted(busy.switches_ms + idle.switches_ms)
    print(f"switch: median {switches[len(switches) // 2]:.0f} ms, longest {switches[-1]:.0f} ms, of {len(switches)}")
    print(
        f"compressing: {busy.written / 2**20 / busy.compressed_s:.0f} MiB/s; verifying: {events / seconds:.0f} events/s"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
