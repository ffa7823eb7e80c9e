"""The table of docs/performance.md: what the station takes today, the target, and what a peer takes, paired in one run.

    make bench                          the whole table, some ten minutes
    make bench ARGS="P1 P8"             some of its rows

Every figure has its floor or its peer measured right beside it, because absolute figures drift with the machine; ratios are medians of
paired rounds. It gives no verdict. Where the directory for temporary files is a RAM disk, a sync costs nothing: then the rows with a
disk in them show what is left beside it. The last lines are a row for the history in docs/performance.md, which is kept by hand.
"""

import argparse
import asyncio
import gc
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from station.daemon.process import SWITCH_INTERVAL_S
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from tests.performance import bench_append, bench_daemon, bench_kernel, bench_reflex, bench_replay, peers
from tests.replay_logs import many_days, story, write_log

ROUNDS = 9
PEER_COMMITS, PEER_ROWS = 4, 6
"""A swipe to charging in four commits, as others would write it."""
FOLDED = 10_000
REFLEXES = 50
DRAINED = 2_000
"""What is held in memory of a queue is a window: its length does not matter."""


class Figure(NamedTuple):
    """A row of the table."""

    what: str
    today: str
    target: str
    peer: str


def percentile(ascending: Sequence[float], share: float) -> float:
    """Of a sorted list."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


async def appends(directory: Path) -> list[Figure]:
    """P1 and P2. The peers are aiosqlite by itself and SQLite with the settings that it comes with."""
    found = []
    for number in range(ROUNDS):
        each = await asyncio.to_thread(bench_append.paired_round, directory, number)
        each["default"] = await asyncio.to_thread(peers.by_default, directory / f"default-{number}.db", 100)
        found.append(each)

    def ratio(key: str, floor: str) -> float:
        return statistics.median(each[key] / each[floor] for each in found)

    hop, default = ratio("one hop", "bare"), ratio("default", "bare")
    return [
        Figure(
            "P1 one appender, x bare sqlite3 / x one hop",
            f"{ratio('log 1', 'bare'):.2f} / {ratio('log 1', 'one hop'):.2f}",
            ">= 0.55 / >= 0.95",
            f"aiosqlite {hop:.2f} x bare, SQLite's defaults {default:.2f}",
        ),
        Figure(
            "P2 10 / 100 appenders, x bare sqlite3",
            f"{ratio('log 10', 'bare'):.1f} / {ratio('log 100', 'bare'):.1f}",
            ">= 4 / >= 15",
            f"aiosqlite {hop:.2f}: it shares no commits",
        ),
    ]


async def swipe(directory: Path) -> list[Figure]:
    """P3."""
    if shutil.which("strace") is None:
        return [Figure("P3 swipe to charging", "strace is not installed", "<= 5 syncs, <= 45 KiB", "")]
    found = [await bench_daemon.swipe_cost(directory / str(number)) for number in range(3)]
    syncs, kib = (statistics.median(each[index] for each in found) for index in (0, 1))
    peer_syncs, peer_kib = peers.default_cost(PEER_COMMITS, PEER_ROWS)
    return [
        Figure(
            "P3 swipe to charging",
            f"{syncs:.0f} syncs, {kib:.0f} KiB",
            "<= 5 syncs, <= 45 KiB",
            f"SQLite's defaults {peer_syncs:.0f} syncs, {peer_kib:.0f} KiB",
        )
    ]


async def starts(directory: Path) -> list[Figure]:
    """P4 and the idle half of P5. The peer is a client on the `ocpp` package."""
    async with bench_daemon.csms() as (served, url):
        idle_mb = await bench_daemon.idle_mb(directory, served, url)
        ours, theirs = await bench_daemon.starts(directory, served, url)
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    drained = await bench_daemon.drained(directory / "drain", 0, DRAINED)
    return [
        Figure(
            "P4 start to BootNotification, x a client on the ocpp package",
            f"{ratio:.2f} ({statistics.median(ours):.0f} ms)",
            "<= 1.0",
            f"1.00 ({statistics.median(theirs):.0f} ms)",
        ),
        Figure("P5 idle / draining 10,000", f"{idle_mb:.0f} / {drained.resident_mb:.0f} MB", "<= 34 / <= 42 MB", ""),
    ]


async def fold(directory: Path) -> list[Figure]:
    """P6. The floor is the bare read-and-parse of the same rows."""
    recorded = story()
    recorded.checked = False
    await asyncio.to_thread(write_log, many_days(recorded, FOLDED), directory / "log")
    ratios = []
    with open_log(directory / "log") as reader:
        count = reader.head.seq
        for _ in range(ROUNDS):
            gc.collect()
            floor = bench_replay.processor_s(lambda: bench_replay.bare(reader.scratch))
            ratios.append(bench_replay.processor_s(lambda: state_at(reader, count)) / floor)
    return [Figure("P6 fold, x bare read and parse", f"{statistics.median(ratios):.1f}", "<= 2.5", "1.0, the floor")]


async def remote(directory: Path) -> list[Figure]:
    """P7. The peer answers without starting anything, or keeping it."""
    async with bench_daemon.csms() as (served, url), bench_daemon.daemon(directory, url) as station:
        await asyncio.wait_for(served.boot.wait(), 30)
        ours = await bench_daemon.remote_starts(served, station, 60)
    async with bench_daemon.csms() as (served, url):
        theirs = await bench_daemon.peer_remote_starts(served, url, 60)
    return [
        Figure(
            "P7 RemoteStart to its answer, median / p99",
            f"{percentile(ours, 0.5):.1f} / {percentile(ours, 0.99):.1f} ms",
            "<= 2 / <= 5 ms",
            f"ocpp package, nothing kept {percentile(theirs, 0.5):.1f} / {percentile(theirs, 0.99):.1f} ms",
        )
    ]


async def drains(directory: Path) -> list[Figure]:
    """P8."""
    quick = await bench_daemon.drained(directory / "0", 0, 1_000)
    slow = await bench_daemon.drained(directory / "20", 20, 300)

    def each_ms(seconds: float, drain: bench_daemon.Drain) -> float:
        return seconds / drain.messages * 1000

    return [
        Figure(
            "P8 drain at 0 ms, x a bare client",
            f"{quick.ours_s / quick.bare_s:.1f} ({each_ms(quick.ours_s, quick):.2f} ms each, "
            f"{each_ms(quick.processor_s, quick):.2f} of the processor)",
            "<= 3, <= 0.8 ms each",
            f"ocpp package, no memory {each_ms(quick.peer_s, quick):.2f} ms each",
        ),
        Figure(
            "P8 drain at 20 ms, x a bare client",
            f"{slow.ours_s / slow.bare_s:.2f}",
            "<= 1.02",
            f"ocpp package {slow.peer_s / slow.bare_s:.2f}",
        ),
    ]


async def steps(directory: Path) -> list[Figure]:
    """P9, in processor time. The peer is the package's way from a CALL's text to its answer's."""
    found = bench_kernel.in_midst_of_a_session()
    gc.collect()
    gc.freeze()
    medians = {name: median for name, median, _, _ in bench_kernel.measure(found, found.state)}
    stop = medians.pop("RemoteStopTransaction")
    text = '[2,"c","RemoteStopTransaction",{"transactionId":9001}]'
    theirs = statistics.median(await peers.ocpp_call_us(text, bench_kernel.ROUNDS))
    gc.unfreeze()
    return [
        Figure(
            "P9 ordinary step / RemoteStop",
            f"{min(medians.values()):.0f}-{max(medians.values()):.0f} / {stop:.0f} us",
            "<= 35 / <= 120 us",
            f"ocpp package, a RemoteStop that stops nothing {theirs:.0f} us",
        )
    ]


async def reflex(directory: Path) -> list[Figure]:
    """P12. The floor is a thread that wakes the loop, and nothing else."""

    sys.setswitchinterval(SWITCH_INTERVAL_S)  # as the daemon does

    def measured() -> tuple[list[float], list[float]]:
        with bench_reflex.busy_thread():
            floor = asyncio.run(bench_reflex.floor())
            return floor, asyncio.run(bench_reflex.measure(next(iter(bench_reflex.EDGES.values())), REFLEXES))

    floor, times = await asyncio.to_thread(measured)
    return [
        Figure(
            "P12 reflex beside a thread that computes, p99",
            f"{percentile(times, 0.99):.1f} ms",
            "<= 5 ms",
            f"a bare wake-up {percentile(floor, 0.99):.1f} ms",
        )
    ]


async def heartbeat(directory: Path) -> list[Figure]:
    """What a Heartbeat and its answer write, the share in checkpoints included."""
    if shutil.which("strace") is None:
        return [Figure("heartbeat, durable", "strace is not installed", "<= 12 KiB", "")]
    _, kib = await bench_daemon.heartbeat_cost(directory)
    _, peer_kib = peers.default_cost(2, 3)
    return [Figure("heartbeat, durable", f"{kib:.1f} KiB", "<= 12 KiB", f"SQLite's defaults {peer_kib:.0f} KiB")]


ROWS: Mapping[str, Callable[[Path], Awaitable[list[Figure]]]] = {
    "P1": appends,
    "P3": swipe,
    "P4": starts,
    "P6": fold,
    "P7": remote,
    "P8": drains,
    "P9": steps,
    "P12": reflex,
    "heartbeat": heartbeat,
}


def machine(directory: Path) -> str:
    """What the figures were measured on, in general words."""
    kind = next(
        (
            fields[2]
            for fields in sorted(
                (line.split() for line in Path("/proc/mounts").read_text().splitlines()),
                key=lambda fields: len(fields[1]),
                reverse=True,
            )
            if str(directory).startswith(fields[1])
        ),
        "unknown",
    )
    return (
        f"{os.cpu_count()} processors, Linux {platform.release()}, {kind}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, load {os.getloadavg()[0]:.1f}"
    )


async def run(names: Sequence[str]) -> list[Figure]:
    """The rows asked for, each in a directory of its own."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="chargebox-bench-") as temporary:
        print(machine(Path(temporary)), flush=True)
        print(f"{'':62}{'today':38}{'target':24}peer", flush=True)
        for name in names:
            place = Path(temporary) / name
            place.mkdir()
            for figure in await ROWS[name](place):
                print(f"{figure.what:62}{figure.today:38}{figure.target:24}{figure.peer}", flush=True)
                found.append(figure)
    return found


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all without any")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.rows if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)} (there are {', '.join(ROWS)})")
    found = asyncio.run(run(arguments.rows or list(ROWS)))
    print("\nFor the history:\n")
    for figure in found:
        print(f"| {figure.what} | {figure.today} | {figure.target} | {figure.peer} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
