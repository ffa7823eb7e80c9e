"""The daemon as a whole process, against floors measured in the same run.

start    process start to the first BootNotification, with an empty log and a large one, beside a client on the
         `ocpp` package; resident memory idle with a link
remote   RemoteStartTransaction request to its answer
drain    1,000 queued MeterValues at 0 and 20 ms answer time, beside a bare client; memory while draining
write    syncs and bytes from a swipe to charging, and of a heartbeat, all included (needs strace)

python -m tests.performance.bench_daemon [start] [remote] [drain] [write] [--events N]
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from eventstore.catalogue.hardware import MeterObserved
from eventstore.event import Recorded
from eventstore.log import EventLog
from projections.digest import fingerprint, state_bytes
from projections.station import evolve
from station.runtime.recovery import fold_log
from tests.daemon import Daemon
from tests.performance import peers

ROUNDS = 7
QUEUED = 1_000

OCPP_CLIENT = """
import asyncio, sys, websockets
sys.modules["rfc3987_syntax"] = None  # it is here for another tool, and takes a second to import
from ocpp.v16 import ChargePoint, call
async def main():
    async with websockets.connect(sys.argv[1], subprotocols=["ocpp1.6"]) as ws:
        point = ChargePoint("CB-1", ws)
        reader = asyncio.create_task(point.start())
        await point.call(call.BootNotification(charge_point_model="m", charge_point_vendor="v"))
        reader.cancel()
asyncio.run(main())
"""


class Csms:
    """A server that answers everything at once or after `delay_s`, and notes when each CALL came."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[float, str]] = []
        self.delay_s = 0.0
        self.interval_s = 3600
        self.socket: ServerConnection | None = None
        self.answers: asyncio.Queue[float] = asyncio.Queue()
        self.boot = asyncio.Event()

    async def handle(self, socket: ServerConnection) -> None:
        """One connection."""
        self.socket = socket
        with contextlib.suppress(Exception):
            async for text in socket:
                await self._frame(socket, str(text))

    async def _frame(self, socket: ServerConnection, text: str) -> None:
        arrived = time.perf_counter()
        frame = json.loads(text)
        if frame[0] != 2:
            self.answers.put_nowait(arrived)
            return
        self.arrivals.append((arrived, frame[2]))
        if frame[2] == "BootNotification":
            self.boot.set()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        now = datetime.now(UTC).isoformat()
        payloads: dict[str, Any] = {
            "BootNotification": {"status": "Accepted", "currentTime": now, "interval": self.interval_s},
            "Heartbeat": {"currentTime": now},
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
            "StartTransaction": {"idTagInfo": {"status": "Accepted"}, "transactionId": 9001},
        }
        await socket.send(json.dumps([3, frame[1], payloads.get(frame[2], {})]))

    async def came(self, action: str) -> None:
        """Waits for the first CALL of an action."""
        async with asyncio.timeout(30):
            while not self.times(action):  # noqa: ASYNC110  # arrivals are a list
                await asyncio.sleep(0.02)

    def times(self, action: str) -> list[float]:
        """When each CALL of an action came."""
        return [at for at, name in self.arrivals if name == action]


@contextlib.asynccontextmanager
async def csms() -> AsyncIterator[tuple[Csms, str]]:
    """The server on a free port, and its URL."""
    served = Csms()
    async with serve(served.handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:  # type: ignore[list-item]
        port = server.sockets[0].getsockname()[1]
        yield served, f"ws://127.0.0.1:{port}/ocpp"


def daemon(directory: Path, url: str, **config: object) -> Daemon:
    """The daemon on a directory, in a process that shares nothing with others."""
    return Daemon(
        directory,
        {"station": {"identity": "CB-1"}, "csms": {"url": url, "reconnect_min_s": 0.2}, "config": dict(config)},
        fresh=True,
    )


async def first_boot_ms(command: list[str], served: Csms) -> float:
    """Milliseconds from the start of a process to its first BootNotification."""
    served.boot.clear()
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    await served.boot.wait()
    elapsed = (time.perf_counter() - begun) * 1000
    if process.returncode is None:
        process.terminate()
    await process.wait()
    return elapsed


async def fill(directory: Path, events: int) -> None:
    """Makes an existing log as large as asked for, with a snapshot at its end as the daemon would have left it."""
    log = await EventLog.open(directory, identity="CB-1")
    state, _ = await fold_log(log)
    while state.seq < events:
        batch = []
        for _ in range(min(4_000, events - state.seq)):
            event = MeterObserved(connector_id=1, energy_wh=state.seq, power_w=11_040, current_ma=(16_000,) * 3)
            at_ms = state.at_ms + 1
            recorded = Recorded(seq=state.seq + 1, cause=state.seq + 1, at_ms=at_ms, utc_ms=at_ms, event=event)
            state = evolve(state, recorded)
            batch.append(recorded)
        await log.append(batch)
    await log.save_snapshot(state.seq, fingerprint(), state_bytes(state))
    await log.close()


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


async def bench_start(directory: Path, events: int) -> None:
    """P4 and P5: start and memory."""
    async with csms() as (served, url):
        print(f"resident, idle with a link: {await idle_mb(directory, served, url):.1f} MB")
        await _print_start("log with few events", directory, served, url)
        await fill(directory / "storage", events)
        await _print_start(f"log of {events:,} events", directory, served, url)


async def idle_mb(directory: Path, served: Csms, url: str) -> float:
    """Resident memory of a daemon that is registered and does nothing, in MB."""
    station = daemon(directory, url)
    async with station:
        await asyncio.wait_for(served.boot.wait(), 30)
        await asyncio.sleep(1)
        return resident_mb(station.pid)


async def _print_start(label: str, directory: Path, served: Csms, url: str) -> None:
    ours, theirs = await starts(directory, served, url)
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    print(
        f"first BootNotification, {label}: {statistics.median(ours):.0f} ms, the ocpp client "
        f"{statistics.median(theirs):.0f} ms, ratio {ratio:.2f}"
    )


async def starts(directory: Path, served: Csms, url: str, rounds: int = ROUNDS) -> tuple[list[float], list[float]]:
    """Milliseconds to the first BootNotification in paired rounds: ours, and the client's on the `ocpp` package."""
    command = [sys.executable, "-m", "station.cli", "run", "--settings", str(directory / "chargebox.toml")]
    client = [sys.executable, "-c", OCPP_CLIENT, f"{url}/CB-1"]
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(await first_boot_ms(command, served))
        theirs.append(await first_boot_ms(client, served))
    return ours, theirs


async def bench_remote(directory: Path) -> None:
    """P7: RemoteStartTransaction to its answer, and the same of a client on the `ocpp` package."""
    async with csms() as (served, url), daemon(directory, url) as station:
        await asyncio.wait_for(served.boot.wait(), 30)
        ours = await remote_starts(served, station, 100)
    async with csms() as (served, url):
        theirs = await peer_remote_starts(served, url, 100)
    for who, times in (("", ours), (", the ocpp client", theirs)):
        print(f"RemoteStartTransaction to answer{who}: median {times[50]:.2f} ms, p99 {times[98]:.2f} ms")


REMOTE_START = {"idTag": "T", "connectorId": 1}


async def remote_starts(served: Csms, station: Daemon, count: int) -> list[float]:
    """Milliseconds from RemoteStartTransaction to its answer, ascending; each transaction runs and ends in between."""
    times = []
    await station.api.plug(1)
    for number in range(count):
        times.append(await asked(served, number, "RemoteStartTransaction", REMOTE_START))
        await _until(station, lambda state: [each["transaction_id"] for each in state["transactions"]] == [9001])
        await asked(served, 1_000 + number, "RemoteStopTransaction", {"transactionId": 9001})
        await _until(station, lambda state: not state["connectors"][1]["locked"] and not state["transactions"])
        await station.api.unplug(1)
        await station.api.plug(1)
    return sorted(times)


async def peer_remote_starts(served: Csms, url: str, count: int) -> list[float]:
    """The same of the client on the `ocpp` package, which starts nothing."""

    async def ask() -> list[float]:
        return sorted([await asked(served, number, "RemoteStartTransaction", REMOTE_START) for number in range(count)])

    found: list[float] = await peers.ocpp_answers(url, ask)
    return found


async def _until(station: Daemon, holds: Callable[[dict[str, Any]], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds(await station.api.state()):  # noqa: ASYNC110  # over HTTP
            await asyncio.sleep(0.02)


async def asked(served: Csms, number: int, action: str, payload: dict[str, Any]) -> float:
    """Milliseconds from a CALL to its answer."""
    assert served.socket is not None
    begun = time.perf_counter()
    await served.socket.send(json.dumps([2, f"bench-{number}", action, payload]))
    return (await served.answers.get() - begun) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """How long a queue took, in seconds: ours, a bare client's, that of one on the `ocpp` package; and what it cost us."""

    messages: int
    ours_s: float
    bare_s: float
    peer_s: float
    processor_s: float
    resident_mb: float


async def bench_drain(directory: Path) -> None:
    """P8 and P5: the drain of a queue, beside a bare client."""
    for delay_ms in (0, 20):
        found = await drained(directory / str(delay_ms), delay_ms, QUEUED)
        each = found.ours_s / found.messages * 1000
        print(
            f"drain of {found.messages} at {delay_ms} ms: {found.ours_s:.2f} s ({each:.2f} ms each, "
            f"{found.processor_s / found.messages * 1000:.2f} of the processor), bare client {found.bare_s:.2f} s, "
            f"the ocpp client {found.peer_s:.2f} s, ratio {found.ours_s / found.bare_s:.2f}; resident {found.resident_mb:.1f} MB"
        )


async def drained(directory: Path, delay_ms: int, queued: int) -> Drain:
    """The drain of so many queued MeterValues, and the same by others right afterwards."""
    async with csms() as (served, url), daemon(directory, url, MeterValueSampleInterval=1) as station:
        await asyncio.wait_for(served.boot.wait(), 30)
        await station.api.plug(1)
        await station.api.swipe("DEADBEEF")
        await served.came("StartTransaction")
        await station.api.network(False)
        await station.api.clock(advance_s=queued)
        await asked_of_state(station, queued)
        served.arrivals.clear()
        served.delay_s = delay_ms / 1000
        await station.api.network(True)
        measured = queued - SPARE
        await served.came("MeterValues")
        memory, begun_s = 0.0, processor_s(station.pid)
        while len(served.times("MeterValues")) < measured:
            memory = max(memory, resident_mb(station.pid))
            await asyncio.sleep(0.05)
        spent_s = processor_s(station.pid) - begun_s
        arrivals = served.times("MeterValues")
        return Drain(
            messages=measured,
            ours_s=arrivals[measured - 1] - arrivals[0],
            bare_s=await peers.bare_drain_s(url, measured),
            peer_s=await peers.ocpp_drain_s(url, measured),
            processor_s=spent_s,
            resident_mb=memory,
        )


SPARE = 10  # the last ones may come in their own time: the transaction goes on


def processor_s(pid: int) -> float:
    """Processor time of a process so far."""
    return (
        sum(int((thread / "schedstat").read_text().split()[0]) for thread in Path(f"/proc/{pid}/task").iterdir()) / 1e9
    )


async def asked_of_state(station: Daemon, pending: int) -> None:
    """Waits until as much is owed."""
    async with asyncio.timeout(120):
        while (await station.api.state())["outbox"]["pending"] < pending:  # noqa: ASYNC110  # over HTTP
            await asyncio.sleep(0.1)


async def bench_write(directory: Path) -> None:
    """P3 and a heartbeat: what is written."""
    if shutil.which("strace") is None:
        print("write: strace is not installed")
        return
    syncs, kib = await swipe_cost(directory / "swipe")
    print(f"swipe to charging: {syncs:.0f} syncs, {kib:.1f} KiB written")
    syncs, kib = await heartbeat_cost(directory / "heartbeat")
    print(f"a heartbeat: {syncs:.1f} syncs, {kib:.1f} KiB written")


async def swipe_cost(directory: Path) -> tuple[float, float]:
    """Syncs and KiB from the tag at the reader to a session that charges and is known to the CSMS."""
    async with csms() as (served, url), daemon(directory, url) as station:
        await asyncio.wait_for(served.boot.wait(), 30)
        await station.api.plug(1)
        await asyncio.sleep(1)
        async with traced(station) as cost:
            await station.api.swipe("DEADBEEF")
            await served.came("StartTransaction")
            await asyncio.sleep(2)
            return cost()


HEARTBEATS = 24


async def heartbeat_cost(directory: Path) -> tuple[float, float]:
    """Syncs and KiB of one Heartbeat and its answer, the share in checkpoints included."""
    async with csms() as (served, url), daemon(directory, url) as station:
        served.interval_s = 1
        await asyncio.wait_for(served.boot.wait(), 30)
        await served.came("Heartbeat")
        async with traced(station) as cost:
            before = len(served.times("Heartbeat"))
            await asyncio.sleep(HEARTBEATS)
            syncs, kib = cost()
            beats = len(served.times("Heartbeat")) - before
        return syncs / beats, kib / beats


@contextlib.asynccontextmanager
async def traced(station: Daemon) -> AsyncIterator[Callable[[], tuple[float, float]]]:
    """What tells the syncs and the KiB that the station has written since."""
    trace = station.directory / "trace"
    command = ["strace", "-f", "-qq", "-e", peers.TRACED, "-o", str(trace), "-p", str(station.pid)]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
    async with asyncio.timeout(30):
        while not trace.exists():  # noqa: ASYNC110  # another process makes it
            await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    before = len(trace.read_text().splitlines())
    try:
        yield lambda: peers.cost_of(trace.read_text().splitlines()[before:])
    finally:
        process.terminate()
        await process.wait()


async def run(which: list[str], events: int) -> None:
    """The benchmarks asked for, or all."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        for name in which or ["start", "remote", "drain", "write"]:
            place = directory / name
            place.mkdir()
            match name:
                case "start":
                    await bench_start(place, events)
                case "remote":
                    await bench_remote(place)
                case "drain":
                    await bench_drain(place)
                case "write":
                    await bench_write(place)


def main() -> int:
    """Runs and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("which", nargs="*")
    parser.add_argument("--events", type=int, default=1_000_000)
    arguments = parser.parse_args()
    asyncio.run(run(arguments.which, arguments.events))
    return 0


if __name__ == "__main__":
    sys.exit(main())
