import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from eventstore.catalogue.hardware import EmergencyStopObserved
from station.rules.shedding import DATA_TRANSFERS_MAX
from station.service.app import build
from station.service.context import ServiceContext
from tests.unit.station.service.stations import served, settings_in


@pytest.mark.asyncio
async def test_a_healthy_station_says_ok_and_a_failed_one_why_not(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        response = await station.http.get("/healthz")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        station.storage_fails()
        response = await station.http.get("/healthz")
        assert response.status_code == 503
        assert "no space" in response.json()["error"]


@pytest.mark.asyncio
async def test_the_state_names_the_seq_and_the_digest_that_the_log_has_there(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        shown = await station.state()
        (row,) = await station.station.log.read_rows(shown["log"]["last_seq"] - 1, 1)
        assert shown["log"]["head_digest"] == row.digest.hex()
        assert shown["log"]["bytes"] == station.station.log.bytes_on_disk()


@pytest.mark.asyncio
async def test_events_come_in_order_in_slices_and_as_they_are_stored(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        everything = (await station.http.get("/api/events?limit=10000")).json()
        assert [event["seq"] for event in everything["events"]] == list(range(1, everything["last_seq"] + 1))
        first = everything["events"][0]
        assert list(first) == ["seq", "cause", "at_ms", "utc", "type", "version", "connector_id", "payload"]
        assert (first["type"], first["payload"]["boot"], first["connector_id"]) == ("StationBooted", 1, None)
        assert everything["events"][1]["utc"] == "2026-01-01T00:00:00.000Z"
        page = (await station.http.get("/api/events?after=2&limit=3")).json()
        assert page["events"] == everything["events"][2:5]
        end = (await station.http.get(f"/api/events?after={everything['last_seq']}")).json()
        assert end["events"] == []


@pytest.mark.asyncio
async def test_more_events_than_one_slice_are_joined(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        for _ in range(10):
            await station.station.observe(*(EmergencyStopObserved(pressed=bool(n % 2)) for n in range(30)))
        page = (await station.http.get("/api/events?limit=10000")).json()
        assert len(page["events"]) == page["last_seq"] > 500


@pytest.mark.asyncio
@pytest.mark.parametrize("query", ["limit=0", "limit=10001", "after=-1", "after=x", "limit=1e3", "aftr=1", "after="])
async def test_a_query_that_means_nothing_is_refused(tmp_path: Path, query: str) -> None:
    async with served(tmp_path) as station:
        response = await station.http.get(f"/api/events?{query}")
        assert response.status_code == 422
        assert query.partition("=")[0] in response.json()["error"]


@pytest.mark.asyncio
async def test_the_composite_schedule_is_that_of_get_composite_schedule(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        response = await station.http.get("/api/composite-schedule?connector_id=1&duration_s=3600&unit=A")
        assert response.status_code == 200
        shown = response.json()
        assert (shown["status"], shown["connectorId"]) == ("Accepted", 1)
        assert shown["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 32.0
        watts = await station.http.get("/api/composite-schedule?connector_id=0&duration_s=60&unit=W")
        assert watts.json()["chargingSchedule"]["chargingRateUnit"] == "W"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("connector_id=9&duration_s=60", 404),
        ("duration_s=60", 422),
        ("connector_id=1", 422),
        ("connector_id=1&duration_s=-1", 422),
        ("connector_id=1&duration_s=99999999999", 422),
        ("connector_id=1&duration_s=60&unit=kW", 422),
    ],
)
async def test_a_schedule_that_cannot_be_given_is_refused(tmp_path: Path, query: str, status: int) -> None:
    async with served(tmp_path) as station:
        response = await station.http.get(f"/api/composite-schedule?{query}")
        assert (response.status_code, list(response.json())) == (status, ["error"])


@pytest.mark.asyncio
async def test_without_smart_charging_there_is_no_schedule(tmp_path: Path) -> None:
    async with served(tmp_path, profiles_off=("SmartCharging",)) as station:
        response = await station.http.get("/api/composite-schedule?connector_id=1&duration_s=60")
        assert response.status_code == 404


@pytest.mark.asyncio
async def test_a_data_transfer_is_owed_to_the_csms(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        before = station.station.state.seq
        await station.seq_of("/api/data-transfer", {"vendorId": "org.example", "messageId": "m", "data": "a\nb"})
        assert await station.events_after(before) == ["DataTransferRequested", "DataTransferQueued"]
        outbox = (await station.state())["outbox"]
        assert outbox["pending"] == 1
        assert outbox["oldest_at"].startswith("2026-01-01T00:00:0")
        for body in ({}, {"vendorId": ""}, {"vendorId": "v", "data": 1}, {"vendorId": "v", "messageId": "x" * 51}):
            assert (await station.post("/api/data-transfer", body)).status_code == 422


@pytest.mark.asyncio
async def test_the_door_is_shut_while_as_many_data_transfers_wait_as_are_kept(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        for _ in range(DATA_TRANSFERS_MAX):
            await station.seq_of("/api/data-transfer", {"vendorId": "org.example"})
        before = station.station.state.seq
        response = await station.post("/api/data-transfer", {"vendorId": "org.example"})
        assert (response.status_code, response.json()) == (
            503,
            {"error": "256 DataTransfers wait for the CSMS already"},
        )
        assert await station.events_after(before) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [{"id_tag": "04A1B2C3", "connector_id": 2}, {"id_tag": "0123456789ABCDEF0123"}])
async def test_a_tag_is_presented_by_software_and_the_log_says_so(tmp_path: Path, body: dict[str, Any]) -> None:
    """A UID of 10 bytes has 20 digits, which is what an idTag may have (7.28)."""
    async with served(tmp_path) as station:
        before = station.station.state.seq
        assert await station.seq_of("/api/tag", body) == station.station.state.seq > before
        events = (await station.http.get(f"/api/events?after={before}&limit=1")).json()["events"]
        assert (events[0]["type"], events[0]["connector_id"]) == ("IdTagPresented", body.get("connector_id"))
        assert events[0]["payload"] == {"connector_id": None, "origin": "http", **body}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "id_tag"),
        ({"id_tag": ""}, "id_tag"),
        ({"id_tag": "   "}, "id_tag: must not be blank"),
        ({"id_tag": "0123456789ABCDEF01234"}, "id_tag: must have 1 to 20 characters, not 21"),
        ({"id_tag": "A\nB"}, "id_tag"),
        ({"id_tag": 4}, "id_tag"),
        ({"id_tag": "A", "connector_id": 0}, "connector_id"),
        ({"id_tag": "A", "connector_id": 3}, "connector_id: connector 3 does not exist; there are 1 to 2"),
        ({"id_tag": "A", "connector_id": "1"}, "connector_id"),
        ({"id_tag": "A", "idTag": "A"}, "idTag"),
    ],
)
async def test_what_is_no_tag_or_no_connector_is_refused_and_not_recorded(
    tmp_path: Path, body: dict[str, Any], named: str
) -> None:
    async with served(tmp_path) as station:
        before = station.station.state.seq
        response = await station.post("/api/tag", body)
        assert (response.status_code, named in response.json()["error"]) == (422, True), response.json()
        assert station.station.state.seq == before


@pytest.mark.asyncio
async def test_what_does_not_exist_is_said_not_to(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        for method, path, status in (
            ("GET", "/nothing", 404),
            ("GET", "/api/state/", 404),
            ("GET", "/bench/swipes", 404),
            ("GET", "/bench/swipe", 405),
            ("POST", "/api/state", 405),
        ):
            response = await station.http.request(method, path)
            assert (method, path, response.status_code) == (method, path, status)
            assert list(response.json()) == ["error"]


@pytest.mark.asyncio
async def test_a_storage_that_failed_is_503_and_not_a_bug(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        station.storage_fails()
        response = await station.post("/bench/connectors/1/plug")
        assert response.status_code == 503
        assert "no space" in response.json()["error"]


@pytest.mark.asyncio
async def test_a_page_from_elsewhere_gets_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        for headers in ({"host": "rebound.example.org"}, {"origin": "https://example.org"}):
            response = await station.http.post("/bench/power", json={"mains": False}, headers=headers)
            assert (response.status_code, list(response.json())) == (403, ["error"])
        assert station.calls == []


@pytest.mark.asyncio
async def test_a_bug_is_answered_without_its_stack_trace(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        followers: ClassVar[list[Any]] = []

        def __getattr__(self, name: str) -> Any:
            raise LookupError("the secret inside")

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    context = ServiceContext(
        station=Broken(), board=None, link=Broken(), settings=settings_in(tmp_path), on_mains_lost=lambda: None
    )
    scope: Any = {
        "type": "http",
        "method": "GET",
        "path": "/healthz",
        "headers": [],
        "query_string": b"",
        "root_path": "",
    }
    await build(context)(scope, receive, send)
    assert sent[0]["status"] == 500
    assert list(json.loads(sent[1]["body"])) == ["error"]
    assert b"secret" not in sent[1]["body"]
    assert "the secret inside" in caplog.text


@pytest.mark.asyncio
async def test_what_a_vehicle_draws_is_shown_and_counted_while_no_sample_is_taken(tmp_path: Path) -> None:
    factory = (("AllowOfflineTxForUnknownId", "true"), ("MeterValueSampleInterval", "0"))
    async with served(tmp_path, factory_values=factory) as station:
        await station.accepted_and_offline()
        station.board.plug(1)
        station.board.swipe("DEADBEEF", 1)
        await station.station.settle()
        first = await station.connector()
        assert (first["contactor"], first["power_w"]) == ("closed", 11_040)
        seq = station.station.state.seq
        station.clock.push(60_000)
        later = await station.connector()
        assert later["energy_wh"] - first["energy_wh"] >= 183
        assert later["read_at"] > first["read_at"]
        text = (await station.http.get("/metrics")).text
        assert 'chargebox_connector_power_watts{connector_id="1"} 11040' in text
        assert f'chargebox_connector_energy_watthours_total{{connector_id="1"}} {later["energy_wh"]}' in text
        assert "MeterObserved" not in await station.events_after(seq), "looking leaves no trace in the log"


@pytest.mark.asyncio
async def test_a_meter_that_fails_shows_the_register_of_then_and_no_power(tmp_path: Path) -> None:
    async with served(tmp_path) as station:
        await station.seq_of("/bench/connectors/1/meter", {"energy_wh": 5_000})
        before = await station.connector()
        station.clock.push(60_000)
        await station.seq_of("/bench/connectors/1/meter", {"fail": True})
        failed = await station.connector()
        assert failed["energy_wh"] == 5_000
        assert failed["read_at"] <= before["read_at"], "nothing was read since"
        text = (await station.http.get("/metrics")).text
        assert 'chargebox_connector_energy_watthours_total{connector_id="1"}' not in text
        assert 'chargebox_connector_meter_failed{connector_id="1"} 1' in text


@pytest.mark.asyncio
async def test_a_refused_request_is_on_record(tmp_path: Path) -> None:
    async with served(tmp_path, token=b"s3cret") as under_test:
        assert (await under_test.http.get("/api/state")).status_code == 401
        await under_test.station.settle()
        rows = await under_test.station.log.read_rows(0, 1_000)
    assert [row.type for row in rows].count("ServiceAccessRefused") == 1
