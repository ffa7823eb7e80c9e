"""What a case needs of a station, how a bench station is given it, and why it is not applicable to others.

Two kinds. What a station is **built** with (a socket, back-up power, a feature profile) is as its settings say: a case that needs
something else is not applicable, as the laboratory says. What a station is **provisioned** with (how it reaches the CSMS) is the
laboratory's: on a bench the command provides it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.value import Value
from station.settings.loading import Settings

Tables = Mapping[str, Mapping[str, Any]]

FEATURE_KEYS = {
    "LocalAuthListManagement": "local_auth_list",
    "Reservation": "reservation",
    "SmartCharging": "smart_charging",
    "FirmwareManagement": "firmware_management",
    "RemoteTrigger": "remote_trigger",
    "Security": "security",
}
"""The feature profiles that a station may go without, and their keys in [features]."""


class Need(Value, frozen=True, kw_only=True):
    """One need. `met` judges settings; `otherwise` says of those that do not meet it why. `settings` make a bench station meet it.

    `security_profile` is not None where the station must be provisioned with that profile.
    """

    name: str
    met: Callable[[Settings], bool]
    otherwise: str
    settings: Tables
    security_profile: int | None = None


def _board(name: str, key: str, value: Any, met: Callable[[Settings], bool], otherwise: str) -> Need:
    return Need(name=name, met=met, otherwise=otherwise, settings={"board": {key: value}})


SOCKET = _board(
    "socket", "fixed_cable", False, lambda settings: not settings.board.fixed_cable, "the station has a fixed cable"
)
FIXED_CABLE = _board(
    "fixed cable", "fixed_cable", True, lambda settings: settings.board.fixed_cable, "the station has no fixed cable"
)
BACKUP_POWER = _board(
    "back-up power",
    "backup_power_s",
    10,
    lambda settings: settings.board.backup_power_s > 0,
    "the station has no back-up power",
)
NO_BACKUP_POWER = _board(
    "no back-up power",
    "backup_power_s",
    0,
    lambda settings: settings.board.backup_power_s == 0,
    "the station has back-up power",
)
ONE_CONNECTOR = Need(
    name="one connector",
    met=lambda settings: settings.station.connectors == 1,
    otherwise="the station has several connectors",
    settings={"station": {"connectors": 1}},
)
SEVERAL_CONNECTORS = Need(
    name="several connectors",
    met=lambda settings: settings.station.connectors > 1,
    otherwise="the station has one connector",
    settings={"station": {"connectors": 2}},
)


def has_reader(settings: Settings) -> bool:
    """Whether tags can be presented at the station."""
    return settings.board_kind.simulated or bool(settings.board.wiring.get("readers"))


READER = Need(
    name="reader",
    met=has_reader,
    otherwise="the station has no reader of id tags",
    settings={},
)


def OcppProfileOn(ocpp_profile: str) -> Need:  # noqa: N802  # reads as the need that it makes
    """The feature profile is switched on; Core always is."""
    key = FEATURE_KEYS.get(ocpp_profile)
    named = "the security extension" if ocpp_profile == "Security" else ocpp_profile
    return Need(
        name="OCPP profile",
        met=lambda settings: key is None or bool(getattr(settings.features, key)),
        otherwise=f"the station does not support {named}",
        settings={},
    )


def OcppProfileOff(ocpp_profile: str) -> Need:  # noqa: N802
    """The feature profile is switched off: the case shows how the station refuses."""
    key = FEATURE_KEYS[ocpp_profile]
    return Need(
        name="OCPP profile",
        met=lambda settings: not getattr(settings.features, key),
        otherwise=f"the station supports {ocpp_profile}",
        settings={"features": {key: False}},
    )


def PowerLossPolicy(policy: str) -> Need:  # noqa: N802
    """What the station does at boot with a transaction that a power cut interrupted."""
    return Need(
        name="power loss policy",
        met=lambda settings: settings.daemon.power_loss_policy == policy,
        otherwise=f'the station is set to [daemon] power_loss_policy = "{"resume" if policy == "stop" else "stop"}"',
        settings={"daemon": {"power_loss_policy": policy}},
    )


def DefaultAfterTxProfile(returns: bool) -> Need:  # noqa: N802
    """Whether TxDefaultProfile comes back once the schedule of a TxProfile has ended."""
    return Need(
        name="TxDefaultProfile after TxProfile",
        met=lambda settings: settings.smart_charging.tx_default_after_tx_profile is returns,
        otherwise=f"the station is set to tx_default_after_tx_profile = {str(not returns).lower()}",
        settings={"smart_charging": {"tx_default_after_tx_profile": returns}},
    )


def FactoryKey(key: str, value: bool | int, otherwise: str) -> Need:  # noqa: N802
    """A read-only configuration key has this value from the factory."""
    return Need(
        name=key,
        met=lambda settings: settings.config.get(key) == str(value).lower(),
        otherwise=otherwise,
        settings={"config": {key: value}},
    )


def KeyAtLeast(key: str, number: int, otherwise: str) -> Need:  # noqa: N802
    """A read-only limit was not lowered below this number."""
    return Need(
        name=f"{key} of {number} at least",
        met=lambda settings: int(settings.config.get(key, number)) >= number,
        otherwise=otherwise,
        settings={},
    )


def RateUnit(unit: str) -> Need:  # noqa: N802
    """Limits of charging profiles may be in this unit, "Current" or "Power"."""
    key = "ChargingScheduleAllowedChargingRateUnit"
    return Need(
        name=f"{key} with {unit}",
        met=lambda settings: unit in settings.config.get(key, unit),
        otherwise=f"the station takes no charging profiles with limits in {'A' if unit == 'Current' else 'W'}",
        settings={},
    )


RESERVES_STATION = Need(
    name="reservations of connector 0",
    met=lambda settings: settings.config.get("ReserveConnectorZeroSupported", "true") == "true",
    otherwise="the station takes no reservations of connector 0",
    settings={},
)


def Secured(security_profile: int) -> Need:  # noqa: N802
    """The station is provisioned with this security profile, its certificates and its password."""
    return Need(
        name="security profile",
        met=lambda settings: settings.csms.security_profile == security_profile,
        otherwise=f"the station is not provisioned with security profile {security_profile}",
        settings={},
        security_profile=security_profile,
    )


SECURITY_EVENTS = Need(
    name="security events",
    met=lambda settings: settings.security.send_events != "never",
    otherwise='the station is set to [security] send_events = "never"',
    settings={"security": {"send_events": "always"}},
)

BENCH_INSTALLER = Need(
    name="test installer",
    met=lambda settings: "{file}" not in settings.firmware.installer,
    otherwise="the station installs firmware with a command of its own; this case needs the test installer",
    settings={},
)
