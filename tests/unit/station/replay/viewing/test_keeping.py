"""What a page in one file holds is, at every moment, what the page of the log would be answered there."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from station.replay.export.redacted import LogRedaction
from station.replay.export.redaction import RedactionRules
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import state_at
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of, place_at
from station.replay.viewing import keeping
from station.replay.viewing.keeping import Keeping, KeptRange
from station.replay.viewing.moments import LogMoments
from tests.kept_pages import view_at
from tests.replay_logs import lost_session, write_log

TAGS = ("04A2B3C4", "0411D0D0")
OPENED = KeptRange(first_seq=40, last_seq=440, begin_seq=440)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(lost_session(), tmp_path_factory.mktemp("keeping") / "log")


@pytest.fixture(scope="module")
def reader(log: Path) -> Iterator[LogReader]:
    with open_log(log) as opened:
        yield opened


@pytest.fixture(scope="module")
def kept(reader: LogReader) -> Any:
    return kept_of(reader, OPENED)


def kept_of(reader: LogReader, asked: KeptRange) -> Any:
    return orjson.loads(Keeping(reader, calendar_of(reader), asked, None, None).kept())


def test_every_view_is_at_every_moment_what_a_server_would_answer(reader: LogReader, kept: Any) -> None:
    calendar = calendar_of(reader)
    moments = LogMoments(reader, calendar, None, None)
    assert kept["seqs"] == list(range(40, 441))
    for seq in (40, 41, 54, 55, 119, 171, 200, 256, 300, 375, 376, 421, 438, 440):
        place = place_at(reader, calendar, Zone("UTC"), str(seq))
        views = moments.at(place).views
        for name in ("now", "schedule", "configuration"):
            expected = orjson.loads(orjson.dumps(views.view(f"/api/view/{name}", {})))
            del expected["page"]
            assert view_at(kept, name, seq) == expected, (seq, name)
        head = view_at(kept, "head", seq)
        assert (head["seq"], head["utc_ms"], head["left_out"]) == (seq, place.utc_ms, 0)
        talk = orjson.loads(orjson.dumps(views.view("/api/view/conversation", {"after": "39"})))
        assert view_at(kept, "open", seq)["open"] == talk["open"]
        assert [each for end, each in kept["exchanges"] if end <= seq] == talk["exchanges"]
        sessions = views.view("/api/view/sessions", {})
        assert sessions is not None
        assert view_at(kept, "sessions", seq)["sessions"] == sessions["sessions"]
        for session in sessions["sessions"]:
            one = orjson.loads(orjson.dumps(views.view("/api/view/session", {"seq": str(session["seq"])})))
            told = view_at(kept, f"session {session['seq']}", seq)
            assert {**told, "seq": 0} == {**{name: one[name] for name in told}, "seq": 0}, (seq, session["seq"])


def test_the_story_and_the_frames_are_those_of_the_range(reader: LogReader, kept: Any) -> None:
    calendar = calendar_of(reader)
    views = LogMoments(reader, calendar, None, None).at(place_at(reader, calendar, Zone("UTC"), "440")).views
    for details in ("true", "false"):
        story = views.view("/api/view/story", {"after": "39", "limit": "500", "details": details})
        assert story is not None
        assert [line for line in kept["lines"] if details == "true" or not line["detail"]] == story["lines"]
    for _, exchange in kept["exchanges"]:
        for seq in (exchange["seq"], exchange["answer_seq"]):
            if seq:
                found = views.view("/api/events", {"after": str(seq - 1)})
                assert found is not None
                assert [kept["events"][str(seq)]] == orjson.loads(orjson.dumps(found["events"]))


def test_what_is_shown_of_a_range_says_of_which_log_it_is_a_part(reader: LogReader, kept: Any) -> None:
    head = view_at(kept, "head", 300)
    assert (head["first_seq"], head["excerpt"], head["verdict"]) == (40, True, None)
    assert head["file"] == {"first_seq": 1, "last_seq": reader.head.seq}
    assert kept["begin"] == 440


@pytest.mark.parametrize("key", [b"", b"secret"])
def test_nothing_that_was_redacted_is_in_it(log: Path, key: bytes) -> None:
    with open_log(log) as reader:
        plain = orjson.dumps(kept_of(reader, OPENED)).decode()
        assert all(tag in plain for tag in (*TAGS, "CB-0417", "SN-0417"))
        reader.redaction = LogRedaction(reader, RedactionRules(tags=True, identity=True, key=key))
        found = kept_of(reader, OPENED)
        text = orjson.dumps(found).decode()
        assert not any(told in text for told in (*TAGS, *(tag.lower() for tag in TAGS), "CB-0417", "SN-0417"))
        assert not any(tag[-4:] in text for tag in TAGS)
        assert view_at(found, "head", 300)["redacted"]
        served = LogMoments(reader, calendar_of(reader), None, None)
        frame = served.answer(None, "/api/events", {"after": "53", "at": "440"})
        assert "04A2B3C4" not in orjson.dumps(frame).decode()


def test_an_event_that_cannot_be_read_is_counted_and_the_rest_is_shown(tmp_path: Path) -> None:
    log = write_log(lost_session(), tmp_path / "log")
    with closing(sqlite3.connect(log / "chargebox.db", isolation_level=None)) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE event SET payload = '{}' WHERE seq IN (150, 151)")
        database.execute("DELETE FROM event WHERE seq BETWEEN 220 AND 225")
    with open_log(log) as reader:
        found = kept_of(reader, OPENED)
        assert 222 not in found["seqs"]
        assert view_at(found, "head", 440)["left_out"] == state_at(reader, 440).left_out == 8


def test_a_range_before_the_station_is_known_is_refused(reader: LogReader) -> None:
    with pytest.raises(BadQuestion, match="not known yet what station"):
        kept_of(reader, KeptRange(first_seq=1, last_seq=9, begin_seq=9))


def test_too_many_sessions_are_refused(reader: LogReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "SESSIONS_MAX", 2)
    with pytest.raises(BadQuestion, match="more than 2 sessions"):
        kept_of(reader, OPENED)
