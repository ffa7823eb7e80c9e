"""Moving about in a log: whatever the way to a moment, its views are those that are folded from the beginning."""

from collections.abc import Iterator
from typing import Any

import pytest

from projections.digest import digest
from station.replay.opening import folding
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import state_at
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of, place_at
from station.replay.viewing import moments
from station.replay.viewing.moments import AT_HAND, LogMoments
from station.replay.viewing.views import LogViews
from tests.replay_logs import lost_session, many_segments, story, write_log, write_segments

VIEWS = ("now", "story", "conversation", "schedule", "configuration")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogReader]:
    with open_log(write_log(lost_session(), tmp_path_factory.mktemp("moments") / "log")) as opened:
        yield opened


def moments_of(reader: LogReader) -> LogMoments:
    return LogMoments(reader, calendar_of(reader), None, None)


def asked(reader: LogReader, moments: LogMoments, path: str, **query: str) -> Any:
    return moments.answer(place_at(reader, calendar_of(reader), Zone("UTC"), None), path, query)


@pytest.mark.parametrize("stride", [20, moments.STRIDE])
def test_every_way_to_a_moment_leads_to_the_same_views(
    reader: LogReader, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "STRIDE", stride)
    monkeypatch.setattr(moments, "NEAR_EVENTS", 30)
    _every_way_leads_to_the_same(reader)


def _every_way_leads_to_the_same(reader: LogReader) -> None:
    moments, calendar = moments_of(reader), calendar_of(reader)
    for seq in (400, 410, 90, 91, 300, 410, 515, 2):
        place = place_at(reader, calendar, Zone("UTC"), str(seq))
        folded = state_at(reader, seq)
        alone = LogViews(reader, calendar, place, folded)
        assert digest(moments.at(place).folded.state) == digest(folded.state)
        for name in VIEWS:
            path = f"/api/view/{name}"
            assert asked(reader, moments, path, at=str(seq)) == alone.view(path, {}), (seq, name)
        assert asked(reader, moments, "/api/view/head", at=str(seq))["seq"] == seq


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogReader]:
    station = story()
    log = write_segments(station, tmp_path_factory.mktemp("segments") / "log", many_segments(station, 900, 400))
    with open_log(log) as opened:
        yield opened


def test_only_a_stations_own_page_begins_with_states_of_another_version(
    segmented: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "fingerprint", lambda: "of another version")
    end, calendar = max(segmented.segment_ends()), calendar_of(segmented)
    place = place_at(segmented, calendar, Zone("UTC"), str(end + 10))
    desk = LogMoments(segmented, calendar, None, None).at(place).folded
    own = LogMoments(segmented, calendar, None, None, as_station=True).at(place).folded
    assert (desk.base_seq, own.base_seq) == (0, end)
    assert digest(desk.state) == digest(own.state)


def test_only_so_many_states_are_at_hand(reader: LogReader) -> None:
    moments = moments_of(reader)
    for seq in range(2, 3 * AT_HAND):
        asked(reader, moments, "/api/view/head", at=str(seq))
    assert len(moments._at_hand) == AT_HAND  # what it is bounded by
    last = place_at(reader, calendar_of(reader), Zone("UTC"), str(3 * AT_HAND - 1))
    assert digest(moments.at(last).folded.state) == digest(state_at(reader, last.seq).state)


def test_a_time_means_the_last_event_before_it(reader: LogReader) -> None:
    moments = moments_of(reader)
    head = asked(reader, moments, "/api/view/head", at="300")
    found = asked(reader, moments, "/api/view/head", utc_ms=str(head["utc_ms"]))
    assert found["seq"] >= 300
    assert found["utc_ms"] == head["utc_ms"]
    assert asked(reader, moments, "/api/view/head", utc_ms="9" * 18)["seq"] == reader.head.seq


def test_without_a_moment_the_one_that_was_asked_for_first_is_meant(reader: LogReader) -> None:
    session = asked(reader, moments_of(reader), "/api/session")
    assert (session["login"], session["log"]["seq"]) == (False, reader.head.seq)


@pytest.mark.parametrize("wrong", [{"at": "0"}, {"at": "1"}, {"at": "99999"}, {"at": "x"}, {"utc_ms": "1"}])
def test_what_lies_outside_the_log_is_refused(reader: LogReader, wrong: dict[str, str]) -> None:
    with pytest.raises(BadQuestion):
        asked(reader, moments_of(reader), "/api/view/now", **wrong)
