"""What surviving costs: the disk's wear, the start after a cut, and how fast the simulation goes.

wear       bytes written and syncs of the real daemon for one transaction, a charging hour and an idle day, by file
start      process start to the first BootNotification after a kill -9 while charging, on a log of 1,000,000 events
year       a year's log before and after compression (bench_segments over some days)
simulate   simulated station-days per minute on one core, each step checked against every invariant

python -m tests.performance.bench_reliability [wear] [start] [year] [simulate] [--events N]

Takes some minutes. It gives no verdict.
"""

import argparse
import asyncio
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.csms.faulty import FaultyCsms
from tests.daemon import Daemon
from tests.integration.stations import delivered, free_connector, settings_for, start_transaction, until
from tests.performance import bench_segments
from tests.performance.bench_daemon import csms as first_heard
from tests.performance.bench_daemon import daemon as plain_daemon
from tests.performance.bench_daemon import fill, first_boot_ms
from tests.reliability.interposer import Op, Record, build, environment, read_trace
from tests.simulation.run import simulate

KIB = 1024
HOUR_S, DAY_S = 3_600, 86_400
HEARTBEAT_S, SAMPLE_S = 300, 60
MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage"
TRANSACTIONS = 10
ROUNDS = 7
YEAR_DAYS = 10
SIMULATED_FOR_S = 60
SIMULATED_WORLD = "bench"
"""The file of the simulated board; no station with copper writes it."""


class Wear:
    """What a daemon under the recorder has asked of its disk so far."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace
        self._bytes, self._syncs = Counter[str](), Counter[str]()

    def since(self) -> tuple[Counter[str], Counter[str]]:
        """Bytes and syncs by file since the last question."""
        written, syncs = Counter[str](), Counter[str]()
        for name, record in named(read_trace(self._trace)):
            if record.op is Op.WRITE:
                written[name] += len(record.data)
            elif record.op is Op.SYNC_END:
                syncs[name] += 1
        new = written - self._bytes, syncs - self._syncs
        self._bytes, self._syncs = written, syncs
        return new


def named(records: list[Record]) -> Iterator[tuple[str, Record]]:
    """Each operation with the name of its file; what belongs to the simulated copper is left out."""
    names: dict[int, str] = {}
    for record in records:
        if record.op is Op.OPEN:
            names[record.file] = record.path.removeprefix("/") or "."
        name = names.get(record.file, "")
        if name and not name.startswith(SIMULATED_WORLD):
            yield name, record


def tell(what: str, wear: Wear, *, per: int = 1) -> None:
    """One line for a span, and which files it went to."""
    written, syncs = wear.since()
    files = ", ".join(f"{name} {count / KIB / per:.0f}" for name, count in written.most_common(3))
    print(f"{what:24}{written.total() / KIB / per:10.0f} KiB{syncs.total() / per:10.1f} syncs   (KiB: {files})")


@asynccontextmanager
async def recorded(directory: Path, **config: object) -> AsyncIterator[tuple[Daemon, Wear, FaultyCsms]]:
    """A daemon with a CSMS at hand, its disk watched."""
    (directory / "storage").mkdir(parents=True)
    trace = directory / "trace"
    async with FaultyCsms(heartbeat_interval_s=HEARTBEAT_S) as csms:
        settings = settings_for(csms.url, config=config)
        async with Daemon(directory, settings, environment(build(), directory / "storage", trace=trace)) as daemon:
            await until(daemon, delivered, "registration")
            wear = Wear(trace)
            wear.since()
            yield daemon, wear, csms


async def pass_time(daemon: Daemon, csms: FaultyCsms, seconds: int, step_s: int) -> None:
    """Station time goes on, with everything delivered at each step."""
    for _ in range(0, seconds, step_s):
        csms.advance(step_s)
        await daemon.api.clock(advance_s=step_s)
        await until(
            daemon, lambda state: not state["outbox"]["pending"] and not state["outbox"]["in_flight"], "answers"
        )


async def bench_wear(directory: Path) -> None:
    """Bytes and syncs, by the recorder between the daemon and its disk."""
    print(f"samples of four measurands every {SAMPLE_S} s, heartbeats every {HEARTBEAT_S} s, checkpoints included")
    async with recorded(directory / "sessions", MeterValueSampleInterval=0) as (daemon, wear, csms):
        for number in range(TRANSACTIONS):
            await start_transaction(daemon, f"T{number}")
            await pass_time(daemon, csms, 60, 60)
            await daemon.api.swipe(f"T{number}", 1)
            await free_connector(daemon)
            await until(daemon, delivered, "the session")
        tell("one transaction", wear, per=TRANSACTIONS)
    sampled = {"MeterValueSampleInterval": SAMPLE_S, "MeterValuesSampledData": MEASURANDS}
    async with recorded(directory / "charging", **sampled) as (daemon, wear, csms):
        await start_transaction(daemon, "A")
        await pass_time(daemon, csms, 60, 60)
        wear.since()
        await pass_time(daemon, csms, HOUR_S, SAMPLE_S)
        tell("charging hour", wear)
    async with recorded(directory / "idle", **sampled) as (daemon, wear, csms):
        await pass_time(daemon, csms, DAY_S, HEARTBEAT_S)
        tell("idle day", wear)


async def bench_start(directory: Path, events: int) -> None:
    """The first word after a cut: killed while charging, on a log that was never cut into segments, and on a fresh one."""
    async with first_heard() as (served, url):
        command = [sys.executable, "-m", "station.cli", "run", "--settings", str(directory / "chargebox.toml")]
        async with plain_daemon(directory, url):
            await asyncio.wait_for(served.boot.wait(), 30)
        for wanted in (0, events):
            if wanted:
                await fill(directory / "storage", wanted)
            took_ms = []
            for number in range(ROUNDS):
                async with plain_daemon(directory, url) as station:
                    await free_connector(station)
                    await start_transaction(station, f"T{number}")
                    await station.kill()
                took_ms.append(await first_boot_ms(command, served))
            print(f"first BootNotification after a cut, {wanted or 'few'} events: {described(took_ms)}")


def described(took_ms: list[float]) -> str:
    """Median and range."""
    return f"median {statistics.median(took_ms):.0f} ms ({min(took_ms):.0f} to {max(took_ms):.0f})"


def bench_simulation(directory: Path) -> None:
    """The seeds from 1 on, for a while."""
    begun_s, seeds, simulated_ms = time.perf_counter(), 0, 0
    while time.perf_counter() - begun_s < SIMULATED_FOR_S:
        seeds += 1
        simulated_ms += simulate(str(seeds), directory / str(seeds)).simulated_ms
        shutil.rmtree(directory / str(seeds), ignore_errors=True)
    minutes = (time.perf_counter() - begun_s) / 60
    days = simulated_ms / 1_000 / DAY_S
    print(f"{seeds} seeds, {days:.1f} station-days: {days / minutes:.1f} station-days a minute")


def file_system(path: Path) -> str:
    """What kind of file system this lies on."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return max((mount for mount in mounts if str(path).startswith(mount[1])), key=lambda mount: len(mount[1]))[2]


def main() -> int:
    """Runs what was asked for, or all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("which", nargs="*")
    parser.add_argument("--events", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        where = f"{os.cpu_count()} cores, {file_system(Path(temporary))}"
        print(f"{where}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
        for name in arguments.which or ["wear", "start", "year", "simulate"]:
            directory = Path(temporary) / name
            directory.mkdir()
            match name:
                case "wear":
                    asyncio.run(bench_wear(directory))
                case "start":
                    asyncio.run(bench_start(directory, arguments.events))
                case "year":
                    bench_segments.main(YEAR_DAYS)
                case "simulate":
                    bench_simulation(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
