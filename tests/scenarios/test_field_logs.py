"""What happened in the field stays understood: every scenario of tests/corpora/field (`chargebox replay LOG extract`) runs as recorded.

A scenario that fails because the station is meant to decide otherwise now is extracted anew, or its decisions are amended by hand.
"""

from pathlib import Path

import pytest

from station.replay.export.scenario import load, run

FIELD = Path(__file__).resolve().parents[1] / "corpora" / "field"
FILES = sorted(FIELD.glob("*.json"))


def test_there_is_something_from_the_field() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_station_decides_as_it_did_in_the_field(file: Path) -> None:
    scenario = load(file)
    assert scenario.says
    assert list(run(scenario)) == []
