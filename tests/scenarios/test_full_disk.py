"""A full disk is said to the CSMS in the standard's words: Unavailable, with a warning, while what runs goes on (4.9, 7.6)."""

from typing import Any

import pytest

from eventstore.catalogue.lifecycle import DiskSpaceObserved
from eventstore.catalogue.reservations import ReservationEnded
from tests.given import OTHER_TAG, TAG, StationUnderTest, charging, station


def disk(under_test: StationUnderTest, level: str) -> list[dict[str, Any]]:
    """The StatusNotifications that a level of the disk leads to, without their times."""
    under_test.forget()
    under_test.observe(DiskSpaceObserved(level=level, free_bytes=0))
    return [{k: v for k, v in sent.items() if k != "timestamp"} for sent in under_test.sent("StatusNotification")]


def test_a_full_disk_makes_the_station_and_its_free_connectors_unavailable_with_a_warning() -> None:
    told = disk(station(connectors=2).online(), "critical")
    assert {
        "connectorId": 0,
        "status": "Unavailable",
        "errorCode": "InternalError",
        "info": "Disk full",
    } in told
    for connector_id in (1, 2):
        expected = {"connectorId": connector_id, "status": "Unavailable", "errorCode": "NoError", "info": "Disk full"}
        assert expected in told


def test_with_room_again_everything_is_available_again() -> None:
    under_test = station().online()
    disk(under_test, "critical")
    told = disk(under_test, "ok")
    assert [(sent["connectorId"], sent["status"], sent["errorCode"]) for sent in told] == [
        (0, "Available", "NoError"),
        (1, "Available", "NoError"),
    ]


def test_a_disk_that_is_low_is_nothing_to_report() -> None:
    assert disk(station().online(), "low") == []


def test_a_running_transaction_keeps_its_status_and_its_connector_is_unavailable_once_it_has_ended() -> None:
    under_test = charging()
    told = disk(under_test, "critical")
    assert [sent["connectorId"] for sent in told] == [0]
    assert under_test.status() == "Charging"
    under_test.swipe()
    under_test.unplug()
    assert under_test.status() == "Unavailable"
    assert len(under_test.sent("StopTransaction")) == 1


def test_nobody_starts_meanwhile_and_a_remote_start_is_rejected() -> None:
    under_test = station().online()
    disk(under_test, "critical")
    under_test.plug()
    under_test.swipe()
    answer = under_test.ask("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1})
    assert answer is not None
    assert answer.payload == {"status": "Rejected"}
    assert under_test.sent("StartTransaction") == []


@pytest.mark.parametrize(("level", "status"), [("ok", "Accepted"), ("critical", "Unavailable")])
def test_a_reservation_is_refused_as_unavailable(level: str, status: str) -> None:
    under_test = station().online()
    disk(under_test, level)
    reservation = {"connectorId": 1, "expiryDate": "2026-01-02T00:00:00Z", "idTag": OTHER_TAG, "reservationId": 7}
    answer = under_test.ask("ReserveNow", reservation)
    assert answer is not None
    assert answer.payload == {"status": status}


def test_a_reservation_ends_with_the_connector_that_it_was_for() -> None:
    under_test = station().online()
    reservation = {"connectorId": 1, "expiryDate": "2026-01-02T00:00:00Z", "idTag": OTHER_TAG, "reservationId": 7}
    under_test.ask("ReserveNow", reservation)
    disk(under_test, "critical")
    assert [event.reason for event in under_test.events(ReservationEnded)] == ["Unavailable"]


def test_after_a_restart_on_a_full_disk_it_is_told_anew() -> None:
    under_test = station().online()
    disk(under_test, "critical")
    under_test.disconnect()
    under_test.boot()
    under_test.forget()
    under_test.connect()
    statuses = {sent["connectorId"]: sent["status"] for sent in under_test.sent("StatusNotification")}
    assert statuses == {0: "Unavailable", 1: "Unavailable"}
