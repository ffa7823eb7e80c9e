"""The real daemon as a subprocess, and its loopback service as typed methods.

`chargebox run` is started through this interpreter on a settings file written from a dict; readiness is the line that
the contract promises on stderr. The storage directory outlives `stop`, `kill` and `start`, so that a restart finds
what the last process left.
"""

import asyncio
import atexit
import contextlib
import copy
import fcntl
import functools
import json
import os
import random
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.fork_server import ForkServer

READY_LINE = "chargebox: ready"
START_S = 60.0
EXIT_S = 60.0
ROOT = Path(__file__).resolve().parent.parent

Settings = dict[str, dict[str, Any]]


def merged(*layers: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Settings tables laid over one another, the later ones on top, key by key."""
    result: Settings = {}
    for layer in layers:
        for table, keys in layer.items():
            result.setdefault(table, {}).update(copy.deepcopy(dict(keys)))
    return result


def to_toml(settings: Mapping[str, Mapping[str, Any]]) -> str:
    """The settings file's text: tables of numbers, booleans and strings, whose JSON form is TOML too."""
    lines = []
    for table, keys in settings.items():
        lines.append(f"[{table}]")
        lines.extend(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items())
    return "\n".join(lines) + "\n"


def free_port() -> int:
    """A port of the loopback address that no other test process of this machine is given while this one lives.

    It is below the range that outgoing connections take theirs from. That nothing listens there now is not enough:
    between two lives of a daemon its port is free, and a daemon of another process would answer in its place.
    """
    for _ in range(200):
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _GIVEN:
                fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                _GIVEN.add(port)
                return port
    raise AssertionError("no free port in 200 attempts")


_GIVEN: set[int] = set()


@functools.cache
def _claims() -> int:
    """A file in which each process locks the byte of each port that it was given; the locks end with the process."""
    return os.open(Path(tempfile.gettempdir()) / f"chargebox-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)


class Api:
    """The loopback service: what it tells, and the bench controls (each returns the log's sequence number)."""

    def __init__(self, base_url: str) -> None:
        # No connection is kept: the process behind the port is replaced again and again.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._http = httpx2.AsyncClient(base_url=base_url, trust_env=False, verify=False, timeout=30, limits=limits)

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        """One request as it is, for tests of the service itself."""
        return await self._http.request(method, path, json=body)

    async def get(self, path: str) -> Any:
        """A JSON document; AssertionError on any status but 200."""
        response = await self._http.get(path)
        assert response.status_code == 200, f"GET {path}: {response.status_code} {response.text}"
        return response.json()

    async def state(self) -> Any:
        """The projections (contract, 3)."""
        return await self.get("/api/state")

    async def connector(self, connector_id: int) -> Any:
        """One connector's part of the state."""
        connectors = (await self.state())["connectors"]
        return next(one for one in connectors if one["connector_id"] == connector_id)

    async def events(self, *, after: int = 0, limit: int = 1000) -> list[Any]:
        """Every event with a greater sequence number, read in slices."""
        found: list[Any] = []
        while page := (await self.get(f"/api/events?after={after}&limit={limit}"))["events"]:
            found.extend(page)
            after = page[-1]["seq"]
        return found

    async def healthy(self) -> bool:
        """Whether /healthz says 200."""
        return (await self._http.get("/healthz")).status_code == 200

    async def metrics(self) -> str:
        """The Prometheus text."""
        return (await self._http.get("/metrics")).text

    async def _post(self, path: str, **body: Any) -> int:
        response = await self._http.post(f"/bench/{path}", json=body)
        assert response.status_code == 200, f"POST /bench/{path} {body}: {response.status_code} {response.text}"
        return int(response.json()["seq"])

    async def plug(self, connector_id: int = 1, **how: bool) -> int:
        """The cable goes into the car and the socket; `ev`, `station`, `seated` as in the contract."""
        return await self._post(f"connectors/{connector_id}/plug", **how)

    async def unplug(self, connector_id: int = 1, **which: bool) -> int:
        """The reverse; AssertionError (409) if a locked socket end would have to come out."""
        return await self._post(f"connectors/{connector_id}/unplug", **which)

    async def vehicle(self, connector_id: int = 1, **how: Any) -> int:
        """The car asks for energy or stops asking; `ready`, `max_current_a`, `phases`."""
        return await self._post(f"connectors/{connector_id}/vehicle", **how)

    async def fault(self, connector_id: int, error_code: str, **details: str) -> int:
        """A fault or warning; connector 0 is the station."""
        return await self._post(f"connectors/{connector_id}/fault", error_code=error_code, **details)

    async def clear_fault(self, connector_id: int) -> int:
        """The fault clears."""
        response = await self._http.delete(f"/bench/connectors/{connector_id}/fault")
        assert response.status_code == 200, response.text
        return int(response.json()["seq"])

    async def jam_lock(self, connector_id: int = 1, *, jammed: bool = True) -> int:
        """The lock does not move any more."""
        return await self._post(f"connectors/{connector_id}/lock", jammed=jammed)

    async def meter(self, connector_id: int = 1, **how: Any) -> int:
        """Sets the register (`energy_wh`) or makes reading fail (`fail`)."""
        return await self._post(f"connectors/{connector_id}/meter", **how)

    async def swipe(self, id_tag: str, connector_id: int | None = None) -> int:
        """A tag at the reader."""
        where = {} if connector_id is None else {"connector_id": connector_id}
        return await self._post("swipe", id_tag=id_tag, **where)

    async def network(self, up: bool, **how: bool) -> int:
        """Cut or restore the network; `silent`, `persist`."""
        return await self._post("network", up=up, **how)

    async def power(self, mains: bool) -> None:
        """Mains goes or comes; without back-up power the process is gone before it answers."""
        with contextlib.suppress(httpx2.TransportError):
            await self._http.post("/bench/power", json={"mains": mains})

    async def emergency_stop(self, pressed: bool) -> int:
        """Press or release the emergency stop."""
        return await self._post("emergency-stop", pressed=pressed)

    async def fail_local_list(self) -> int:
        """The next SendLocalList cannot be stored."""
        return await self._post("local-list", fail=True)

    async def clock(self, **how: Any) -> int:
        """What the board's clock says (`utc`, `trusted`), or move time on (`advance_s`)."""
        return await self._post("clock", **how)


@functools.cache
def _fork_server() -> ForkServer:
    """One for each test process, from the first daemon on."""
    server = ForkServer()
    atexit.register(server.close)
    return server


class _Forked:
    """A daemon of the fork server, as asyncio shows a process of its own."""

    def __init__(self, pid: int, told: socket.socket, stderr: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stderr = stderr
        self.returncode: int | None = None
        self._watch = asyncio.create_task(self._end(told))

    async def _end(self, told: socket.socket) -> None:
        with told:
            self.returncode = int(await asyncio.get_running_loop().sock_recv(told, 32))

    async def wait(self) -> None:
        """Until it has ended."""
        await asyncio.shield(self._watch)

    def send_signal(self, number: signal.Signals) -> None:
        """Raises ProcessLookupError if it has ended."""
        os.kill(self.pid, number)


async def _forked(arguments: list[str]) -> _Forked:
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    try:
        told = _fork_server().start(arguments, writing)
    finally:
        os.close(writing)
    stderr = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stderr), os.fdopen(reading, "rb"))
    told.setblocking(False)
    return _Forked(int(await loop.sock_recv(told, 32)), told, stderr)


class Daemon:
    """One station's daemon: `async with Daemon(tmp_path, settings) as daemon:` starts it and ends it.

    Leaving the block kills a process that still runs, prints its stderr for the report of a failure, and raises
    AssertionError if a stack trace is in it.
    """

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, Mapping[str, Any]],
        environment: Mapping[str, str] | None = None,
        wrapper: str = "",
        *,
        fresh: bool = False,
    ) -> None:
        """`wrapper` is Python that runs first in the process, and may change its environment and its descriptors.

        Without it and without an environment of its own the daemon is forked from one that has everything imported, unless
        it is `fresh`: for tests that look at what a process imports, or at its memory.
        """
        self._fresh = fresh or bool(wrapper) or environment is not None
        self.directory = directory
        self._wrapper = wrapper
        self.environment = environment
        self.service_port = free_port()
        self.settings = merged(
            settings,
            {
                "storage": {"directory": str(directory / "storage")},
                "service": {"listen": f"127.0.0.1:{self.service_port}"},
            },
        )
        self.api = Api(f"http://127.0.0.1:{self.service_port}")
        self.stderr: list[str] = []
        self.ready_count = 0
        self._process: asyncio.subprocess.Process | _Forked | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()
        await self.api.close()
        print(f"--- stderr of the daemon ---\n{self.stderr_text()}", file=sys.stderr)
        assert not any("Traceback" in line for line in self.stderr), "the daemon wrote a stack trace"

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process is not None and self._process.returncode is None

    def stderr_text(self) -> str:
        """What the daemon wrote to stderr, over all its starts."""
        return "\n".join(self.stderr[-200:])

    def write_settings(self) -> Path:
        """The settings file, as the next start reads it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        file = self.directory / "chargebox.toml"
        file.write_text(to_toml(self.settings))
        return file

    async def spawn(self) -> None:
        """Start the process without waiting for it to be ready."""
        assert not self.running, "the daemon runs already"
        arguments = ["run", "--settings", str(self.write_settings())]
        self._process = await self._exec(arguments) if self._fresh else await _forked(arguments)
        self._reader = asyncio.create_task(self._read(self._process))

    async def _exec(self, arguments: list[str]) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "station.cli", *arguments]
        if self._wrapper:
            command = [sys.executable, "-c", f"import os\n{self._wrapper}\nos.execv({command[0]!r}, {command!r})"]
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=2**20,
        )

    async def start(self) -> None:
        """Start the process and wait until its service listens."""
        count = self.ready_count
        await self.spawn()
        await self.ready(count + 1)

    async def ready(self, count: int) -> None:
        """Wait for the n-th ready line over all starts; a station that reset itself prints one more."""
        async with asyncio.timeout(START_S):
            while self.ready_count < count:
                assert self.running, f"the daemon ended with {self._status()}\n{self.stderr_text()}"
                await self._news.wait()

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said; a process that has ended is left alone."""
        if self.running:
            await self._end(signal.SIGKILL)
        if self._reader is not None:
            await self._reader

    async def exited(self, *, within_s: float = EXIT_S) -> int:
        """Wait for the process to end by itself; the exit status."""
        assert self._process is not None
        assert self._reader is not None
        async with asyncio.timeout(within_s):
            await self._process.wait()
            await self._reader
        return self._status()

    async def restart(self) -> None:
        """End in order, then start again on the same storage."""
        await self.stop()
        await self.start()

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        assert self._reader is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return await self.exited()

    def _status(self) -> int:
        assert self._process is not None
        return self._process.returncode if self._process.returncode is not None else -1

    async def _read(self, process: asyncio.subprocess.Process | _Forked) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip("\n")
            self.stderr.append(text)
            self.ready_count += text.strip() == READY_LINE
            self._wake()
        await process.wait()
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
