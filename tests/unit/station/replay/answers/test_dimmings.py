"""Were you dimmed: each limit from outside of a log, who it was from, and after how long it was obeyed."""

import json
from pathlib import Path
from typing import Any

import pytest

from eventstore.catalogue.limits import LimitContactObserved, LimitsDescribed, OutsideLimitReported
from station.cli.main import main
from tests.given import StationUnderTest, charging
from tests.replay_logs import write_log


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def asked(found: StationUnderTest, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    log = str(write_log(found, tmp_path / "log"))
    assert main(["replay", log, "limits", *words]) == 0
    return capsys.readouterr().out


def dimmed() -> StationUnderTest:
    """A station that draws 20 A: limited by a contact for a minute, and by an energy manager that falls silent."""
    found = charging()
    found.observe(LimitContactObserved(closed=False))
    found.observe(LimitsDescribed(contact_dims_when="closed", contact_max_power_w=4_200))
    found.read_meter(current_ma=(20_000, 20_000, 20_000), power_w=13_800)
    found.observe(LimitContactObserved(closed=True))
    found.at_ms += 1_500
    found.read_meter(current_ma=(12_000, 12_000, 12_000), power_w=8_280)
    found.at_ms += 1_000
    found.read_meter(current_ma=(6_000, 6_000, 6_000), power_w=4_140)
    found.advance(57.5)
    found.observe(LimitContactObserved(closed=False))
    found.meter_values = {"current_ma": (16_000, 16_000, 16_000)}
    found.advance(10)
    found.observe(OutsideLimitReported(source="ems", max_current_ma=16_000, max_power_w=None, valid_ms=30_000))
    found.meter_values = {"current_ma": (9_000, 9_000, 9_000)}
    found.advance(31)
    return found


def test_each_limit_has_its_time_its_author_and_when_it_was_obeyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found: list[dict[str, Any]] = json.loads(asked(dimmed(), tmp_path, capsys, "--json"))
    assert [(each["kind"], each["source"], each["why"]) for each in found] == [
        ("contact", "", "reported"),
        ("api", "ems", "reported"),
        ("api", "ems", "silent"),
    ]
    contact, said, silent = found
    assert contact["ends_utc_ms"] - contact["utc_ms"] == 60_000
    assert (contact["max_power_w"], contact["offered_after_ms"], contact["measured_after_ms"]) == (4_200, 0, 2_500)
    assert silent["utc_ms"] - said["utc_ms"] == 30_000
    assert (said["offered_after_ms"], silent["offered_after_ms"]) == (0, 0)
    assert silent["max_current_ma"] == 6_000
    assert (silent["ends_utc_ms"], silent["measured_after_ms"]) == (None, None)


def test_the_page_says_it_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = asked(dimmed(), tmp_path, capsys)
    assert "the grid operator's contact" in text
    assert "4.2 kW" in text
    assert "2.5 s" in text
    assert "ems, silent" in text
    assert "in force" in text


def test_a_log_without_any_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "0 limits" in asked(charging(), tmp_path, capsys)
