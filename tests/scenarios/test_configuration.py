"""GetConfiguration and ChangeConfiguration (5.3, 5.8, section 9; OCPP-J 6.2.2, 7; errata 3.79 to 3.89)."""

from typing import Any

import pytest

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.link import LinkCloseDecided
from station.core.config_keys import Access
from station.features import registry_for
from tests.given import StationUnderTest, station

R, RW, W = Access.READ_ONLY, Access.READ_WRITE, Access.WRITE_ONLY
# Every key of section 9.1, OCPP-J 7 and the errata that Core has, and one of ours: access, required, a value that fits and one that does not.
CORE = {
    "AllowOfflineTxForUnknownId": (RW, False, "true", "yes"),
    "AuthorizationCacheEnabled": (RW, False, "false", "0"),
    "AuthorizationKey": (W, False, "fp:abc", "4F43"),
    "AuthorizeRemoteTxRequests": (RW, True, "true", ""),
    "BlinkRepeat": (RW, False, "5", "-1"),
    "ClockAlignedDataInterval": (RW, True, "900", "-1"),
    "ConnectionTimeOut": (RW, True, "30", "soon"),
    "ConnectorPhaseRotation": (RW, True, "0.RST,1.RTS", "1.ABC"),
    "ConnectorPhaseRotationMaxLength": (R, False, None, None),
    "GetConfigurationMaxKeys": (R, True, None, None),
    "HeartbeatInterval": (RW, True, "60", "-5"),
    "LightIntensity": (RW, False, "50", "101"),
    "LocalAuthorizeOffline": (RW, True, "false", "maybe"),
    "LocalPreAuthorize": (RW, True, "true", "1"),
    "MaxEnergyOnInvalidId": (RW, False, "1000", "1.5"),
    "MessageTimeout": (RW, False, "20", "0"),
    "MeterValueSampleInterval": (RW, True, "30", "-1"),
    "MeterValuesAlignedData": (RW, True, "Voltage", "Noise"),
    "MeterValuesAlignedDataMaxLength": (R, False, None, None),
    "MeterValuesSampledData": (RW, True, "Voltage,Current.Import", "Voltage,Voltage"),
    "MeterValuesSampledDataMaxLength": (R, False, None, None),
    "MinimumStatusDuration": (RW, False, "5", "x"),
    "NumberOfConnectors": (R, True, None, None),
    "ResetRetries": (RW, True, "2", "-2"),
    "StopTransactionMaxMeterValues": (R, False, None, None),
    "StopTransactionOnEVSideDisconnect": (RW, True, "false", "no"),
    "StopTransactionOnInvalidId": (RW, True, "false", "off"),
    "StopTxnAlignedData": (RW, True, "", "Noise"),
    "StopTxnAlignedDataMaxLength": (R, False, None, None),
    "StopTxnSampledData": (RW, True, "SoC", "SoC.L1"),
    "StopTxnSampledDataMaxLength": (R, False, None, None),
    "SupportedFeatureProfiles": (R, True, None, None),
    "SupportedFeatureProfilesMaxLength": (R, False, None, None),
    "TransactionMessageAttempts": (RW, True, "5", "0"),
    "TransactionMessageRetryInterval": (RW, True, "10", "ten"),
    "UnlockConnectorOnEVSideDisconnect": (RW, True, "false", ""),
    "WakeUpAttempts": (RW, False, "2", "11"),
    "WebSocketPingInterval": (RW, False, "0", "-1"),
}
WRITABLE = [name for name, (access, *_) in CORE.items() if access is RW]


def get(found: StationUnderTest, *keys: str) -> dict[str, Any]:
    answer = found.ask("GetConfiguration", {"key": list(keys)} if keys else {})
    assert answer is not None
    assert answer.payload is not None, answer
    return answer.payload


def change(found: StationUnderTest, key: str, value: str) -> str:
    answer = found.ask("ChangeConfiguration", {"key": key, "value": value})
    assert answer is not None
    assert answer.payload is not None, answer
    return str(answer.payload["status"])


def test_core_has_exactly_the_keys_of_the_standard() -> None:
    """Section 9.1, OCPP-J 7, errata 3.82, 3.89, OCPP-J errata 3.10."""
    core = [feature for feature in registry_for().features if feature.ocpp_profile == "Core"]
    declared = {key.name: (key.access, key.required) for feature in core for key in feature.config_keys}
    assert declared == {name: (access, required) for name, (access, required, *_) in CORE.items()}


def test_no_key_asked_for_means_all_of_them() -> None:
    """5.8, TC_019."""
    found = station().online()
    payload = get(found)
    names = [item["key"] for item in payload["configurationKey"]]
    assert set(CORE) < set(names)
    assert names == sorted(names)
    assert not payload.get("unknownKey")
    assert get(found, *[]) == payload


def test_an_empty_list_means_all_of_them_too() -> None:
    """5.8."""
    answer = station().online().ask("GetConfiguration", {"key": []})
    assert answer is not None
    assert answer.payload is not None
    assert len(answer.payload["configurationKey"]) > 30


def test_known_keys_are_reported_as_the_standard_spells_them_and_unknown_ones_apart() -> None:
    """5.8: CiString."""
    payload = get(station().online(), "heartbeatINTERVAL", "Testing", "NumberOfConnectors")
    assert payload["configurationKey"] == [
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        {"key": "NumberOfConnectors", "readonly": True, "value": "1"},
    ]
    assert payload["unknownKey"] == ["Testing"]


def test_more_keys_than_get_configuration_max_keys_is_an_error_that_says_so() -> None:
    """9.1.9."""
    found = station(factory={"GetConfigurationMaxKeys": "3"}).online()
    assert len(get(found, "A", "B", "C")["unknownKey"]) == 3
    answer = found.ask("GetConfiguration", {"key": ["A", "B", "C", "D"]})
    assert answer is not None
    assert answer.error_code == "OccurenceConstraintViolation"
    assert "at most 3" in answer.description


def test_all_keys_can_be_asked_for_by_name_at_once() -> None:
    """TC_019."""
    found = station().online()
    names = [item["key"] for item in get(found)["configurationKey"]]
    assert [item["key"] for item in get(found, *names)["configurationKey"]] == names


@pytest.mark.parametrize("key", WRITABLE)
def test_a_writable_key_takes_what_fits_at_once_and_keeps_it_over_a_restart(key: str) -> None:
    """5.3, TC_021."""
    _, _, good, _ = CORE[key]
    assert good is not None
    found = station().online()
    assert change(found, key, good) == "Accepted"
    assert get(found, key)["configurationKey"] == [{"key": key, "readonly": False, "value": good}]
    found.csms = None
    found.boot()
    found.connect()
    assert get(found, key)["configurationKey"][0]["value"] == good


@pytest.mark.parametrize("key", WRITABLE)
def test_a_writable_key_rejects_what_does_not_fit_and_stays_as_it_was(key: str) -> None:
    """5.3, TC_040_2."""
    bad = CORE[key][3]
    assert bad is not None
    found = station().online()
    before = get(found, key)
    assert change(found, key, bad) == "Rejected"
    assert get(found, key) == before


@pytest.mark.parametrize("key", [name for name, (access, *_) in CORE.items() if access is R])
def test_a_read_only_key_is_reported_and_rejected(key: str) -> None:
    """5.3."""
    found = station().online()
    (item,) = get(found, key)["configurationKey"]
    assert item["readonly"] is True
    assert change(found, key, item["value"]) == "Rejected"


def test_an_unknown_key_is_not_supported() -> None:
    """TC_040_1."""
    assert change(station().online(), "Testing", "true") == "NotSupported"


@pytest.mark.parametrize(("text", "canonical"), [("TRUE", "true"), (" false ", "false"), ("False", "false")])
def test_booleans_are_read_in_any_case_and_written_in_one(text: str, canonical: str) -> None:
    found = station().online()
    assert change(found, "LocalPreAuthorize", text) == "Accepted"
    assert get(found, "LocalPreAuthorize")["configurationKey"][0]["value"] == canonical


@pytest.mark.parametrize("text", ["+-5", "0x10", "1e3", "٣", "", "9" * 30, "3000000000"])
def test_what_is_no_integer_of_the_range_is_rejected(text: str) -> None:
    assert change(station().online(), "HeartbeatInterval", text) == "Rejected"


def test_a_list_longer_than_its_max_length_is_rejected() -> None:
    """5.3."""
    found = station().online()
    longest = int(get(found, "ConnectorPhaseRotationMaxLength")["configurationKey"][0]["value"])
    fitting = ",".join(f"{number}.RST" for number in range(longest))
    assert change(found, "ConnectorPhaseRotation", fitting) == "Accepted"
    assert change(found, "ConnectorPhaseRotation", f"{fitting},99.RST") == "Rejected"


def test_lists_may_be_written_with_spaces() -> None:
    """9.1.7 writes them so itself."""
    found = station().online()
    assert change(found, "ConnectorPhaseRotation", "0.RST, 1.RTS") == "Accepted"
    assert get(found, "ConnectorPhaseRotation")["configurationKey"][0]["value"] == "0.RST,1.RTS"


def test_phase_rotation_of_a_single_phase_station_is_not_applicable() -> None:
    """9.1.7."""
    found = station(phases=1, connectors=2).online()
    value = get(found, "ConnectorPhaseRotation")["configurationKey"][0]["value"]
    assert value == "0.NotApplicable,1.NotApplicable,2.NotApplicable"


@pytest.mark.parametrize(
    ("said", "value"), [((), "0.Unknown,1.Unknown,2.Unknown"), (("1.RTS",), "0.Unknown,1.RTS,2.Unknown")]
)
def test_phase_rotation_is_unknown_unless_the_wiring_says_it(said: tuple[str, ...], value: str) -> None:
    """9.1.7: nothing is guessed."""
    found = station(connectors=2, phase_rotations=said).online()
    assert get(found, "ConnectorPhaseRotation")["configurationKey"][0]["value"] == value
    assert change(found, "ConnectorPhaseRotation", value) == "Accepted"


def test_the_supported_profiles_are_those_that_are_on() -> None:
    """9.1.29."""
    everything = get(station().online(), "SupportedFeatureProfiles")["configurationKey"][0]["value"]
    assert set(everything.split(",")) == {
        "Core",
        "FirmwareManagement",
        "LocalAuthListManagement",
        "Reservation",
        "SmartCharging",
        "RemoteTrigger",
    }
    found = station(profiles_off=("Reservation", "SmartCharging")).online()
    value = get(found, "SupportedFeatureProfiles")["configurationKey"][0]["value"]
    assert set(value.split(",")) == {"Core", "FirmwareManagement", "LocalAuthListManagement", "RemoteTrigger"}


def test_the_keys_of_a_profile_that_is_off_disappear() -> None:
    found = station(profiles_off=("SmartCharging", "LocalAuthListManagement", "Reservation")).online()
    names = {item["key"] for item in get(found)["configurationKey"]}
    assert names.isdisjoint({"ChargeProfileMaxStackLevel", "LocalAuthListEnabled", "ReserveConnectorZeroSupported"})
    assert change(found, "LocalAuthListEnabled", "true") == "NotSupported"


def test_the_factory_value_holds_until_the_csms_sets_one_which_outlives_a_changed_factory_value() -> None:
    found = station(factory={"ConnectionTimeOut": "11"}, call_timeout_s=17).online()
    assert get(found, "ConnectionTimeOut")["configurationKey"][0]["value"] == "11"
    assert get(found, "MessageTimeout")["configurationKey"][0]["value"] == "17"
    change(found, "ConnectionTimeOut", "22")
    found.description = station(factory={"ConnectionTimeOut": "33", "BlinkRepeat": "9"}).description
    found.boot()
    found.connect()
    assert get(found, "ConnectionTimeOut")["configurationKey"][0]["value"] == "22"
    assert get(found, "BlinkRepeat")["configurationKey"][0]["value"] == "9"


def test_a_stored_value_that_no_longer_fits_falls_back_to_the_default() -> None:
    found = station(factory={"HeartbeatInterval": "nonsense"}).boot()
    found.csms = None
    found.connect()
    assert get(found, "HeartbeatInterval")["configurationKey"][0]["value"] == "300"


def test_the_same_value_again_is_accepted_and_nothing_is_recorded() -> None:
    found = station().online()
    change(found, "BlinkRepeat", "7")
    before = len(found.events(ConfigurationChanged))
    assert change(found, "BlinkRepeat", "7") == "Accepted"
    assert len(found.events(ConfigurationChanged)) == before


# AuthorizationKey (OCPP-J 6.2.2, errata 3.10)


def test_the_authorization_key_is_never_readable() -> None:
    found = station().online()
    assert change(found, "AuthorizationKey", "fp:0123") == "Accepted"
    assert get(found, "AuthorizationKey")["configurationKey"] == [{"key": "AuthorizationKey", "readonly": False}]
    assert "0123" not in str(get(found))


@pytest.mark.parametrize(("profile", "closes"), [(0, False), (1, True), (2, True), (3, False)])
def test_a_new_authorization_key_takes_effect_on_the_reconnection_that_follows(profile: int, *, closes: bool) -> None:
    """TC_073: by itself, without a Reset."""
    found = station(security_profile=profile).online()
    change(found, "AuthorizationKey", "fp:0123")
    assert (found.events(LinkCloseDecided) != []) is closes
    assert found.state.link.close_wanted is closes


def test_nothing_of_ours_leaves_on_a_link_that_is_to_be_closed() -> None:
    found = station(security_profile=1).online().forget()
    change(found, "AuthorizationKey", "fp:0123")
    found.plug(pilot="B")
    found.advance(400)
    assert found.actions() == []
    found.disconnect("closed by us")
    found.connect()
    assert found.statuses() == ["Finishing"]


@pytest.mark.parametrize(
    ("payload", "error_code"),
    [
        ({"key": "BlinkRepeat"}, "ProtocolError"),
        ({"key": "BlinkRepeat", "value": 3}, "TypeConstraintViolation"),
        ({"key": "K" * 51, "value": "3"}, "PropertyConstraintViolation"),
        ({"key": "BlinkRepeat", "value": "3" * 501}, "PropertyConstraintViolation"),
        ({"key": "BlinkRepeat", "value": "3", "force": True}, "FormationViolation"),
    ],
)
def test_a_bad_request_is_an_error(payload: dict[str, Any], error_code: str) -> None:
    """OCPP-J 4.2.3."""
    answer = station().online().ask("ChangeConfiguration", payload)
    assert answer is not None
    assert answer.error_code == error_code
