"""What a station does while nothing happens: processor time, and bytes written, on the bench and on pins.

    python -m tests.performance.bench_idle [--seconds N]

The daemon runs as a process of its own, with one connector and a link to a CSMS, on the bench and on our pins with
each way to sense the pilot. Processor time is that of all its threads, the model of the copper included; bytes are those of a
heartbeat that is due each second, times the 288 heartbeats of a day. Target: 0.5 % of a core.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from tests.contract.electrical import Model
from tests.contract.rigs import wiring, wiring_text
from tests.csms.independent import Csms
from tests.daemon import ROOT

BOARDS = ("bench", "comparators", "peak", "extremes")
DAY_S = 86_400
HEARTBEAT_S = 300
SETTINGS = """
[station]
identity = "CB-0001"
[csms]
url = "{url}"
[storage]
directory = "{directory}"
[service]
listen = ""
[board]
kind = "{kind}"
{wiring}
"""


def settings_text(board: str, url: str, directory: Path) -> str:
    """The settings of a station on this board."""
    kind, text = "bench", ""
    if board != "bench":
        kind, text = "gpio", "\n[board.wiring]\n" + wiring_text(board)
        for opening in ("[[", "["):
            text = text.replace(f"\n{opening}", f"\n{opening}board.wiring.")
        text = text.replace("[board.wiring.[board.wiring.", "[[board.wiring.").replace(
            "[board.wiring.board.wiring]", "[board.wiring]"
        )
    return SETTINGS.format(url=url, directory=directory / "storage", kind=kind, wiring=text)


def child(board: str, file: Path) -> int:
    """`chargebox run`, on a model of the copper if the board has pins."""
    from station.cli.main import main

    with nullcontext() if board == "bench" else Model(wiring(board)).installed():
        return main(["run", "--settings", str(file)])


def cpu_s(pid: int) -> dict[str, float]:
    """Processor time of each thread so far, by name and number."""
    spent = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        spent[f"{name} {task.name}"] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return spent


def written_bytes(pid: int) -> int:
    """What the process has sent to the disk."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


@asynccontextmanager
async def idling(board: str, heartbeat_s: int) -> AsyncIterator[int]:
    """The daemon, accepted and at rest; its process id."""
    with tempfile.TemporaryDirectory(prefix="chargebox-idle-", dir=ROOT.parent) as name:
        directory = Path(name)
        async with Csms() as csms:
            csms.always(
                "BootNotification",
                {"currentTime": "2026-01-01T00:00:00Z", "interval": heartbeat_s, "status": "Accepted"},
            )
            file = directory / "chargebox.toml"
            file.write_text(settings_text(board, csms.url, directory))
            command = [sys.executable, "-m", "tests.performance.bench_idle", "--child", board, str(file)]
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=None)
            try:
                await csms.expect("BootNotification")
                await asyncio.sleep(5)
                yield process.pid
            finally:
                process.terminate()
                await process.wait()


async def measure(board: str, seconds: float) -> None:
    """One board's figures."""
    async with idling(board, HEARTBEAT_S) as pid:
        before, begun = cpu_s(pid), time.perf_counter()
        await asyncio.sleep(seconds)
        after, took = cpu_s(pid), time.perf_counter() - begun
    threads = {name: (spent - before.get(name, 0)) / took for name, spent in after.items()}
    shares = ", ".join(f"{name.rsplit(' ', 1)[0]} {share:.2%}" for name, share in threads.items() if share >= 0.0002)
    async with idling(board, 1) as pid:
        before_bytes, begun = written_bytes(pid), time.perf_counter()
        await asyncio.sleep(seconds)
        per_heartbeat = (written_bytes(pid) - before_bytes) / (time.perf_counter() - begun)
    a_day = per_heartbeat * DAY_S / HEARTBEAT_S
    print(f"{board:12} {sum(threads.values()):7.2%} of a core ({shares}); {per_heartbeat / 1024:.1f} KiB a heartbeat,")
    print(f"{'':12} {a_day / 1024:.0f} KiB a day")


def run() -> int:
    """The benchmark, or the daemon in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each board is watched, twice")
    parser.add_argument("--boards", nargs="+", default=BOARDS, choices=BOARDS)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(arguments.child[0], Path(arguments.child[1]))
    for board in arguments.boards:
        asyncio.run(measure(board, arguments.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(run())
