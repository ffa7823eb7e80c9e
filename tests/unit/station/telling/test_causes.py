"""What led to something, in words."""

import pytest

from eventstore.catalogue.hardware import FaultObserved, IdTagPresented, MeterObserved
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import FrameReceived
from eventstore.catalogue.registration import HeartbeatQueued
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.event import Event
from station.telling.causes import because, reason

LIMIT = LimitChanged(connector_id=1, limit_ma=10_000, phases=3)


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (
            FrameReceived(connection=1, text='[2,"1","SetChargingProfile",{}]'),
            "the CSMS asked for it (SetChargingProfile)",
        ),
        (FrameReceived(connection=1, text='[3,"1",{}]'), "of the CSMS's answer"),
        (FrameReceived(connection=1, text='[4,"1","InternalError","",{}]'), "of the CSMS's answer"),
        (FrameReceived(connection=1, text="[2,"), "of an unreadable frame"),
        (IdTagPresented(id_tag="A", connector_id=1), "tag A was presented"),
        (FaultObserved(connector_id=1, error_code="HighTemperature"), "of the fault HighTemperature"),
        (HeartbeatQueued(triggered=False), ""),
    ],
)
def test_a_cause_in_words(cause: Event, text: str) -> None:
    assert because(cause) == text
    assert reason(LIMIT, cause) == (f"because {text}" if text else "")


@pytest.mark.parametrize(
    "cause", [DeadlineReached(name="limits", key=0, due_ms=1), MeterObserved(connector_id=1, energy_wh=1)]
)
def test_a_limit_that_follows_from_time_was_planned(cause: Event) -> None:
    assert reason(LIMIT, cause) == "as planned"


def test_an_event_whose_cause_is_of_no_interest_has_none() -> None:
    assert reason(HeartbeatQueued(triggered=False), IdTagPresented(id_tag="A", connector_id=1)) == ""
