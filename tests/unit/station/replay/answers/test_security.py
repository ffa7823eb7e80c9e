"""The security log of a log: what is in it, and what became of each event."""

import json
from pathlib import Path
from typing import Any

import pytest

from eventstore.catalogue.security import TamperObserved
from station.cli.main import main
from tests.given import StationUnderTest, answering, station
from tests.replay_logs import write_log

OPENED, CLOSED = TamperObserved(open=True), TamperObserved(open=False)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def asked(found: StationUnderTest, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    log = str(write_log(found, tmp_path / "log"))
    assert main(["replay", log, "security", *words]) == 0
    return capsys.readouterr().out


def entries(
    found: StationUnderTest, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> list[dict[str, Any]]:
    return json.loads(asked(found, tmp_path, capsys, "--json", *words))


def secured(**says: Any) -> StationUnderTest:
    found = station(profiles_off=(), security_events="always")
    found.csms = answering(**says)
    return found


def test_an_event_is_delivered_once_the_csms_has_answered_it_and_queued_until_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = secured().online()
    found.disconnect()
    found.advance(60)
    found.observe(OPENED)
    boot, tamper = entries(found, tmp_path, capsys)
    assert (boot["type"], boot["fate"], tamper["type"], tamper["fate"]) == (
        "StartupOfTheDevice",
        "delivered",
        "TamperDetectionActivated",
        "queued",
    )
    assert boot["settled_utc_ms"] == boot["utc_ms"] == tamper["utc_ms"] - 60_000
    assert tamper["settled_utc_ms"] is None
    assert len({boot["digest"], tamper["digest"]} - {""}) == 2


def test_what_the_settings_keep_in_the_log_is_kept_and_what_was_given_up_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = station(profiles_off=(), security_events="never").online()
    assert [each["fate"] for each in entries(kept, tmp_path / "kept", capsys)] == ["kept"]
    refused = secured(SecurityEventNotification="InternalError").online()
    refused.advance(600)
    assert [each["fate"] for each in entries(refused, tmp_path / "refused", capsys)] == ["given_up"]


def test_a_type_and_a_range_choose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = secured().online()
    for _ in range(3):
        found.advance(60)
        found.observe(OPENED, CLOSED)
    places = [each["seq"] for each in entries(found, tmp_path, capsys, "--type", "tamperdetectionactivated")]
    assert len(places) == 3
    words = ("--from", str(places[1]), "--to", str(places[1]))
    assert [each["seq"] for each in entries(found, tmp_path / "again", capsys, *words)] == places[1:2]


def test_people_see_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = secured().online()
    found.advance(60)
    found.observe(OPENED)
    text = asked(found, tmp_path, capsys, "--tz", "UTC")
    assert "Security log (UTC)" in text
    assert "TamperDetectionActivated  1" in text
    assert (
        "2026-01-01 00:01:01.000  TamperDetectionActivated  delivered 2026-01-01 00:01:01  the enclosure is open"
        in text
    )


def test_a_log_without_any_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "0 security events" in asked(station().online(), tmp_path, capsys)
