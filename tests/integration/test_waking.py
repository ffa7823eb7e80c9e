"""The real daemon wakes a vehicle that fell asleep in a pause."""

from pathlib import Path

import pytest

from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import advance, settings_for, start_transaction, until


async def limit(csms: Csms, amperes: float) -> None:
    """What the whole station may draw."""
    answer = await csms.request(
        "SetChargingProfile",
        connector_id=0,
        cs_charging_profiles={
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amperes}],
            },
        },
    )
    assert answer["status"] == "Accepted"


@pytest.mark.asyncio
async def test_a_vehicle_that_sleeps_through_the_end_of_a_pause_is_woken_and_charges(tmp_path: Path) -> None:
    settings = settings_for("", config={"WakeUpAttempts": 2})
    async with Csms() as csms, Daemon(tmp_path, settings | {"csms": {"url": csms.url}}) as daemon:
        await daemon.api.vehicle(1, sleeps=True)
        await start_transaction(daemon, "A")
        await csms.expect("StartTransaction", id_tag="A")
        await until(daemon, lambda state: state["connectors"][1]["power_w"], "the vehicle to draw")
        await limit(csms, 0)
        await until(daemon, lambda state: state["connectors"][1]["contactor"] == "open", "the pause")
        await limit(csms, 16)
        await until(daemon, lambda state: state["connectors"][1]["limit_a"] == 16, "the offer")
        await advance(daemon, csms, 59, step_s=59)
        asleep = await daemon.api.connector(1)
        assert (asleep["status"], asleep["power_w"]) == ("SuspendedEV", 0)
        await advance(daemon, csms, 7, step_s=7)
        await until(daemon, lambda state: state["connectors"][1]["power_w"], "the vehicle to draw again")
        events = [event["type"] for event in await daemon.api.events(after=0)]
        assert events.count("PilotInterrupted") == 1
