"""The server of the page of a log: on loopback only, for reading only, one question after the other, in the thread that has the log."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Thread, get_ident
from typing import Any
from urllib.parse import urlsplit

import pytest

from station.page_files import POLICY
from station.replay.opening.errors import BadQuestion
from station.replay.viewing.server import PageServer
from station.replay.viewing.views import Download

END = "/end"


def answering(path: str, query: Mapping[str, str]) -> dict[str, Any] | Download | None:
    match path:
        case "/end":
            raise KeyboardInterrupt
        case "/bad":
            raise BadQuestion("that cannot be")
        case "/broken":
            raise ValueError("a damaged event")
        case "/csv":
            return Download(name="sessions-2026-01.csv", text="a,b\n")
        case "/thread":
            return {"thread": get_ident(), "query": dict(query)}
        case _:
            return None


@contextmanager
def listening() -> Iterator[tuple[PageServer, Thread]]:
    server = PageServer()
    thread = Thread(target=server.answer_all, args=(answering,))
    with server.listening():
        thread.start()
        yield server, thread
        assert ask(server, END)[0] == 503
        thread.join()


def ask(server: PageServer, path: str, *, method: str = "GET", host: str = "") -> tuple[int, dict[str, str], bytes]:
    place = urlsplit(server.url).netloc
    connection = HTTPConnection(place, timeout=60)
    connection.request(method, path, headers={"host": host or place})
    response = connection.getresponse()
    answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    connection.close()
    return answer


def test_questions_are_answered_in_the_thread_that_has_the_log() -> None:
    with listening() as (server, thread):
        status, headers, content = ask(server, "/thread?after=3")
        assert (status, json.loads(content)) == (200, {"thread": thread.ident, "query": {"after": "3"}})
        assert (headers["cache-control"], headers["content-type"]) == ("no-store", "application/json")


def test_a_file_is_kept_under_its_name() -> None:
    with listening() as (server, _):
        status, headers, content = ask(server, "/csv")
        assert (status, headers["content-type"], content) == (200, "text/csv; charset=utf-8", b"a,b\n")
        assert headers["content-disposition"] == 'attachment; filename="sessions-2026-01.csv"'


@pytest.mark.parametrize(
    ("path", "status", "says"), [("/bad", 400, "that cannot be"), ("/broken", 500, "damaged"), ("/x", 404, "no such")]
)
def test_what_cannot_be_answered_says_why_and_the_server_goes_on(path: str, status: int, says: str) -> None:
    with listening() as (server, _):
        for _again in range(2):
            answered, _, content = ask(server, path)
            assert answered == status
            assert says in json.loads(content)["error"]


def test_the_page_is_served_under_its_policy_and_nothing_else_is() -> None:
    with listening() as (server, _):
        status, headers, content = ask(server, "/")
        assert (status, headers["content-security-policy"]) == (200, POLICY)
        assert b"/page/app.js" in content
        assert ask(server, "/page/../page_files.py")[0] == 404


def test_another_name_for_this_machine_and_whoever_wants_to_write_are_refused() -> None:
    with listening() as (server, _):
        assert ask(server, "/", host="evil.example:80")[0] == 403
        assert ask(server, "/thread", host="evil.example")[0] == 403
        assert ask(server, "/thread", method="POST")[0] == 501
        assert server.url.startswith("http://127.0.0.1:")


def test_a_port_that_is_taken_is_an_error() -> None:
    server = PageServer()
    with server.listening(), pytest.raises(OSError, match="in use"):
        PageServer(urlsplit(server.url).port or 0)
