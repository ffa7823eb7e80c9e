"""Any past moment of the station, for the page:

    GET /api/past/view/NAME    the view as it was after event `at`; `head` also by time, `utc_ms`
    GET /api/past/events       an event as it stands in the log

What is folded for that is folded in a process of its own (`station.replay.viewing.living`), which begins when somebody asks, gives way to
the station, answers one question after the other, and ends when nobody has asked for a while. The station itself only hands on.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.kinds import OneOf, Text
from station.service.answers import Refused
from station.service.bodies import BodyMember, read_query
from station.service.context import StationPort
from station.service.page_reading import SEQ

LOGGER = logging.getLogger(__name__)

WORKER = ("-m", "station.replay.viewing.living")
ROOT = Path(__file__).resolve().parents[2]
WAITING_MAX = 16
ANSWER_S = 60.0
IDLE_S = 90.0
END_S = 1.0
LINE_BYTES_MAX = 65_536
PREFIX = "/api/past/"
NAMES = (
    *("view/head", "view/now", "view/story", "view/conversation", "view/schedule", "view/configuration"),
    *("view/sessions", "view/session", "view/sessions.csv", "events"),
)
_SEQ = BodyMember(kind=SEQ, default=None)
QUERY = {
    **dict.fromkeys(("at", "utc_ms", "after", "before", "limit", "seq"), _SEQ),
    "details": BodyMember(kind=OneOf(words=("true", "false")), default=None),
    "month": BodyMember(kind=Text(longest=7), default=None),
}


class Answered(NamedTuple):
    """What the process answered: a status, the headers that tell what it is, and the content."""

    status: int
    headers: dict[str, str]
    content: bytes


class PastProcess:
    """The process for one storage directory, while there is one. `command` begins it; the directory is its last argument."""

    def __init__(self, directory: Path, command: tuple[str, ...] = (sys.executable, *WORKER)) -> None:
        self._command = (*command, str(directory.absolute()))
        self._process: asyncio.subprocess.Process | None = None
        self._asking = asyncio.Lock()
        self._waiting = 0
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def ask(self, path: str, query: Mapping[str, str], head_seq: int) -> Answered:
        """The answer to one question. Raises Refused where it cannot be had now."""
        if self._waiting >= WAITING_MAX:
            raise Refused(503, "many look at the past just now; ask again")
        self._waiting += 1
        try:
            async with self._asking:
                return await self._ask(path, query, head_seq)
        finally:
            self._waiting -= 1

    async def _ask(self, path: str, query: Mapping[str, str], head_seq: int) -> Answered:
        if self._idle is not None:
            self._idle.cancel()
        is_whole = False
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await self._exchange(path, query, head_seq)
            is_whole = True
        except TimeoutError:
            raise Refused(503, f"the past could not be worked out within {ANSWER_S:g} s; ask again") from None
        except (OSError, asyncio.IncompleteReadError, ValueError, KeyError) as error:
            LOGGER.warning("the process that reads the past of the log has failed: %s", error)
            raise Refused(503, "the past cannot be read just now; ask again") from error
        finally:
            if is_whole and not self._is_closed:
                self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.end)
            else:
                self.end()  # what comes of the question is no answer to the next one
        return found

    async def _exchange(self, path: str, query: Mapping[str, str], head_seq: int) -> Answered:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_BYTES_MAX,
                cwd=ROOT,
            )
        assert process.stdin is not None, "it was asked for"
        assert process.stdout is not None, "it was asked for"
        question = {"path": path, "query": query, "head_seq": head_seq, "now_s": asyncio.get_running_loop().time()}
        process.stdin.write(orjson.dumps(question) + b"\n")
        await process.stdin.drain()
        head = orjson.loads(await process.stdout.readline() or b"null") or {}
        content = await process.stdout.readexactly(head["length"])
        return Answered(head["status"], head["headers"], content)

    def end(self) -> None:
        """End the process, if there is one; the next question begins another."""
        process, self._process = self._process, None
        if process is None:
            return
        task = asyncio.ensure_future(_ended(process))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End it for good, and wait until it is gone."""
        self._is_closed = True
        if self._idle is not None:
            self._idle.cancel()
        self.end()
        await asyncio.gather(*self._ending)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """In order, so that its copy of the log is removed; if it does not heed that, at once."""
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            await process.wait()
            return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


class PagePast:
    """The past of one station."""

    def __init__(self, station: StationPort, process: PastProcess) -> None:
        self._station = station
        self._process = process

    def routes(self) -> list[Route]:
        """Its routes."""
        return [Route(f"{PREFIX}{name}", self.answer) for name in NAMES]

    async def answer(self, request: Request) -> Response:
        """A view, or an event, at a past moment."""
        query = {key: str(value) for key, value in read_query(request.query_params, QUERY).items() if value is not None}
        if not query.keys() & {"at", "utc_ms"}:
            raise Refused(422, "at: is required, or utc_ms")
        head_seq = self._station.log.head.seq
        if int(query.get("at", 0)) > head_seq:
            raise Refused(404, f"there is no event {query['at']} yet: the log ends with event {head_seq}")
        path: str = request.url.path.removeprefix(PREFIX)
        found = await self._process.ask(f"/api/{path}", query, head_seq)
        return Response(found.content, status_code=found.status, headers=found.headers)
