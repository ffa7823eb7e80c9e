"""For whoever services the station: the last refused tag, the diagnostics file, the check of the installation."""

import asyncio
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied
from eventstore.event import Recorded
from projections.station import StationState
from station.service import servicing
from station.service.answers import Refused
from station.service.servicing import RefusedTags, findings
from tests.unit.station.service.stations import served


def left_in(directory: Path) -> list[str]:
    """What stands there of a diagnostics file."""
    return [path.name for path in directory.glob(f"{servicing.FILE_NAME}*")]


READER = {"authorization": "Bearer l00k"}


@pytest.mark.asyncio
async def test_the_last_refused_tag_is_told_in_full_and_only_to_who_may_act(tmp_path: Path) -> None:
    async with served(tmp_path, token=b"s3cret", read_token=b"l00k") as station:
        station.http.headers["authorization"] = "Bearer s3cret"
        assert (await station.http.get("/api/service")).json()["refused_tag"] is None
        await station.accepted_and_offline()
        for tag in ("FIRST", "04A1B2C3"):
            await station.seq_of("/bench/swipe", {"id_tag": tag, "connector_id": 1})
        shown = (await station.http.get("/api/service")).json()["refused_tag"]
        assert (shown["id_tag"], shown["connector_id"]) == ("04A1B2C3", 1)
        again = (await station.http.get("/api/service")).json()["refused_tag"]
        assert again == shown
        denied = await station.http.get("/api/service", headers=READER)
        assert (denied.status_code, denied.json()) == (403, {"error": "this token may only read"})


class CountingLog:
    """A log of so many events, of which one is a refusal, that counts what is read of it."""

    def __init__(self, last: int, refused: int) -> None:
        self.last, self.refused, self.read = last, refused, 0

    @property
    def head(self) -> Any:
        return type("Head", (), {"seq": self.last})

    async def read_kinds(self, after: int, until: int, names: Any) -> list[Any]:
        self.read += until - after
        return [self.refused] if after < self.refused <= until else []


@pytest.mark.asyncio
async def test_a_refused_tag_is_looked_for_so_far_back_and_no_event_is_looked_at_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def as_recorded(seq: int) -> Recorded:
        event = AuthorizationDenied(connector_id=1, id_tag=f"TAG{seq}", reason="Invalid")
        return Recorded(seq=seq, cause=seq, at_ms=0, utc_ms=0, event=event)

    monkeypatch.setattr(servicing, "as_recorded", as_recorded)
    log = CountingLog(last=100_000, refused=100_000 - servicing.LOOK_BACK)
    station: Any = type("Station", (), {"log": log})
    tags = RefusedTags(station)
    assert await tags.last() is None
    assert log.read == servicing.LOOK_BACK
    log.last = log.refused = 100_010
    found = await tags.last()
    assert found is not None
    assert found["id_tag"] == "TAG100010"
    assert await tags.last() == found
    assert log.read == servicing.LOOK_BACK + 10
    assert await RefusedTags(station).last() == found


@pytest.mark.asyncio
async def test_the_diagnostics_file_is_downloaded_and_nothing_of_it_stays(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/connectors/1/plug", {})
        response = await station.http.get("/api/service/diagnostics")
        assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
        assert 'filename="' in response.headers["content-disposition"]
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            about = json.loads(archive.read("about.json"))
            assert about["events"] == len(archive.read("log.jsonl").splitlines()) > 5
        assert not left_in(tmp_path)


@pytest.mark.asyncio
async def test_a_file_that_cannot_be_written_says_why_and_one_is_written_at_a_time(tmp_path: Path) -> None:
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def slow(path: Path, state: StationState) -> None:
        begun.set()
        await let_go.wait()
        path.with_name(f"{path.name}.part").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    async with served(tmp_path, diagnostics=slow) as station:
        first = asyncio.ensure_future(station.http.get("/api/service/diagnostics"))
        await begun.wait()
        busy = await station.http.get("/api/service/diagnostics")
        assert (busy.status_code, "already" in busy.json()["error"]) == (503, True)
        let_go.set()
        refused = await first
        assert (refused.status_code, "No space left" in refused.json()["error"]) == (503, True)
        assert not left_in(tmp_path)


@pytest.mark.asyncio
async def test_a_check_tells_its_findings_and_stays_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Path, int]] = []
    running, let_go = asyncio.Event(), asyncio.Event()

    async def checked(settings_file: Path, security_profile: int) -> list[Any]:
        asked.append((settings_file, security_profile))
        running.set()
        await let_go.wait()
        return [{"level": "ok", "subject": "python", "text": "3.11", "advice": ""}]

    monkeypatch.setattr(servicing, "findings", checked)
    async with served(tmp_path) as station:
        first = asyncio.ensure_future(station.http.post("/api/service/check", json={}))
        await running.wait()
        assert (await station.http.post("/api/service/check", json={})).status_code == 503
        assert (await station.http.get("/api/service")).json()["check"] is None
        let_go.set()
        found = (await first).json()
        assert found["findings"][0]["subject"] == "python"
        assert (await station.http.get("/api/service")).json()["check"]["findings"] == found["findings"]
    assert asked == [(Path("test.toml"), 0)]


@pytest.mark.asyncio
async def test_a_check_that_takes_too_long_or_fails_is_ended_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(Refused, match="failed with status 3"):
        await findings(Path("x.toml"), 0)
    program.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    monkeypatch.setattr(servicing, "CHECK_WITHIN_S", 0.05)
    with pytest.raises(Refused, match="took longer"):
        await findings(Path("x.toml"), 0)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with pytest.raises(Refused, match="cannot be started: No such file"):
        await findings(Path("x.toml"), 0)


@pytest.mark.asyncio
async def test_a_commissioning_test_is_led_through_its_steps(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        path = "/api/service/commissioning"
        assert (await station.state())["commissioning"] is None
        await station.seq_of(path, {"connector_id": 1})
        again = await station.post(path, {"connector_id": 2})
        assert (again.status_code, again.json()["error"]) == (409, "no test begins: another test runs")
        while (await station.state())["commissioning"]["running"]:
            await station.station.settle()  # the lock has moved
            shown = (await station.http.get("/api/service")).json()["commissioning"]
            await station.seq_of(f"{path}/answer", {"step": shown["step"], "confirmed": True})
        told = (await station.state())["commissioning"]
        assert (told["ended"], told["passed"], len(told["results"])) == ("done", True, 7)
        late = await station.post(f"{path}/answer", {"step": "meter", "confirmed": True})
        assert (late.status_code, "not under way" in late.json()["error"]) == (409, True)
        assert (await station.post(path, {"connector_id": 3})).status_code == 404
        assert (await station.post(f"{path}/answer", {"step": "x", "confirmed": True})).status_code == 422
        assert (await station.connector())["locked"] is False


@pytest.mark.asyncio
async def test_a_vehicle_ends_it_at_once_and_it_may_be_ended_by_hand(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/api/service/commissioning", {"connector_id": 1})
        await station.seq_of("/bench/connectors/1/plug", {})
        assert (await station.state())["commissioning"]["ended"] == "vehicle"
        refused = await station.post("/api/service/commissioning", {"connector_id": 1})
        assert (refused.status_code, refused.json()["error"]) == (409, "no test begins: vehicle")
        await station.seq_of("/api/service/commissioning", {"connector_id": 2})
        assert (await station.http.delete("/api/service/commissioning")).status_code == 200
        assert (await station.state())["commissioning"]["ended"] == "asked"
