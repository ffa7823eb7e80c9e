"""Reading the log for a file that goes out."""

from collections.abc import Sequence

import pytest

from eventstore.catalogue.maintenance import DiagnosticsRequested
from eventstore.chain import Head, Row
from eventstore.commitments import Commitments
from eventstore.value import replace
from station.runtime.log_slices import SLICE_ROWS, Window, slices
from tests.given import UTC_2026_MS, station

REQUEST = DiagnosticsRequested(
    job=1, location="", file_name="", start_utc_ms=None, stop_utc_ms=None, retries=0, retry_interval_s=1
)


def row(seq: int, utc_ms: int = 0, at_ms: int = 0) -> Row:
    return Row(seq, seq, at_ms, utc_ms, "E", 1, None, "{}", b"")


class Rows:
    """A log of so many events, of which some were dropped."""

    def __init__(self, count: int) -> None:
        self.head = Head(seq=count, digest=b"\0" * 32)
        self.asked: list[int] = []

    async def read_rows(self, after: int, limit: int) -> Sequence[Row]:
        self.asked.append(after)
        return [row(seq) for seq in range(after + 1, min(after + limit, self.head.seq) + 1)]

    async def commitments_from(self, seq: int) -> Commitments:
        return Commitments()

    async def cut_out(self) -> Sequence[tuple[int, int]]:
        return ()


@pytest.mark.asyncio
async def test_a_log_is_read_slice_by_slice_up_to_where_it_ended() -> None:
    log = Rows(2 * SLICE_ROWS + 7)
    found = [rows async for rows in slices(log, 3, SLICE_ROWS + 4)]
    assert [row.seq for rows in found for row in rows] == list(range(4, 2 * SLICE_ROWS + 4))
    assert log.asked == [3, SLICE_ROWS + 3]
    assert [rows async for rows in slices(Rows(0), 0, 9)] == []


def test_an_event_counts_by_the_calendar_and_by_station_time() -> None:
    state = station().online().state
    rows = [row(1, utc_ms=UTC_2026_MS + 5), row(2, at_ms=5), row(3, utc_ms=UTC_2026_MS + 20, at_ms=20)]
    window = Window.of(replace(REQUEST, start_utc_ms=UTC_2026_MS, stop_utc_ms=UTC_2026_MS + 9), state)
    assert [row.seq for row in window.within(rows)] == [1, 2]
    assert Window.of(REQUEST, state).within(rows) == rows
