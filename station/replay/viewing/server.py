"""The page of a log over HTTP, for a browser on this machine: read only, on loopback, until it is ended.

A log is read by the thread that opened it: the threads that talk to browsers hand it their questions, one after the other.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Full, Queue
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import orjson

from station.page_files import HEADERS, INDEX, file_answer
from station.replay.opening.errors import BadQuestion
from station.replay.viewing.views import Download
from station.views.saying import Json

HOST = "127.0.0.1"
WAITING_MAX = 64
IDLE_S, ANSWER_S = 30, 60
_FILES = "/page/"

Answering = Callable[[str, Mapping[str, str]], Json | Download | None]
"""From a path and its query to what is answered; None if there is nothing. Raises BadQuestion."""


class HttpAnswer(NamedTuple):
    """A status, the headers that tell what it is, and the content."""

    status: int
    headers: dict[str, str]
    content: bytes


class _Asked(NamedTuple):
    path: str
    query: dict[str, str]
    answer: "Future[HttpAnswer]"


class PageServer:
    """Listens from the beginning on, at `url`; `answer_all` answers until it is interrupted."""

    def __init__(self, port: int = 0) -> None:
        """Port 0: one that is free. Raises OSError where it is taken."""
        self._asked: Queue[_Asked] = Queue(WAITING_MAX)
        self._server = _Server(port, self._asked)

    @property
    def url(self) -> str:
        """Where a browser finds the page."""
        return f"http://{HOST}:{self._server.server_port}/"

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Browsers are heard until the end of the block."""
        thread = Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answer_all(self, answering: Answering) -> None:
        """Answers in this thread until Ctrl-C."""
        with suppress(KeyboardInterrupt):
            while True:
                asked = self._asked.get()
                try:
                    asked.answer.set_result(answered(answering, asked.path, asked.query))
                finally:
                    asked.answer.cancel()  # nobody waits for the answer that Ctrl-C came into


def answered(answering: Answering, path: str, query: Mapping[str, str]) -> HttpAnswer:
    """The answer to a question, whatever comes of it."""
    try:
        found = answering(path, query)
    except BadQuestion as error:
        return in_json(400, {"error": str(error)})
    except Exception as error:  # noqa: BLE001  # whatever a damaged log does to a view: the other views still tell
        return in_json(500, {"error": f"this cannot be shown: {type(error).__name__}: {error}"})
    if isinstance(found, Download):
        headers = {
            "content-type": "text/csv; charset=utf-8",
            "content-disposition": f'attachment; filename="{found.name}"',
        }
        return HttpAnswer(200, {**_PLAIN, **headers}, found.text.encode())
    return in_json(404, {"error": "there is no such thing"}) if found is None else in_json(200, found)


def in_json(status: int, content: Json) -> HttpAnswer:
    """An answer in JSON."""
    return HttpAnswer(status, _JSON, orjson.dumps(content))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, questions: "Queue[_Asked]") -> None:
        self.questions = questions
        super().__init__((HOST, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away within an answer is worth no line; whatever else may be wrong is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def names(self) -> tuple[str, str]:
        """What a browser may call this server."""
        return f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server_version, sys_version = "chargebox", ""
    server: _Server

    def do_GET(self) -> None:
        if (
            self.headers.get("host", "") not in self.server.names()
        ):  # a page from elsewhere, whose name was made to mean this machine
            self._give(*in_json(403, {"error": "Host must be the loopback address that was printed"}))
            return
        url = urlsplit(self.path)
        if url.path == "/" or url.path.startswith(_FILES):
            name = INDEX if url.path == "/" else url.path.removeprefix(_FILES)
            known, encodings = self.headers.get("if-none-match", ""), self.headers.get("accept-encoding", "")
            found = file_answer(name, known, encodings)
            if found is not None:
                self._give(*found)
                return
        self._give_answer(url.path, dict(parse_qsl(url.query)))

    def _give_answer(self, path: str, query: dict[str, str]) -> None:
        asked = _Asked(path, query, Future())
        try:
            self.server.questions.put(asked, timeout=ANSWER_S)
            answer = asked.answer.result(ANSWER_S)
        except (Full, TookTooLong, CancelledError):
            answer = in_json(503, {"error": "other questions are being answered; ask again"})
        self._give(*answer)

    def _give(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as the standard library names it
        """Whoever looks at a page wants no line for each request."""


_PLAIN = {**HEADERS, "cache-control": "no-store"}
_JSON = {**_PLAIN, "content-type": "application/json"}
