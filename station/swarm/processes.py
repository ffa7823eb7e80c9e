"""The processes of a swarm on this machine. One that dies is begun again: the logs of its stations say where they were."""

import asyncio
import contextlib
import pickle
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

import station
from station.swarm.figures import STANDING, added
from station.swarm.share import Share

ROOT = Path(station.__file__).resolve().parent.parent
BEGUN_AGAIN_MAX = 20
LINE_BYTES_MAX = 1 << 24
LAST_WORDS_BYTES = 4_000


class ProcessFailed(Exception):  # noqa: N818  # it says what is the case
    """A process of the swarm ended, again and again; the text says with which status, and its last words."""


class Processes:
    """One process for each share. `figures` are the latest of each share, `died` how many processes were begun again."""

    def __init__(self, shares: Sequence[Share]) -> None:
        self.figures: dict[int, dict[str, Any]] = {}
        self.died = 0
        self.pids: dict[int, int] = {}
        self._shares = shares
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._is_ending = False

    async def run(self) -> None:
        """Until all shares are done. Raises ProcessFailed."""
        await asyncio.gather(*(self._kept_alive(share) for share in self._shares))

    def end(self) -> None:
        """All end in order."""
        self._is_ending = True
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    async def _kept_alive(self, share: Share) -> None:
        while True:
            status, words = await self._lived(share)
            if status == 0:
                return
            self.died += 1
            # One that failed by itself would fail again; one that was killed goes on where it was.
            if status > 0 or self._is_ending or self.died > BEGUN_AGAIN_MAX:
                raise ProcessFailed(f"the process of share {share.number + 1} ended with status {status}: {words}")

    async def _lived(self, share: Share) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "station.swarm.worker"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            start_new_session=True,  # Ctrl-C is for the swarm, which tells its processes
        )
        self._running[share.number], self.pids[share.number] = process, process.pid
        assert process.stdin is not None, "it is a pipe"
        assert process.stderr is not None, "it is a pipe"
        words = asyncio.create_task(process.stderr.read(), name="last words")
        content = pickle.dumps(share)
        with contextlib.suppress(ConnectionError):
            process.stdin.write(b"%d\n%b" % (len(content), content))
            await process.stdin.drain()
        if self._is_ending:
            process.send_signal(signal.SIGTERM)
        await self._read(share, process)
        status = await process.wait()
        process.stdin.close()
        del self._running[share.number]
        return status, (await words)[-LAST_WORDS_BYTES:].decode(errors="replace").strip()

    async def _read(self, share: Share, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None, "it is a pipe"
        before = self.figures.get(share.number)
        async for line in process.stdout:
            figures = orjson.loads(line)
            self.figures[share.number] = figures if before is None else _carried(before, figures)


def _carried(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The figures of a process that was begun again, with what the one before it had counted; what stands now is the new one's."""
    counted = {name: count for name, count in before["counts"].items() if name not in STANDING}
    return now | added([before | {"counts": counted}, now]).plain()
