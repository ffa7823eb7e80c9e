"""Reading the log for the page: slices of rows, the events in them, and what stands beside them."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response

from devices.kinds import Whole
from eventstore.chain import Row
from eventstore.codec import decode
from eventstore.errors import LogCorrupt, UnknownEventType
from eventstore.event import Event, Illegible, Recorded
from eventstore.value import replace
from station.page_files import page_version
from station.service.answers import json_response
from station.service.context import LogPort, StationPort
from station.telling.usual import FLAGS, Usual
from station.views.saying import Json

SLICE = 500
"""How many events are read at a time, so that the loop is never held for long."""
LOOK_BACK = 5_000
"""How many events a view looks back at most."""
SEQ = Whole(minimum=0, maximum=2**63 - 1)
_FLAGGED = frozenset(kind.NAME for kind in FLAGS)


class Telling:
    """What stands beside the lines of a story."""

    def __init__(self, station: StationPort) -> None:
        self._station = station

    async def usual(self, events: list[Recorded]) -> Usual:
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
                as_recorded(row) async for row in rows_between(self._station.log, begin, last) if row.type in _FLAGGED
            ]
            found = {**{type(recorded.event): recorded for recorded in here}, **found}
        for kind in wanted.keys() - found.keys() if begin > 0 else ():
            event: Any = wanted[kind].event
            found[kind] = replace(wanted[kind], event=replace(event, **{FLAGS[kind]: not getattr(event, FLAGS[kind])}))
        return Usual(found.values())

    async def causes(self, events: list[Recorded]) -> dict[int, Event]:
        """What led to the events, by seq: the first event of its batch, read where it is none of them."""
        found = {recorded.seq: recorded.event for recorded in events}
        for seq in sorted({recorded.cause for recorded in events} - found.keys()):
            for row in await self._station.log.read_rows(seq - 1, 1):
                found[seq] = as_recorded(row).event
        return found


async def rows_between(log: LogPort, after: int, until: int) -> AsyncIterator[Row]:
    """The rows behind seq `after` up to `until`, a slice at a time. Raises StorageFailed."""
    while after < until:
        rows = await log.read_rows(after, min(SLICE, until - after))
        if not rows:
            return
        for row in rows:
            yield row
        after = rows[-1].seq


def as_recorded(row: Row) -> Recorded:
    """The event of a row; Illegible for what this version cannot read."""
    try:
        event = decode(row.type, row.version, row.payload)
    except (LogCorrupt, UnknownEventType) as error:
        event = Illegible(name=row.type, version=row.version, reason=str(error))
    return Recorded(seq=row.seq, cause=row.cause, at_ms=row.at_ms, utc_ms=row.utc_ms, event=event)


def answer(view: Json) -> Response:
    """A view, with the version of the page."""
    shown: dict[str, Any] = {"page": page_version(), **view}
    return json_response(shown)
