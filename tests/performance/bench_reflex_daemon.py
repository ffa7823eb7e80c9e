"""The reflex of the real daemon: from the edge of a fault, in a driver's thread, to the contactor's command; and the way back.

The daemon runs as a process of its own on a bench board whose fault input is a thread, as a driver's would be: it notes the
moment, hands the edge over to the event loop, and waits until the contactor has been told to open. Phases:

idle      a link, a transaction that charges, nothing else: the floor
disk      no append to the log comes to its end
lists     the largest SendLocalList (1,000 entries, 512 KiB) arrives again and again
snapshot  the same with 10,000 entries in the list, and events enough for snapshots of the whole state

Target: 5 ms p99 in each. "closing" is the normal path: from the edge that ends the fault to the command to close, which waits for
the durable record. `python -m tests.performance.bench_reflex_daemon [--seconds N]`
"""

import argparse
import asyncio
import contextlib
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

from devices.bench.board import BenchBoard
from devices.readings import ConnectorOutputs, Reading
from tests.csms.faulty import FaultyCsms
from tests.daemon import ROOT, Daemon, to_toml
from tests.integration.stations import settings_for, start_transaction, until

EDGE_EVERY_S = 0.02
WAIT_MAX_S = 10.0
CLOSING_MAX_S = 0.25  # what takes longer, as behind a disk that hangs, counts as this
CODE = "HighTemperature"  # the transaction goes on, and energy returns when it clears
LIST_BYTES = 512 * 1024


# ---- in the daemon's process -------------------------------------------------------------------------------------


class ProbedBoard(BenchBoard):
    """The bench with a driver's thread: fault, contactor, clear, again; one line per edge: the moment and the seconds it took."""

    notes = Path()

    def open(self, report: Callable[[Reading], None]) -> None:
        """As the bench; the thread starts once the daemon is well under way."""
        self.loop = asyncio.get_running_loop()
        self.opened = threading.Event()
        self.opened_at_s = 0.0
        self.closed = threading.Event()
        self.closed_at_s = 0.0
        super().open(report)
        self.loop.call_later(1, threading.Thread(target=self._drive, name="fault input", daemon=True).start)

    def open_contactor(self, connector_id: int) -> None:
        """As the bench, with the moment noted."""
        super().open_contactor(connector_id)
        if not self.opened.is_set():
            self.opened_at_s = time.perf_counter()
            self.opened.set()

    def apply(self, connector_id: int, outputs: ConnectorOutputs) -> None:
        """As the bench, with the moment noted."""
        super().apply(connector_id, outputs)
        if outputs.contactor_closed and not self.closed.is_set():
            self.closed_at_s = time.perf_counter()
            self.closed.set()

    def _keep(self) -> None:
        """Nothing: the sync of the bench's world file is no part of the reflex, a real board has none."""

    def _drive(self) -> None:
        with self.notes.open("w", buffering=1) as file:
            while True:
                time.sleep(EDGE_EVERY_S)
                self.opened.clear()
                begun = time.perf_counter()
                self.loop.call_soon_threadsafe(self.fault, 1, CODE)
                took = self.opened_at_s - begun if self.opened.wait(WAIT_MAX_S) else WAIT_MAX_S
                time.sleep(EDGE_EVERY_S)
                self.closed.clear()
                cleared = time.perf_counter()
                self.loop.call_soon_threadsafe(self.clear_fault, 1)
                closing = self.closed_at_s - cleared if self.closed.wait(CLOSING_MAX_S) else CLOSING_MAX_S
                file.write(f"{begun} {took} {closing}\n")


def probe(notes: Path, arguments: list[str]) -> int:
    """`chargebox` with a board whose fault input is a thread."""
    import devices.bench.board
    from station.cli.main import main

    ProbedBoard.notes = notes
    devices.bench.board.BenchBoard = ProbedBoard  # type: ignore[misc]  # the composition root imports it late
    return main(arguments)


# ---- beside it ---------------------------------------------------------------------------------------------------


class ProbedDaemon(Daemon):
    """The daemon, started with the probe in it."""

    @property
    def notes(self) -> Path:
        """Where the edges are noted."""
        return self.directory / "edges"

    async def spawn(self) -> None:
        """As the real one, through `--probe`."""
        self.directory.mkdir(parents=True, exist_ok=True)
        file = self.directory / "chargebox.toml"
        file.write_text(to_toml(self.settings))
        command = [sys.executable, "-m", "tests.performance.bench_reflex_daemon", "--probe", str(self.notes)]
        self._process = await asyncio.create_subprocess_exec(
            *(*command, "run", "--settings", str(file)),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read(self._process))

    def edges(self, begun: float, ended: float) -> tuple[list[float], list[float]]:
        """How long each edge between two moments took to open the contactor, and to close it again, in ms."""
        lines = [[float(value) for value in line.split()] for line in self.notes.read_text().splitlines()]
        found = [(took * 1000, closing * 1000) for at, took, closing in lines if begun <= at < ended]
        return sorted(took for took, _ in found), sorted(closing for _, closing in found)


def largest_list(number: int, update: str = "Full", first: int = 0) -> str:
    """The largest SendLocalList that the station takes."""
    entries = [
        {
            "idTag": f"TAG-{first + index:016d}",
            "idTagInfo": {"status": "Accepted", "expiryDate": "2099-12-31T23:59:59.000Z", "parentIdTag": "GROUP"},
        }
        for index in range(1_000)
    ]
    payload = {"listVersion": number, "updateType": update, "localAuthorizationList": entries}
    text = json.dumps([2, f"list-{number}", "SendLocalList", payload])
    return text[:-1] + " " * (LIST_BYTES - len(text)) + "]"


async def idle(daemon: ProbedDaemon, csms: FaultyCsms, until_s: float) -> None:
    """Nothing but the edges."""
    await asyncio.sleep(until_s - time.perf_counter())


async def disk(daemon: ProbedDaemon, csms: FaultyCsms, until_s: float) -> None:
    """Somebody else holds the database, each time for less than the 5 s that SQLite waits."""
    with closing(sqlite3.connect(daemon.directory / "storage" / "chargebox.db", isolation_level=None)) as stranger:
        while time.perf_counter() < until_s:
            stranger.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(3)
            stranger.execute("ROLLBACK")
            await asyncio.sleep(0.5)


async def lists(daemon: ProbedDaemon, csms: FaultyCsms, until_s: float) -> None:
    """One largest list after the other."""
    number = 1
    while time.perf_counter() < until_s:
        await csms.send_text(largest_list(number))
        answer = await csms.result_of(f"list-{number}", outbound=False)
        assert answer.payload == {"status": "Accepted"}, answer.text
        number += 1


async def snapshot(daemon: ProbedDaemon, csms: FaultyCsms, until_s: float) -> None:
    """A large state, and a call after the other so that it is saved now and then."""
    for number in range(10):
        update = "Differential" if number else "Full"
        await csms.send_text(largest_list(10_000 + number, update, first=1_000 * number))
        await csms.result_of(f"list-{10_000 + number}", outbound=False)
    while time.perf_counter() < until_s:
        await csms.request("GetConfiguration", key=["HeartbeatInterval"])


@contextlib.asynccontextmanager
async def charging() -> AsyncIterator[tuple[ProbedDaemon, FaultyCsms]]:
    """A station that charges, with the probe at work."""
    with tempfile.TemporaryDirectory(prefix="chargebox-reflex-") as directory:
        async with FaultyCsms() as csms:
            settings = settings_for(csms.url, config={"LocalAuthListMaxLength": 10_000})
            async with ProbedDaemon(Path(directory), settings) as daemon:
                await csms.expect("BootNotification")
                await start_transaction(daemon, "A")
                await until(daemon, lambda state: state["outbox"]["pending"] == 0, "the start to be delivered")
                async with asyncio.timeout(10):
                    while not daemon.notes.exists():  # noqa: ASYNC110  # another process makes it
                        await asyncio.sleep(0.05)
                yield daemon, csms


def p99(ascending: list[float]) -> float:
    """The 99th percentile."""
    return ascending[min(len(ascending) - 1, len(ascending) * 99 // 100)]


async def measure(seconds: float) -> None:
    """Each phase, and its figures."""
    print(f"{'phase':10}{'edges':>7}{'median ms':>11}{'p99 ms':>9}{'worst ms':>10}{'closing ms':>12}{'p99 ms':>9}")
    async with charging() as (daemon, csms):
        for phase in (idle, disk, lists, snapshot):
            begun = time.perf_counter()
            await phase(daemon, csms, begun + seconds)
            took, closing = daemon.edges(begun, time.perf_counter())
            told = f"{statistics.median(took):11.2f}{p99(took):9.2f}{took[-1]:10.2f}"
            print(f"{phase.__name__:10}{len(took):7}{told}{statistics.median(closing):12.2f}{p99(closing):9.2f}")
    print(f"load of the machine meanwhile: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def run() -> int:
    """The benchmark, or the probed daemon."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each phase lasts")
    parser.add_argument("--probe", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.probe:
        return probe(Path(arguments.probe[0]), arguments.probe[1:])
    asyncio.run(measure(arguments.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(run())
