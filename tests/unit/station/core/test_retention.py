"""What of the log the station still needs."""

from dataclasses import replace

from station.core.retention import needed_seq
from tests.given import charging, station


def test_a_station_that_owes_nothing_needs_nothing() -> None:
    under_test = station().online()
    assert needed_seq(under_test.state) == under_test.state.seq + 1


def test_a_running_transaction_is_needed_from_its_start() -> None:
    under_test = charging()
    start = next(r.seq for r in under_test.log if type(r.event).__name__ == "TransactionStarted")
    assert needed_seq(under_test.state) == start


def test_what_is_owed_is_needed_until_it_is_settled() -> None:
    under_test = charging().disconnect()
    start = needed_seq(under_test.state)
    under_test.swipe()
    assert needed_seq(under_test.state) == start
    under_test.connect()
    assert under_test.state.outbox.pending == 0
    assert needed_seq(under_test.state) == under_test.state.seq + 1


def test_an_empty_window_with_more_behind_it_is_needed_from_there() -> None:
    state = station().online().state
    outbox = replace(state.outbox, window=(), beyond=3, window_end_seq=5, last_owed_seq=9)
    assert needed_seq(replace(state, outbox=outbox)) == 6
