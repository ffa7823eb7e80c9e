"""The daemon as a whole process, against floors measured in the same run.

start    process start to the first BootNotification, with an empty log and a large one, beside a client on the
         `ocpp` package; resident memory idle with a link
remote   RemoteStartTransaction request to its answer
drain    1,000 queued MeterValues at 0 and 20 ms answer time, beside a bare client; memory while draining
write    syncs and bytes of one StartTransaction, all included (needs strace)

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
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from eventstore.catalogue.hardware import MeterObserved
from eventstore.event import Recorded
from eventstore.log import EventLog
from projections.digest import fingerprint, state_bytes
from projections.station import evolve
from station.runtime.recovery import fold_log
from tests.daemon import Daemon

ROUNDS = 7
QUEUED = 1_000

OCPP_CLIENT = """
import asyncio, sys, websockets
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
            "BootNotification": {"status": "Accepted", "currentTime": now, "interval": 3600},
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
    """The daemon on a directory."""
    return Daemon(
        directory,
        {"station": {"identity": "CB-1"}, "csms": {"url": url, "reconnect_min_s": 0.2}, "config": dict(config)},
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
        station = daemon(directory, url)
        async with station:
            await asyncio.wait_for(served.boot.wait(), 30)
            await asyncio.sleep(1)
            print(f"resident, idle with a link: {resident_mb(station.pid):.1f} MB")
        command = [sys.executable, "-m", "station.cli", "run", "--settings", str(directory / "chargebox.toml")]
        client = [sys.executable, "-c", OCPP_CLIENT, f"{url}/CB-1"]
        await compare_start("log with few events", command, client, served)
        await fill(directory / "storage", events)
        await compare_start(f"log of {events:,} events", command, client, served)


async def compare_start(label: str, command: list[str], client: list[str], served: Csms) -> None:
    """Paired rounds of both."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(await first_boot_ms(command, served))
        theirs.append(await first_boot_ms(client, served))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    print(
        f"first BootNotification, {label}: {statistics.median(ours):.0f} ms, the ocpp client "
        f"{statistics.median(theirs):.0f} ms, ratio {statistics.median(ratios):.2f}"
    )


async def bench_remote(directory: Path) -> None:
    """P7: RemoteStartTransaction to its answer, beside the round trip of a CALL that needs no decision."""
    async with csms() as (served, url), daemon(directory, url) as station:
        await asyncio.wait_for(served.boot.wait(), 30)
        await station.api.plug(1)
        await asyncio.sleep(0.5)
        times = []
        for number in range(100):
            times.append(await asked(served, number, "RemoteStartTransaction", {"idTag": "T", "connectorId": 1}))
            await asyncio.sleep(0.02)
            await asked(served, 1_000 + number, "RemoteStopTransaction", {"transactionId": 9001})
            await asyncio.sleep(0.02)
            await station.api.unplug(1)
            await station.api.plug(1)
        times.sort()
        print(f"RemoteStartTransaction to answer: median {times[50]:.2f} ms, p99 {times[98]:.2f} ms")


async def asked(served: Csms, number: int, action: str, payload: dict[str, Any]) -> float:
    """Milliseconds from a CALL to its answer."""
    assert served.socket is not None
    begun = time.perf_counter()
    await served.socket.send(json.dumps([2, f"bench-{number}", action, payload]))
    return (await served.answers.get() - begun) * 1000


async def bare_client_s(url: str, count: int) -> float:
    """Seconds that a bare client needs for as many MeterValues, one at a time."""
    value = {"timestamp": "2026-01-01T00:00:00.000Z", "sampledValue": [{"value": "1"}]}
    async with connect(f"{url}/bare", subprotocols=["ocpp1.6"]) as socket:  # type: ignore[list-item]
        begun = time.perf_counter()
        for number in range(count):
            payload = {"connectorId": 1, "transactionId": 1, "meterValue": [value]}
            await socket.send(json.dumps([2, str(number), "MeterValues", payload]))
            await socket.recv()
        return time.perf_counter() - begun


async def bench_drain(directory: Path) -> None:
    """P8 and P5: the drain of a queue, beside a bare client."""
    for delay_ms in (0, 20):
        async with (
            csms() as (served, url),
            daemon(directory / str(delay_ms), url, MeterValueSampleInterval=1) as station,
        ):
            await asyncio.wait_for(served.boot.wait(), 30)
            await station.api.plug(1)
            await station.api.swipe("DEADBEEF")
            await served.came("StartTransaction")
            await station.api.network(False)
            await station.api.clock(advance_s=QUEUED)
            await asked_of_state(station, QUEUED)
            served.arrivals.clear()
            served.delay_s = delay_ms / 1000
            await station.api.network(True)
            memory = 0.0
            while len(served.times("MeterValues")) < QUEUED:
                memory = max(memory, resident_mb(station.pid))
                await asyncio.sleep(0.05)
            arrivals = served.times("MeterValues")
            ours = arrivals[QUEUED - 1] - arrivals[0]
            bare = await bare_client_s(url, QUEUED)
            print(
                f"drain of {QUEUED} at {delay_ms} ms: {ours:.2f} s ({ours / QUEUED * 1000:.2f} ms each), bare client "
                f"{bare:.2f} s, ratio {ours / bare:.2f}; resident {memory:.1f} MB"
            )


async def asked_of_state(station: Daemon, pending: int) -> None:
    """Waits until as much is owed."""
    async with asyncio.timeout(120):
        while (await station.api.state())["outbox"]["pending"] < pending:  # noqa: ASYNC110  # over HTTP
            await asyncio.sleep(0.1)


async def bench_write(directory: Path) -> None:
    """P3: what one start of a transaction writes."""
    if shutil.which("strace") is None:
        print("write: strace is not installed")
        return
    async with csms() as (served, url), daemon(directory, url) as station:
        await asyncio.wait_for(served.boot.wait(), 30)
        await asyncio.sleep(1)
        trace = directory / "trace"
        process = await asyncio.create_subprocess_exec(
            "strace",
            "-f",
            "-e",
            "trace=fdatasync,fsync,pwrite64",
            "-o",
            str(trace),
            "-p",
            str(station.pid),
            stderr=subprocess.DEVNULL,
        )
        await asyncio.sleep(1)
        await station.api.plug(1)
        await asyncio.sleep(1)
        before = trace.read_text().splitlines()
        await station.api.swipe("DEADBEEF")
        await asyncio.sleep(2)
        process.terminate()
        await process.wait()
        lines = trace.read_text().splitlines()[len(before) :]
        syncs = sum("sync(" in line for line in lines)
        written = sum(int(line.rsplit("= ", 1)[1]) for line in lines if "pwrite64(" in line and line[-1].isdigit())
        print(f"swipe to charging: {syncs} syncs, {written / 1024:.1f} KiB written")


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
