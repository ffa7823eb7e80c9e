"""The diagnostics file: the log of the time asked for, the state, the settings, the machine (5.9)."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time

from eventstore.catalogue.maintenance import DiagnosticsRequested
from eventstore.chain import Head, Row
from eventstore.commitments import Commitments
from eventstore.log import EventLog
from eventstore.value import replace
from station.runtime import diagnostics
from station.runtime.diagnostics import DiagnosticsSource, plain_settings
from station.settings.loading import Settings, parse_settings
from tests.given import TAG, UTC_2026_MS, StationUnderTest, charging

pytestmark = pytest.mark.asyncio


def settings(tmp_path: Path, *, redact_id_tags: bool = False) -> Settings:
    text = f"""
        [station]
        identity = "CB-0001"
        [csms]
        url = "ws://127.0.0.1:9000/ocpp"
        [storage]
        directory = "{tmp_path}"
        [diagnostics]
        redact_id_tags = {str(redact_id_tags).lower()}
        [config]
        AuthorizationKey = "0011223344556677"
        HeartbeatInterval = 300
    """
    return parse_settings(text, "test")


def request(start_utc_ms: int | None = None, stop_utc_ms: int | None = None) -> DiagnosticsRequested:
    return DiagnosticsRequested(
        job=1,
        location="ftp://user:pass@h/",
        file_name="x.zip",
        start_utc_ms=start_utc_ms,
        stop_utc_ms=stop_utc_ms,
        retries=0,
        retry_interval_s=1,
    )


async def bundle(tmp_path: Path, station: StationUnderTest, asked: DiagnosticsRequested, **how: bool) -> dict[str, Any]:
    """The file of a station whose log is a real one, by member: JSON, and lines of JSON."""
    log = await EventLog.open(tmp_path / "log", identity="CB-0001")
    try:
        await log.append(station.log)
        source = DiagnosticsSource(log=log, settings=settings(tmp_path, **how))
        await source.write(tmp_path / "x.zip", asked, station.state)
        return content(tmp_path / "x.zip") | {"head": log.head}
    finally:
        await log.close()


def content(file: Path) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    lines = [json.loads(line) for line in members.pop("log.jsonl").splitlines()]
    return {name.removesuffix(".json"): json.loads(text) for name, text in members.items()} | {"log": lines}


async def test_the_file_holds_the_whole_log_the_state_the_settings_and_the_health(tmp_path: Path) -> None:
    station = charging()
    found = await bundle(tmp_path, station, request())
    assert [line["seq"] for line in found["log"]] == [recorded.seq for recorded in station.log]
    assert found["log"][0]["type"] == "StationBooted"
    assert found["log"][-1]["utc"] == "2026-01-01T00:00:01.000Z"
    head: Head = found["head"]
    assert found["about"]["log_head"] == {"seq": station.state.seq, "digest": head.digest.hex()}
    assert found["about"]["events"] == len(station.log)
    assert not found["about"]["cut_short"]
    assert found["state"]["transactions"]["last_number"] == 1
    assert found["settings"]["station"]["identity"] == "CB-0001"
    assert found["settings"]["storage"]["directory"] == str(tmp_path)
    assert found["health"]["disk_bytes"] > 0
    assert not (tmp_path / "x.zip.part").exists()


async def test_the_newest_signed_statement_is_in_the_file_as_it_is(tmp_path: Path) -> None:
    directory = tmp_path / "statements"
    directory.mkdir()
    for to_seq in (9, 10):
        (directory / f"000000000001-{to_seq:012d}.json").write_text(f'{{"to_seq": {to_seq}}}')
    assert (await bundle(tmp_path, charging(), request()))["statement"] == {"to_seq": 10}


async def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    station = charging()
    station.ask("GetDiagnostics", {"location": "ftp://user:swordfish@files.example/"})
    found = json.dumps(await bundle(tmp_path, station, request()), default=str)
    assert "swordfish" not in found
    assert "0011223344556677" not in found
    assert TAG in found


async def test_id_tags_are_not_in_the_file_if_the_settings_say_so(tmp_path: Path) -> None:
    station = charging()
    authorization = {"idTag": "LISTED", "idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}
    station.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [authorization]})
    found = json.dumps(await bundle(tmp_path, station, request(), redact_id_tags=True), default=str).casefold()
    assert not [tag for tag in (TAG, "LISTED", "FAMILY") if tag.casefold() in found]
    assert "tag-1" in found


async def test_only_the_time_asked_for_is_in_the_file(tmp_path: Path) -> None:
    station = charging()
    station.advance(3_600)
    station.unplug()
    station.advance(3_600)
    station.plug()
    start, stop = UTC_2026_MS + 3_000_000, UTC_2026_MS + 4_000_000
    found = await bundle(tmp_path, station, request(start, stop))
    wanted = [recorded.seq for recorded in station.log if start <= recorded.utc_ms <= stop]
    assert [line["seq"] for line in found["log"]] == wanted
    assert 0 < len(wanted) < len(station.log)
    assert found["about"]["asked_from"] == "2026-01-01T00:50:00.000Z"
    assert (found["about"]["first_seq"], found["about"]["last_seq"]) == (wanted[0], wanted[-1])


async def test_events_recorded_before_the_time_was_known_are_found_by_station_time(tmp_path: Path) -> None:
    station = charging()
    early = [replace(recorded, utc_ms=recorded.at_ms) for recorded in station.log]  # a clock in 1970
    station.log = early
    found = await bundle(tmp_path, station, request(UTC_2026_MS))
    assert len(found["log"]) == len(early)


async def test_a_clock_that_was_never_set_hinders_nothing(tmp_path: Path) -> None:
    """A zip archive knows no time before 1980."""
    station = charging()
    station.state = replace(station.state, clock=replace(station.state.clock, offset_ms=0))
    with freeze_time("1970-01-01", real_asyncio=True):
        found = await bundle(tmp_path, station, request())
    assert len(found["log"]) == len(station.log)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


class ManyRows:
    """A log of so many small events."""

    def __init__(self, count: int) -> None:
        self.head = Head(seq=count, digest=b"\0" * 32)

    async def commitments_from(self, seq: int) -> Commitments:
        return Commitments()

    async def cut_out(self) -> Sequence[tuple[int, int]]:
        return ()

    async def read_rows(self, after: int, limit: int) -> Sequence[Row]:
        last = min(after + limit, self.head.seq)
        return [Row(seq, seq, seq, UTC_2026_MS + seq, "E", 1, None, "{}", b"") for seq in range(after + 1, last + 1)]


@pytest.mark.parametrize(("start", "first", "last"), [(None, 1_001, 2_000), (UTC_2026_MS, 1, 1_000)])
async def test_a_long_log_is_cut_to_its_end_or_to_what_follows_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: int | None, first: int, last: int
) -> None:
    monkeypatch.setattr(diagnostics, "ROWS_MAX", 1_000)
    source = DiagnosticsSource(log=ManyRows(2_000), settings=settings(tmp_path))
    await source.write(tmp_path / "x.zip", request(start), charging().state)
    about = content(tmp_path / "x.zip")["about"]
    assert (about["first_seq"], about["last_seq"], about["cut_short"]) == (first, last, True)


async def test_a_disk_that_takes_no_more_is_an_error(tmp_path: Path) -> None:
    source = DiagnosticsSource(log=ManyRows(1), settings=settings(tmp_path))
    with pytest.raises(OSError, match=r"x\.zip"):
        await source.write(tmp_path / "missing" / "x.zip", request(), charging().state)


async def test_the_settings_are_told_as_they_act_and_without_the_query_of_the_url() -> None:
    text = '[station]\nidentity = "CB"\n[csms]\nurl = "ws://h/ocpp?token=abc"\n'
    told = plain_settings(parse_settings(text, "cb.toml"))
    assert told["csms"]["url"] == "ws://h/ocpp?(withheld)"
    assert told["transfers"] == {"allow_loopback": True}
    assert plain_settings(parse_settings(f'{text}[board]\nkind = "gpio"', "cb.toml"))["transfers"] == {
        "allow_loopback": False
    }
