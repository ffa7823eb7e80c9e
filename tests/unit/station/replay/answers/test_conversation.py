"""Answers that came too late, and messages that were given up, as the exchange shows them."""

from pathlib import Path

import pytest

from station.replay.answers.causes import FATE_KINDS, Fates
from station.replay.answers.conversation import ExchangeFilter, exchanges
from station.replay.answers.summary import summarize
from station.replay.answers.transactions import transaction_rows
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of, place_at
from station.replay.pages.page import plain
from station.replay.pages.station_page import state_page
from station.views.exchanges import Exchange
from tests.replay_logs import StoryStation, metered, session, story, write_log

ZONE = Zone("UTC")


def unlucky() -> StoryStation:
    """A StopTransaction that is answered with a CALLERROR after its time, twice at once, and then no more."""
    station = metered(story(), 600)
    station.replies["StopTransaction"] = "silence"
    session(station, minutes=3)
    station.advance(31)
    first = next(call for call in station.calls if call.action == "StopTransaction")
    station.receive([4, first.message_id, "InternalError", "", {}])
    station.replies["StopTransaction"] = ["InternalError"] * 3
    station.advance(1_000)
    return station


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(unlucky(), tmp_path_factory.mktemp("late") / "log")


def found(log: Path, **asked: object) -> list[Exchange]:
    with open_log(log) as reader:
        calendar = calendar_of(reader)
        return list(exchanges(reader, calendar, ExchangeFilter(action="StopTransaction", **asked)))  # type: ignore[arg-type]


def test_a_late_callerror_belongs_to_its_call(log: Path) -> None:
    first, late, *_ = found(log)
    assert (first.outcome, first.late) == ("timeout", False)
    assert (late.outcome, late.error, late.late) == ("error", "InternalError", True)
    assert late.message_id == first.message_id
    assert late.request == first.request
    assert late.latency_ms is not None
    assert late.latency_ms > 30_000


def test_errors_are_counted_alike_wherever_they_are_asked_for(log: Path) -> None:
    errors = [each for each in found(log) if each.outcome == "error"]
    with open_log(log) as reader:
        told = summarize(reader, calendar_of(reader)).call_errors
    assert told == {"InternalError": len(errors)}


def test_one_asks_for_what_came_late_and_for_what_was_given_up(log: Path) -> None:
    assert [each.error for each in found(log, outcomes=frozenset({"late"}))] == ["InternalError"]
    [given_up] = found(log, outcomes=frozenset({"given_up"}))
    assert (given_up.outcome, given_up.given_up) == ("error", True)


def test_a_transaction_of_which_something_was_given_up_is_not_settled(log: Path) -> None:
    with open_log(log) as reader:
        [row] = transaction_rows(reader, calendar_of(reader), Fates(reader.recorded(kinds=FATE_KINDS)))
    assert (row.stop_outcome, row.settled) == ("given_up", False)


def test_a_moment_behind_the_end_of_the_log_says_so(log: Path) -> None:
    with open_log(log) as reader:
        calendar = calendar_of(reader)
        last = reader.event(reader.head.seq)
        assert last is not None
        end = place_at(reader, calendar, ZONE, None)
        later = place_at(reader, calendar, ZONE, "2027-01-01T00:00")
        assert (end.caution, later.seq) == ("", end.seq)
        text = plain(state_page(state_at(reader, later.seq), later, ZONE))
    assert "the log ends" in later.caution
    assert later.caution in text
