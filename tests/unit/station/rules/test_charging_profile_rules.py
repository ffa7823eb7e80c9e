from decimal import Decimal
from typing import Any

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationGranted, AuthorizeQueued
from eventstore.catalogue.smart_charging import ChargingProfileInstalled, SchedulePeriod
from station.core.config_keys import Access
from station.features.smart_charging.decide import FEATURE
from station.rules.charging_profile_rules import (
    CHARGE_PROFILE_MAX_STACK_LEVEL,
    CHARGING_SCHEDULE_MAX_PERIODS,
    MAX_CHARGING_PROFILES_INSTALLED,
    ProfileRefusal,
    in_force,
    install,
    read_profile,
)
from station.wire.messages.smart_charging import SetChargingProfile
from station.wire.messages.types import WireChargingProfile as WireProfile
from station.wire.schema import load_request
from tests.unit.station.features.smart_charging.given_station import START_MS, Charge, wire


def parsed(payload: dict[str, Any]) -> WireProfile:
    request, _ = load_request(SetChargingProfile, {"connectorId": 1, "csChargingProfiles": payload})
    return request.cs_charging_profiles


def refusal(charge: Charge, connector_id: int, payload: dict[str, Any]) -> ProfileRefusal | None:
    result = install(charge.state, connector_id, parsed(payload))
    return result if isinstance(result, ProfileRefusal) else None


def test_a_profile_is_read_in_integers() -> None:
    payload = wire(
        "TxDefaultProfile",
        chargingProfileKind="Recurring",
        recurrencyKind="Weekly",
        validFrom="2026-01-01T00:00:01Z",
        validTo="2026-01-02T00:00:00Z",
        stackLevel=3,
        unit="W",
        schedule={
            "duration": 600,
            "minChargingRate": 8.1,
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 8.1},
                {"startPeriod": 60, "limit": 9, "numberPhases": 1},
            ],
        },
    )
    profile = read_profile(parsed(payload), 4)
    assert profile.periods == (
        SchedulePeriod(start_s=0, limit_deci=81, phases=None),
        SchedulePeriod(start_s=60, limit_deci=90, phases=1),
    )
    assert (profile.valid_from_utc_ms, profile.valid_to_utc_ms) == (START_MS + 1_000, START_MS + 86_400_000)
    assert (profile.start_schedule_utc_ms, profile.duration_s) == (START_MS, 600)
    assert (profile.unit, profile.kind, profile.recurrency) == ("W", "Recurring", "Weekly")
    assert (profile.min_charging_rate_deci, profile.transaction_number, profile.stack_level) == (81, 4, 3)
    assert type(profile.unit) is str


def test_a_recurrency_that_belongs_to_no_recurring_profile_is_dropped() -> None:
    assert read_profile(parsed(wire("TxDefaultProfile", (0, 6), recurrencyKind="Daily")), None).recurrency is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"stackLevel": -1}, "stackLevel"),
        ({"schedule": {"duration": -1}}, "duration"),
        ({"schedule": {"minChargingRate": -0.1}}, "minChargingRate"),
        ({"schedule": {"chargingSchedulePeriod": [{"startPeriod": -1, "limit": 6}]}}, "startPeriod"),
        ({"schedule": {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": -6}]}}, "limit"),
        ({"schedule": {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6, "numberPhases": 0}]}}, "numberPhases"),
        ({"schedule": {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6, "numberPhases": 4}]}}, "numberPhases"),
    ],
)
def test_a_value_out_of_its_range_is_named(change: dict[str, Any], named: str) -> None:
    found = refusal(Charge(), 1, wire("TxDefaultProfile", (0, 6), **change))
    assert found is not None
    assert found.out_of_range
    assert named in found.reason


@pytest.mark.parametrize(
    ("connector_id", "payload", "named"),
    [
        (1, wire("ChargePointMaxProfile", (0, 6)), "connector 0"),
        (1, wire("TxProfile", (0, 6)), "no transaction"),
        (0, wire("TxProfile", (0, 6)), "no transaction"),
        (1, wire("TxDefaultProfile", (5, 6)), "first period"),
        (1, wire("TxDefaultProfile", (0, 6), (60, 8), (60, 9)), "order"),
        (1, wire("TxDefaultProfile", (0, 6), chargingProfileKind="Recurring"), "recurrencyKind"),
        (
            1,
            wire("TxDefaultProfile", (0, 6), validFrom="2026-01-01T00:00:00Z", validTo="2026-01-01T00:00:00Z"),
            "validTo",
        ),
        (1, wire("TxDefaultProfile", (0, 6), stackLevel=11), "ChargeProfileMaxStackLevel"),
        (1, wire("TxDefaultProfile", *[(second, 6) for second in range(97)]), "ChargingScheduleMaxPeriods"),
    ],
)
def test_a_profile_that_makes_no_sense_here_is_refused(connector_id: int, payload: dict[str, Any], named: str) -> None:
    found = refusal(Charge(), connector_id, payload)
    assert found is not None
    assert not found.out_of_range
    assert named in found.reason


def test_a_unit_that_is_not_allowed_is_refused() -> None:
    charge = Charge(factory_values=(("ChargingScheduleAllowedChargingRateUnit", "Current"),))
    assert refusal(charge, 1, wire("TxDefaultProfile", (0, 6))) is None
    found = refusal(charge, 1, wire("TxDefaultProfile", (0, 6), unit="W"))
    assert found is not None
    assert "Unit" in found.reason


def test_limits_may_be_lowered_in_the_settings_but_not_raised() -> None:
    charge = Charge(factory_values=(("ChargeProfileMaxStackLevel", "2"), ("ChargingScheduleMaxPeriods", "1000")))
    assert CHARGE_PROFILE_MAX_STACK_LEVEL.of(charge.state) == 2
    assert CHARGING_SCHEDULE_MAX_PERIODS.of(charge.state) == 96
    assert refusal(charge, 1, wire("TxDefaultProfile", (0, 6), stackLevel=3)) is not None


def test_no_more_profiles_than_the_maximum_but_each_may_be_replaced() -> None:
    charge = Charge(factory_values=(("MaxChargingProfilesInstalled", "2"),))
    assert MAX_CHARGING_PROFILES_INSTALLED.of(charge.state) == 2
    for profile_id in (1, 2):
        assert (
            charge.sets(1, wire("TxDefaultProfile", (0, 6), chargingProfileId=profile_id, stackLevel=profile_id))
            == "Accepted"
        )
    assert charge.sets(1, wire("TxDefaultProfile", (0, 6), chargingProfileId=3, stackLevel=3)) == "Rejected"
    assert charge.sets(2, wire("TxDefaultProfile", (0, 6), chargingProfileId=1, stackLevel=3)) == "Accepted"
    assert charge.sets(1, wire("TxDefaultProfile", (0, 6), chargingProfileId=3, stackLevel=2)) == "Accepted"
    assert charge.installed() == [(2, 1), (1, 3)]


def test_a_tx_profile_belongs_to_the_transaction_on_its_connector() -> None:
    charge = Charge()
    charge.starts(1, 7, transaction_id=-5)
    result = install(charge.state, 1, parsed(wire("TxProfile", (0, 6), transactionId=-5)))
    assert isinstance(result, ChargingProfileInstalled)
    assert result.profile.transaction_number == 7
    assert refusal(charge, 1, wire("TxProfile", (0, 6))) is None
    assert refusal(charge, 1, wire("TxProfile", (0, 6), transactionId=5)) is not None
    assert refusal(charge, 2, wire("TxProfile", (0, 6), transactionId=-5)) is not None


def test_a_tx_profile_for_a_transaction_whose_id_is_not_known_yet_is_accepted_without_an_id_only() -> None:
    charge = Charge()
    charge.starts(1, 7)
    assert refusal(charge, 1, wire("TxProfile", (0, 6))) is None
    assert refusal(charge, 1, wire("TxProfile", (0, 6), transactionId=1)) is not None


def test_a_remote_start_needs_a_tx_profile_that_could_be_installed() -> None:
    charge = Charge()
    for connector_id, payload in (
        (1, wire("TxDefaultProfile", (0, 6))),
        (1, wire("TxProfile", (0, 6), stackLevel=99)),
    ):
        result = charge.remote_start(connector_id, payload)
        assert isinstance(result, ProfileRefusal)
        assert not result.out_of_range
    out_of_range = charge.remote_start(1, wire("TxProfile", (0, -6)))
    assert isinstance(out_of_range, ProfileRefusal)
    assert out_of_range.out_of_range
    assert charge.installed() == []


def test_a_remote_start_that_must_be_authorized_keeps_its_profile_until_the_answer() -> None:
    charge = Charge()
    installed = install_pending(charge)
    charge.told(AuthorizeQueued(id_tag="TAG", connector_id=1, purpose="start", remote=True))
    charge.told(installed)
    assert charge.installed() == [(1, 1)]
    charge.told(AuthorizationDenied(connector_id=1, id_tag="TAG", reason="Invalid"))
    assert charge.installed() == [(1, 1)], "the call is still in flight"


def install_pending(charge: Charge) -> ChargingProfileInstalled:
    return ChargingProfileInstalled(connector_id=1, profile=read_profile(parsed(wire("TxProfile", (0, 6))), None))


def test_a_profile_that_waits_for_nothing_is_cleared_at_once() -> None:
    charge = Charge()
    charge.told(install_pending(charge))
    assert charge.installed() == []


def test_an_authorization_for_no_connector_yet_keeps_no_profile() -> None:
    charge = Charge()
    charge.told(AuthorizationGranted(connector_id=None, id_tag="TAG", parent_id_tag=None, source="Remote"))
    charge.told(install_pending(charge))
    assert charge.installed() == []


def test_profiles_are_in_force_only_while_smart_charging_is_on() -> None:
    on, off = Charge(), Charge(profiles_off=("SmartCharging",))
    event = ChargingProfileInstalled(
        connector_id=0, profile=read_profile(parsed(wire("TxDefaultProfile", (0, 6))), None)
    )
    on.told(event)
    off.told(event)
    assert len(in_force(on.state)) == 1
    assert in_force(off.state) == ()


def test_the_keys_are_read_only_and_the_standards_four_are_required() -> None:
    assert all(key.access == Access.READ_ONLY for key in FEATURE.config_keys)
    assert {key.name for key in FEATURE.config_keys if not key.required} == {"ConnectorSwitch3to1PhaseSupported"}
    state = Charge().state
    assert [key.text_of(state) for key in FEATURE.config_keys] == ["10", "Current,Power", "96", "false", "30"]


def test_tenths_are_exact() -> None:
    for tenths in range(400):
        payload = wire(
            "TxDefaultProfile", schedule={"chargingSchedulePeriod": [{"startPeriod": 0, "limit": tenths / 10}]}
        )
        assert parsed(payload).charging_schedule.charging_schedule_period[0].limit == Decimal(tenths) / 10
        assert read_profile(parsed(payload), None).periods[0].limit_deci == tenths
