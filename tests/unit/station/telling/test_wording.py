"""Events in words: what depends on more than their kind."""

from eventstore.catalogue.authorization import PlugTakenAsTag
from eventstore.catalogue.hardware import IdTagPresented, ResidualMonitorObserved, VehicleIdentified
from eventstore.catalogue.link import CallAnswered
from eventstore.catalogue.temperatures import DeratingChanged, TemperatureObserved
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


def test_warm_too_hot_and_silent() -> None:
    warm = DeratingChanged(connector_id=1, limit_ma=19_000, temperature_dc=700, silent=False, overheated=False)
    assert words(warm) == "Warm on connector 1: at most 19.0 A at 70.0 °C"
    assert (
        words(replace(warm, overheated=True)) == "TOO HOT on connector 1 at 70.0 °C: no energy until it has cooled down"
    )
    silent = replace(warm, silent=True, temperature_dc=None)
    assert words(silent) == "A temperature sensor is SILENT: at most 19.0 A on connector 1"
    assert words(replace(warm, limit_ma=None)) == "No limit by temperature on connector 1 any more at 70.0 °C"
    seen = TemperatureObserved(connector_id=1, sensor="28-0a", temperature_dc=None)
    assert words(seen) == "Temperature sensor 28-0a on connector 1 is SILENT"
    assert words(replace(seen, temperature_dc=-55)) == "Temperature on connector 1 is -5.5 °C (28-0a)"


def test_what_became_of_a_monitors_test() -> None:
    untried = ResidualMonitorObserved(connector_id=1, outcome="")
    assert words(untried) == "There is a residual current monitor to be tried on connector 1"
    passed = replace(untried, outcome="passed")
    assert words(passed) == "The residual current monitor on connector 1 was tried: it trips and clears"
    failed = replace(untried, outcome="failed", detail="it did not trip within 1000 ms")
    assert words(failed).endswith("FAILED its test: it did not trip within 1000 ms")
