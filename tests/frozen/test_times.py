"""What the station waits for, with a date that moves: just before nothing happens, and then it does."""

from pathlib import Path
from typing import Any

import pytest

from eventstore.catalogue.authorization import AuthorizationEnded
from eventstore.catalogue.reservations import ReservationEnded
from tests.csms.independent import CallError
from tests.frozen.world import TAG, FrozenStation, frozen

pytestmark = pytest.mark.asyncio
NOON = "2026-06-01T12:00:00"
JUST_BEFORE = 0.001


async def passes(station: FrozenStation, seconds: float, happened: Any) -> None:
    """It happens after these seconds and not before. `happened` counts."""
    before = happened()
    await station.pass_time(seconds - JUST_BEFORE)
    assert happened() == before, f"before {seconds} s have passed"
    await station.pass_time(JUST_BEFORE)
    assert happened() == before + 1, f"after {seconds} s"


async def test_heartbeats_come_by_their_interval(tmp_path: Path) -> None:
    async with frozen(tmp_path, NOON) as station:
        await station.csms.request("ChangeConfiguration", key="HeartbeatInterval", value="90")
        await station.settled()
        await passes(station, 90, lambda: len(station.sent("Heartbeat")))
        await passes(station, 90, lambda: len(station.sent("Heartbeat")))


async def test_a_rejected_station_asks_again_after_the_interval_it_was_given(tmp_path: Path) -> None:
    rejected = {"status": "Rejected", "interval": 120, "currentTime": "2026-06-01T12:00:00Z"}
    async with frozen(tmp_path, NOON, BootNotification=rejected) as station:
        await passes(station, 120, lambda: len(station.sent("BootNotification")))
        await passes(station, 120, lambda: len(station.sent("BootNotification")))


async def test_a_stop_that_the_csms_fails_on_waits_its_interval_times_the_transmissions(tmp_path: Path) -> None:
    keys = {"config": {"TransactionMessageRetryInterval": 20, "TransactionMessageAttempts": 3}}
    async with frozen(tmp_path, NOON, keys, StopTransaction=CallError("InternalError")) as station:
        await station.charge()
        await station.swipe()
        await station.until(lambda: station.sent("StopTransaction"), "the first StopTransaction")
        await station.settled()
        await passes(station, 20, lambda: len(station.sent("StopTransaction")))
        await passes(station, 40, lambda: len(station.sent("StopTransaction")))
        await station.pass_time(3_600)
        assert len(station.sent("StopTransaction")) == 3


async def test_a_driver_who_does_not_plug_in_is_forgotten_after_connection_time_out(tmp_path: Path) -> None:
    async with frozen(tmp_path, NOON, {"config": {"ConnectionTimeOut": 45}}) as station:
        await station.swipe()
        await passes(station, 45, lambda: len(station.events(AuthorizationEnded)))
        await station.plug()
        assert station.state.transactions.on(1) is None


async def test_a_reservation_ends_at_its_moment(tmp_path: Path) -> None:
    async with frozen(tmp_path, NOON) as station:
        answer = await station.csms.request(
            "ReserveNow", connector_id=1, expiry_date="2026-06-01T12:30:00Z", id_tag=TAG, reservation_id=7
        )
        assert answer == {"status": "Accepted"}
        await station.pass_until("2026-06-01T12:29:59.999")
        assert station.state.connectors[1].status == "Reserved"
        await station.pass_until("2026-06-01T12:30:00")
        assert station.state.connectors[1].status == "Available"
        assert [event.reason for event in station.events(ReservationEnded)] == ["Expired"]


async def test_clock_aligned_samples_fall_on_the_quarters_of_the_hour(tmp_path: Path) -> None:
    keys = {"config": {"ClockAlignedDataInterval": 900, "MeterValueSampleInterval": 0}}
    async with frozen(tmp_path, "2026-06-01T11:44:00", keys) as station:
        await station.charge()
        await station.pass_until("2026-06-01T11:44:59.999")
        assert station.sent("MeterValues") == []
        await station.pass_until("2026-06-01T12:15:00")
        stamps = [sent["meterValue"][0]["timestamp"] for sent in station.sent("MeterValues")]
        assert stamps == [f"2026-06-01T{minute}:00.000Z" for minute in ("11:45", "12:00", "12:15")]


async def test_periodic_samples_keep_their_interval_over_midnight_and_the_end_of_the_year(tmp_path: Path) -> None:
    async with frozen(tmp_path, "2026-12-31T23:59:00", {"config": {"MeterValueSampleInterval": 50}}) as station:
        await station.charge()
        await passes(station, 50, lambda: len(station.sent("MeterValues")))
        await passes(station, 50, lambda: len(station.sent("MeterValues")))
        assert station.sent("MeterValues")[-1]["meterValue"][0]["timestamp"] == "2027-01-01T00:00:40.000Z"


async def test_a_clock_that_is_set_back_shortens_no_wait_and_repeats_no_sample(tmp_path: Path) -> None:
    async with frozen(tmp_path, NOON, {"config": {"MeterValueSampleInterval": 60}}) as station:
        await station.charge()
        await station.pass_time(30)
        station.csms.advance(-7_200)
        await station.csms.request("TriggerMessage", requested_message="Heartbeat")
        await station.settled()
        await passes(station, 30, lambda: len(station.sent("MeterValues")))
        await passes(station, 60, lambda: len(station.sent("MeterValues")))


async def test_firmware_is_fetched_at_its_retrieve_date_and_tried_again_after_its_interval(tmp_path: Path) -> None:
    async with frozen(tmp_path, NOON) as station:
        await station.csms.request(
            "UpdateFirmware",
            location="http://127.0.0.1:1/image",  # nobody listens there
            retrieve_date="2026-06-01T13:00:00Z",
            retries=1,
            retry_interval=75,
        )
        await station.pass_until("2026-06-01T12:59:59.999")
        assert station.sent("FirmwareStatusNotification") == []
        await station.pass_until("2026-06-01T13:00:00")
        job = await station.until(
            lambda: (found := station.state.maintenance.firmware) and found.step == "retry" and found,
            "a failed attempt",
        )
        await station.settled()
        assert [sent["status"] for sent in station.sent("FirmwareStatusNotification")] == ["Downloading"]
        left_s = (job.step_due_ms - station.parts.clock.at_ms()) / 1000
        assert 0 < left_s <= 75
        await station.pass_time(left_s - JUST_BEFORE)
        assert station.state.maintenance.firmware is not None
        assert station.state.maintenance.firmware.attempt == 1
        await station.pass_time(JUST_BEFORE)
        await station.until(lambda: station.state.maintenance.firmware is None, "the end of the update")
        await station.settled()
        assert [sent["status"] for sent in station.sent("FirmwareStatusNotification")] == [
            "Downloading",
            "DownloadFailed",
        ]
