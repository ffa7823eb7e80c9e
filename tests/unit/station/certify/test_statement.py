"""The conformance statement: what follows from the settings of a station, without a run."""

from pathlib import Path

import pytest

from station import VERSION
from station.certify.statement import FEATURE_PROFILES, ConformanceStatement, Support, statement_of
from station.settings.loading import SettingsError
from station.wire.messages import MESSAGES
from tests.unit.station.certify.stations import BENCH, CABLE, SOCKETS, settings


@pytest.fixture
def twin(tmp_path: Path) -> ConformanceStatement:
    return statement_of(settings(SOCKETS, tmp_path))


@pytest.fixture
def mono(tmp_path: Path) -> ConformanceStatement:
    return statement_of(settings(CABLE, tmp_path))


def by_name(supports: tuple[Support, ...]) -> dict[str, Support]:
    return {each.name: each for each in supports}


def test_it_names_the_product_and_its_software(twin: ConformanceStatement) -> None:
    assert (twin.vendor, twin.model, twin.serial, twin.identity) == ("Example", "Twin", "T-7", "CB-0001")
    assert (twin.software_version, twin.board) == (VERSION, "bench")


def test_feature_profiles_are_named_and_security_beside_them(
    twin: ConformanceStatement, mono: ConformanceStatement
) -> None:
    assert {pair.ocpp_profile for pair in MESSAGES.values()} == set(FEATURE_PROFILES)
    assert [each.name for each in twin.feature_profiles if not each.supported] == ["Reservation"]
    assert [each.name for each in mono.feature_profiles if not each.supported] == [
        "LocalAuthListManagement",
        "Security",
    ]


def test_every_message_is_there_and_those_of_a_profile_that_is_off_are_not_supported(
    mono: ConformanceStatement,
) -> None:
    assert {each.action for each in mono.messages} == set(MESSAGES)
    not_supported = {each.ocpp_profile for each in mono.messages if not each.supported}
    assert not_supported == {"LocalAuthListManagement", "Security"}
    assert {each.ocpp_profile for each in mono.messages if each.supported} == set(FEATURE_PROFILES) - not_supported
    sent = {each.action: each.sent_by for each in mono.messages}
    assert (sent["Authorize"], sent["Reset"], sent["DataTransfer"]) == ("station", "CSMS", "both")


def test_a_station_that_takes_only_signed_firmware_does_not_support_the_plain_message(
    twin: ConformanceStatement,
) -> None:
    [update] = [each for each in twin.messages if each.action == "UpdateFirmware"]
    assert (update.supported, update.note) == (False, "only signed firmware is taken")
    assert by_name(twin.features)["Only signed firmware"].supported


def test_optional_features_follow_from_keys_and_settings(
    twin: ConformanceStatement, mono: ConformanceStatement
) -> None:
    of_twin, of_mono = by_name(twin.features), by_name(mono.features)
    assert (of_twin["Several connectors"].supported, of_mono["Several connectors"].supported) == (True, False)
    assert (of_twin["Unlocking by the CSMS"].supported, of_mono["Unlocking by the CSMS"].supported) == (True, False)
    power = "A transaction that is interrupted by a power failure"
    assert of_twin[power].note == "stopped before the station goes down"
    assert of_mono[power].note == "stopped after the boot"
    connector_0 = "Reservation of the station as a whole (connector 0)"
    assert (of_twin[connector_0].supported, of_mono[connector_0].supported) == (False, True)
    assert not of_mono["Local Authorization List switched by the CSMS"].supported
    assert (of_mono["Highest stack level"].supported, of_mono["Highest stack level"].note) == (True, "10")
    assert not of_mono["Security events sent to the CSMS"].supported


def test_values_of_keys_are_those_of_the_factory(twin: ConformanceStatement) -> None:
    values = {row.name: row.value for row in twin.keys}
    assert (values["HeartbeatInterval"], values["NumberOfConnectors"]) == ("77", "2")


def test_security_profiles_say_which_is_set_and_which_the_csms_may_raise_to(
    tmp_path: Path, mono: ConformanceStatement
) -> None:
    raised = statement_of(settings(BENCH, tmp_path)).security_profiles
    assert [each.name for each in raised] == ["0", "1", "2", "3"]
    assert raised[0].note.endswith("; set")
    assert all(each.note.endswith("the CSMS may raise to it (SecurityProfile)") for each in raised[1:])
    assert all(each.note.endswith("by the settings only") for each in mono.security_profiles[1:])


def test_settings_that_no_key_takes_are_refused_with_the_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="HeartbeatInterval"):
        statement_of(settings(("", "[config]\nHeartbeatInterval = -1\n"), tmp_path))
