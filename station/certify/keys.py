"""The table of configuration keys: every key of the standard in its order, supported or not, then the station's own.

Theory of operation. The standard's keys and their order are a constant here: what a station does not have must stand in
the table too, with nothing beside it. All that is said of a key follows from its declaration (`ConfigKey`) and the state.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from eventstore.value import Value
from projections.station import StationState
from station.core.config_keys import INTEGER_MAX, Access, AnyText, ConfigKey, Csl, Integer
from station.core.feature import Registry

VENDOR = "Vendor"
"""The group of the keys that no document of OCPP names."""

STANDARD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Core": (
            "AllowOfflineTxForUnknownId",
            "AuthorizationCacheEnabled",
            "AuthorizeRemoteTxRequests",
            "BlinkRepeat",
            "ClockAlignedDataInterval",
            "ConnectionTimeOut",
            "ConnectorPhaseRotation",
            "ConnectorPhaseRotationMaxLength",
            "GetConfigurationMaxKeys",
            "HeartbeatInterval",
            "LightIntensity",
            "LocalAuthorizeOffline",
            "LocalPreAuthorize",
            "MaxEnergyOnInvalidId",
            "MessageTimeout",
            "MeterValuesAlignedData",
            "MeterValuesAlignedDataMaxLength",
            "MeterValuesSampledData",
            "MeterValuesSampledDataMaxLength",
            "MeterValueSampleInterval",
            "MinimumStatusDuration",
            "NumberOfConnectors",
            "ResetRetries",
            "StopTransactionMaxMeterValues",
            "StopTransactionOnEVSideDisconnect",
            "StopTransactionOnInvalidId",
            "StopTxnAlignedData",
            "StopTxnAlignedDataMaxLength",
            "StopTxnSampledData",
            "StopTxnSampledDataMaxLength",
            "SupportedFeatureProfiles",
            "SupportedFeatureProfilesMaxLength",
            "TransactionMessageAttempts",
            "TransactionMessageRetryInterval",
            "UnlockConnectorOnEVSideDisconnect",
            "WebSocketPingInterval",
        ),
        "LocalAuthListManagement": ("LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"),
        "Reservation": ("ReserveConnectorZeroSupported",),
        "SmartCharging": (
            "ChargeProfileMaxStackLevel",
            "ChargingScheduleAllowedChargingRateUnit",
            "ChargingScheduleMaxPeriods",
            "ConnectorSwitch3to1PhaseSupported",
            "MaxChargingProfilesInstalled",
        ),
        "FirmwareManagement": ("SupportedFileTransferProtocols",),
        "Security": (
            "AdditionalRootCertificateCheck",
            "AuthorizationKey",
            "CertificateSignedMaxChainSize",
            "CertificateStoreMaxLength",
            "CpoName",
            "SecurityProfile",
        ),
    }
)
"""The keys by their group, as section 9 (9.1 to 9.4), errata 3.82, 3.88 and 3.89 and chapter 7 of the security white paper have them."""


class KeyRow(Value, frozen=True, kw_only=True):
    """A key in the table; of one that the station does not have only `group` and `name` say something.

    `access` is "R", "RW" or "W"; `value` the text that GetConfiguration reports, "" for one that may not be read; `limits`
    are the values that ChangeConfiguration takes; `after_restart`: a change takes effect with the next start.
    """

    group: str
    name: str
    supported: bool
    access: str = ""
    type: str = ""
    value: str = ""
    unit: str = ""
    limits: str = ""
    after_restart: bool = False


def key_table(state: StationState, registry: Registry) -> tuple[KeyRow, ...]:
    """All rows: the standard's keys in its order, then the station's own by name."""
    rows = [
        _row(group, name, registry.config_keys.get(name), state) for group, names in STANDARD.items() for name in names
    ]
    standard = {row.name for row in rows}
    own = sorted(key.name for key in registry.config_keys.values() if key.name not in standard)
    rows += [row for name in own if (row := _row(VENDOR, name, registry.config_keys[name], state)).supported]
    return tuple(rows)


def _row(group: str, name: str, key: ConfigKey[Any] | None, state: StationState) -> KeyRow:
    if key is None or not key.is_present(state):
        return KeyRow(group=group, name=name, supported=False)
    access = key.access_in(state)
    return KeyRow(
        group=group,
        name=name,
        supported=True,
        access=str(access.value),
        type=key.kind.name,
        value="" if access is Access.WRITE_ONLY else key.text_of(state),
        unit=key.unit,
        limits=limits_of(key),
        after_restart=key.reboot_required,
    )


def limits_of(key: ConfigKey[Any]) -> str:
    """Which values the key accepts, in words; "" where its type says it all."""
    match key.kind:
        case Integer(minimum=minimum, maximum=maximum) if maximum == INTEGER_MAX:
            return f"{minimum} or more"
        case Integer(minimum=minimum, maximum=maximum):
            return f"{minimum} to {maximum}"
        case Csl(items_max=items_max):
            return f"up to {items_max} items"
        case AnyText(length_max=length_max):
            return f"up to {length_max} characters"
    return ""
