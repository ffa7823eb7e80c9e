"""A log that is read without tags and identity: states and events fit together, and what is stored stays as it is."""

from pathlib import Path

import pytest

from eventstore.catalogue.hardware import IdTagPresented
from station.replay.export.redacted import LogRedaction
from station.replay.export.redaction import RedactionRules
from station.replay.opening.checkpoints import Checkpoints
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from tests.replay_logs import add_snapshot, lost_session, write_log

RULES = RedactionRules(tags=True, identity=True)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(lost_session(), tmp_path_factory.mktemp("redacted") / "log")


def test_a_state_that_was_redacted_goes_on_like_the_other(log: Path) -> None:
    with open_log(log) as reader:
        plain = state_at(reader, 400).state
        reader.redaction = LogRedaction(reader, RedactionRules(tags=True, identity=True))
        redacted = state_at(reader, 400).state
        assert redacted.outbox.pending == plain.outbox.pending
        assert redacted.connectors == plain.connectors
        assert redacted.described.identity == "station-1"


def test_a_fold_that_begins_with_a_kept_state_is_redacted_as_well(log: Path, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "cache")
    with open_log(log) as reader:
        state = state_at(reader, 200).state
        row = reader.row(200)
        assert row is not None
    add_snapshot(log, state, row.digest)
    with open_log(log) as reader:
        assert "04a2b3c4" in str(state_at(reader, 210).state).casefold()
        reader.redaction = LogRedaction(reader, RULES)
        told = state_at(reader, 500, checkpoints)
        assert told.base_seq == 200, "it began with the snapshot"
        assert "04a2b3c4" not in str(told.state).casefold()
        assert not (tmp_path / "cache").exists(), "it is no state of the log, and is not kept as one"


def test_events_are_redacted_when_they_are_read_and_rows_are_as_stored(log: Path) -> None:
    with open_log(log) as reader:
        stored = reader.row(168)
        reader.redaction = LogRedaction(reader, RULES)
        presented = next(reader.recorded(kinds=(IdTagPresented,))).event
        assert isinstance(presented, IdTagPresented)
        assert presented.id_tag == "tag-1"
        assert reader.row(168) == stored
        told, row = reader.row_told(168), reader.row(168)
        assert told is not None
        assert row is not None
        assert "tag-1" in told.payload
        assert told.digest == row.digest


def test_what_is_no_event_says_nothing(log: Path) -> None:
    with open_log(log) as reader:
        redaction, row = LogRedaction(reader, RULES), reader.row(168)
        assert row is not None
        for damaged in ("", "[1]", "04A2B3C4"):
            assert redaction.row(row._replace(payload=damaged)).payload == "{}"
        assert redaction.value({"says": "tag 04a2b3c4 of CB-0417"}) == {"says": "tag tag-1 of station-1"}
