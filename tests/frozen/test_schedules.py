"""Recurring schedules over midnight, a week's end, a month's end and a leap day, with a date that moves."""

from pathlib import Path
from typing import Any

import pytest

from tests.frozen.world import frozen

pytestmark = pytest.mark.asyncio


def daily(start: str, kind: str = "Daily") -> dict[str, Any]:
    """16 A from the start on, 10 A after six hours, for a day or a week."""
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Recurring",
        "recurrencyKind": kind,
        "chargingSchedule": {
            "startSchedule": start,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}, {"startPeriod": 21_600, "limit": 10}],
        },
    }


async def test_a_daily_profile_begins_anew_at_midnight(tmp_path: Path) -> None:
    async with frozen(tmp_path, "2026-03-10T23:59:00") as station:
        await station.csms.request(
            "SetChargingProfile", connector_id=0, cs_charging_profiles=daily("2026-03-01T00:00:00Z")
        )
        await station.charge()
        await station.pass_until("2026-03-10T23:59:59.999")
        assert station.limit_a() == 10
        await station.pass_until("2026-03-11T00:00:00")
        assert station.limit_a() == 16
        await station.pass_until("2026-03-11T05:59:59.999")
        assert station.limit_a() == 16
        await station.pass_until("2026-03-11T06:00:00")
        assert station.limit_a() == 10


async def test_a_weekly_profile_begins_anew_after_seven_days_and_not_before(tmp_path: Path) -> None:
    async with frozen(tmp_path, "2026-03-08T23:59:00") as station:
        await station.csms.request(
            "SetChargingProfile", connector_id=0, cs_charging_profiles=daily("2026-03-02T00:00:00Z", "Weekly")
        )
        await station.charge()
        assert station.limit_a() == 10
        await station.pass_until("2026-03-08T23:59:59.999")
        assert station.limit_a() == 10
        await station.pass_until("2026-03-09T00:00:00")
        assert station.limit_a() == 16


@pytest.mark.parametrize(
    ("evening", "midnight"),
    [
        ("2026-01-31T23:59:00", "2026-02-01T00:00:00"),
        ("2027-02-28T23:59:00", "2027-03-01T00:00:00"),
        ("2028-02-28T23:59:00", "2028-02-29T00:00:00"),
        ("2028-02-29T23:59:00", "2028-03-01T00:00:00"),
        ("2026-12-31T23:59:00", "2027-01-01T00:00:00"),
    ],
)
async def test_a_daily_profile_knows_the_ends_of_months_and_years(tmp_path: Path, evening: str, midnight: str) -> None:
    async with frozen(tmp_path, evening) as station:
        await station.csms.request(
            "SetChargingProfile", connector_id=0, cs_charging_profiles=daily("2026-01-01T00:00:00Z")
        )
        await station.charge()
        await station.pass_time(59.999)
        assert station.limit_a() == 10
        await station.pass_until(midnight)
        assert station.limit_a() == 16


async def test_a_profile_ends_with_its_validity(tmp_path: Path) -> None:
    async with frozen(tmp_path, "2026-06-01T12:00:00") as station:
        profile = {
            **daily("2026-06-01T00:00:00Z"),
            "validTo": "2026-06-01T12:00:30Z",
        }
        await station.csms.request("SetChargingProfile", connector_id=0, cs_charging_profiles=profile)
        await station.charge()
        assert station.limit_a() == 10
        await station.pass_until("2026-06-01T12:00:29.999")
        assert station.limit_a() == 10
        await station.pass_until("2026-06-01T12:00:30")
        assert station.limit_a() == 32


async def test_a_clock_that_is_set_moves_the_schedule_with_it(tmp_path: Path) -> None:
    async with frozen(tmp_path, "2026-06-01T05:00:00") as station:
        await station.csms.request(
            "SetChargingProfile", connector_id=0, cs_charging_profiles=daily("2026-06-01T00:00:00Z")
        )
        await station.charge()
        assert station.limit_a() == 16
        station.csms.advance(3_600)
        await station.csms.request("TriggerMessage", requested_message="Heartbeat")
        await station.settled()
        assert station.limit_a() == 10
