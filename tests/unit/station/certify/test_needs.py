"""What a case needs, judged by settings: a station that is set so meets it, another does not and is told why."""

import json

import pytest

from station.certify.needs import (
    BACKUP_POWER,
    BENCH_INSTALLER,
    FIXED_CABLE,
    NO_BACKUP_POWER,
    ONE_CONNECTOR,
    READER,
    RESERVES_STATION,
    SECURITY_EVENTS,
    SEVERAL_CONNECTORS,
    SOCKET,
    DefaultAfterTxProfile,
    FactoryKey,
    KeyAtLeast,
    Need,
    OcppProfileOff,
    OcppProfileOn,
    PowerLossPolicy,
    RateUnit,
    Secured,
    Tables,
)
from station.settings.loading import Settings, parse_settings

BASE = {"station": {"identity": "CB-0001"}, "csms": {"url": "ws://127.0.0.1:9/ocpp"}}


def settings(tables: Tables) -> Settings:
    lines = []
    for name in {**BASE, **tables}:
        lines.append(f"[{name}]")
        lines += [
            f"{key} = {json.dumps(value)}" for key, value in {**BASE.get(name, {}), **tables.get(name, {})}.items()
        ]
    return parse_settings("\n".join(lines), "x")


@pytest.mark.parametrize(
    ("need", "other", "otherwise"),
    [
        (SOCKET, {"board": {"fixed_cable": True}}, "the station has a fixed cable"),
        (FIXED_CABLE, {"board": {"fixed_cable": False}}, "the station has no fixed cable"),
        (BACKUP_POWER, {}, "the station has no back-up power"),
        (NO_BACKUP_POWER, {"board": {"backup_power_s": 5}}, "the station has back-up power"),
        (ONE_CONNECTOR, {"station": {"connectors": 2}}, "the station has several connectors"),
        (SEVERAL_CONNECTORS, {"station": {"connectors": 1}}, "the station has one connector"),
        (READER, {"board": {"kind": "gpio", "wiring": {}}}, "the station has no reader of id tags"),
        (
            OcppProfileOn("Reservation"),
            {"features": {"reservation": False}},
            "the station does not support Reservation",
        ),
        (OcppProfileOff("Reservation"), {}, "the station supports Reservation"),
        (PowerLossPolicy("resume"), {}, 'the station is set to [daemon] power_loss_policy = "stop"'),
        (DefaultAfterTxProfile(True), {}, "the station is set to tx_default_after_tx_profile = false"),
        (FactoryKey("LocalAuthListMaxLength", 1, "more"), {"config": {"LocalAuthListMaxLength": 9}}, "more"),
        (
            KeyAtLeast("ChargingScheduleMaxPeriods", 5, "fewer periods"),
            {"config": {"ChargingScheduleMaxPeriods": 4}},
            "fewer periods",
        ),
        (
            RateUnit("Power"),
            {"config": {"ChargingScheduleAllowedChargingRateUnit": "Current"}},
            "the station takes no charging profiles with limits in W",
        ),
        (
            RESERVES_STATION,
            {"config": {"ReserveConnectorZeroSupported": False}},
            "the station takes no reservations of connector 0",
        ),
        (Secured(2), {}, "the station is not provisioned with security profile 2"),
        (
            SECURITY_EVENTS,
            {"security": {"send_events": "never"}},
            'the station is set to [security] send_events = "never"',
        ),
        (
            BENCH_INSTALLER,
            {"firmware": {"installer": "/bin/true {file}"}},
            "the station installs firmware with a command of its own; this case needs the test installer",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Need) else None,
)
def test_a_need_is_met_by_its_own_settings_and_not_by_others(need: Need, other: Tables, otherwise: str) -> None:
    if need.security_profile is None:
        assert need.met(settings(need.settings))
    assert not need.met(settings(other) if "wiring" not in str(other) else _gpio())
    assert need.otherwise == otherwise


def _gpio() -> Settings:
    text = '[station]\nidentity = "CB-0001"\n[csms]\nurl = "ws://127.0.0.1:9/ocpp"\n[board]\nkind = "gpio"\n'
    return parse_settings(text, "x")


def test_core_is_always_on() -> None:
    assert OcppProfileOn("Core").met(settings({}))
