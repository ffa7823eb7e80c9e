"""Durable appends through the event log, as ratios to bare sqlite3 with the same settings in the same run.

    python tests/performance/bench_append.py [rounds]

Prints a table: appends per second with 1, 10 and 100 concurrent appenders, the ratio to bare sqlite3 with one event per commit
and to aiosqlite's own one-hop append (medians of paired rounds), the bytes and syncs of one append, and the longest stall of
the event loop. The floors drift from run to run; the ratios are what counts. It gives no verdict.
"""

import asyncio
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import aiosqlite

from eventstore.chain import digest_after
from eventstore.codec import encode
from eventstore.commitments import whole_row
from eventstore.database import migrate, open_writer
from eventstore.event import Observation, Recorded
from eventstore.log import EventLog

EVENTS = 600
APPENDERS = (1, 10, 100)
_INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class MeterRead(Observation, frozen=True, kw_only=True):
    """An event of about 280 bytes, like those of a charging transaction."""

    NAME = "MeterRead"

    connector_id: int
    energy_wh: int
    power_w: int
    current_ma: tuple[int, ...]
    text: str


CATALOGUE = {MeterRead.NAME: MeterRead}


def recorded(seq: int) -> Recorded:
    """The event with this seq; none is like the other."""
    event = MeterRead(connector_id=1, energy_wh=seq, power_w=11_040, current_ma=(16_000,) * 3, text=f"{seq:0120d}")
    return Recorded(seq=seq, cause=seq, at_ms=seq * 10, utc_ms=1_767_225_600_000 + seq * 10, event=event)


def parameters(seq: int) -> tuple[Any, ...]:
    """The same event as a row, its digest computed as the log does."""
    made = recorded(seq)
    row = (seq, seq, made.at_ms, made.utc_ms, MeterRead.NAME, 1, 1, encode(made.event))
    return (*row, digest_after(bytes(32), whole_row(row)))


def bare(path: Path, events: int) -> float:
    """Appends per second of the standard library alone, one event per commit."""
    connection = open_writer(path)
    migrate(connection)
    rows = [parameters(seq) for seq in range(1, events + 1)]
    began = perf_counter()
    for row in rows:
        connection.execute(_INSERT, row)
    rate = events / (perf_counter() - began)
    connection.close()
    return rate


async def one_hop(path: Path, events: int) -> float:
    """Appends per second of aiosqlite, one hop and one event per commit."""

    def opened() -> sqlite3.Connection:
        connection = open_writer(path)
        migrate(connection)
        return connection

    async with aiosqlite.Connection(opened, iter_chunk_size=64) as connection:
        rows = [parameters(seq) for seq in range(1, events + 1)]
        began = perf_counter()
        for row in rows:
            await connection.execute_fetchall(_INSERT, row)
        return events / (perf_counter() - began)


async def through_log(directory: Path, events: int, appenders: int) -> tuple[float, float]:
    """Appends per second with so many appenders, each waiting for its own commit; and the longest stall in ms."""
    log = await EventLog.open(directory, identity="BENCH", catalogue=CATALOGUE)
    upcoming = iter([recorded(seq) for seq in range(1, events + 1)])

    async def appender() -> None:
        for each in upcoming:
            await log.append([each])

    stall = asyncio.create_task(_longest_stall_ms())
    began = perf_counter()
    await asyncio.gather(*(appender() for _ in range(appenders)))
    rate = events / (perf_counter() - began)
    stall.cancel()
    await log.close()
    return rate, (await asyncio.gather(stall))[0]


async def _longest_stall_ms() -> float:
    longest, period = 0.0, 0.005
    try:
        while True:
            began = perf_counter()
            await asyncio.sleep(period)
            longest = max(longest, perf_counter() - began - period)
    except asyncio.CancelledError:
        return longest * 1000


def paired_round(root: Path, number: int) -> dict[str, float]:
    """One measurement of everything, one right after the other."""
    found = {"bare": bare(root / f"bare-{number}.db", EVENTS)}
    found["one hop"] = asyncio.run(one_hop(root / f"hop-{number}.db", EVENTS))
    for appenders in APPENDERS:
        events = EVENTS * min(appenders, 20)
        rate, stall_ms = asyncio.run(through_log(root / f"log-{number}-{appenders}", events, appenders))
        found |= {f"log {appenders}": rate, f"stall {appenders}": stall_ms}
    return found


def written_bytes() -> int:
    """What this process has handed to write calls so far (Linux)."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


def bytes_per_append(root: Path) -> float:
    """Bytes written for one event per commit, checkpoints and the opening included."""
    before = written_bytes()
    asyncio.run(through_log(root / "bytes", EVENTS, 1))
    return (written_bytes() - before) / EVENTS


def syncs_of(events: int) -> int | None:
    """fsync and fdatasync calls of a process that appends so many events one by one; None without strace."""
    if shutil.which("strace") is None:
        return None
    with tempfile.TemporaryDirectory() as root:
        trace = Path(root) / "trace"
        command = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace), sys.executable, __file__]
        subprocess.run([*command, "append", str(events), str(Path(root) / "log")], check=True)
        return sum("resumed" not in line for line in trace.read_text().splitlines() if "sync(" in line)


def main(rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        found = [paired_round(root, number) for number in range(rounds)]
        per_append = bytes_per_append(root)

    def median_of(key: str, floor: str | None = None) -> float:
        return statistics.median(each[key] / (each[floor] if floor else 1) for each in found)

    print(f"{rounds} paired rounds, {EVENTS} events or more each")
    print(f"{'':24} {'appends/s':>10} {'x bare':>8} {'x one hop':>10} {'stall ms':>9}")
    for key in ("bare", "one hop", *(f"log {appenders}" for appenders in APPENDERS)):
        stall = f"{median_of(key.replace('log', 'stall')):9.1f}" if key.startswith("log") else ""
        print(
            f"{key:24} {median_of(key):10.0f} {median_of(key, 'bare'):8.2f} {median_of(key, 'one hop'):10.2f} {stall}"
        )
    print(f"bytes written per append {per_append:10.0f}")
    few, many = syncs_of(0), syncs_of(EVENTS)
    if few is not None and many is not None:
        print(f"syncs per append         {(many - few) / EVENTS:10.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["append"]:
        asyncio.run(through_log(Path(sys.argv[3]), int(sys.argv[2]), 1))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
