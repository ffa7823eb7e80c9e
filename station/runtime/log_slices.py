"""Reading the log for a file that goes out: in slices, so that nothing waits for it, and only the time that was asked for."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from eventstore.catalogue.maintenance import DiagnosticsRequested
from eventstore.chain import Head, Row
from eventstore.commitments import Commitments
from eventstore.value import Value
from projections.station import StationState

SLICE_ROWS = 500
_FOREVER_MS = 1 << 62


class LogSource(Protocol):
    """What is needed of the event log."""

    @property
    def head(self) -> Head:
        """The last durable event."""

    async def read_rows(self, after: int, limit: int) -> Sequence[Row]:
        """The rows behind seq `after` as stored, at most `limit`, in order."""

    async def commitments_from(self, seq: int) -> Commitments:
        """What the digests of the events from `seq` on cover."""

    async def cut_out(self) -> Sequence[tuple[int, int]]:
        """The first and last event of each range that was cut out of archives for room, in order."""


async def slices(log: LogSource, after: int, until: int) -> AsyncIterator[Sequence[Row]]:
    """The rows behind seq `after` up to where the log ends once `until` is reached, slice by slice."""
    while after < until and (rows := await log.read_rows(after, SLICE_ROWS)):
        after = rows[-1].seq
        yield rows


class Window(Value, frozen=True, kw_only=True):
    """The time asked for, by the calendar and by station time: an event whose UTC was not known then counts by the other."""

    start_utc_ms: int
    stop_utc_ms: int
    offset_ms: int

    @staticmethod
    def of(request: DiagnosticsRequested, state: StationState) -> "Window":
        """The time that a request names; without a beginning or an end it has none."""
        start, stop = request.start_utc_ms, request.stop_utc_ms
        return Window(
            start_utc_ms=-_FOREVER_MS if start is None else start,
            stop_utc_ms=_FOREVER_MS if stop is None else stop,
            offset_ms=state.clock.offset_ms,
        )

    def within(self, rows: Sequence[Row]) -> list[Row]:
        """Those of the rows that were recorded in that time."""
        return [row for row in rows if self._has(row.utc_ms) or self._has(row.at_ms + self.offset_ms)]

    def _has(self, utc_ms: int) -> bool:
        return self.start_utc_ms <= utc_ms <= self.stop_utc_ms
