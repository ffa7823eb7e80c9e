"""What others take for the same, measured beside the station: the `ocpp` package, a bare WebSocket client, SQLite as it comes.

None of them keeps what it does: the clients have no memory at all, and SQLite's defaults have no chain and no witness.
"""

import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from websockets.asyncio.client import connect

SUBPROTOCOLS: Any = ["ocpp1.6"]
STAMP = "2026-01-01T00:00:00.000Z"
ROW_BYTES = 330
"""What a row of the log takes, on average."""


class OcppClient(ChargePoint):
    """A charge point as the package's own examples show it."""

    @on("RemoteStartTransaction")
    def remote_start(self, **_: Any) -> call_result.RemoteStartTransaction:
        """Accepted."""
        return call_result.RemoteStartTransaction(status="Accepted")

    @on("RemoteStopTransaction")
    def remote_stop(self, **_: Any) -> call_result.RemoteStopTransaction:
        """Accepted."""
        return call_result.RemoteStopTransaction(status="Accepted")


async def bare_drain_s(url: str, count: int) -> float:
    """Seconds that a bare WebSocket client needs for so many MeterValues, one at a time."""
    value = {"timestamp": STAMP, "sampledValue": [{"value": "1"}]}
    async with connect(f"{url}/bare", subprotocols=SUBPROTOCOLS) as socket:
        begun = time.perf_counter()
        for number in range(count):
            payload = {"connectorId": 1, "transactionId": 1, "meterValue": [value]}
            await socket.send(json.dumps([2, str(number), "MeterValues", payload]))
            await socket.recv()
        return time.perf_counter() - begun


async def ocpp_drain_s(url: str, count: int) -> float:
    """Seconds that the package's client needs for the same."""
    values: Any = [{"timestamp": STAMP, "sampledValue": [{"value": "1"}]}]
    async with connect(f"{url}/peer", subprotocols=SUBPROTOCOLS) as socket:
        point = OcppClient("peer", socket)
        reader = asyncio.create_task(point.start())
        begun = time.perf_counter()
        for _ in range(count):
            await point.call(call.MeterValues(connector_id=1, transaction_id=1, meter_value=values))
        taken = time.perf_counter() - begun
        reader.cancel()
        return taken


async def ocpp_answers(url: str, ask: Callable[[], Any]) -> Any:
    """What `ask` finds while the package's client is connected."""
    async with connect(f"{url}/peer", subprotocols=SUBPROTOCOLS) as socket:
        reader = asyncio.create_task(OcppClient("peer", socket).start())
        await asyncio.sleep(0.1)
        try:
            return await ask()
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader


class _NoSocket:
    """Takes what is sent."""

    async def send(self, text: str) -> None:
        """Nowhere."""


async def ocpp_call_us(frame: str, rounds: int) -> list[float]:
    """Microseconds of processor time that the package's client takes from the text of a CALL to the text of its answer."""
    point = OcppClient("peer", _NoSocket())
    times = []
    for _ in range(rounds):
        begun = time.thread_time_ns()
        await point.route_message(frame)
        times.append((time.thread_time_ns() - begun) / 1000)
    return times


def by_default(path: Path, commits: int, rows: int = 1) -> float:
    """Commits per second of SQLite with the settings that it comes with, so many rows in each."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, content BLOB)")
        content = bytes(ROW_BYTES)
        begun = time.perf_counter()
        for _ in range(commits):
            connection.execute("BEGIN")
            for _ in range(rows):
                connection.execute("INSERT INTO event (content) VALUES (?)", (content,))
            connection.execute("COMMIT")
        return commits / (time.perf_counter() - begun)


def default_cost(commits: int, rows: int) -> tuple[float, float]:
    """Syncs and KiB that so many such commits take, in all (needs strace)."""
    with tempfile.TemporaryDirectory() as root:
        file = Path(root) / "peer.db"
        by_default(file, 1)  # the table, and its page
        trace = Path(root) / "trace"
        command = [sys.executable, "-m", "tests.performance.peers", str(file), str(commits), str(rows)]
        subprocess.run(["strace", "-f", "-qq", "-e", TRACED, "-o", str(trace), *command], check=True)
        return cost_of(trace.read_text().splitlines())


TRACED = "trace=fsync,fdatasync,pwrite64"


def cost_of(lines: list[str]) -> tuple[float, float]:
    """Syncs and KiB in the lines of a trace."""
    syncs = sum("sync(" in line for line in lines)
    written = sum(int(line.rsplit("= ", 1)[1]) for line in lines if "pwrite64(" in line and line[-1].isdigit())
    return syncs, written / 1024


if __name__ == "__main__":
    by_default(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
