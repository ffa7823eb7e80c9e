"""The station under test: the real daemon in a process of its own, with the settings given and the laboratory's CSMS in place of theirs."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from station.certify.failing import CaseFailed, RunEnded
from station.settings.loading import FILE_BYTES_MAX

READY = "chargebox: ready"
START_S, STOP_S, EXIT_S = 60, 20, 60
JOURNAL_LINES_MAX, LAST_LINES = 1_000, 20
CHARGEBOX = (sys.executable, "-m", "station.cli")
TIED = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
"""Asks Linux to end this process in order (PR_SET_PDEATHSIG, SIGTERM) when the one that began it is gone, and becomes the station."""


class Daemon:
    """`chargebox run` with a settings file of its own. `close` leaves no process behind."""

    def __init__(self, settings_file: Path, launch: Sequence[str] = CHARGEBOX) -> None:
        self._command = (sys.executable, "-c", TIED, *launch, "run", "--settings", str(settings_file))
        self._stderr: deque[str] = deque(maxlen=JOURNAL_LINES_MAX)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None, "it has been started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    def last_lines(self) -> str:
        """The end of what the daemon wrote to stderr, over all its starts."""
        return "\n".join(list(self._stderr)[-LAST_LINES:])

    async def start(self) -> None:
        """Starts it and waits until it is ready. Raises RunEnded with its own words if it does not start."""
        self._ready.clear()
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this command, which puts things back first
        )
        self._reader = asyncio.create_task(self._read(self._process), name="stderr of the station")
        try:
            async with asyncio.timeout(START_S):
                await self._ready.wait()
        except TimeoutError:
            raise RunEnded(f"the station was not ready within {START_S} s:\n{self.last_lines()}") from None
        if not self.running:
            await self._reader
            raise RunEnded(f"the station ended with status {self._process.returncode}:\n{self.last_lines()}")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None, "it is a pipe"
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._stderr.append(text)
            if text == READY:
                self._ready.set()
        await process.wait()
        self._ready.set()

    async def exited(self) -> int:
        """Waits until it has ended by itself; its exit status. Raises CaseFailed if it goes on."""
        assert self._process is not None, "it has been started"
        try:
            async with asyncio.timeout(EXIT_S):
                return await self._process.wait()
        except TimeoutError:
            raise CaseFailed("the station to end", f"it still runs after {EXIT_S} s") from None

    async def kill(self) -> None:
        """The power goes: nothing is flushed."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ends it in order, by force if it does not end."""
        try:
            async with asyncio.timeout(STOP_S):
                await self._end(signal.SIGTERM)
        except TimeoutError:
            await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
        await self._process.wait()
        if self._reader is not None:
            await self._reader


def to_toml(tables: Mapping[str, Any]) -> str:
    """The text of a settings file: a table for each mapping; what lies deeper is written inline."""
    lines = []
    for name, table in tables.items():
        lines.append(f"[{_key(name)}]")
        lines += [f"{_key(key)} = {_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def laid_over(*layers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Settings tables over one another, the later ones on top, key by key."""
    found: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for table, keys in layer.items():
            found.setdefault(table, {}).update(keys)
    return found


def read_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a settings file that has been found good."""
    import tomllib

    with path.open("rb") as file:
        text = file.read(FILE_BYTES_MAX).decode("utf-8-sig")
    tables: dict[str, dict[str, Any]] = tomllib.loads(text)
    return tables
