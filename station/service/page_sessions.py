"""The sessions for the page, read from the log by the kinds of their events:

    GET /api/view/sessions        the latest, the newest first; with `before` those that began before that event
    GET /api/view/session         everything about the one that began with the event `seq`
    GET /api/view/sessions.csv    those of a month by UTC, `month=2026-11`

The log is read a slice at a time in its own threads; an answer looks at so many events at most, and says where it came to. Only
the CSV reads all of the log, as it is downloaded.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from devices.kinds import Text, Whole
from eventstore.catalogue.transactions import TransactionConfirmed, TransactionStarted
from eventstore.chain import Row
from eventstore.event import Recorded
from station.service.answers import Refused
from station.service.bodies import BodyMember, read_query
from station.service.context import LogPort, StationPort
from station.service.page_reading import SEQ, Telling, answer, as_recorded
from station.views.sessions import (
    COLUMNS,
    KEPT,
    KINDS,
    WHOLE_KINDS,
    SessionFacts,
    SessionList,
    WholeSession,
    csv_cells,
    csv_line,
    is_within,
    month_bounds,
    session_view,
)

WINDOW = 4_000
"""Events that one slice looks at."""
AT_ONCE = 100
"""How many events are decoded before the loop has its turn again."""
LOOK_BACK = 40_000
"""Events that a list looks back at most."""
WHOLE_MAX = 1_000_000
"""Events behind its start at which one session is given up: no station writes so many during one."""
LEAD = 400
"""Events before its start in which the limit of a session is looked for."""
WHOLE_KEPT = 4
"""Sessions that are kept for whoever looks at them."""


def _check_month(text: str) -> None:
    month_bounds(text)


LIST_QUERY = {
    "before": BodyMember(kind=SEQ, default=None),
    "limit": BodyMember(kind=Whole(minimum=1, maximum=200), default=50),
}
ONE_QUERY = {"seq": BodyMember(kind=SEQ)}
CSV_QUERY = {"month": BodyMember(kind=Text(shortest=7, longest=7, check=_check_month))}


class PageSessions:
    """The sessions of one station."""

    def __init__(self, station: StationPort) -> None:
        self._station = station
        self._telling = Telling(station)
        self._latest: SessionList | None = None
        self._first_seq = 1
        self._whole: OrderedDict[int, WholeSession] = OrderedDict()
        self._reading = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Their routes."""
        return [
            Route("/api/view/sessions", self.sessions),
            Route("/api/view/session", self.session),
            Route("/api/view/sessions.csv", self.month),
        ]

    async def sessions(self, request: Request) -> Response:
        """The list."""
        query = read_query(request.query_params, LIST_QUERY)
        before, limit = query["before"], query["limit"]
        async with self._reading:
            head = self._station.log.head.seq
            if before is not None and before <= head:
                found, first_seq = await self._before(max(before, 1), limit)
            else:
                found, first_seq = await self._caught_up(head, limit)
        return answer({"seq": found.seq, "first_seq": first_seq, "sessions": found.view(self._station.state.clock)})

    async def session(self, request: Request) -> Response:
        """One session."""
        seq = read_query(request.query_params, ONE_QUERY)["seq"]
        async with self._reading:
            whole = self._whole.pop(seq) if seq in self._whole else WholeSession(seq)
            head = self._station.log.head.seq
            begin = head if whole.is_over else max(whole.seq, seq - LEAD - 1, 0)
            async for recorded in _events(self._station.log, begin, min(head, seq + WHOLE_MAX), WHOLE_KINDS):
                whole.add(recorded)
                if whole.is_over or (whole.session is None and recorded.seq >= seq):
                    break
            whole.seq = head
            if whole.session is None:
                raise Refused(404, f"no session began with event {seq}")
            self._whole[seq] = whole
            if len(self._whole) > WHOLE_KEPT:
                self._whole.popitem(last=False)
            story = whole.story()
            causes, usual = await self._telling.causes(story), await self._telling.usual(story)
        return answer(whole.view(self._station.state.clock, causes, usual))

    async def month(self, request: Request) -> Response:
        """The CSV of a month."""
        month = read_query(request.query_params, CSV_QUERY)["month"]
        headers = {"content-disposition": f'attachment; filename="sessions-{month}.csv"', "cache-control": "no-store"}
        return StreamingResponse(
            self._lines(month_bounds(month)), media_type="text/csv; charset=utf-8", headers=headers
        )

    async def _caught_up(self, head: int, limit: int) -> tuple[SessionList, int]:
        """The latest sessions, by what has come since they were asked for last."""
        found = self._latest
        if found is None or head - found.seq > LOOK_BACK:
            found, self._first_seq = await self._before(head + 1, limit, is_latest=True)
            self._latest = found
        async for recorded in _events(self._station.log, found.seq, head, KINDS):
            found.add(recorded)
        found.seq = head
        return found, max(self._first_seq, found.dropped_seq + 1)

    async def _before(self, before: int, limit: int, *, is_latest: bool = False) -> tuple[SessionList, int]:
        """At least `limit` sessions that began before an event, as far as LOOK_BACK reaches, and the first event that was looked at."""
        log = self._station.log
        rows: list[Row] = []
        begin = end = before - 1
        starts = 0
        while begin > 0 and starts < limit and end - begin < LOOK_BACK:
            last, begin = begin, max(0, begin - WINDOW)
            here = await log.read_kinds(begin, last, KINDS)
            starts += sum(row.type == TransactionStarted.NAME for row in here)
            rows = here + rows
        found = SessionList(until=None if is_latest else end, kept=KEPT if is_latest else limit + WINDOW)
        async for recorded in _decoded(rows):
            found.add(recorded)
        found.seq = end
        if not is_latest:  # what became of the last ones
            async for recorded in _events(log, end, min(log.head.seq, end + LOOK_BACK), KINDS):
                if found.are_settled:
                    break
                found.add(recorded)
        return found, begin + 1

    async def _lines(self, bounds: tuple[int, int]) -> AsyncIterator[str]:
        yield csv_line(COLUMNS)
        found = SessionList(kept=WHOLE_MAX)
        async for recorded in _events(self._station.log, 0, self._station.log.head.seq, KINDS):
            found.add(recorded)
            if isinstance(recorded.event, TransactionConfirmed):
                for line in self._within(found.over(), bounds):
                    yield line
        for line in self._within(found.known(), bounds):
            yield line

    def _within(self, sessions: Iterable[SessionFacts], bounds: tuple[int, int]) -> list[str]:
        views = [session_view(session, self._station.state.clock) for session in sessions]
        return [csv_line(csv_cells(view)) for view in views if is_within(view, bounds)]


async def _events(log: LogPort, after: int, until: int, names: Collection[str]) -> AsyncIterator[Recorded]:
    """The events of these kinds behind `after` up to `until`. Raises StorageFailed."""
    while after < until:
        end = min(until, after + WINDOW)
        async for recorded in _decoded(await log.read_kinds(after, end, names)):
            yield recorded
        after = end


async def _decoded(rows: list[Row]) -> AsyncIterator[Recorded]:
    for place, row in enumerate(rows):
        if place % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        yield as_recorded(row)
