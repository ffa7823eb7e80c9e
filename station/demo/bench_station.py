"""The station of the demonstration: the real daemon in a process of its own."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from pathlib import Path

import station
from station.demo.bench_service import BenchService, DemoError
from station.settings.writing import toml

IDENTITY = "CB-DEMO"
READY = "chargebox: ready"
START_S, STOP_S = 20, 5
JOURNAL_LINES_MAX, LAST_WORDS_LINES = 1_000, 40
PORTS = range(20_000, 30_000)  # below those that outgoing connections are given
ROOT = Path(station.__file__).resolve().parent.parent


def settings_text(*, csms_url: str, directory: Path, port: int) -> str:
    """The station's settings: everything has a default but identity, URL and storage; samples every second."""
    tables: dict[str, dict[str, object]] = {
        "station": {"identity": IDENTITY},
        "csms": {"url": csms_url, "reconnect_min_s": 0.5, "reconnect_max_s": 2},
        "storage": {"directory": str(directory)},
        "service": {"listen": f"127.0.0.1:{port}"},
        "config": {
            "MeterValueSampleInterval": 1,
            "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import",
            "MinimumStatusDuration": 0,
        },
    }
    return toml(tables)


def free_port() -> int:
    """A loopback port that nobody listens on; raises DemoError if there is none."""
    first = os.getpid() % len(PORTS)
    for offset in range(len(PORTS)):
        port = PORTS[(first + offset) % len(PORTS)]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise DemoError(f"no free port between {PORTS.start} and {PORTS.stop}")


class BenchStation:
    """`chargebox run` on a simulated board, its files in `directory`. `close` leaves no process behind, whatever happened."""

    def __init__(self, directory: Path, csms_url: str) -> None:
        self.storage = directory / "storage"
        self.settings_file = directory / "station.toml"
        self.port = free_port()
        self._csms_url = csms_url
        self._stderr: deque[str] = deque(maxlen=JOURNAL_LINES_MAX)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self.service = BenchService(self.url)

    @property
    def url(self) -> str:
        """The address of its service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the daemon."""
        assert self._process is not None, "it has been started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the daemon's process is there."""
        return self._process is not None and self._process.returncode is None

    def journal(self) -> list[str]:
        """What the daemon wrote to stderr, over all its starts."""
        return list(self._stderr)

    def last_words(self) -> str:
        """The end of it."""
        return "\n".join(self.journal()[-LAST_WORDS_LINES:])

    # ---- the process --------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Starts the daemon and waits until it is ready; raises DemoError."""
        text = settings_text(csms_url=self._csms_url, directory=self.storage, port=self.port)
        self.settings_file.write_text(text, encoding="utf-8")
        self._ready.clear()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "station.cli", "run", "--settings", str(self.settings_file)),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read(self._process), name="stderr of the station")
        try:
            async with asyncio.timeout(START_S):
                await self._ready.wait()
        except TimeoutError:
            raise DemoError(f"the station was not ready within {START_S} s") from None
        if not self.running:
            raise DemoError(f"the station ended at once, with status {self._process.returncode}")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None, "it is a pipe"
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._stderr.append(text)
            if text == READY:
                self._ready.set()
        await process.wait()
        self._ready.set()

    async def kill(self) -> None:
        """The power goes: SIGKILL, nothing is flushed."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ends the daemon in order, by force if it does not end; its exit status."""
        try:
            async with asyncio.timeout(STOP_S):
                return await self._end(signal.SIGTERM)
        except TimeoutError:
            return await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None, "it has been started"
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
        status = await self._process.wait()
        if self._reader is not None:
            await self._reader
        return status

    async def close(self) -> None:
        """Ends whatever is left."""
        await self.service.close()
        if self._process is not None:
            await self.stop()
