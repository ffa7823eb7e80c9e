"""Evidence files from anywhere: what is none, or was made to exhaust whoever reads it, is one line."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from station.replay.opening.errors import LogUnreadable
from station.replay.opening.evidence_file import STATEMENTS_MAX, WITHHELD, is_evidence
from station.replay.opening.source import open_log

ABOUT = {"chargebox_evidence": 1, "first_seq": 5, "last_seq": 6, "before": "11" * 32, "digest": "22" * 32}
LINE = {"seq": 5, "content": "33" * 32}


def written(
    path: Path, about: Any = ABOUT, lines: tuple[Any, ...] = (LINE, {**LINE, "seq": 6}), **members: str
) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evidence.json", about if isinstance(about, str) else json.dumps(about))
        archive.writestr("events.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
        for name, content in members.items():
            archive.writestr(f"statements/{name}", content)
    return path


def test_withheld_events_stand_in_their_places(tmp_path: Path) -> None:
    path = written(tmp_path / "e.zip")
    assert is_evidence(path)
    with open_log(path) as reader:
        rows = [row for rows in reader.rows() for row in rows]
        assert [(row.seq, row.type) for row in rows] == [(5, WITHHELD), (6, WITHHELD)]
        assert reader.content(rows[0]) == bytes.fromhex("33" * 32)
        assert reader.is_withheld(5)
        assert not reader.is_unproven(5)
        assert reader.origin.base is not None
        assert reader.origin.base.seq == 4


@pytest.mark.parametrize(
    "change",
    [
        {"chargebox_evidence": 2},
        {"first_seq": 0},
        {"first_seq": "5"},
        {"last_seq": 1 << 60},
        {"before": "11"},
        {"before": None},
        {"digest": "zz" * 32},
    ],
)
def test_what_describes_it_wrongly_is_told(tmp_path: Path, change: dict[str, Any]) -> None:
    path = written(tmp_path / "e.zip", ABOUT | change)
    with pytest.raises(LogUnreadable, match="is damaged"), open_log(path):
        pass


@pytest.mark.parametrize("about", ["", "[]", "{", '"x"'])
def test_what_is_no_description_is_told(tmp_path: Path, about: str) -> None:
    with pytest.raises(LogUnreadable, match="is damaged"), open_log(written(tmp_path / "e.zip", about)):
        pass


@pytest.mark.parametrize(
    "line",
    [
        {"seq": 5, "content": "33"},
        {"seq": 5, "content": None},
        {"seq": 0, "content": "33" * 32},
        {"seq": "5", "content": "33" * 32},
        {"content": "33" * 32},
        {"seq": 5},
        [],
        7,
    ],
)
def test_what_is_no_event_is_told_by_its_line(tmp_path: Path, line: Any) -> None:
    path = written(tmp_path / "e.zip", lines=(LINE, line))
    with pytest.raises(LogUnreadable, match="line 2 is no event"), open_log(path):
        pass


def test_what_is_no_statement_or_one_too_many_is_told(tmp_path: Path) -> None:
    many: dict[str, Any] = {f"{number}.json": "{}" for number in range(STATEMENTS_MAX + 1)}
    one: dict[str, Any] = {"x.json": "{}"}
    for name, members in (("a", one), ("b", many)):
        path = written(tmp_path / f"{name}.zip", **members)
        with pytest.raises(LogUnreadable, match="statement"), open_log(path):
            pass
