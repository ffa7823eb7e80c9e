"""`--pics`: the statement on the terminal."""

import json
from pathlib import Path

from station.certify.pics import show
from tests.unit.station.certify.stations import BENCH, settings_file


def shown(file: Path, *, as_json: bool = False) -> tuple[int, str, str]:
    written, complaints = list[str](), list[str]()
    status = show(file, written.append, complaints.append, as_json=as_json)
    return status, "".join(written), "\n".join(complaints)


def test_it_is_markdown_and_nothing_is_made_on_disk(tmp_path: Path) -> None:
    status, text, complaints = shown(settings_file(BENCH, tmp_path / "cb.toml", tmp_path / "storage"))
    assert (status, complaints) == (0, "")
    assert text.startswith(
        "# Protocol implementation conformance statement: Chargebox Bench\n\nThis is the maker's own statement"
    )
    assert "| HeartbeatInterval | RW | integer | 300 | s | 0 or more |" in text
    assert [each.name for each in tmp_path.iterdir()] == ["cb.toml"]


def test_as_json_it_is_one_document(tmp_path: Path) -> None:
    status, text, _ = shown(settings_file(BENCH, tmp_path / "cb.toml", tmp_path), as_json=True)
    document = json.loads(text)
    assert status == 0
    assert document["hardware"][0] == {"name": "Connectors", "says": "1"}
    assert {"feature_profiles", "messages", "features", "security_profiles", "keys"} <= set(document)


def test_wrong_settings_are_status_2_with_line_and_key(tmp_path: Path) -> None:
    file = settings_file(("connectors = 0\n", ""), tmp_path / "cb.toml", tmp_path)
    status, text, complaints = shown(file)
    assert (status, text) == (2, "")
    assert "cb.toml:3: [station] connectors" in complaints
    assert shown(tmp_path / "none.toml")[0] == 2
