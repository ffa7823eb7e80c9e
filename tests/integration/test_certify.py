"""`chargebox certify` on a bench: a run, its report, its end by a signal, its resumption, and a station that gets back what it had."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventstore.value import replace
from projections.station import StationState
from station.certify.at_rest import state_of, writable_of
from station.certify.bench import BenchHands
from station.certify.catalogue import all_cases
from station.certify.process import read_tables
from station.certify.results import RunReport, read_report
from station.certify.rig import Tags
from station.certify.running import CaseRun, Plan, chosen
from station.certify.session import Site
from station.settings.loading import load_settings
from tests.conformance.laboratory import PortCsms
from tests.daemon import ROOT, Daemon, Settings, free_port, merged, to_toml

BENCH: Settings = {"station": {"identity": "CB-0001", "connectors": 2}, "csms": {"url": "ws://127.0.0.1:9/ocpp"}}


def settings_file(tmp_path: Path, **tables: dict[str, Any]) -> Path:
    file = tmp_path / "station.toml"
    file.write_text(to_toml(merged(BENCH, {"storage": {"directory": str(tmp_path / "own")}}, tables)))
    return file


def command(tmp_path: Path, *arguments: str) -> list[str]:
    settings = ("--settings", str(settings_file(tmp_path)), "--out", str(tmp_path / "out"))
    return [sys.executable, "-m", "station.cli", "certify", *settings, *arguments]


def certify(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(tmp_path, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=100)


def results(report: RunReport) -> dict[str, str]:
    return {each.label: each.result for each in report.cases}


def test_a_run_says_what_passed_what_does_not_apply_and_where_to_look(tmp_path: Path) -> None:
    done = certify(tmp_path, "--case", "TC_012_CS", "--case", "TC_017_2_CS", "--case", "TC_054_CS (messages)")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 pass, 1 not applicable" in done.stdout
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    assert document["functionalities"] == {
        "Remote actions": "pass",
        "Unlock": "not_applicable",
        "Remote trigger": "pass",
    }
    times = document["response_times_s"]
    assert times["triggered function"]["n"] == 5
    assert times["RemoteStartTransaction"]["n"] == 1
    assert 0 < times["response"]["median"] <= times["response"]["worst"]
    report = read_report(tmp_path / "out")
    assert "| Remote actions |" in (tmp_path / "out" / "report.md").read_text()
    assert not report.ended_early
    assert {each.key for each in report.configuration} >= {"HeartbeatInterval", "NumberOfConnectors"}
    stop = report.cases[0]
    actions = [frame.action for frame in stop.transcript if frame.kind == "call" and frame.sender == "station"]
    assert actions.count("StopTransaction") == 1
    assert "DataTransfer" not in actions
    [log] = report.logs
    assert log.before.seq < stop.first_seq <= stop.last_seq <= log.after.seq
    state = state_of(Path(log.path))
    assert state.seq >= log.after.seq
    assert not (tmp_path / "own").exists()


def test_a_signal_ends_a_run_and_resume_goes_on_with_it(tmp_path: Path) -> None:
    cases = ("--case", "TC_013_CS", "--case", "TC_014_CS")
    with subprocess.Popen(command(tmp_path, *cases), cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("pass  TC_013_CS"):
                running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    report = read_report(tmp_path / "out")
    assert report.ended_early == "interrupted"
    assert results(report) == {"TC_013_CS": "pass", "TC_014_CS": "skipped"}
    done = certify(tmp_path, *cases, "--resume")
    assert done.returncode == 0, done.stderr
    assert "TC_013_CS" not in done.stdout
    resumed = read_report(tmp_path / "out")
    assert results(resumed) == {"TC_013_CS": "pass", "TC_014_CS": "pass"}
    assert (resumed.ended_early, resumed.began, len(resumed.logs)) == ("", report.began, 2)


def test_a_run_that_is_killed_leaves_no_station_behind(tmp_path: Path) -> None:
    cases = ("--case", "TC_012_CS", "--case", "TC_013_CS")
    with subprocess.Popen(command(tmp_path, *cases), cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("pass  TC_012_CS"):
                assert len(stations(tmp_path)) == 1
                running.kill()
        assert running.wait(60) == -signal.SIGKILL
    for _ in range(600):
        if not stations(tmp_path):
            return
        time.sleep(0.1)
    raise AssertionError(f"a station goes on: {stations(tmp_path)}")


def stations(tmp_path: Path) -> list[str]:
    """The processes that run a station of this run."""
    settings = str(tmp_path / "out" / "station" / "station.toml")
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().decode(errors="replace").split("\0")
            found += [file.parent.name] if settings in words else []
    return found


def test_an_address_that_is_taken_is_said_before_anything_begins(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", free_port())) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = certify(tmp_path, "--listen", where, "--case", "TC_012_CS")
    assert done.returncode == 1
    assert f"cannot listen at {where}: " in done.stderr
    assert "Traceback" not in done.stderr


class BenchPerson:
    """Hands of a bench in place of a person's: the station is then one with a storage directory of its own."""

    def __init__(self) -> None:
        self.prompts = 0
        self.before_unplug: Callable[[], object] = bool
        self._hands: BenchHands | None = None

    def at(self, *station: Any) -> None:
        self._hands = BenchHands(*station)

    async def unplug(self, connector_id: int = 1, **ends: bool) -> None:
        assert self._hands is not None
        self.before_unplug()
        await self._hands.unplug(connector_id, **ends)

    async def learn_tags(self) -> Tags:
        return Tags()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return getattr(self._hands, name)


def own_station(tmp_path: Path, file: Path, *ids: str) -> tuple[Plan, "BenchPerson"]:
    """A run of these cases on the station's own storage."""
    person = BenchPerson()
    site = Site(
        settings=load_settings(file),
        tables=read_tables(file),
        directory=tmp_path / "out",
        person=person,  # type: ignore[arg-type]  # as much of one as a run needs
    )
    return Plan(site=site, cases=chosen(all_cases(), (), ids), command="x"), person


def had(state: StationState, file: Path) -> dict[str, Any]:
    """What a station must have back."""
    return {
        "list": (state.authorization.list_version, dict(state.authorization.local_list)),
        "profiles": [(each.connector_id, each.profile) for each in state.charging_profiles.all],
        "availability": {each.connector_id: each.availability for each in state.connectors.by_id},
        "configuration": writable_of(state, load_settings(file)),
        "transactions": [each for each in state.transactions.by_number.values() if each.stopped is None],
    }


async def lived_in(directory: Path, file: Path) -> None:
    """A station that a CSMS has set up, ended in order."""
    async with PortCsms() as csms:
        settings = merged(read_tables(file), {"csms": {"url": csms.url}})
        async with Daemon(directory, settings) as daemon:
            daemon.settings["storage"]["directory"] = str(directory / "own")
            await csms.expect("BootNotification")
            await csms.request("ChangeConfiguration", key="MeterValueSampleInterval", value="77")
            await csms.request("ChangeConfiguration", key="LocalAuthListEnabled", value="true")
            entries = [{"idTag": f"OWN{number}", "idTagInfo": {"status": "Accepted"}} for number in range(3)]
            update = {"list_version": 5, "update_type": "Full", "local_authorization_list": entries}
            assert await csms.request("SendLocalList", **update) == {"status": "Accepted"}
            schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 13.5}]}
            profile = {
                "chargingProfileId": 3,
                "stackLevel": 1,
                "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Relative",
                "chargingSchedule": schedule,
            }
            set_to = {"connector_id": 0, "cs_charging_profiles": profile}
            assert await csms.request("SetChargingProfile", **set_to) == {"status": "Accepted"}
            await csms.request("ChangeAvailability", connector_id=2, type="Inoperative")
            await csms.request("DataTransfer", vendor_id="org.example.fence")
            assert await daemon.stop() == 0


@pytest.mark.asyncio
async def test_who_ends_it_twice_has_the_station_ended_and_can_put_it_back_later(tmp_path: Path) -> None:
    file = settings_file(tmp_path, storage={"directory": str(tmp_path / "storage")})
    await lived_in(tmp_path, file)
    before = had(state_of(tmp_path / "storage"), file)
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        if text.startswith("pass  TC_012_CS"):
            person.before_unplug = running.cancel  # on the way back
            running.cancel()

    plan, person = own_station(tmp_path, file, "TC_012_CS", "TC_056_CS (A)")
    running = asyncio.create_task(CaseRun(plan, tell).play_all())
    report = await running
    assert told[-1] == f"not put back, and kept in {tmp_path / 'out' / 'before.json'}: --resume puts it back"
    assert report.ended_early == "interrupted"
    assert had(state_of(tmp_path / "storage"), file) != before
    person.before_unplug = bool
    resumed = await CaseRun(replace(plan, before=report), told.append).play_all()
    assert results(resumed) == {"TC_012_CS": "pass", "TC_056_CS (A)": "pass"}
    assert had(state_of(tmp_path / "storage"), file) == before
    assert not (tmp_path / "out" / "before.json").exists()


@pytest.mark.asyncio
async def test_a_run_that_is_ended_in_the_middle_gives_the_station_back_what_it_had(tmp_path: Path) -> None:
    file = settings_file(tmp_path, storage={"directory": str(tmp_path / "storage")})
    await lived_in(tmp_path, file)
    before = state_of(tmp_path / "storage")
    assert len(before.authorization.local_list) == 3
    told: list[str] = []
    plan, _ = own_station(tmp_path, file, "TC_012_CS", "TC_042_2_CS", "TC_056_CS", "TC_075_1_CS")

    def tell(text: str) -> None:
        told.append(text)
        if text.startswith("pass  TC_056_CS (A)"):
            running.cancel()

    running = asyncio.create_task(CaseRun(plan, tell).play_all())
    report = await running
    print("\n".join(told))
    assert results(report) == {
        "TC_012_CS": "pass",
        "TC_042_2_CS": "pass",
        "TC_056_CS (A)": "pass",
        "TC_056_CS (W)": "skipped",
        "TC_075_1_CS": "skipped",
    }
    after = state_of(tmp_path / "storage")
    assert had(after, file) == had(before, file)
    assert told[-1] == "The station has back what it had before."
