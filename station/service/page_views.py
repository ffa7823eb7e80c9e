"""What the page asks for: the views of `station/views`, of the present moment, under `/api/view`.

    GET /api/view/now      each connector and the station, now
    GET /api/view/story    events in plain words with their causes: behind `after`, or the last ones before `before`
    GET /api/view/conversation    exchanges with the CSMS that ended behind `after`, and those that are open
    GET /api/view/schedule        what each connector may draw over the next 24 h, and its charging profiles
    GET /api/view/configuration   the configuration keys
    GET /api/view/session...      the sessions (`page_sessions`)

Each answer names the version of the page, so that an old page notices that the station has another one, and the seq that it is of.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.kinds import OneOf, Whole
from eventstore.catalogue import BY_NAME
from eventstore.chain import Row
from eventstore.event import Recorded
from station.service.bodies import BodyMember, read_query
from station.service.context import ServiceContext, StationPort, oldest_utc_ms
from station.service.page_reading import LOOK_BACK, SEQ, SLICE, Telling, answer, as_recorded, rows_between
from station.service.page_sessions import PageSessions
from station.views.configuration import configuration_view
from station.views.conversation import KINDS as CONVERSATION_KINDS
from station.views.conversation import Conversation
from station.views.now import Beside, now_view
from station.views.recent import KINDS as RECENT_KINDS
from station.views.recent import Recent
from station.views.schedule import schedule_view
from station.views.story import kinds, story_view

LINES_MAX = 500
CONVERSATION_QUERY = {"after": BodyMember(kind=SEQ, default=0)}
STORY_QUERY = {
    "after": BodyMember(kind=SEQ, default=None),
    "before": BodyMember(kind=SEQ, default=None),
    "limit": BodyMember(kind=Whole(minimum=1, maximum=LINES_MAX), default=100),
    "details": BodyMember(kind=OneOf(words=("true", "false")), default="false"),
}


class PageViews:
    """The views of one station."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._station = context.station
        self._telling = Telling(context.station)
        self._sessions = PageSessions(context.station)
        self._recent = Following(context.station, Recent, RECENT_KINDS)
        self._conversation = Following(context.station, Conversation, CONVERSATION_KINDS)

    def routes(self) -> list[Route]:
        """Their routes."""
        return [
            Route("/api/view/now", self.now),
            Route("/api/view/story", self.story),
            Route("/api/view/conversation", self.conversation),
            Route("/api/view/schedule", self.schedule),
            Route("/api/view/configuration", self.configuration),
            *self._sessions.routes(),
        ]

    async def now(self, request: Request) -> Response:
        """*Now*."""
        log, recent = self._station.log, await self._recent.caught_up()
        state, at_ms = self._station.state, self._station.clock.at_ms()
        facts = Beside(
            oldest_utc_ms=await oldest_utc_ms(log, state),
            log_bytes=log.bytes_on_disk() + log.archive_bytes(),
            free_bytes=log.free_bytes(),
            bench=self._context.board is not None,
        )
        return answer(now_view(self._context.live(state, at_ms), recent, facts, at_ms))

    async def story(self, request: Request) -> Response:
        """*Story*: with `after` what came behind it, oldest first; without, the last lines before `before` or the end."""
        query = read_query(request.query_params, STORY_QUERY)
        names, limit = kinds(details=query["details"] == "true"), query["limit"]
        if query["after"] is None:
            rows, first_seq, last_seq = await self._rows_before(query["before"], names, limit)
        else:
            rows, first_seq, last_seq = await self._rows_after(query["after"], names, limit)
        events = [as_recorded(row) for row in rows]
        lines = story_view(events, await self._telling.causes(events), await self._telling.usual(events))
        return answer({"seq": last_seq, "first_seq": first_seq, "lines": lines})

    async def conversation(self, request: Request) -> Response:
        """*Conversation*."""
        after = read_query(request.query_params, CONVERSATION_QUERY)["after"]
        return answer((await self._conversation.caught_up()).view(after))

    async def schedule(self, request: Request) -> Response:
        """*Schedule*."""
        return answer(schedule_view(self._station.state, self._station.clock.at_ms()))

    async def configuration(self, request: Request) -> Response:
        """*Configuration*."""
        changed = (await self._recent.caught_up()).changed
        return answer(configuration_view(self._station.state, self._station.registry.config_keys, changed))

    async def _rows_after(self, after: int, names: frozenset[str], limit: int) -> tuple[list[Row], int, int]:
        found: list[Row] = []
        last_seq = after
        async for row in rows_between(self._station.log, after, min(after + LOOK_BACK, self._station.log.head.seq)):
            last_seq = row.seq
            if row.type in names or row.type not in BY_NAME:
                found.append(row)
                if len(found) == limit:
                    break
        return found, after + 1, last_seq

    async def _rows_before(self, before: int | None, names: frozenset[str], limit: int) -> tuple[list[Row], int, int]:
        end = self._station.log.head.seq if before is None else min(before - 1, self._station.log.head.seq)
        found: list[Row] = []
        begin = end
        while begin > 0 and len(found) < limit and end - begin < LOOK_BACK:
            last, begin = begin, max(0, begin - SLICE)
            found = [
                row
                async for row in rows_between(self._station.log, begin, last)
                if row.type in names or row.type not in BY_NAME
            ] + found
        if len(found) > limit:
            found = found[-limit:]
            begin = found[0].seq - 1
        return found, begin + 1, end


class Fold(Protocol):
    """What is made of events, in order; `seq` is the last one."""

    seq: int

    def add(self, recorded: Recorded) -> None:
        """One event more."""
        ...


F = TypeVar("F", bound=Fold)


class Following(Generic[F]):
    """A fold that follows a log: it reads what has come since it was asked last, of these kinds, and not further back
    than `look_back` events."""

    def __init__(
        self, station: StationPort, begin: Callable[[], F], kinds: frozenset[str], *, look_back: int = LOOK_BACK
    ) -> None:
        self._station = station
        self._begin = begin
        self._kinds = kinds
        self._look_back = look_back
        self._fold: F | None = None
        self._reading = asyncio.Lock()

    async def caught_up(self) -> F:
        """The fold as of the log's head."""
        async with self._reading:
            log = self._station.log
            head = log.head.seq
            fold = self._fold
            if fold is None or head - fold.seq > self._look_back:
                fold = self._fold = self._begin()
            async for row in rows_between(log, max(fold.seq, head - self._look_back), head):
                if row.type in self._kinds:
                    fold.add(as_recorded(row))
            fold.seq = head
            return fold
