"""Core: configuration and sampled meter values."""

from typing import Any

from station.certify.failing import equal, holds, near, one_of
from station.certify.functionalities import CONFIGURATION, KEYS_REFUSED, METER_VALUES
from station.certify.needs import Secured
from station.certify.payloads import gaps_s
from station.certify.pki import PASSWORD
from station.certify.registry import case, variant
from station.certify.rig import Rig, call
from station.certify.states import charging, configure, read_key

PROFILES = {"Core", "FirmwareManagement", "LocalAuthListManagement", "Reservation", "SmartCharging", "RemoteTrigger"}

READ_WRITE_KEYS = {
    "Core": {
        "ClockAlignedDataInterval",
        "ConnectionTimeOut",
        "ConnectorPhaseRotation",
        "HeartbeatInterval",
        "LocalAuthorizeOffline",
        "LocalPreAuthorize",
        "MeterValuesAlignedData",
        "MeterValuesSampledData",
        "MeterValueSampleInterval",
        "ResetRetries",
        "StopTransactionOnEVSideDisconnect",
        "StopTransactionOnInvalidId",
        "StopTxnAlignedData",
        "StopTxnSampledData",
        "TransactionMessageAttempts",
        "TransactionMessageRetryInterval",
    },
    "LocalAuthListManagement": {"LocalAuthListEnabled"},
}
READ_ONLY_KEYS = {
    "Core": {"GetConfigurationMaxKeys", "NumberOfConnectors", "SupportedFeatureProfiles"},
    "LocalAuthListManagement": {"LocalAuthListMaxLength", "SendLocalListMaxLength"},
    "SmartCharging": {
        "ChargeProfileMaxStackLevel",
        "ChargingScheduleAllowedChargingRateUnit",
        "ChargingScheduleMaxPeriods",
        "MaxChargingProfilesInstalled",
    },
}
EITHER_KEYS = {"AuthorizeRemoteTxRequests", "UnlockConnectorOnEVSideDisconnect"}


@case(
    "TC_019_CS",
    "Retrieve configuration",
    CONFIGURATION,
    clause="5.8",
    variants=(variant(""), variant("with an AuthorizationKey", Secured(1), has_key=True)),
)
async def retrieve_configuration(rig: Rig, has_key: bool = False) -> None:
    """Every required key of the supported feature profiles is there with the right accessibility; an AuthorizationKey never leaves."""
    await assert_configuration(rig)
    if has_key:
        asked = await rig.request("GetConfiguration", key=["AuthorizationKey"])
        for text in (str(asked), *(frame.text for frame in rig.csms.frames)):
            leaks = PASSWORD.decode() in text or PASSWORD.hex() in text.lower()
            holds("the password in no frame", not leaks, "a frame with the password")


async def assert_configuration(rig: Rig) -> None:
    """The keys of the feature profiles that the station supports, each with its accessibility, by name and all at once."""
    profiles = {each.strip() for each in (await read_key(rig, "SupportedFeatureProfiles"))["value"].split(",")}
    holds("feature profiles of the standard, with Core", profiles <= PROFILES and "Core" in profiles, profiles)
    equal("the feature profiles that are switched on", profiles, set(rig.build.ocpp_profiles))
    everything = await rig.request("GetConfiguration", key=[])
    equal("GetConfiguration without key", await rig.request("GetConfiguration"), everything)
    holds("no unknown key", not everything.get("unknownKey"), everything.get("unknownKey"))
    readonly = {key["key"]: key["readonly"] for key in everything["configurationKey"]}
    holds("every key once", len(readonly) == len(everything["configurationKey"]), sorted(readonly))
    writable = set().union(*(keys for profile, keys in READ_WRITE_KEYS.items() if profile in profiles))
    fixed = set().union(*(keys for profile, keys in READ_ONLY_KEYS.items() if profile in profiles))
    equal("required keys that are missing", sorted((writable | fixed | EITHER_KEYS) - set(readonly)), [])
    equal("keys that must be writable and are not", sorted(key for key in writable if readonly[key]), [])
    equal("keys that must be read-only and are not", sorted(key for key in fixed if not readonly[key]), [])

    keys_max = int((await read_key(rig, "GetConfigurationMaxKeys"))["value"])
    asked = list(readonly)[: min(keys_max, len(readonly))]
    answer = await rig.request("GetConfiguration", key=asked)
    holds("no unknown key", not answer.get("unknownKey"), answer.get("unknownKey"))
    equal("the keys that were asked for", [key["key"] for key in answer["configurationKey"]], asked)
    await rig.quiet()


@case("TC_021_CS", "Change configuration", CONFIGURATION, clause="5.3")
async def change_configuration(rig: Rig) -> None:
    """A changed key reads back as it was set."""
    await configure(rig, MeterValueSampleInterval=42)
    equal("MeterValueSampleInterval", (await read_key(rig, "MeterValueSampleInterval"))["value"], "42")
    await rig.quiet()


@case("TC_040_1_CS", "Configuration key – NotSupported", KEYS_REFUSED, clause="5.3")
async def unknown_key(rig: Rig) -> None:
    """A key that does not exist: NotSupported."""
    await rig.answers("NotSupported", "ChangeConfiguration", key="Testing", value="true")
    await rig.quiet()


@case("TC_040_2_CS", "Configuration key – invalid value", KEYS_REFUSED, clause="5.3")
async def invalid_value(rig: Rig) -> None:
    """A value out of range is refused and changes nothing."""
    before = await read_key(rig, "MeterValueSampleInterval")
    refusal = await rig.refused("ChangeConfiguration", key="MeterValueSampleInterval", value="-1")
    one_of("the refusal", refusal, {"Rejected", "PropertyConstraintViolation"})
    equal("MeterValueSampleInterval", await read_key(rig, "MeterValueSampleInterval"), before)
    await rig.quiet()


@case(
    "TC_070_CS",
    "Sampled meter values",
    METER_VALUES,
    clause="9.1.17",
    variants=(
        variant("as shipped", measurands=""),
        variant(
            "Energy.Active.Import.Register,Power.Active.Import",
            measurands="Energy.Active.Import.Register,Power.Active.Import",
        ),
    ),
)
async def sampled_meter_values(rig: Rig, measurands: str) -> None:
    """MeterValues at the interval, each measurand of MeterValuesSampledData once per phase, in the periodic context."""
    interval_s = 60
    await configure(rig, MeterValueSampleInterval=interval_s, ClockAlignedDataInterval=0)
    if measurands:
        await configure(rig, MeterValuesSampledData=measurands)
    wanted = (await read_key(rig, "MeterValuesSampledData")).get("value") or "Energy.Active.Import.Register"
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    at = [start.payload["timestamp"]]
    for _ in range(3):
        await rig.advance(interval_s)
        frame = await rig.expect(call("MeterValues", connector_id=1, transaction_id=transaction_id))
        meter_values = frame.payload["meterValue"]
        equal("meter values in a message", len(meter_values), 1)
        at.append(meter_values[0]["timestamp"])
        assert_periodic(meter_values[0]["sampledValue"], wanted.split(","))
    for gap_s in gaps_s(at):
        near("seconds from a sample to the next", gap_s, interval_s, within=1)
    await rig.quiet()


def assert_periodic(sampled: list[Any], wanted: list[str]) -> None:
    """One value per measurand and phase, periodic, raw, never located in the car but for its state of charge."""
    values = [(one.get("measurand", "Energy.Active.Import.Register"), one.get("phase")) for one in sampled]
    equal("the measurands", {measurand for measurand, _ in values}, set(wanted))
    holds("each measurand once for each phase", len(set(values)) == len(values), values)
    for one in sampled:
        equal("the context", one.get("context", "Sample.Periodic"), "Sample.Periodic")
        equal("the format", one.get("format", "Raw"), "Raw")
        holds("no location in the car", one.get("location") != "EV" or one["measurand"] == "SoC", one)
        holds("no value below 0", float(one["value"]) >= 0, one)
