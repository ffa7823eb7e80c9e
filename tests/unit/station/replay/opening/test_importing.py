"""Events in foreign hands: an exported line is an event that a station can have written, or one clear error."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from station.replay.opening.errors import LogUnreadable
from station.replay.opening.importing import read_events
from station.replay.opening.source import open_log
from tests.hostile import DOOR, chained, line

ROWS = chained([DOOR] * 3)


def test_what_was_exported_comes_back(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(map(line, ROWS)))
    assert [told.row for told in read_events(tmp_path / "events.jsonl")] == ROWS


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 0},
        {"seq": -1},
        {"seq": 1 << 53},
        {"seq": 1 << 63},
        {"seq": 1.0},
        {"seq": True},
        {"seq": "1"},
        {"seq": [1]},
        {"cause": None},
        {"at_ms": 1 << 62},
        {"utc_ms": -(1 << 62)},
        {"utc_ms": None, "utc": 5},
        {"utc_ms": None, "utc": "yesterday"},
        {"type": 7},
        {"type": "X" * 257},
        {"version": None},
        {"version": 1 << 40},
        {"connector_id": {}},
        {"payload": "{"},
        {"payload": "[" * 2_000},
        {"payload": "x" * (5 << 20)},
        {"payload": {"says": "x" * (5 << 20)}},
        {"digest": "00"},
        {"digest": None},
        {"proof": "none"},
        {"proof": {"salt": 5}},
        {"proof": {"salt": "", "more": 1}},
    ],
)
def test_a_value_that_no_station_writes_is_no_event(changes: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(line(ROWS[0]) + line(ROWS[1], **changes))
    with pytest.raises(LogUnreadable, match="line 2 is no event"), open_log(file):
        pass


def test_a_large_event_goes_through_every_text_form(tmp_path: Path) -> None:
    """The csv module takes 128 KiB for a field by itself: less than the largest frame."""
    (row,) = chained([("DoorObserved", 1, None, '{"open":"' + "x" * (2 << 20) + '"}')])
    (tmp_path / "events.jsonl").write_bytes(line(row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(row._fields)
    writer.writerow(["" if value is None else value for value in (*row[:8], row.digest.hex())])
    (tmp_path / "events.csv").write_text(text.getvalue())
    for name in ("events.jsonl", "events.csv"):
        assert [told.row for told in read_events(tmp_path / name)] == [row]


def test_a_parquet_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "events.parquet").write_bytes(b"PAR1" + b"\xff" * 64 + b"PAR1")
    with pytest.raises(LogUnreadable, match="is no Parquet file, or damaged"), open_log(tmp_path / "events.parquet"):
        pass
