"""FTP and HTTP servers on loopback, for firmware images to be fetched from and diagnostics to be put on."""

import asyncio
import hashlib
import http.server
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aioftp

Protocol = Literal["ftp", "http"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileServer:
    """A running server of one directory."""

    url: str
    directory: Path

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, content: bytes) -> str:
        """Offer a file; its URL."""
        (self.directory / name).write_bytes(content)
        return f"{self.url}/{name}"

    def received(self) -> dict[str, bytes]:
        """What lies in the directory, by name."""
        return {path.name: path.read_bytes() for path in self.directory.iterdir() if path.is_file()}


@asynccontextmanager
async def serve_files(protocol: Protocol, directory: Path) -> AsyncIterator[FileServer]:
    """Serve a directory for reading and writing until the block is left."""
    opened = _serve_ftp(directory) if protocol == "ftp" else _serve_http(directory)
    async with opened as url:
        yield FileServer(url=url, directory=directory)


@asynccontextmanager
async def _serve_ftp(directory: Path) -> AsyncIterator[str]:
    user = aioftp.User(
        "lab",
        "secret",
        base_path=directory,
        permissions=[aioftp.Permission("/", readable=True, writable=True)],
    )
    server = aioftp.Server([user])
    await server.start("127.0.0.1", 0)
    try:
        yield f"ftp://lab:secret@127.0.0.1:{server.server_port}"
    finally:
        await server.close()


@asynccontextmanager
async def _serve_http(directory: Path) -> AsyncIterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = directory / self.path.rpartition("/")[2]
            content = path.read_bytes() if path.is_file() else b""
            self._respond(200 if path.is_file() else 404, content)

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Transfer-Encoding") == "chunked":
                content = self._chunks()
            (directory / (self.path.rpartition("/")[2] or "unnamed")).write_bytes(content)
            self._respond(201, b"")

        def do_POST(self) -> None:
            self.do_PUT()

        def _chunks(self) -> bytes:
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

        def _respond(self, code: int, content: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Silence: a test's own record says what happened."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


def bench_image(*, model: str, version: str, content: bytes = b"firmware " * 1000, digest: str = "") -> bytes:
    """A bench firmware image (contract, 4); a wrong `digest` makes it one that cannot be installed."""
    head = {
        "chargebox_firmware": 1,
        "model": model,
        "version": version,
        "sha256": digest or hashlib.sha256(content).hexdigest(),
    }
    return json.dumps(head).encode() + b"\n" + content
