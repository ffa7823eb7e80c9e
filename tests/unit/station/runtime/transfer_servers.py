"""File servers on loopback that misbehave on demand: HTTP in a thread, FTP and FTPS in the test's own loop."""

import http.server
import re
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aioftp


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the server was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class HttpFiles:
    """One file, and how it is served: `cut_after` bytes the connection is closed, `redirects` leads path to location."""

    content: bytes = b""
    etag: str = '"1"'
    cut_after: int | None = None
    announce_length: bool = True
    ranges: bool = True
    status: int = 200
    statuses: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    extra_headers: dict[str, str] = field(default_factory=dict)
    silent: threading.Event | None = None
    asked: threading.Event = field(default_factory=threading.Event)
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    def url(self, path: str = "file") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/{path}"


def _handler(files: HttpFiles) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: C901  # one method a request
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _asked(self) -> None:
            files.asked.set()
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            files.requests.append(
                Request(method=self.command, path=self.path, headers=dict(self.headers.items()), body=body)
            )

        def _redirected(self) -> bool:
            target = files.redirects.get(self.path)
            if target is None:
                return False
            self._answer(307, {"Location": target})
            return True

        def _answer(self, status: int, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            self._asked()
            if files.silent is not None:
                files.silent.wait(20)
                self.close_connection = True
                return
            if self._redirected():
                return
            if files.status != 200:
                self._answer(files.status, {})
                return
            self._serve()

        def _serve(self) -> None:
            start, status, headers = 0, 200, {"ETag": files.etag, **files.extra_headers}
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if asked and files.ranges and self.headers.get("If-Range") == files.etag:
                start, status = int(asked[1]), 206
                if start >= len(files.content):
                    self._answer(416, {})
                    return
                headers["Content-Range"] = f"bytes {start}-{len(files.content) - 1}/{len(files.content)}"
            body = files.content[start:]
            length = str(len(body)) if files.announce_length else ""
            self._answer(status, {**headers, "Content-Length": length, "Connection": "close"})
            self.close_connection = True
            self.wfile.write(body if files.cut_after is None else body[: files.cut_after])

        def do_PUT(self) -> None:
            self._asked()
            if not self._redirected():
                self._answer(files.statuses.get(self.command, 201), {})

        def do_POST(self) -> None:
            self.do_PUT()

        def log_message(self, *args: object) -> None:
            """Silence."""

    return Handler


@contextmanager
def http_files(content: bytes = b"", *, tls: ssl.SSLContext | None = None) -> Iterator[HttpFiles]:
    """A running HTTP(S) server of one file."""
    files = HttpFiles(content=content, scheme="http" if tls is None else "https")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(files))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *args: None  # type: ignore[method-assign]  # clients that hang up are meant to
    files.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield files
    finally:
        if files.silent is not None:
            files.silent.set()
        server.shutdown()
        server.server_close()
        thread.join()


class FtpFiles(aioftp.Server):
    """An FTP server: `commands` are those it was given, `cut_after` so many bytes a file's reading or writing fails."""

    def __init__(self, directory: Path, *, implicit: ssl.SSLContext | None, explicit: ssl.SSLContext | None) -> None:
        user = aioftp.User(
            "lab",
            "se cret",
            base_path=directory,
            permissions=[aioftp.Permission("/", readable=True, writable=True)],
        )
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.commands: list[str] = []
        self.cut_after: int | None = None
        super().__init__([user], path_io_factory=_path_io(self), ssl=implicit)
        self._explicit = explicit
        if explicit is not None:
            self.commands_mapping["auth"] = self.auth

    @property
    def scheme(self) -> str:
        return "ftp" if self.ssl is None else "ftps"

    def url(self, path: str) -> str:
        return f"{self.scheme}://lab:se%20cret@127.0.0.1:{self.server_port}/{path}"

    async def parse_command(self, *args: Any, **kwargs: Any) -> Any:
        command, rest = await super().parse_command(*args, **kwargs)
        self.commands.append(f"{command} {rest}".strip())
        return command, rest

    async def auth(self, connection: Any, rest: str) -> bool:
        """AUTH TLS (RFC 4217)."""
        assert self._explicit is not None
        await self.write_response(connection.command_connection, "234", "go on")
        await connection.command_connection.writer.start_tls(self._explicit)
        return True


def _path_io(server: FtpFiles) -> Any:
    class CuttingPathIO(aioftp.PathIO):
        moved = 0

        def _move(self, count: int) -> None:
            self.moved += count
            if server.cut_after is not None and self.moved > server.cut_after:
                raise aioftp.PathIOError

        async def read(self, file: Any, block_size: int = -1) -> Any:
            data = await super().read(file, min(block_size, 1024))
            self._move(len(data))
            return data

        async def write(self, file: Any, data: Any) -> Any:
            await super().write(file, data)
            self._move(len(data))

    return CuttingPathIO


@asynccontextmanager
async def ftp_files(
    directory: Path, *, implicit: ssl.SSLContext | None = None, explicit: ssl.SSLContext | None = None
) -> AsyncIterator[FtpFiles]:
    """A running FTP server of a directory; with `implicit` or `explicit` it speaks TLS."""
    server = FtpFiles(directory, implicit=implicit, explicit=explicit)
    await server.start("127.0.0.1", 0)
    if explicit is not None:
        server.ssl = explicit  # for the data connections
    try:
        yield server
    finally:
        await server.close()
