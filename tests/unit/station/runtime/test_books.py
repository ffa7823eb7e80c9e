"""Closing the books: the last event of a segment, and the state it leaves."""

from hashlib import sha256
from pathlib import Path

import pytest

from eventstore.catalogue.lifecycle import BooksClosed
from eventstore.database import DATABASE_NAME, open_reader
from projections.digest import STATE_LAYOUT, digest, fingerprint, state_from
from projections.station import FOLDS
from station.runtime.books import Books, books_closed
from tests.given import charging, station
from tests.outage import living


def test_the_event_covers_the_state_that_it_leaves() -> None:
    under_test = charging()
    event, content = books_closed(under_test.state, under_test.at_ms, 1)
    assert event.state_digest == sha256(content).hexdigest()
    assert (event.layout, event.fingerprint) == (STATE_LAYOUT, fingerprint())
    assert event.owed_seq == under_test.state.transactions.on(1).started_seq  # type: ignore[union-attr]  # it runs
    under_test.observe(event)
    assert digest(under_test.state) == event.state_digest
    assert state_from(content) == under_test.state


def test_no_projection_reads_the_event_whose_digest_covers_it() -> None:
    assert BooksClosed not in FOLDS


def test_a_station_at_rest_decides_nothing_when_its_books_are_closed() -> None:
    for under_test in (station().boot(), station().online(), charging(), charging().disconnect()):
        event, _ = books_closed(under_test.state, under_test.at_ms, 1)
        assert under_test.observe(event) == [event]


@pytest.mark.asyncio
async def test_a_full_segment_is_closed_when_nothing_is_under_way(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        books = Books(outage.log, 1)
        assert await books.are_due()
        assert not await books.are_due()  # asked again only some events later
        await outage.quick_session(60)
        await outage.quick_session(60)
        closed = [r.event for r in await outage.log.read(0, 10_000) if isinstance(r.event, BooksClosed)]
        assert closed
        assert closed[0].first_seq == 1
        assert outage.log.opening.state_digest == closed[-1].state_digest


@pytest.mark.asyncio
async def test_while_somebody_reads_the_file_the_books_stay_open(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        reader = open_reader(tmp_path / DATABASE_NAME)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM event").fetchone()
        for _ in range(3):
            await outage.quick_session(60)
        assert outage.log.opening.head.seq == 0
        reader.close()
        for _ in range(2):
            await outage.quick_session(60)
        assert outage.log.opening.head.seq > 0
