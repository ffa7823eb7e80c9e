"""A CSMS whose calls are mistaken, and the CALLERROR that each gets (OCPP-J 4.2.3 and its errata)."""

import json
from typing import Any

import pytest

from tests.csms.faulty import FaultyCsms
from tests.integration.conftest import Pair

SCHEDULE = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": SCHEDULE,
}


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("RemoteStartTransaction", {}, "ProtocolError"),
        ("UnlockConnector", {"connectorId": 1, "extra": 1}, "FormationViolation"),
        ("UnlockConnector", [], "FormationViolation"),
        ("UnlockConnector", {"connectorId": "1"}, "TypeConstraintViolation"),
        ("UnlockConnector", {"connectorId": 1.5}, "TypeConstraintViolation"),
        ("RemoteStartTransaction", {"idTag": 5}, "TypeConstraintViolation"),
        ("Reset", {"type": "Warm"}, "PropertyConstraintViolation"),
        ("RemoteStartTransaction", {"idTag": "X" * 21}, "PropertyConstraintViolation"),
        (
            "ReserveNow",
            {"connectorId": 1, "idTag": "A", "reservationId": 1, "expiryDate": "soon"},
            "PropertyConstraintViolation",
        ),
        (
            "GetCompositeSchedule",
            {"connectorId": 1, "duration": 60, "chargingRateUnit": "V"},
            "PropertyConstraintViolation",
        ),
        ("SetChargingProfile", {"connectorId": 9, "csChargingProfiles": PROFILE}, "PropertyConstraintViolation"),
        (
            "SetChargingProfile",
            {
                "connectorId": 1,
                "csChargingProfiles": PROFILE | {"chargingSchedule": SCHEDULE | {"chargingSchedulePeriod": []}},
            },
            "OccurenceConstraintViolation",
        ),
        ("Frobnicate", {}, "NotImplemented"),
    ],
)
@pytest.mark.asyncio
async def test_call_with_a_mistake_is_answered_with_its_error(
    pair: Pair, csms: FaultyCsms, action: str, payload: Any, code: str
) -> None:
    answer = await csms.request_payload(action, payload)
    assert answer.error_code == code, answer.text
    _, _, _, description, details = json.loads(answer.text)
    assert isinstance(description, str)
    assert len(description) <= 255
    assert isinstance(details, dict)
    assert await pair.quiet()


@pytest.mark.asyncio
async def test_message_id_that_is_too_long_is_an_error(pair: Pair, csms: FaultyCsms) -> None:
    await csms.send_text(json.dumps([2, "x" * 37, "ClearCache", {}]))
    answer = await csms.until(
        lambda: [one for one in csms.frames if one.kind == "error" and not one.outbound], "a CALLERROR"
    )
    assert answer[0].error_code == "GenericError"
    csms.deviations.clear()
    await pair.session("A")
