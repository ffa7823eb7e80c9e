"""Payloads to messages and back: which error, how lenient, how strict."""

import contextlib
import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.value import Value
from station.wire.enums import (
    AuthorizationStatus,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    GetCompositeScheduleStatus,
    RegistrationStatus,
    ResetType,
)
from station.wire.frames import ErrorCode
from station.wire.members import Listed, Nested, members_of
from station.wire.messages import MESSAGES
from station.wire.messages.core import (
    AuthorizeResponse,
    BootNotificationResponse,
    ChangeConfiguration,
    DataTransfer,
    GetConfiguration,
    MeterValues,
    RemoteStartTransaction,
    Reset,
    StartTransactionResponse,
    StatusNotificationResponse,
    StopTransactionResponse,
)
from station.wire.messages.firmware_management import GetDiagnostics
from station.wire.messages.reservation import ReserveNow
from station.wire.messages.security import Firmware, LogParameters
from station.wire.messages.smart_charging import (
    ClearChargingProfile,
    GetCompositeSchedule,
    GetCompositeScheduleResponse,
    SetChargingProfile,
)
from station.wire.messages.types import ChargingSchedule, ChargingSchedulePeriod, WireChargingProfile, WireIdTagInfo
from station.wire.primitives import RATE_MAX
from station.wire.schema import DEVIATIONS_MAX, PayloadError, dump, load_request, load_response

PROFILE: dict[str, Any] = {
    "connectorId": 1,
    "csChargingProfiles": {
        "chargingProfileId": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "validTo": "2026-01-01T00:00:00Z",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1}, {"startPeriod": 60, "limit": 16}],
        },
    },
}


def broken(change: dict[str, Any], at: str = "") -> dict[str, Any]:
    """PROFILE with members set, or deleted where the value is `...`, in the object at a dotted path."""
    payload = copy.deepcopy(PROFILE)
    target: Any = payload
    for step in at.split(".") if at else []:
        target = target[int(step)] if step.isdigit() else target[step]
    for key, value in change.items():
        if value is ...:
            del target[key]
        else:
            target[key] = value
    return payload


def refusal(message_class: type, payload: object) -> tuple[ErrorCode, str]:
    with pytest.raises(PayloadError) as caught:
        load_request(message_class, payload)
    return caught.value.error_code, caught.value.description


def test_a_nested_request_loads_as_frozen_messages() -> None:
    assert load_request(SetChargingProfile, PROFILE)[0] == SetChargingProfile(
        connector_id=1,
        cs_charging_profiles=WireChargingProfile(
            charging_profile_id=7,
            stack_level=0,
            charging_profile_purpose=ChargingProfilePurpose.TX_DEFAULT_PROFILE,
            charging_profile_kind=ChargingProfileKind.ABSOLUTE,
            valid_to=1_767_225_600_000,
            charging_schedule=ChargingSchedule(
                charging_rate_unit=ChargingRateUnit.A,
                charging_schedule_period=(
                    ChargingSchedulePeriod(start_period=0, limit=Decimal("8.1")),
                    ChargingSchedulePeriod(start_period=60, limit=Decimal(16)),
                ),
            ),
        ),
    )


SCHEDULE = "csChargingProfiles.chargingSchedule"
PERIOD = f"{SCHEDULE}.chargingSchedulePeriod"


@pytest.mark.parametrize(
    ("payload", "code", "description"),
    [
        (broken({"connectorId": ...}), ErrorCode.PROTOCOL_ERROR, "connectorId is missing"),
        (
            broken({"limit": ...}, f"{PERIOD}.1"),
            ErrorCode.PROTOCOL_ERROR,
            f"{PERIOD}[1].limit is missing",
        ),
        (broken({"Bogus": 1}), ErrorCode.FORMATION_VIOLATION, "Bogus is unknown"),
        (broken({"bogus": 1}, SCHEDULE), ErrorCode.FORMATION_VIOLATION, f"{SCHEDULE}.bogus is unknown"),
        ([], ErrorCode.FORMATION_VIOLATION, "the payload is not an object"),
        (None, ErrorCode.FORMATION_VIOLATION, "the payload is not an object"),
        (broken({"connectorId": "1"}), ErrorCode.TYPE_CONSTRAINT_VIOLATION, "connectorId must be an integer"),
        (broken({"connectorId": None}), ErrorCode.TYPE_CONSTRAINT_VIOLATION, "connectorId must not be null"),
        (broken({"duration": None}, SCHEDULE), ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"{SCHEDULE}.duration must not be null"),
        (broken({"chargingSchedule": []}, "csChargingProfiles"), ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"{SCHEDULE} must be an object"),
        (broken({"chargingSchedulePeriod": {}}, SCHEDULE), ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"{PERIOD} must be a list"),
        (broken({"chargingSchedulePeriod": [1]}, SCHEDULE), ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"{PERIOD}[0] must be an object"),
        (broken({"limit": "16"}, f"{PERIOD}.0"), ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"{PERIOD}[0].limit must be a number"),
        (broken({"limit": 1e300}, f"{PERIOD}.0"), ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{PERIOD}[0].limit is beyond {RATE_MAX}"),
        (broken({"chargingRateUnit": "kW"}, SCHEDULE), ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{SCHEDULE}.chargingRateUnit is no ChargingRateUnit"),
        (broken({"validTo": "soon"}, "csChargingProfiles"), ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "csChargingProfiles.validTo not an ISO 8601 date and time"),
        (broken({"chargingSchedulePeriod": []}, SCHEDULE), ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, f"{PERIOD} has fewer than 1 items"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_error_code_and_names_its_place(payload: Any, code: ErrorCode, description: str) -> None:
    assert refusal(SetChargingProfile, payload) == (code, description)


def test_a_rate_with_too_many_digits_is_cut_and_told() -> None:
    request, deviations = load_request(SetChargingProfile, broken({"limit": 8.15}, f"{PERIOD}.0"))
    assert request == load_request(SetChargingProfile, PROFILE)[0]
    assert deviations == (f"{PERIOD}[0].limit has more than one digit after the point: taken as 8.1",)


def test_text_that_is_too_long_is_a_property_constraint_violation() -> None:
    assert refusal(ChangeConfiguration, {"key": "k" * 51, "value": ""}) == (
        ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        "key exceeds 50 characters",
    )
    assert refusal(GetConfiguration, {"key": ["a", "k" * 51]})[1] == "key[1] exceeds 50 characters"


def test_of_several_mistakes_the_worst_is_answered() -> None:
    payload = broken({"chargingSchedulePeriod": [], "chargingRateUnit": "kW", "duration": "1", "bogus": 1}, SCHEDULE)
    repairs: list[tuple[str, Any, ErrorCode]] = [
        ("startSchedule", 0, ErrorCode.FORMATION_VIOLATION),
        ("bogus", ..., ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("startSchedule", ..., ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("duration", 1, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
        ("chargingRateUnit", "W", ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION),
    ]
    del payload["connectorId"]
    assert refusal(SetChargingProfile, payload)[0] is ErrorCode.PROTOCOL_ERROR
    payload["connectorId"] = 1
    schedule = payload["csChargingProfiles"]["chargingSchedule"]
    for key, value, code in repairs:
        if value is ...:
            del schedule[key]
        else:
            schedule[key] = value
        assert refusal(SetChargingProfile, payload)[0] is code


def test_among_equal_mistakes_the_first_by_path_is_answered() -> None:
    payload = {"type": "Soft", "b": 1, "a": 1, "c": 1}
    assert refusal(Reset, payload) == (ErrorCode.FORMATION_VIOLATION, "a is unknown")


def test_a_long_unknown_name_is_cut_in_the_description() -> None:
    assert refusal(Reset, {"type": "Soft", "x" * 1000: 1})[1] == f"{'x' * 50} is unknown"


RESERVE = {"connectorId": 1, "expiryDate": "2026-01-01T00:00:00Z", "idTag": "A", "reservationId": 1}
DIAGNOSTICS = {"location": "ftp://a/b"}
PERIODS = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
CHARGING_PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": PERIODS,
}
FIRMWARE = {"location": "", "retrieveDateTime": "2026-01-01T00:00:00Z", "signingCertificate": "", "signature": ""}
OPTIONAL_TEXTS: tuple[tuple[type, dict[str, Any], str], ...] = (
    (ReserveNow, RESERVE, "parentIdTag"),
    (DataTransfer, {"vendorId": "v"}, "messageId"),
    (GetDiagnostics, DIAGNOSTICS, "startTime"),
    (GetDiagnostics, DIAGNOSTICS, "stopTime"),
    (GetCompositeSchedule, {"connectorId": 1, "duration": 60}, "chargingRateUnit"),
    (WireChargingProfile, CHARGING_PROFILE, "recurrencyKind"),
    (WireChargingProfile, CHARGING_PROFILE, "validFrom"),
    (WireChargingProfile, CHARGING_PROFILE, "validTo"),
    (ChargingSchedule, PERIODS, "startSchedule"),
    (WireIdTagInfo, {"status": "Accepted"}, "expiryDate"),
    (WireIdTagInfo, {"status": "Accepted"}, "parentIdTag"),
    (LogParameters, {"remoteLocation": "ftp://a/b"}, "oldestTimestamp"),
    (LogParameters, {"remoteLocation": "ftp://a/b"}, "latestTimestamp"),
    (Firmware, FIRMWARE, "installDateTime"),
)  # fmt: skip


@pytest.mark.parametrize("blank", ["", " ", "\t\n "])
@pytest.mark.parametrize(("message_class", "payload", "key"), OPTIONAL_TEXTS)
def test_an_optional_text_that_says_nothing_is_absent(
    message_class: type, payload: dict[str, Any], key: str, blank: str
) -> None:
    assert load_request(message_class, {**payload, key: blank}) == load_request(message_class, payload)


def test_every_optional_text_of_the_csms_is_decided_on() -> None:
    """Deliberately, member by member: a new one is added here, or to what is taken as it stands."""
    found = set()
    waiting = [pair.request for pair in MESSAGES.values() if pair.is_sent_by_csms]
    waiting += [pair.response for pair in MESSAGES.values() if pair.is_sent_by_station]
    while waiting:
        message_class = waiting.pop()
        for member in members_of(message_class):
            kind = member.kind.item if isinstance(member.kind, Listed) else member.kind
            if isinstance(kind, Nested):
                waiting.append(kind.message_class)
            if not member.may_be_blank:
                found.add((message_class, member.key))
    assert found == {(message_class, key) for message_class, _, key in OPTIONAL_TEXTS}


def test_a_text_that_is_taken_as_it_stands_may_be_empty() -> None:
    """The maker's data are his business, and a purpose that says nothing must not clear every profile."""
    assert load_request(DataTransfer, {"vendorId": "v", "data": ""})[0].data == ""
    assert dump(DataTransfer(vendor_id="v", data="")) == {"vendorId": "v", "data": ""}
    code, description = refusal(ClearChargingProfile, {"chargingProfilePurpose": ""})
    assert code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
    assert description == "chargingProfilePurpose is no ChargingProfilePurpose"


def test_a_required_text_that_says_nothing_reaches_the_handler() -> None:
    assert load_request(RemoteStartTransaction, {"idTag": ""})[0].id_tag == ""
    assert refusal(ReserveNow, {**RESERVE, "expiryDate": ""})[0] is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION


def test_a_number_that_is_an_empty_text_has_the_wrong_type() -> None:
    payload = {"idTag": "A", "connectorId": ""}
    assert refusal(RemoteStartTransaction, payload)[0] is ErrorCode.TYPE_CONSTRAINT_VIOLATION


def test_connector_zero_reaches_the_handler() -> None:
    assert load_request(RemoteStartTransaction, {"idTag": "A", "connectorId": 0})[0].connector_id == 0
    assert load_request(RemoteStartTransaction, {"idTag": "A", "connectorId": -1})[0].connector_id == -1


def test_a_list_in_meter_values_needs_one_item() -> None:
    assert refusal(MeterValues, {"connectorId": 1, "meterValue": []})[0] is ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION


def test_a_good_response_has_no_deviations() -> None:
    payload = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 300}
    assert load_response(BootNotificationResponse, payload) == (
        BootNotificationResponse(status=RegistrationStatus.ACCEPTED, current_time=1_767_225_600_000, interval=300),
        (),
    )


def test_a_response_with_unknown_members_is_taken_and_told() -> None:
    assert load_response(StatusNotificationResponse, {"a": 1}) == (StatusNotificationResponse(), ("a is unknown",))
    response, deviations = load_response(AuthorizeResponse, {"idTagInfo": {"status": "Blocked", "b": {}}, "c": None})
    assert response == AuthorizeResponse(id_tag_info=WireIdTagInfo(status=AuthorizationStatus.BLOCKED))
    assert deviations == ("idTagInfo.b is unknown", "c is unknown")


@pytest.mark.parametrize(
    ("member", "deviation"),
    [
        ({"expiryDate": None}, "idTagInfo.expiryDate is null"),
        ({"expiryDate": ""}, "idTagInfo.expiryDate not an ISO 8601 date and time"),
        ({"expiryDate": 5}, "idTagInfo.expiryDate must be a date and time as text"),
        ({"parentIdTag": 5}, "idTagInfo.parentIdTag must be text"),
        ({"parentIdTag": ""}, "idTagInfo.parentIdTag is empty"),
        ({"parentIdTag": " \t"}, "idTagInfo.parentIdTag is empty"),
    ],
)
def test_an_unusable_optional_member_is_dropped_and_told(member: dict[str, Any], deviation: str) -> None:
    payload = {"idTagInfo": {"status": "Accepted", **member}}
    assert load_response(AuthorizeResponse, payload) == (
        AuthorizeResponse(id_tag_info=WireIdTagInfo(status=AuthorizationStatus.ACCEPTED)),
        (deviation,),
    )


def test_an_unusable_optional_object_is_dropped_as_a_whole() -> None:
    assert load_response(StopTransactionResponse, {"idTagInfo": {"status": "Fine"}}) == (
        StopTransactionResponse(),
        ("idTagInfo.status is no AuthorizationStatus",),
    )
    assert load_response(StopTransactionResponse, {"idTagInfo": None}) == (
        StopTransactionResponse(),
        ("idTagInfo is null",),
    )
    assert load_response(StopTransactionResponse, {"idTagInfo": "x"})[0] == StopTransactionResponse()


def test_text_that_is_too_long_is_taken_as_it_is_and_told() -> None:
    payload = {"idTagInfo": {"status": "Accepted", "parentIdTag": "p" * 21}}
    response, deviations = load_response(AuthorizeResponse, payload)
    assert response.id_tag_info.parent_id_tag == "p" * 21
    assert deviations == ("idTagInfo.parentIdTag exceeds 20 characters",)


def test_a_whole_number_with_a_point_is_taken_for_an_interval() -> None:
    payload = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00", "interval": 300.0}
    response, deviations = load_response(BootNotificationResponse, payload)
    assert response.interval == 300
    assert deviations == ("interval must be an integer",)


@pytest.mark.parametrize(
    ("payload", "description"),
    [
        ({}, "status is missing"),
        ({"status": None, "currentTime": "2026-01-01T00:00:00Z", "interval": 1}, "status must be text"),
        ({"status": "accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 1}, "status is no RegistrationStatus"),
        ({"status": "Accepted", "currentTime": "", "interval": 1}, "currentTime not an ISO 8601 date and time"),
        ({"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": "1"}, "interval must be an integer"),
        ([], "the payload is not an object"),
    ],
)  # fmt: skip
def test_a_response_is_malformed_if_a_required_member_is_unusable(payload: Any, description: str) -> None:
    with pytest.raises(PayloadError) as caught:
        load_response(BootNotificationResponse, payload)
    assert caught.value.description == description


def test_a_malformed_response_still_shows_what_could_be_read() -> None:
    with pytest.raises(PayloadError) as caught:
        load_response(StartTransactionResponse, {"idTagInfo": {}, "transactionId": 9001})
    assert caught.value.description == "idTagInfo.status is missing"
    assert caught.value.usable == {"transaction_id": 9001}


def test_deviations_are_counted_beyond_their_limit() -> None:
    _, deviations = load_response(StatusNotificationResponse, {f"m{n}": n for n in range(100)})
    assert len(deviations) == DEVIATIONS_MAX
    assert deviations[-1] == f"and {100 - DEVIATIONS_MAX + 1} more"


def test_lists_in_responses_are_read_leniently_too() -> None:
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6, "x": 1}]}
    response, deviations = load_response(
        GetCompositeScheduleResponse, {"status": "Accepted", "chargingSchedule": schedule}
    )
    assert response.charging_schedule is not None
    assert deviations == ("chargingSchedule.chargingSchedulePeriod[0].x is unknown",)


def test_absent_members_are_left_out_of_a_dump() -> None:
    assert dump(RemoteStartTransaction(id_tag="A")) == {"idTag": "A"}
    assert dump(Reset(type=ResetType.HARD)) == {"type": "Hard"}
    assert dump(DataTransfer(vendor_id="v", message_id=" ")) == {"vendorId": "v"}


def test_a_dump_loads_back_the_same() -> None:
    request, _ = load_request(SetChargingProfile, PROFILE)
    payload = dump(request)
    assert payload["csChargingProfiles"]["validTo"] == "2026-01-01T00:00:00.000Z"
    period = payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]
    assert period == {"startPeriod": 0, "limit": Decimal("8.1")}


@pytest.mark.parametrize(
    ("message", "description"),
    [
        (RemoteStartTransaction(id_tag="x" * 21), "idTag exceeds 20 characters"),
        (RemoteStartTransaction(id_tag=None), "idTag must be text"),  # type: ignore[arg-type]  # the mistake under test
        (RemoteStartTransaction(id_tag="A", connector_id=True), "connectorId must be an integer"),
        (Reset(type="Hard"), "type must be a ResetType"),  # type: ignore[arg-type]  # the mistake under test
        (AuthorizeResponse(id_tag_info={}), "idTagInfo must be a WireIdTagInfo"),  # type: ignore[arg-type]  # the mistake under test
        (GetConfiguration(key=["a"]), "key must be a list"),  # type: ignore[arg-type]  # the mistake under test
        (GetConfiguration(key=("a", "b" * 51)), "key[1] exceeds 50 characters"),
        (MeterValues(connector_id=1, meter_value=()), "meterValue has fewer than 1 items"),
        (
            GetCompositeScheduleResponse(status=GetCompositeScheduleStatus.ACCEPTED, schedule_start=10**18),
            "scheduleStart outside the years 1 to 9999",
        ),
    ],
)
def test_a_message_that_breaks_its_declaration_is_not_dumped(message: Value, description: str) -> None:
    with pytest.raises(PayloadError) as caught:
        dump(message)
    assert caught.value.description == description


ACTIONS = st.sampled_from(sorted(MESSAGES))
KEYS = st.sampled_from(
    ["status", "idTagInfo", "connectorId", "key", "csChargingProfiles", "chargingProfile", "_schema", "{}"]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300)
@given(ACTIONS, JSON_VALUES | st.dictionaries(KEYS, JSON_VALUES))
def test_any_payload_is_a_message_or_a_payload_error(action: str, payload: Any) -> None:
    for message_class in (MESSAGES[action].request, MESSAGES[action].response):
        for load in (load_request, load_response):
            with contextlib.suppress(PayloadError):
                load(message_class, payload)
