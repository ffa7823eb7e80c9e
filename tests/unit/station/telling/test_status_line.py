"""The station in one line."""

from eventstore.catalogue.hardware import FaultObserved
from eventstore.value import replace
from station.telling.status_line import status_line
from tests.given import DESCRIPTION, StationUnderTest, answering


def test_it_says_link_registration_and_each_connector() -> None:
    found = StationUnderTest().boot()
    assert status_line(found.state) == "No connection to the CSMS; connector 1 Available"
    found.connect()
    assert status_line(found.state) == "Connected and accepted; connector 1 Available"
    found.plug()
    found.swipe()
    assert status_line(found.state) == "Connected and accepted; connector 1 Charging (transaction 1, 32.0 A)"


def test_it_says_faults_and_what_concerns_the_station() -> None:
    found = StationUnderTest(
        csms=answering(BootNotification={"status": "Pending", "currentTime": "2026-01-01T00:00:00Z", "interval": 9})
    )
    found.online()
    found.observe(FaultObserved(connector_id=0, error_code="HighTemperature"))
    assert status_line(found.state) == (
        "Connected, registration Pending; station Faulted HighTemperature, connector 1 Faulted HighTemperature"
    )


def test_many_connectors_are_counted() -> None:
    found = StationUnderTest(description=replace(DESCRIPTION, connectors=6))
    found.online()
    found.plug(2)
    found.swipe(connector_id=2)
    assert status_line(found.state) == "Connected and accepted; 5 Available, 1 Charging, 1 transaction"
