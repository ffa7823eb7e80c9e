"""The laboratory's file servers on loopback: firmware is fetched from them, diagnostics and logs are put on them."""

import asyncio
import http.server
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from eventstore.value import Value
from station.certify.ports import FileProtocol

USER, PASSWORD = "lab", "secret"
HOST = "127.0.0.1"
BYTES_MAX = 1 << 28


class FileServer(Value, frozen=True, kw_only=True):
    """A running server of one directory."""

    url: str
    directory: Path

    def put(self, name: str, content: bytes) -> str:
        """Offers a file; its URL."""
        (self.directory / name).write_bytes(content)
        return f"{self.url}/{name}"

    def received(self) -> dict[str, bytes]:
        """What lies there, by name."""
        return {path.name: path.read_bytes() for path in self.directory.iterdir() if path.is_file()}


@asynccontextmanager
async def serve_files(protocol: FileProtocol, directory: Path) -> AsyncIterator[FileServer]:
    """Serves a directory for reading and writing until the block is left."""
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # nothing else is served yet
    opened = _serve_ftp(directory) if protocol == "ftp" else _serve_http(directory)
    async with opened as url:
        yield FileServer(url=url, directory=directory)


@asynccontextmanager
async def _serve_ftp(directory: Path) -> AsyncIterator[str]:
    import aioftp

    logging.getLogger("aioftp.server").setLevel(logging.CRITICAL)  # it logs every client that hangs up
    permissions = [aioftp.Permission("/", readable=True, writable=True)]
    server = aioftp.Server([aioftp.User(USER, PASSWORD, base_path=directory, permissions=permissions)])
    await server.start(HOST, 0)
    try:
        yield f"ftp://{USER}:{PASSWORD}@{HOST}:{server.server_port}"
    finally:
        await server.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    """GET, PUT and POST of files in one directory; the server knows which."""

    protocol_version = "HTTP/1.1"
    directory: Path

    def do_GET(self) -> None:  # the standard library's name
        file = self.directory / Path(self.path).name
        is_there = file.is_file()
        self._respond(200 if is_there else 404, file.read_bytes() if is_there else b"")

    def do_PUT(self) -> None:
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        content = self._chunks() if chunked else self.rfile.read(int(self.headers.get("Content-Length", 0)))
        (self.directory / (Path(self.path).name or "unnamed")).write_bytes(content)
        self._respond(201, b"")

    do_POST = do_PUT  # noqa: N815

    def _chunks(self) -> bytes:
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(min(size, BYTES_MAX))
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _respond(self, code: int, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Silence: the transcript says what happened."""


@asynccontextmanager
async def _serve_http(directory: Path) -> AsyncIterator[str]:
    handler = type("_Handler", (_Handler,), {"directory": directory})
    server = http.server.ThreadingHTTPServer((HOST, 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()
