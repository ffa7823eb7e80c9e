"""Smart Charging."""

from typing import Any

from station.certify.failing import equal, holds, near, one_of
from station.certify.functionalities import SMART_CHARGING
from station.certify.needs import DefaultAfterTxProfile, KeyAtLeast, RateUnit
from station.certify.payloads import instant_of, utc_of
from station.certify.registry import case, variant
from station.certify.rig import Rig
from station.certify.seen_state import connector_of
from station.certify.states import charging, set_charging_profile

DURATION_S = 300
DEVIATION_S = 5
UNITS = (variant("A", RateUnit("Current"), unit="A"), variant("W", RateUnit("Power"), unit="W"))
REFUSALS = {"Rejected", "PropertyConstraintViolation"}


def charging_profile(
    rig: Rig, purpose: str, unit: str, periods: dict[int, float], *, duration_s: int = DURATION_S, **members: Any
) -> dict[str, Any]:
    """A profile with an Absolute schedule from now; limits are amperes, or the watts of so many on all phases of the station."""
    factor = watts_of_an_ampere(rig) if unit == "W" else 1
    return {
        "chargingProfileId": members.pop("chargingProfileId", 1),
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "duration": duration_s,
            "startSchedule": instant_of(rig.csms.utc().replace(microsecond=0)),
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": [
                {"startPeriod": start, "limit": limit * factor, "numberPhases": rig.build.phases}
                for start, limit in periods.items()
            ],
        },
        **members,
    }


def watts_of_an_ampere(rig: Rig) -> int:
    """What a limit of 1 A on all phases comes to: a limit in watts must be one that this station can keep to."""
    return rig.build.phases * rig.build.voltage_v


async def composite(rig: Rig, unit: str, *, duration_s: int = DURATION_S) -> Any:
    """GetCompositeSchedule of connector 1, Accepted, for what was asked, from now on."""
    answer = await rig.request("GetCompositeSchedule", connector_id=1, duration=duration_s, charging_rate_unit=unit)
    equal("the answer to GetCompositeSchedule", (answer["status"], answer.get("connectorId")), ("Accepted", 1))
    off_s = abs((utc_of(answer["scheduleStart"]) - rig.csms.utc()).total_seconds())
    holds("a schedule from now on", off_s <= DEVIATION_S, f"{off_s:.1f} s away")
    schedule = answer["chargingSchedule"]
    told = (schedule["duration"], schedule["chargingRateUnit"])
    equal("duration and unit of the schedule", told, (duration_s, unit))
    return answer


def periods_of(rig: Rig, answer: Any, unit: str) -> dict[float, float]:
    """Start and limit of each period, in amperes on all phases."""
    factor = watts_of_an_ampere(rig) if unit == "W" else 1
    return {
        period["startPeriod"]: float(period["limit"]) / factor
        for period in answer["chargingSchedule"]["chargingSchedulePeriod"]
    }


def assert_six_until_its_end(rig: Rig, answer: Any, unit: str) -> None:
    """From the start 6 A, or its watts; what comes after the schedule's own end is not of the case."""
    periods = periods_of(rig, answer, unit)
    equal("the limit from the start", periods.pop(0, None), 6)
    later = all(start >= DURATION_S - DEVIATION_S for start in periods)
    holds("that limit until the schedule ends", later, periods)


@case("TC_056_CS", "TxDefaultProfile", SMART_CHARGING, clause="5.16", variants=UNITS)
async def tx_default_profile(rig: Rig, unit: str) -> None:
    """The composite schedule reflects a TxDefaultProfile without a transaction."""
    await set_charging_profile(rig, 1, charging_profile(rig, "TxDefaultProfile", unit, {0: 6}))
    assert_six_until_its_end(rig, await composite(rig, unit), unit)
    await rig.quiet()


@case("TC_057_CS", "TxProfile", SMART_CHARGING, clause="5.16", variants=UNITS)
async def tx_profile(rig: Rig, unit: str) -> None:
    """A TxProfile of the running transaction."""
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    profile = charging_profile(rig, "TxProfile", unit, {0: 6}, transactionId=transaction_id)
    await set_charging_profile(rig, 1, profile)
    assert_six_until_its_end(rig, await composite(rig, unit), unit)
    await rig.quiet()


@case("TC_058_1_CS", "TxProfile, no transaction", SMART_CHARGING, RateUnit("Current"), clause="3.13.1")
async def tx_profile_without_transaction(rig: Rig) -> None:
    """A TxProfile without a transaction is refused."""
    profile = charging_profile(rig, "TxProfile", "A", {0: 6}, transactionId=1)
    refusal = await rig.refused("SetChargingProfile", connector_id=1, cs_charging_profiles=profile)
    one_of("the refusal", refusal, REFUSALS)
    await rig.quiet()


@case("TC_082_CS", "TxDefaultProfile during transaction", SMART_CHARGING, clause="5.16", variants=UNITS)
async def tx_default_profile_during_transaction(rig: Rig, unit: str) -> None:
    """A TxDefaultProfile that comes while charging."""
    await charging(rig)
    await set_charging_profile(rig, 1, charging_profile(rig, "TxDefaultProfile", unit, {0: 6}))
    assert_six_until_its_end(rig, await composite(rig, unit), unit)
    await rig.until_state(lambda state: connector_of(state, 1)["limit_a"] <= 10, "the limit to be offered")
    await rig.quiet()


@case(
    "TC_066_CS",
    "Composite schedule (3 purposes)",
    SMART_CHARGING,
    KeyAtLeast("MaxChargingProfilesInstalled", 3, "the station keeps fewer charging profiles than the case has"),
    KeyAtLeast("ChargingScheduleMaxPeriods", 5, "the station takes fewer periods than the case has"),
    clause="5.7",
    variants=tuple(
        variant(
            f"{reading}, {unit}", DefaultAfterTxProfile(returns), RateUnit(measured), unit=unit, default_returns=returns
        )
        for reading, returns in (("2024 reading", False), ("older reading", True))
        for unit, measured in (("A", "Current"), ("W", "Power"))
    ),
)
async def composite_schedule(rig: Rig, unit: str, default_returns: bool) -> None:
    """Three purposes; once the TxProfile ends, TxDefaultProfile stays away, or comes back by setting."""
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    validity = {
        "validFrom": instant_of(rig.csms.utc().replace(microsecond=0)),
        "validTo": instant_of(utc_of(start.payload["timestamp"]).replace(year=2099)),
    }
    station = charging_profile(rig, "ChargePointMaxProfile", unit, {0: 10}, duration_s=86_400, chargingProfileId=1)
    default = charging_profile(
        rig,
        "TxDefaultProfile",
        unit,
        {0: 6, 60: 10, 120: 8, 180: 15, 260: 8},
        duration_s=300,
        chargingProfileId=2,
        **validity,
    )
    transaction = charging_profile(
        rig,
        "TxProfile",
        unit,
        {0: 8, 50: 11, 140: 16, 200: 6, 240: 12},
        duration_s=260,
        chargingProfileId=3,
        transactionId=transaction_id,
        **validity,
    )
    await set_charging_profile(rig, 0, station)
    await set_charging_profile(rig, 1, default)
    await set_charging_profile(rig, 1, transaction)
    answer = await composite(rig, unit, duration_s=400)
    began = utc_of(transaction["chargingSchedule"]["startSchedule"])
    x = (utc_of(answer["scheduleStart"]) - began).total_seconds()
    wanted = {0: 8, 50 - x: 10, 200 - x: 6, 240 - x: 10}
    if default_returns:
        wanted |= {260 - x: 8, 300 - x: 10}
    found = periods_of(rig, answer, unit)
    equal("the limits of the periods", list(found.values()), list(wanted.values()))
    for seen, due in zip(found, wanted, strict=True):
        near("the start of a period", seen, due, within=1)
    await rig.quiet()


@case("TC_059_CS", "Remote start with profile", SMART_CHARGING, clause="5.11", variants=UNITS)
async def remote_start_with_profile(rig: Rig, unit: str) -> None:
    """A remote start's TxProfile rules its transaction."""
    await charging(rig, charging_profile=charging_profile(rig, "TxProfile", unit, {0: 6}))
    assert_six_until_its_end(rig, await composite(rig, unit), unit)
    await rig.quiet()


@case("TC_060_CS", "Remote start with profile – rejected", SMART_CHARGING, RateUnit("Current"), clause="5.11")
async def remote_start_with_profile_rejected(rig: Rig) -> None:
    """A remote start with a profile of another purpose is refused."""
    profile = charging_profile(rig, "TxDefaultProfile", "A", {0: 6})
    refusal = await rig.refused(
        "RemoteStartTransaction", connector_id=1, id_tag=rig.tags.valid, charging_profile=profile
    )
    one_of("the refusal", refusal, REFUSALS)
    await rig.quiet()
