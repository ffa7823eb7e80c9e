"""Events in words: what depends on more than their kind."""

from eventstore.catalogue.authorization import PlugTakenAsTag
from eventstore.catalogue.hardware import IdTagPresented, VehicleIdentified
from eventstore.catalogue.link import CallAnswered
from eventstore.value import replace
from station.telling.wording import words

ODD = "limit has more than one digit after the point: taken as 6.9"


def test_an_answer_says_what_was_tolerated_in_the_call() -> None:
    answer = CallAnswered(connection=1, message_id="m", action="SetChargingProfile", payload="{}")
    assert "deviates" not in words(answer)
    odd = CallAnswered(connection=1, message_id="m", action="SetChargingProfile", payload="{}", deviations=(ODD,))
    assert words(odd) == f"{words(answer)}; the call deviates: {ODD}"
    refused = CallAnswered(
        connection=1, message_id="m", action="Reset", payload="", error_code="InternalError", deviations=(ODD,)
    )
    assert words(refused) == f"Answer to Reset: CALLERROR InternalError; the call deviates: {ODD}"


def test_a_tag_says_how_it_came() -> None:
    at = IdTagPresented(id_tag="A", connector_id=1)
    assert words(at) == "Tag A presented on connector 1"
    assert words(replace(at, origin="http")) == "Tag A presented on connector 1 over HTTP"
    plug = PlugTakenAsTag(connector_id=1, id_tag="HOME", origin="plug")
    assert words(plug) == "The plug on connector 1 counts as tag HOME"
    assert words(replace(plug, origin="vehicle")) == "The id of the vehicle on connector 1 counts as tag HOME"


def test_the_id_of_a_vehicle_is_not_in_the_words() -> None:
    assert words(VehicleIdentified(connector_id=1, evccid="0A1B2C3D4E5F")) == "The vehicle gave its id on connector 1"
