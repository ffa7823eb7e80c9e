"""What the page asks for: the views of `station/views`, of the present moment, under `/api/view`.

    GET /api/view/now      each connector and the station, now
    GET /api/view/story    events in plain words with their causes: behind `after`, or the last ones before `before`
    GET /api/view/conversation    exchanges with the CSMS that ended behind `after`, and those that are open
    GET /api/view/schedule        what each connector may draw over the next 24 h, and its charging profiles
    GET /api/view/configuration   the configuration keys

Each answer names the version of the page, so that an old page notices that the station has another one, and the seq that it is of.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.kinds import OneOf, Whole
from eventstore.catalogue import BY_NAME
from eventstore.chain import Row
from eventstore.codec import decode
from eventstore.errors import LogCorrupt, UnknownEventType
from eventstore.event import Event, Illegible, Recorded
from eventstore.value import replace
from station.page_files import page_version
from station.service.answers import json_response
from station.service.bodies import BodyMember, read_query
from station.service.context import LogPort, ServiceContext, StationPort, oldest_utc_ms
from station.telling.usual import FLAGS, Usual
from station.views.configuration import configuration_view
from station.views.conversation import KINDS as CONVERSATION_KINDS
from station.views.conversation import Conversation
from station.views.now import Beside, now_view
from station.views.recent import KINDS as RECENT_KINDS
from station.views.recent import Recent
from station.views.saying import Json
from station.views.schedule import schedule_view
from station.views.story import kinds, story_view

SLICE = 500
"""How many events are read at a time, so that the loop is never held for long."""
LOOK_BACK = 5_000
"""How many events a view looks back at most."""
LINES_MAX = 500
_FLAGGED = frozenset(kind.NAME for kind in FLAGS)
_SEQ = Whole(minimum=0, maximum=2**63 - 1)
CONVERSATION_QUERY = {"after": BodyMember(kind=_SEQ, default=0)}
STORY_QUERY = {
    "after": BodyMember(kind=_SEQ, default=None),
    "before": BodyMember(kind=_SEQ, default=None),
    "limit": BodyMember(kind=Whole(minimum=1, maximum=LINES_MAX), default=100),
    "details": BodyMember(kind=OneOf(words=("true", "false")), default="false"),
}


class PageViews:
    """The views of one station."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._station = context.station
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
        ]

    async def now(self, request: Request) -> Response:
        """*Now*."""
        log, recent = self._station.log, await self._recent.caught_up()
        state, at_ms = self._station.state, self._station.clock.at_ms()
        facts = Beside(
            oldest_utc_ms=await oldest_utc_ms(log, state),
            log_bytes=log.bytes_on_disk() + log.archive_bytes(),
            free_bytes=log.free_bytes(),
        )
        return _answer(now_view(self._context.live(state, at_ms), recent, facts, at_ms))

    async def story(self, request: Request) -> Response:
        """*Story*: with `after` what came behind it, oldest first; without, the last lines before `before` or the end."""
        query = read_query(request.query_params, STORY_QUERY)
        names, limit = kinds(details=query["details"] == "true"), query["limit"]
        if query["after"] is None:
            rows, first_seq, last_seq = await self._rows_before(query["before"], names, limit)
        else:
            rows, first_seq, last_seq = await self._rows_after(query["after"], names, limit)
        events = [_recorded(row) for row in rows]
        lines = story_view(events, await self._causes(events), await self._usual(events))
        return _answer({"seq": last_seq, "first_seq": first_seq, "lines": lines})

    async def conversation(self, request: Request) -> Response:
        """*Conversation*."""
        after = read_query(request.query_params, CONVERSATION_QUERY)["after"]
        return _answer((await self._conversation.caught_up()).view(after))

    async def schedule(self, request: Request) -> Response:
        """*Schedule*."""
        return _answer(schedule_view(self._station.state, self._station.clock.at_ms()))

    async def configuration(self, request: Request) -> Response:
        """*Configuration*."""
        changed = (await self._recent.caught_up()).changed
        return _answer(configuration_view(self._station.state, self._station.registry.config_keys, changed))

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

    async def _usual(self, events: list[Recorded]) -> Usual:
        """What was known before the events of that of which they say it again; what is too far back to be found is news."""
        wanted: dict[type[Event], Recorded] = {}
        for recorded in events:
            if type(recorded.event) in FLAGS:
                wanted.setdefault(type(recorded.event), recorded)
        begin = end = min((recorded.seq - 1 for recorded in wanted.values()), default=0)
        found: dict[type[Event], Recorded] = {}
        while begin > 0 and end - begin < LOOK_BACK and wanted.keys() - found.keys():
            last, begin = begin, max(0, begin - SLICE)
            here = [
                _recorded(row) async for row in rows_between(self._station.log, begin, last) if row.type in _FLAGGED
            ]
            found = {**{type(recorded.event): recorded for recorded in here}, **found}
        for kind in wanted.keys() - found.keys() if begin > 0 else ():
            event: Any = wanted[kind].event
            found[kind] = replace(wanted[kind], event=replace(event, **{FLAGS[kind]: not getattr(event, FLAGS[kind])}))
        return Usual(found.values())

    async def _causes(self, events: list[Recorded]) -> dict[int, Event]:
        """What led to the events, by seq: the first event of its batch, read where it is none of them."""
        found = {recorded.seq: recorded.event for recorded in events}
        for seq in sorted({recorded.cause for recorded in events} - found.keys()):
            for row in await self._station.log.read_rows(seq - 1, 1):
                found[seq] = _recorded(row).event
        return found


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
                    fold.add(_recorded(row))
            fold.seq = head
            return fold


async def rows_between(log: LogPort, after: int, until: int) -> AsyncIterator[Row]:
    """The rows behind seq `after` up to `until`, a slice at a time. Raises StorageFailed."""
    while after < until:
        rows = await log.read_rows(after, min(SLICE, until - after))
        if not rows:
            return
        for row in rows:
            yield row
        after = rows[-1].seq


def _recorded(row: Row) -> Recorded:
    try:
        event = decode(row.type, row.version, row.payload)
    except (LogCorrupt, UnknownEventType) as error:
        event = Illegible(name=row.type, version=row.version, reason=str(error))
    return Recorded(seq=row.seq, cause=row.cause, at_ms=row.at_ms, utc_ms=row.utc_ms, event=event)


def _answer(view: Json) -> Response:
    shown: dict[str, Any] = {"page": page_version(), **view}
    return json_response(shown)
