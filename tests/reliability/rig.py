"""A daemon on a disk that can fail: started by the hundred, driven through its service, and looked at afterwards."""

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.daemon import Settings, free_port, merged, to_toml
from tests.fork_server import ForkServer
from tests.reliability.disk import Tree, write_tree
from tests.reliability.interposer import Control, environment

READY_WITHIN_S = 60.0
EXIT_WITHIN_S = 60.0
_SEQ = re.compile(rb'"(?:last_)?seq":\s*(\d+)')


class GoneError(ConnectionError):
    """The daemon has ended, or does not answer."""


@dataclass
class Run:
    """One life of a daemon. `told` is the highest event that it has told of; `status` how it ended."""

    pid: int
    port: int
    told: int = 0
    status: int | None = None
    answers: list[tuple[str, int]] = field(default_factory=list)

    def call(self, method: str, path: str, body: Any = None, within_s: float = 10.0) -> tuple[int, Any]:
        """One request; status and document. Raises GoneError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within_s)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise GoneError(f"{method} {path}: {error}") from error
        finally:
            connection.close()
        self.answers.append((path, response.status))
        if response.status == 200:
            self.told = max([self.told, *(int(number) for number in _SEQ.findall(content))])
        return response.status, json.loads(content) if content[:1] in b"{[" else content

    def post(self, path: str, **body: Any) -> int:
        """A bench control; its status."""
        return self.call("POST", f"/bench/{path}", body)[0]

    def state(self) -> Any:
        """The projections."""
        return self.call("GET", "/api/state")[1]

    def send(self, number: signal.Signals) -> None:
        """A signal, if the process is still there."""
        if self.status is None:
            with suppress(ProcessLookupError):  # it ended, and nobody has been told yet
                os.kill(self.pid, number)


Story = Callable[[Run], None]


class Rig:
    """One disk, one control page, and daemons one after the other."""

    def __init__(self, library: Path, base: Path, settings: Settings) -> None:
        self.root = base / "storage"
        self.root.mkdir(exist_ok=True)
        self.control = Control(base / "control")
        self.port = free_port()
        self._settings_file, self._stderr = base / "chargebox.toml", base / "stderr"
        self.write_settings(settings, self.root)
        self._server = ForkServer(environment(library, self.root, control=self.control.path))
        self._daemon: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._daemon is not None:
            self._daemon.close()
        self._server.close()

    def write_settings(self, settings: Settings, directory: Path) -> None:
        """The settings of the daemons that are started from now on, with the storage in this directory."""
        tables: Settings = {
            "storage": {"directory": str(directory)},
            "service": {"listen": f"127.0.0.1:{self.port}"},
        }
        self._settings_file.write_text(to_toml(merged(settings, tables)))

    def put(self, tree: Tree) -> None:
        """The disk holds this."""
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        write_tree(tree, self.root)

    def start(self) -> Run:
        """A daemon, without waiting for it to be ready."""
        if self._daemon is not None:
            self._daemon.close()
        with self._stderr.open("wb") as stderr:
            self._daemon = self._server.start(["run", "--settings", str(self._settings_file)], stderr.fileno())
        return Run(pid=self._said(READY_WITHIN_S), port=self.port)

    def ready(self, run: Run) -> bool:
        """Waits until it serves; False if it ended before."""
        deadline_s = time.monotonic() + READY_WITHIN_S
        while not self.ended(run, 0.004):
            assert time.monotonic() < deadline_s, f"neither ready nor ended:\n{self.stderr()}"
            try:
                run.call("GET", "/healthz", within_s=2.0)
            except GoneError:
                continue
            return True
        return False

    def ended(self, run: Run, within_s: float) -> bool:
        """Whether it ends in that time."""
        assert self._daemon is not None, "a daemon was started"
        if run.status is None and select.select([self._daemon], [], [], within_s)[0]:
            run.status = self._said(1.0)
        return run.status is not None

    def end(self, run: Run) -> int:
        """Waits for its end; AssertionError, and its end by force, if it hangs (I14)."""
        if not self.ended(run, EXIT_WITHIN_S):
            run.send(signal.SIGKILL)
            self.ended(run, EXIT_WITHIN_S)
            raise AssertionError(f"the daemon hangs (I14):\n{self.stderr()}")
        assert run.status is not None
        return run.status

    def live(self, *stories: Story) -> Run:
        """One life: started, driven as far as it comes, told to end."""
        run = self.start()
        try:
            if self.ready(run):
                for story in stories:
                    story(run)
                run.send(signal.SIGTERM)
        except GoneError:
            if not self.ended(run, 2.0):
                run.send(signal.SIGTERM)  # it lives, but does not answer: the disk hangs or the loop has ended
        self.end(run)
        return run

    def stderr(self) -> str:
        """What the last daemon said."""
        return self._stderr.read_text() if self._stderr.exists() else ""

    def _said(self, within_s: float) -> int:
        """The next number of the daemon that was started last."""
        assert self._daemon is not None, "a daemon was started"
        self._daemon.settimeout(within_s)
        return int(self._daemon.recv(32))


def session(run: Run) -> None:
    """A driver comes, charges through two samples, and leaves; each step is answered once it is durable."""
    steps: Sequence[tuple[str, dict[str, Any]]] = (
        ("connectors/1/plug", {}),
        ("swipe", {"id_tag": "A", "connector_id": 1}),
        ("clock", {"advance_s": 31}),
        ("connectors/1/vehicle", {"ready": False}),
        ("clock", {"advance_s": 31}),
        ("swipe", {"id_tag": "A", "connector_id": 1}),
        ("connectors/1/unplug", {}),
    )
    for path, body in steps:
        run.post(path, **body)


def begin(run: Run) -> None:
    """A driver comes and charges."""
    run.post("connectors/1/plug")
    run.post("swipe", id_tag="B", connector_id=1)
