from pathlib import Path
from typing import Any

import pytest

from tests.unit.station.service.stations import served

CONNECTOR_CONTROLS = ("plug", "unplug", "vehicle", "fault", "lock", "contactor", "meter")
STATION_CONTROLS = ("swipe", "network", "power", "emergency-stop", "local-list", "clock")
VALID: dict[str, Any] = {
    "fault": {"error_code": "GroundFailure"},
    "lock": {"jammed": True},
    "contactor": {"defect": "welded"},
    "meter": {"fail": True},
    "swipe": {"id_tag": "A"},
    "network": {"up": True},
    "power": {"mains": True},
    "emergency-stop": {"pressed": False},
    "local-list": {"fail": False},
    "clock": {"advance_s": 0},
}


@pytest.mark.asyncio
async def test_a_cable_is_plugged_and_pulled_and_the_effect_is_recorded_at_the_seq_of_the_answer(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as station:
        before = (await station.state())["log"]["last_seq"]
        seq = await station.seq_of("/bench/connectors/1/plug", {})
        shown = await station.state()
        assert shown["log"]["last_seq"] == seq > before
        assert shown["connectors"][1]["plugged"] is True
        assert {"ProximityObserved", "PilotStateObserved"} <= set(await station.events_after(before))
        assert await station.seq_of("/bench/connectors/1/unplug") > seq
        assert (await station.connector())["plugged"] is False


@pytest.mark.asyncio
async def test_a_control_that_changes_nothing_answers_the_last_seq(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        seq = await station.seq_of("/bench/connectors/2/unplug")
        assert seq == await station.seq_of("/bench/connectors/2/unplug")


@pytest.mark.asyncio
async def test_only_one_end_of_the_cable_and_half_way_in(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/connectors/1/plug", {"ev": False, "seated": False, "cable_rating_a": 20})
        connector = station.station.state.connectors[1]
        assert (connector.cable_rating_ma, connector.pilot_state) == (20_000, "A")
        await station.seq_of("/bench/connectors/1/plug", {"station": False})
        assert station.station.state.connectors[1].pilot_state == "C"


@pytest.mark.asyncio
async def test_a_locked_plug_does_not_come_out(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/connectors/1/plug")
        station.board.drive_lock(1, locked=True)
        response = await station.post("/bench/connectors/1/unplug")
        assert response.status_code == 409
        assert "locked" in response.json()["error"]
        assert (await station.connector())["plugged"] is True


@pytest.mark.asyncio
async def test_the_car_stops_asking_and_asks_again(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/connectors/1/plug")
        for ready, pilot in ((False, "B"), (True, "C")):
            body = {"ready": ready, "max_current_a": 10.5, "phases": 1, "soc_percent": 40}
            await station.seq_of("/bench/connectors/1/vehicle", body)
            assert station.station.state.connectors[1].pilot_state == pilot


@pytest.mark.asyncio
@pytest.mark.parametrize("connector_id", [0, 1])
async def test_a_fault_is_planted_and_clears(tmp_path: Path, connector_id: int) -> None:
    async with served(tmp_path) as station:
        path = f"/bench/connectors/{connector_id}/fault"
        await station.seq_of(path, {"error_code": "GroundFailure", "info": "RCD", "vendor_error_code": "E7"})
        shown = await station.connector(connector_id)
        assert (shown["status"], shown["error_code"], shown["info"]) == ("Faulted", "GroundFailure", "RCD")
        assert shown["vendor_error_code"] == "E7"
        response = await station.http.delete(path)
        assert (response.status_code, set(response.json())) == (200, {"seq"})
        assert (await station.connector(connector_id))["status"] == "Available"


@pytest.mark.asyncio
@pytest.mark.parametrize("code", ["NoError", "LocalListConflict", "Nonsense", ""])
async def test_what_no_hardware_reports_cannot_be_planted(tmp_path: Path, code: str) -> None:
    async with served(tmp_path) as station:
        response = await station.post("/bench/connectors/1/fault", {"error_code": code})
        assert response.status_code == 422
        assert response.json()["error"].startswith("error_code: must be ")


@pytest.mark.asyncio
async def test_a_meter_is_set_and_made_to_fail(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        assert (await station.post("/bench/connectors/1/meter", {})).status_code == 422
        await station.seq_of("/bench/connectors/1/meter", {"energy_wh": 120_000})
        assert (await station.connector())["energy_wh"] == 120_000
        await station.seq_of("/bench/connectors/1/meter", {"fail": True})
        assert (await station.connector())["error_code"] == "PowerMeterFailure"
        await station.seq_of("/bench/connectors/1/meter", {"fail": False})
        assert (await station.connector())["error_code"] == "NoError"


@pytest.mark.asyncio
async def test_a_tag_is_presented(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        for body in ({"id_tag": "DEADBEEF", "connector_id": 1}, {"id_tag": "DEADBEEF", "connector_id": None}):
            before = station.station.state.seq
            await station.seq_of("/bench/swipe", body)
            assert "IdTagPresented" in await station.events_after(before)
        assert (await station.post("/bench/swipe", {"id_tag": "A", "connector_id": 3})).status_code == 404


@pytest.mark.asyncio
async def test_a_car_tells_its_id_until_it_leaves(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        before = station.station.state.seq
        await station.seq_of("/bench/connectors/1/plug", {"evccid": "0a:1b:2c:3d:4e:5f"})
        assert (await station.events_after(before))[-1] == "VehicleIdentified"
        assert station.station.state.plugs.on(1).evccid == "0A1B2C3D4E5F"
        await station.seq_of("/bench/connectors/1/unplug")
        await station.seq_of("/bench/connectors/1/plug")
        assert station.station.state.plugs.on(1).evccid == ""
        for body in ({"evccid": "0A1B"}, {"evccid": "0A1B2C3D4E5F", "ev": False}):
            response = await station.post("/bench/connectors/2/plug", body)
            assert (response.status_code, "evccid" in response.json()["error"]) == (422, True)


@pytest.mark.asyncio
async def test_sensors_say_how_warm_it_is_or_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        assert (await station.connector())["temperature_c"] is None
        await station.seq_of("/bench/connectors/1/temperature", {"celsius": 71.5})
        await station.seq_of("/bench/connectors/0/temperature", {"celsius": 20})
        assert [(await station.connector(number))["temperature_c"] for number in (1, 2)] == [71.5, 20.0]
        metrics = (await station.http.get("/metrics")).text
        assert 'chargebox_connector_temperature_celsius{connector_id="1"} 71.5' in metrics
        await station.seq_of("/bench/connectors/1/temperature", {"silent": True})
        assert (await station.connector())["temperature_c"] == 20.0
        for body in ({}, {"celsius": 200}, {"celsius": 20, "silent": True}, {"celsius": "warm"}):
            assert (await station.post("/bench/connectors/1/temperature", body)).status_code == 422


@pytest.mark.asyncio
async def test_a_residual_current_monitor_is_there_from_its_control_on(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/connectors/1/residual-monitor", {"defect": "does not trip"})
        assert station.station.state.connectors[1].monitor.wired
        assert not station.station.state.connectors[2].monitor.wired
        response = await station.post("/bench/connectors/1/residual-monitor", {"defect": "sulks"})
        assert response.status_code == 422


@pytest.mark.asyncio
async def test_the_network_is_cut_and_the_closed_link_is_what_the_answer_waits_for(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.connect()
        before = station.station.state.seq
        await station.seq_of("/bench/network", {"up": False, "persist": True})
        assert "LinkClosed" in await station.events_after(before)
        assert (await station.state())["link"]["up"] is False
        network = station.board.network_now
        assert (network.up, network.persist) == (False, True)
        before = station.station.state.seq
        await station.seq_of("/bench/network", {"up": True})
        assert "NetworkRestored" in await station.events_after(before)
        assert station.link.cuts == [(False, False), (True, False)]


@pytest.mark.asyncio
async def test_a_silent_network_leaves_the_link_open(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.connect()
        await station.seq_of("/bench/network", {"up": False, "silent": True})
        assert (await station.state())["link"]["up"] is True
        assert station.link.cuts == [(False, True)]


@pytest.mark.asyncio
async def test_without_back_up_power_the_process_dies_when_mains_goes(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.post("/bench/power", {"mains": False})
        assert station.calls[0] == "died"


@pytest.mark.asyncio
async def test_with_back_up_power_the_answer_comes_before_the_end(tmp_path: Path) -> None:
    async with served(tmp_path, backup_power_s=5) as station:
        before = station.station.state.seq
        seq = await station.seq_of("/bench/power", {"mains": False})
        assert station.calls == ["mains lost"]
        assert seq > before
        assert "MainsObserved" in await station.events_after(before)
        await station.seq_of("/bench/power", {"mains": True})
        assert station.calls == ["mains lost"]


@pytest.mark.asyncio
async def test_the_emergency_stop_leaves_everything_faulted_until_released(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/emergency-stop", {"pressed": True})
        assert {one["status"] for one in (await station.state())["connectors"]} == {"Faulted"}
        await station.seq_of("/bench/emergency-stop", {"pressed": False})
        assert {one["status"] for one in (await station.state())["connectors"]} == {"Available"}


@pytest.mark.asyncio
async def test_the_next_local_list_cannot_be_stored(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        for fail in (True, False):
            await station.seq_of("/bench/local-list", {"fail": fail})
            assert station.station.state.authorization.store_failing is fail


@pytest.mark.asyncio
async def test_the_clock_is_set(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/clock", {"utc": "2031-05-04T03:02:01Z", "trusted": True})
        clock = (await station.state())["clock"]
        assert clock["utc"].startswith("2031-05-04T03:02:0")
        assert clock["trusted"] is True


@pytest.mark.asyncio
async def test_time_moves_ahead_with_utc_and_deadlines_fire(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        before_ms = station.clock.at_ms()
        await station.seq_of("/bench/clock", {"advance_s": 3600})
        assert 3_600_000 <= station.clock.at_ms() - before_ms < 3_700_000
        assert (await station.state())["clock"]["utc"].startswith("2026-01-01T01:")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"trusted": True},
        {"utc": "2031-05-04T03:02:01Z", "advance_s": 1},
        {"advance_s": 1, "trusted": True},
        {"advance_s": -1},
        {"advance_s": 1e12},
        {"utc": "1969-01-01T00:00:00Z"},
        {"utc": "now"},
    ],
)
async def test_a_clock_that_nobody_could_mean_is_refused(tmp_path: Path, body: Any) -> None:
    async with served(tmp_path) as station:
        response = await station.post("/bench/clock", body)
        assert response.status_code == 422
        assert response.json()["error"]


@pytest.mark.asyncio
async def test_contactor_and_lock_defects_are_planted(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/connectors/1/lock", {"jammed": True})
        await station.seq_of("/bench/connectors/1/contactor", {"defect": "stuck"})
        await station.seq_of("/bench/connectors/1/contactor", {"defect": ""})


@pytest.mark.asyncio
async def test_every_control_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    paths = [f"connectors/1/{name}" for name in CONNECTOR_CONTROLS] + list(STATION_CONTROLS)
    async with served(tmp_path) as station:
        before = station.station.state.seq
        for path in paths:
            valid = VALID.get(path.rpartition("/")[2], {})
            for content, status in (
                (b"nonsense", 400),
                (b"[]", 422),
                (b'{"colour": 1}', 422),
                (b'{"up": 1, "ev": 1, "fail": 1}', 422),
            ):
                response = await station.post(f"/bench/{path}", content=content)
                assert (path, response.status_code, list(response.json())) == (path, status, ["error"])
            response = await station.post(f"/bench/{path}", {**valid, "colour": 1})
            assert (path, response.status_code) == (path, 422)
            assert response.json()["error"].startswith("colour: is no member here")
        assert station.station.state.seq == before


@pytest.mark.asyncio
async def test_there_are_no_controls_on_a_connector_that_does_not_exist(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        for name in CONNECTOR_CONTROLS:
            for connector_id in ("3", "-1", "x", "1.0", "٣", "9" * 40, *(() if name == "fault" else ("0",))):
                path = f"/bench/connectors/{connector_id}/{name}"
                response = await station.post(path, VALID.get(name))
                assert (path, response.status_code) == (path, 404)


@pytest.mark.asyncio
async def test_there_are_no_controls_without_a_bench(tmp_path: Path) -> None:
    async with served(tmp_path, bench=False) as station:
        for path in [f"connectors/1/{name}" for name in CONNECTOR_CONTROLS] + list(STATION_CONTROLS):
            response = await station.post(f"/bench/{path}", VALID.get(path.rpartition("/")[2]))
            assert (path, response.status_code) == (path, 404)
