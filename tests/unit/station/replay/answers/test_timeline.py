"""Of one transaction only its part of the log is read, and the story is the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from station.replay.answers.timeline import Filter, Timeline
from station.replay.answers.transactions import transaction_rows, whole_transaction
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.telling.wording import DETAIL, HEADLINE, NOISE
from tests.replay_logs import STORIES, StoryStation, write_log


@pytest.mark.parametrize("make", STORIES.values(), ids=list(STORIES))
def test_the_story_of_one_transaction_is_that_in_the_whole_log(
    make: Callable[[], StoryStation], tmp_path: Path
) -> None:
    with open_log(write_log(make(), tmp_path / "log")) as reader:
        calendar = calendar_of(reader)
        whole = Timeline(reader, calendar)
        for row in transaction_rows(reader, calendar):
            part = Timeline(reader, calendar, number=row.number)
            for loudest in (HEADLINE, DETAIL, NOISE):
                asked = Filter(number=row.number, loudest=loudest)
                told = list(part.entries(asked))
                assert told
                assert told == list(whole.entries(asked))
            asked = Filter(number=row.number, kinds=frozenset({"TransactionConfirmed", "MeterObserved"}))
            assert list(part.entries(asked)) == list(whole.entries(asked))
            assert whole_transaction(reader, calendar, row.number).row == row


def test_of_one_transaction_only_its_part_is_read(tmp_path: Path) -> None:
    with open_log(write_log(STORIES["lost-session"](), tmp_path / "log")) as reader:
        calendar = calendar_of(reader)
        rows = transaction_rows(reader, calendar)
        decoded: list[int] = []
        take = reader.decoded
        reader.decoded = lambda found: decoded.extend(row.seq for row in found) or take(found)  # type: ignore[func-returns-value, method-assign, assignment]
        list(Timeline(reader, calendar, number=1).entries(Filter(number=1)))
        assert len(decoded) < reader.head.seq / 2
        assert rows[0].stop_seq in decoded
