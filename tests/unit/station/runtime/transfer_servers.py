"""File servers on loopback that misbehave on demand: HTTP in a thread, FTP and FTPS in the test's own loop."""

import asyncio
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
    """One file, and how it is served: `cut_after` bytes the connection is closed, `redirects` leads path to location.

    A GET is answered once `silent` is set, and then not at all; a PUT or POST once `held_back` is.
    `statuses` are by method, `range_status` answers whoever asks for a range; `refusal_headers` go with every status that is none
    of success.
    """

    content: bytes = b""
    etag: str = '"1"'
    cut_after: int | None = None
    announce_length: bool = True
    ranges: bool = True
    status: int = 200
    statuses: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    extra_headers: dict[str, str] = field(default_factory=dict)
    refusal_headers: dict[str, str] = field(default_factory=dict)
    range_status: int = 0
    silent: threading.Event | None = None
    held_back: threading.Event | None = None
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
            more = files.refusal_headers if status >= 400 else {}
            for name, value in {"Content-Length": "0", **headers, **more}.items():
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
            refusal = files.range_status if "Range" in self.headers and files.range_status else files.status
            if refusal != 200:
                self._answer(refusal, {})
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
            if files.held_back is not None:
                files.held_back.wait(20)
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


class OldFtp:
    """An FTP server as they were: no MLST, no SIZE; `answers` is what it says to a command instead of doing it.

    PASV names the address `announce`; `heard` are the commands, `data` the addresses that data connections came to.
    """

    def __init__(self, **answers: str) -> None:
        self.answers = {name.upper(): text for name, text in answers.items()}
        self.announce = "127.0.0.1"
        self.pasv_text = "227 Entering Passive Mode ({})"
        self.heard: list[str] = []
        self.files: dict[str, bytes] = {}
        self.port = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"ftp://lab:se%20cret@{host}:{self.port}/{path}"

    @asynccontextmanager
    async def serving(self, address: str = "127.0.0.1") -> AsyncIterator["OldFtp"]:
        """Serves until the block is left."""
        async with await asyncio.start_server(self._session, address, 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        incoming: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        listener: asyncio.Server | None = None

        def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())

        say("220 ready")
        try:
            while line := (await reader.readline()).decode().strip():
                command, _, argument = line.partition(" ")
                command = command.upper()
                self.heard.append(line)
                if command in self.answers:
                    say(self.answers[command])
                elif command == "PASV":
                    address = writer.get_extra_info("sockname")[0]
                    listener = await asyncio.start_server(lambda *pair: incoming.put_nowait(pair), address, 0)
                    port = listener.sockets[0].getsockname()[1]
                    say(self.pasv_text.format(f"{self.announce.replace('.', ',')},{port >> 8},{port & 255}"))
                elif command in ("STOR", "RETR"):
                    say("150 go on")
                    await self._move(command, argument, *await incoming.get())
                    say("226 done")
                else:
                    say(_OLD_WORDS.get(command, "502 not implemented"))
                if command == "QUIT":
                    return
        finally:
            writer.close()
            if listener is not None:
                listener.close()

    async def _move(self, command: str, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if command == "STOR":
            self.files[path] = await reader.read()
        else:
            writer.write(self.files[path])
            await writer.drain()
        writer.close()


_OLD_WORDS: Mapping[str, str] = {
    "USER": "331 password",
    "PASS": "230 welcome",
    "TYPE": "200 ok",
    "EPSV": "500 what?",
    "QUIT": "221 bye",
}


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
