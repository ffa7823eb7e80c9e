"""What devices report and are told."""

import pytest

from devices.readings import ConnectorOutputs, MeterUnavailable, PilotReading


def test_a_reading_is_a_value() -> None:
    reading = PilotReading(connector_id=1, pilot_state="C")
    assert reading == PilotReading(connector_id=1, pilot_state="C")
    with pytest.raises(AttributeError):
        reading.pilot_state = "B"  # type: ignore[misc]  # that it cannot be set is what is tested


def test_outputs_that_say_the_same_are_equal() -> None:
    one, other = (
        ConnectorOutputs(contactor_closed=True, duty_permille=266, locked=True, phases=3, indicator="charging")
        for _ in range(2)
    )
    assert one == other


def test_an_unreadable_meter_says_why() -> None:
    assert MeterUnavailable("the bus is silent").reason == "the bus is silent"
