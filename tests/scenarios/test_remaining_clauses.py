"""Requirements that the stories of the other modules do not tell: a clause each (docs/conformance.md)."""

from typing import Any, NoReturn

import pytest

from eventstore.catalogue.hardware import PilotStateObserved
from eventstore.catalogue.lifecycle import DecisionFailed
from eventstore.catalogue.link import CallAnswered, FrameReceived
from station.core import kernel
from station.core.calls import TRANSACTION_MESSAGE_ATTEMPTS, TRANSACTION_MESSAGE_RETRY_INTERVAL
from station.core.feature import Answer, Feature, Registry
from station.features.link import WEBSOCKET_PING_INTERVAL
from station.rules import outputs
from tests.given import TAG, StationUnderTest, answering, station
from tests.scenarios.conftest import World, world

EVERYBODY_OFFLINE = {"AllowOfflineTxForUnknownId": "true"}
MAXIMUM_MA = 32_000


def absolute(purpose: str, limit_a: int, found: World, **members: Any) -> dict[str, Any]:
    """A profile with one period that began a minute ago and does not end."""
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": found.utc(-60),
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_a}],
        },
        **members,
    }


def install(found: World, connector_id: int, profile: dict[str, Any]) -> None:
    answer = found.request("SetChargingProfile", connectorId=connector_id, csChargingProfiles=profile)
    assert answer == {"status": "Accepted"}


def charge(found: World) -> None:
    found.plug(1)
    found.swipe(TAG, 1)
    found.observe(PilotStateObserved(connector_id=1, pilot_state="C"))
    assert found.status(1) == "Charging"


def limit_ma(found: World) -> int:
    return found.state.connectors[1].limit_ma


def test_a_vehicle_that_asks_for_energy_gets_none_before_a_tag_is_authorized() -> None:
    """4.1: energy only after authorization; without PWM nothing is offered either."""
    found = station().online()
    found.plug(pilot="C")
    before = outputs.wanted(found.state, 1).outputs
    assert (before.contactor_closed, before.duty_permille) == (False, outputs.STEADY)
    found.swipe()
    assert outputs.wanted(found.state, 1).outputs.contactor_closed


def test_a_remote_start_takes_any_text_as_its_id_tag() -> None:
    """3.9: an idTag need not look like the UID of a card."""
    found = station().online()
    found.plug()
    answer = found.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "app:7 *odd length"})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}
    assert found.sent("StartTransaction")[0]["idTag"] == "app:7 *odd length"


def suspended(by: str, *, fixed_cable: bool = False) -> StationUnderTest:
    """A session that the vehicle or the station has suspended."""
    found = station(fixed_cable=fixed_cable, factory={"StopTransactionOnInvalidId": "false"}).online()
    if by == "station":
        found.csms = answering(StartTransaction={"idTagInfo": {"status": "Invalid"}, "transactionId": 9001})
    found.plug(pilot="B")
    found.swipe()
    assert found.status() == {"vehicle": "SuspendedEV", "station": "SuspendedEVSE"}[by]
    return found.forget()


@pytest.mark.parametrize("by", ["vehicle", "station"])
def test_a_suspended_session_ends_as_a_charging_one_does(by: str) -> None:
    """4.9: D1, D6 and D8; E1, E6 and E8."""
    found = suspended(by)
    found.swipe()
    assert found.statuses() == ["Finishing"]
    found = suspended(by, fixed_cable=True)
    found.unplug_car()
    assert found.statuses() == ["Available"]
    found = suspended(by, fixed_cable=True)
    answer = found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    assert answer is not None
    assert answer.payload == {"status": "Scheduled"}
    found.unplug_car()
    assert found.statuses() == ["Unavailable"]


def test_a_pause_of_the_station_goes_before_one_of_the_vehicle_and_gives_way_to_it() -> None:
    """4.9: D5 and E4."""
    found = world()
    charge(found)
    found.observe(PilotStateObserved(connector_id=1, pilot_state="B"))
    mark = found.mark
    install(found, 0, absolute("ChargePointMaxProfile", 0, found))
    assert found.request("ClearChargingProfile") == {"status": "Accepted"}
    assert found.statuses(1, mark) == ["SuspendedEVSE", "SuspendedEV"]


def test_a_request_that_cannot_be_decided_on_is_answered_internal_error() -> None:
    """OCPP-J 4.2.3: our own mistake, and the fact survives it."""

    def fails(state: object, request: object, at_ms: int) -> NoReturn:
        raise ZeroDivisionError

    found = station().online()
    registry = Registry((Feature(name="broken", ocpp_profile="Core", answers=(Answer(action="Reset", decide=fails),)),))
    frame = FrameReceived(connection=found.state.link.connection, text='[2,"m1","Reset",{"type":"Soft"}]')
    _, batch = kernel.step(found.state, frame, found.at_ms, registry)
    assert [type(recorded.event) for recorded in batch] == [FrameReceived, DecisionFailed, CallAnswered]
    answer = batch[-1].event
    assert isinstance(answer, CallAnswered)
    assert (answer.message_id, answer.error_code) == ("m1", "InternalError")


def test_a_ping_finds_a_half_open_link_before_the_retries_of_a_message_are_over() -> None:
    """OCPP-J errata 3.9, with the values that hold where nobody sets any."""
    state = station().online().state
    retries_s = TRANSACTION_MESSAGE_ATTEMPTS.of(state) * TRANSACTION_MESSAGE_RETRY_INTERVAL.of(state)
    assert 0 < WEBSOCKET_PING_INTERVAL.of(state) < retries_s


def test_a_replacement_that_is_not_valid_yet_leaves_no_limit_until_it_is() -> None:
    """3.13.2: the profile that was there is gone at once. Up to a minute ahead it would count from its receipt on."""
    found = world()
    charge(found)
    install(found, 1, absolute("TxDefaultProfile", 10, found))
    assert limit_ma(found) == 10_000
    install(found, 1, absolute("TxDefaultProfile", 8, found, chargingProfileId=2, validFrom=found.utc(61)))
    assert limit_ma(found) == MAXIMUM_MA
    found.wait(61)
    assert limit_ma(found) == 8_000


def test_a_running_transaction_goes_on_without_its_default_profile_when_that_is_cleared() -> None:
    """Errata 3.8."""
    found = world()
    install(found, 1, absolute("TxDefaultProfile", 10, found))
    charge(found)
    assert limit_ma(found) == 10_000
    assert found.request("ClearChargingProfile", chargingProfilePurpose="TxDefaultProfile") == {"status": "Accepted"}
    assert found.status(1) == "Charging"
    assert limit_ma(found) == MAXIMUM_MA


def test_a_default_profile_that_is_replaced_during_a_transaction_counts_at_once() -> None:
    """Errata 3.8."""
    found = world()
    install(found, 0, absolute("TxDefaultProfile", 10, found))
    charge(found)
    install(found, 0, absolute("TxDefaultProfile", 12, found, chargingProfileId=2))
    assert limit_ma(found) == 12_000


def test_a_profile_of_another_level_is_stacked_next_to_that_of_the_remote_start() -> None:
    """5.16.2: of the same level it would replace it."""
    found = world()
    remote = absolute("TxProfile", 10, found)
    found.request("RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=remote)
    found.plug(1)
    transaction = found.state.transactions.on(1)
    assert transaction is not None
    later = absolute("TxProfile", 8, found, chargingProfileId=2, stackLevel=1, transactionId=transaction.transaction_id)
    install(found, 1, later)
    assert limit_ma(found) == 8_000
    assert found.request("ClearChargingProfile", id=2) == {"status": "Accepted"}
    assert limit_ma(found) == 10_000


def test_a_transaction_id_in_the_profile_of_a_remote_start_means_nothing() -> None:
    """5.16.2, errata 3.41: the CSMS shall not set it, and cannot know it."""
    found = world()
    found.plug(1)
    remote = absolute("TxProfile", 10, found, transactionId=4711)
    answer = found.request("RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=remote)
    assert answer == {"status": "Accepted"}
    assert limit_ma(found) == 10_000


def test_a_transaction_id_in_a_default_profile_means_nothing() -> None:
    """7.8: it is valid with a TxProfile only."""
    found = world()
    install(found, 1, absolute("TxDefaultProfile", 10, found, transactionId=4711))
    charge(found)
    assert limit_ma(found) == 10_000


def test_a_transaction_that_starts_offline_keeps_to_the_profiles_that_are_there() -> None:
    """3.13.6."""
    found = world(factory=EVERYBODY_OFFLINE)
    install(found, 0, absolute("ChargePointMaxProfile", 14, found))
    install(found, 1, absolute("TxDefaultProfile", 10, found, chargingProfileId=2))
    found.disconnect()
    charge(found)
    assert limit_ma(found) == 10_000


def test_a_transaction_that_starts_offline_without_any_profile_is_not_limited() -> None:
    """3.13.6."""
    found = world(factory=EVERYBODY_OFFLINE)
    found.disconnect()
    charge(found)
    assert limit_ma(found) == MAXIMUM_MA
