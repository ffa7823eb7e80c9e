"""The broker of Debian, mosquitto, on loopback: what it keeps, and what it says, seen with a client of its own making."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_mosquitto = pytest.mark.skipif(
    PROGRAM is None, reason="needs a broker: as root, apt-get install mosquitto (make test does that where it may)"
)
WAIT_S = 60.0


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Mosquitto:
    """A broker in `directory`; with `password` for a user "station", with TLS by `certificate` and `key` in PEM."""

    def __init__(
        self, directory: Path, *, password: str = "", certificate: Path | None = None, key: Path | None = None
    ) -> None:
        assert PROGRAM is not None
        self.port = free_port()
        self._config = directory / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "log_type error", "user root"]
        if password:
            passwords = directory / "passwords"
            subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "station", password], check=True)
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        else:
            lines += ["allow_anonymous true"]
        if certificate is not None:
            lines += [f"certfile {certificate}", f"keyfile {key}"]
        self._config.write_text("\n".join(lines) + "\n")

    async def start(self) -> None:
        """Run it, and wait until it listens."""
        self._process = subprocess.Popen([str(PROGRAM), "-c", self._config], stderr=subprocess.PIPE)  # noqa: ASYNC220  # it is up in a moment
        for _ in range(int(WAIT_S / 0.01)):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                assert self._process.poll() is None, self._process.stderr and self._process.stderr.read()
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return
        raise AssertionError("the broker does not listen")

    def kill(self) -> None:
        """At once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._process = None


class Listener:
    """Who listens there: every message by its topic, the retained ones too."""

    def __init__(self, port: int, topics: Sequence[str] = ("#",), **how: Any) -> None:
        self.texts: dict[str, str] = {}
        self.every: list[tuple[str, str]] = []
        self.retained: set[str] = set()
        self._where = port, topics, how
        self._task: asyncio.Task[None] | None = None
        self.client: Any = None

    async def __aenter__(self) -> Self:
        ready = asyncio.Event()
        self._task = asyncio.create_task(self._listen(ready))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([self._task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self, ready: asyncio.Event) -> None:
        import aiomqtt

        port, topics, how = self._where
        async with aiomqtt.Client("127.0.0.1", port, **how) as client:
            self.client = client
            for topic in topics:
                await client.subscribe(topic, qos=1)
            ready.set()
            async for message in client.messages:
                text = bytes(message.payload).decode(errors="replace")
                self.texts[str(message.topic)] = text
                self.every.append((str(message.topic), text))
                if message.retain:
                    self.retained.add(str(message.topic))

    async def until(self, topic: str, text: str) -> None:
        """Wait for this text of a topic."""
        for _ in range(int(WAIT_S / 0.01)):
            if self.texts.get(topic) == text:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{topic} is {self.texts.get(topic)!r}, not {text!r}: {self.texts}")


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Stranger:
    """What listens where a broker should."""

    def __init__(self, serve: Serve) -> None:
        self.port = free_port()
        self.connections = 0
        self._serve = serve
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed is released

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
