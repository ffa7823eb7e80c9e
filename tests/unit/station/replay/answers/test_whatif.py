"""What if: nothing where nothing was changed, and the places where it would have mattered where something was."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from station import VERSION
from station.replay.answers.whatif import Otherwise, otherwise, parse_changes
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from tests.replay_logs import STORIES, disputed_bill, lost_session, story, write_log
from tests.tampering import rehash, tamper


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogReader]:
    with open_log(write_log(lost_session(), tmp_path_factory.mktemp("whatif") / "log")) as opened:
        yield opened


def changed(reader: LogReader, *texts: str) -> list[Otherwise]:
    return list(otherwise(reader, calendar_of(reader), parse_changes(texts)))


@pytest.mark.parametrize("name", sorted(STORIES))
def test_nothing_changed_shows_nothing(name: str, tmp_path: Path) -> None:
    with open_log(write_log(STORIES[name](), tmp_path / "log")) as reader:
        assert changed(reader) == []


@pytest.mark.parametrize(
    "same", ["HeartbeatInterval=1800", "MeterValueSampleInterval=300", "TransactionMessageAttempts=3"]
)
def test_a_key_set_to_what_it_was_shows_nothing(reader: LogReader, same: str) -> None:
    heartbeats = [each for each in changed(reader, same) if each.seq > 40]
    assert heartbeats == []


def test_fewer_attempts_would_have_given_the_transaction_up(reader: LogReader) -> None:
    found = changed(reader, "TransactionMessageAttempts=1")
    assert len(found) == 2
    assert all("GIVEN UP" in each.would[0] for each in found)
    assert all("it goes again" in each.did[0] for each in found)


def test_a_shorter_interval_shows_the_deadline_that_did_not_come(reader: LogReader) -> None:
    found = changed(reader, "HeartbeatInterval=600")
    assert any("did not come so early" in each.on and each.would[0] == "Heartbeat is queued" for each in found)


def test_a_longer_interval_shows_the_samples_that_would_be_missing(reader: LogReader) -> None:
    found = changed(reader, "MeterValueSampleInterval=86400")
    samples = [each for each in found if each.did and each.did[0].startswith("Sample of transaction")]
    assert len(samples) == 21


def test_offline_authorization_would_have_been_refused(reader: LogReader) -> None:
    (found,) = changed(reader, "LocalAuthorizeOffline=false")
    assert found.would == ("Tag 04A2B3C4 REFUSED on connector 1: Offline",)


def test_what_another_version_did_differs_without_any_change(tmp_path: Path) -> None:
    log = write_log(disputed_bill(), tmp_path / "log")

    def of_another_version(connection: sqlite3.Connection) -> None:
        edit = "UPDATE event SET payload = replace(payload, ?, ?) WHERE type = ?"
        connection.execute(edit, (f'"{VERSION}"', '"0.0.9"', "StationBooted"))
        connection.execute(edit, ("21780", "21700", "TransactionStopped"))
        rehash(connection, 1)

    tamper(log, also=of_another_version)
    with open_log(log) as reader:
        found = changed(reader)
        assert any("register 21.700 kWh" in text for each in found for text in each.did)
        assert any("register 21.780 kWh" in text for each in found for text in each.would)


def test_an_empty_log_has_nothing_to_say(tmp_path: Path) -> None:
    with open_log(write_log(story(), tmp_path / "log")) as reader:
        assert changed(reader, "HeartbeatInterval=1") == []
