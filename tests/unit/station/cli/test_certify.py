"""`chargebox certify`: its arguments."""

from pathlib import Path

import pytest

from station.cli.main import main
from tests.unit.station.certify.stations import BENCH, settings_file


def test_pics_prints_the_statement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = settings_file(BENCH, tmp_path / "cb.toml", tmp_path)
    assert main(["certify", "--settings", str(file), "--pics"]) == 0
    assert capsys.readouterr().out.startswith("# Protocol implementation conformance statement")


def test_settings_that_cannot_be_used_are_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", "--settings", str(tmp_path / "none.toml"), "--pics"]) == 2
    assert capsys.readouterr().err.startswith("chargebox: ")
