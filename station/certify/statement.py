"""The protocol implementation conformance statement (PICS): what a station of these settings supports, said without a run.

Theory of operation. Settings and an unopened board make the `StationDescribed` with which a boot begins; the state that follows
from it, and the registry of the features that are on, answer everything. Nothing is opened, written or asked for. Values of
keys are those of the factory: what a CSMS has set lies in the log, and the papers of a run have it.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from eventstore.event import Recorded
from eventstore.value import Value
from projections.security import EXTENSION
from projections.station import INITIAL, StationState, evolve
from station import VERSION
from station.certify.equipment import NO, YES, Fitting, hardware, planned
from station.certify.keys import KeyRow, key_table
from station.core.feature import Registry
from station.daemon.bootstrap import describe, make_registry, profiles_off
from station.settings.loading import Settings
from station.wire.messages import MESSAGES

FEATURE_PROFILES: Mapping[str, str] = MappingProxyType(
    {
        "Core": "boot, authorization and its cache, transactions, remote start and stop, configuration, offline behaviour",
        "LocalAuthListManagement": "the Local Authorization List",
        "Reservation": "reservation of a connector",
        "SmartCharging": "charging profiles of all purposes, stacked, and composite schedules",
        "RemoteTrigger": "messages that the CSMS triggers",
        "FirmwareManagement": "firmware updates and diagnostics",
        EXTENSION: "security profiles, certificates, signed firmware, security events and the security log",
    }
)
"""The feature profiles in the order of the papers, and the security extension, which is none."""

SECURITY_PROFILES = (
    "no security",
    "HTTP Basic authentication without TLS",
    "TLS with HTTP Basic authentication",
    "TLS with a certificate of the station",
)


class Support(Value, frozen=True, kw_only=True):
    """One thing, whether the station has it, and what there is to say of it."""

    name: str
    supported: bool
    note: str = ""


class MessageSupport(Value, frozen=True, kw_only=True):
    """An action of OCPP: who sends it ("station", "CSMS" or "both"), and whether the station does its part."""

    action: str
    ocpp_profile: str
    sent_by: str
    supported: bool
    note: str = ""


class ConformanceStatement(Value, frozen=True, kw_only=True):
    """The whole statement; tables in the order in which they are printed."""

    vendor: str
    model: str
    serial: str
    identity: str
    software_version: str
    board: str
    feature_profiles: tuple[Support, ...]
    messages: tuple[MessageSupport, ...]
    features: tuple[Support, ...]
    security_profiles: tuple[Support, ...]
    hardware: tuple[Fitting, ...]
    keys: tuple[KeyRow, ...]


def statement_of(settings: Settings) -> ConformanceStatement:
    """The statement of a station with these settings. Raises SettingsError for what they cannot mean."""
    registry, board = make_registry(settings), planned(settings)
    described = describe(settings, board, registry)
    recorded = Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=described)
    state = evolve(INITIAL, recorded)
    off = frozenset(profiles_off(settings))
    return ConformanceStatement(
        vendor=settings.station.vendor,
        model=settings.station.model,
        serial=settings.station.serial,
        identity=settings.station.identity,
        software_version=VERSION,
        board=settings.board.kind,
        feature_profiles=tuple(
            Support(name=name, supported=name not in off, note=says) for name, says in FEATURE_PROFILES.items()
        ),
        messages=messages(registry, settings),
        features=tuple(_features(state, registry, settings)),
        security_profiles=tuple(_security_profiles(settings)),
        hardware=hardware(settings, board),
        keys=key_table(state, registry),
    )


def messages(registry: Registry, settings: Settings) -> tuple[MessageSupport, ...]:
    """Every action of OCPP 1.6 and of the security white paper, by feature profile."""
    off = {feature.ocpp_profile for feature in registry.off}
    rows = []
    for action, pair in MESSAGES.items():
        answered = not pair.is_sent_by_csms or action in registry.answers
        is_both = pair.is_sent_by_csms and pair.is_sent_by_station
        signed_only = action == "UpdateFirmware" and settings.security.require_signed_firmware
        rows.append(
            MessageSupport(
                action=action,
                ocpp_profile=pair.ocpp_profile,
                sent_by="both" if is_both else "CSMS" if pair.is_sent_by_csms else "station",
                supported=pair.ocpp_profile not in off and answered and not signed_only,
                note="only signed firmware is taken" if signed_only else "",
            )
        )
    order = list(FEATURE_PROFILES)
    return tuple(sorted(rows, key=lambda row: (order.index(row.ocpp_profile), row.action)))


# ---- optional features --------------------------------------------------------------------------------------------

BY_KEY: Mapping[str, str] = MappingProxyType(
    {
        "Authorization cache": "AuthorizationCacheEnabled",
        "Transactions for unknown identifications while offline": "AllowOfflineTxForUnknownId",
        "Energy that a refused identification may still take": "MaxEnergyOnInvalidId",
        "Shortest duration of a status that is reported": "MinimumStatusDuration",
        "Sampled meter values in StopTransaction": "StopTxnSampledData",
        "Clock-aligned meter values": "ClockAlignedDataInterval",
        "Clock-aligned meter values in StopTransaction": "StopTxnAlignedData",
        "Ping of the WebSocket": "WebSocketPingInterval",
        "Local Authorization List switched by the CSMS": "LocalAuthListEnabled",
        "Brightness of the lamp set by the CSMS": "LightIntensity",
        "Blinking of the lamp set by the CSMS": "BlinkRepeat",
    }
)
"""Features that a station has if it has the key."""

BY_VALUE: Mapping[str, str] = MappingProxyType(
    {
        "Reservation of the station as a whole (connector 0)": "ReserveConnectorZeroSupported",
        "Change between three phases and one during a transaction": "ConnectorSwitch3to1PhaseSupported",
        "One central root certificate at a time, and its predecessor": "AdditionalRootCertificateCheck",
    }
)
"""Features that a station has if the key says true."""

SAYING: Mapping[str, str] = MappingProxyType(
    {
        "Units of charging schedules": "ChargingScheduleAllowedChargingRateUnit",
        "Highest stack level": "ChargeProfileMaxStackLevel",
        "Charging profiles installed at a time": "MaxChargingProfilesInstalled",
        "Periods of a charging schedule": "ChargingScheduleMaxPeriods",
        "Entries of the Local Authorization List": "LocalAuthListMaxLength",
        "Transfer protocols of firmware, diagnostics and logs": "SupportedFileTransferProtocols",
        "Measurands from the factory": "MeterValuesSampledData",
    }
)
"""Features whose extent a key says."""


def _features(state: StationState, registry: Registry, settings: Settings) -> Iterator[Support]:
    keys = registry.config_keys

    def text(name: str) -> str | None:
        key = keys.get(name)
        return None if key is None or not key.is_present(state) else key.text_of(state)

    for feature, name in BY_KEY.items():
        yield Support(name=feature, supported=text(name) is not None, note=name)
    for feature, name in BY_VALUE.items():
        yield Support(name=feature, supported=text(name) == "true", note=name)
    for feature, name in SAYING.items():
        value = text(name)
        yield Support(name=feature, supported=value is not None, note=value or "")
    for feature, decide in OF_SETTINGS.items():
        says = decide(settings)
        yield Support(name=feature, supported=says != NO, note="" if says in {YES, NO} else says)


def _power_loss(settings: Settings) -> str:
    """When the transaction of a power failure ends (TC_032_1 or TC_032_2)."""
    if settings.board.backup_power_s:
        return "stopped before the station goes down"
    return "stopped after the boot" if settings.daemon.power_loss_policy == "stop" else "goes on after the boot"


OF_SETTINGS: Mapping[str, Callable[[Settings], str]] = MappingProxyType(
    {
        "Several connectors": lambda settings: YES if settings.station.connectors > 1 else NO,
        "A transaction that is interrupted by a power failure": _power_loss,
        "Unlocking by the CSMS": lambda settings: NO if settings.board.fixed_cable else YES,
        "Only signed firmware": lambda settings: YES if settings.security.require_signed_firmware else NO,
        "Security events sent to the CSMS": lambda settings: (
            settings.security.send_events if settings.features.security else NO
        ),
    }
)
"""Features that the settings say."""


def _security_profiles(settings: Settings) -> Iterator[Support]:
    used, csms = settings.csms.security_profile, settings.csms
    may_be_raised = settings.features.security and not csms.security_profile_fixed
    for number, says in enumerate(SECURITY_PROFILES):
        if number == used:
            note = f"{says}; set"
        elif number > used and may_be_raised:
            note = f"{says}; the CSMS may raise to it (SecurityProfile)"
        else:
            note = f"{says}; by the settings only"
        yield Support(name=str(number), supported=True, note=note)
