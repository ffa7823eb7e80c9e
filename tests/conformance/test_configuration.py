"""Core: configuration (7.8, 7.15) and sampled meter values (7.9)."""

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.cases import case
from tests.conformance.conftest import Boot
from tests.conformance.rig import Rig, call, gaps_s
from tests.conformance.states import charging, configure, read_key

PROFILES = {"Core", "FirmwareManagement", "LocalAuthListManagement", "Reservation", "SmartCharging", "RemoteTrigger"}

READ_WRITE_KEYS = {
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
    "LocalAuthListEnabled",
}
READ_ONLY_KEYS = {
    "GetConfigurationMaxKeys",
    "NumberOfConnectors",
    "SupportedFeatureProfiles",
    "LocalAuthListMaxLength",
    "SendLocalListMaxLength",
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
}
EITHER_KEYS = {"AuthorizeRemoteTxRequests", "UnlockConnectorOnEVSideDisconnect"}

PASSWORD = b"0123456789abcdef"


@case("TC_019_CS")
@pytest.mark.asyncio
async def test_tc_019_retrieve_configuration(rig: Rig) -> None:
    """Every required key of the supported feature profiles is there with the right accessibility."""
    await assert_configuration(rig)


@case("TC_019_CS")
@pytest.mark.asyncio
async def test_tc_019_retrieve_configuration_with_an_authorization_key(boot: Boot, tmp_path: Path) -> None:
    """The same with an AuthorizationKey set, whose value never leaves."""
    key_file = tmp_path / "authorization-key"
    key_file.write_bytes(PASSWORD + b"\n")
    key_file.chmod(0o600)
    rig = await boot({"csms": {"security_profile": 1, "authorization_key_file": str(key_file)}}, password=PASSWORD)
    await assert_configuration(rig)
    asked = await rig.request("GetConfiguration", key=["AuthorizationKey"])
    for text in (str(asked), *(frame.text for frame in rig.csms.frames)):
        assert PASSWORD.decode() not in text
        assert PASSWORD.hex() not in text.lower()


async def assert_configuration(rig: Rig) -> None:
    profiles = (await read_key(rig, "SupportedFeatureProfiles"))["value"].split(",")
    assert {profile.strip() for profile in profiles} == PROFILES

    everything = await rig.request("GetConfiguration", key=[])
    assert everything == await rig.request("GetConfiguration")
    assert not everything.get("unknownKey")
    readonly = {key["key"]: key["readonly"] for key in everything["configurationKey"]}
    assert len(readonly) == len(everything["configurationKey"]), "a key is listed twice"
    assert set(readonly) >= READ_WRITE_KEYS | READ_ONLY_KEYS | EITHER_KEYS
    assert not [key for key in READ_WRITE_KEYS if readonly[key]]
    assert not [key for key in READ_ONLY_KEYS if not readonly[key]]

    keys_max = int((await read_key(rig, "GetConfigurationMaxKeys"))["value"])
    asked = list(readonly)[: min(keys_max, len(readonly))]
    answer = await rig.request("GetConfiguration", key=asked)
    assert not answer.get("unknownKey")
    assert [key["key"] for key in answer["configurationKey"]] == asked
    await rig.quiet()


@case("TC_021_CS")
@pytest.mark.asyncio
async def test_tc_021_change_configuration(rig: Rig) -> None:
    """A changed key reads back as it was set."""
    await configure(rig, MeterValueSampleInterval=42)
    assert (await read_key(rig, "MeterValueSampleInterval"))["value"] == "42"
    await rig.quiet()


@case("TC_040_1_CS")
@pytest.mark.asyncio
async def test_tc_040_1_unknown_key(rig: Rig) -> None:
    """A key that does not exist: NotSupported."""
    assert await rig.request("ChangeConfiguration", key="Testing", value="true") == {"status": "NotSupported"}
    await rig.quiet()


@case("TC_040_2_CS")
@pytest.mark.asyncio
async def test_tc_040_2_invalid_value(rig: Rig) -> None:
    """A value out of range is refused and changes nothing."""
    before = await read_key(rig, "MeterValueSampleInterval")
    refusal = await rig.refused("ChangeConfiguration", key="MeterValueSampleInterval", value="-1")
    assert refusal in {"Rejected", "PropertyConstraintViolation"}
    assert await read_key(rig, "MeterValueSampleInterval") == before
    await rig.quiet()


@case("TC_070_CS")
@pytest.mark.parametrize("measurands", ["as shipped", "Energy.Active.Import.Register,Power.Active.Import"])
@pytest.mark.asyncio
async def test_tc_070_sampled_meter_values(rig: Rig, measurands: str) -> None:
    """MeterValues at the interval, each measurand of MeterValuesSampledData once per phase, in the periodic context."""
    interval_s = 60
    await configure(rig, MeterValueSampleInterval=interval_s, ClockAlignedDataInterval=0)
    if measurands != "as shipped":
        await configure(rig, MeterValuesSampledData=measurands)
    wanted = (await read_key(rig, "MeterValuesSampledData")).get("value") or "Energy.Active.Import.Register"
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    at = [start.payload["timestamp"]]
    for _ in range(3):
        await rig.advance(interval_s)
        frame = await rig.expect(call("MeterValues", connector_id=1, transaction_id=transaction_id))
        (meter_value,) = frame.payload["meterValue"]
        at.append(meter_value["timestamp"])
        assert_periodic(meter_value["sampledValue"], wanted.split(","))
    assert gaps_s(at) == pytest.approx([interval_s] * 3, abs=1)
    await rig.quiet()


def assert_periodic(sampled: list[Any], wanted: list[str]) -> None:
    """One value per measurand and phase, periodic, raw, never located in the car but for its state of charge."""
    values = [(one.get("measurand", "Energy.Active.Import.Register"), one.get("phase")) for one in sampled]
    assert {measurand for measurand, _ in values} == set(wanted)
    assert len(set(values)) == len(values)
    for one in sampled:
        assert one.get("context", "Sample.Periodic") == "Sample.Periodic"
        assert one.get("format", "Raw") == "Raw"
        assert one.get("location") != "EV" or one["measurand"] == "SoC"
        assert float(one["value"]) >= 0
