"""Reservation (5.1, 5.13, 9.3): who a connector is kept for, until when, and what the CSMS hears of it."""

from typing import Any

import pytest

from eventstore.catalogue.hardware import EmergencyStopObserved, FaultCleared, FaultObserved
from eventstore.catalogue.lifecycle import SystemClockObserved
from eventstore.catalogue.reservations import ReservationEnded
from tests.scenarios.conftest import OFFSET_MS, World, world

OWNER, OTHER, MEMBER, GROUP = "OWNER", "OTHER", "MEMBER", "GROUP"
ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}
AVAILABLE, PREPARING, RESERVED = "Available", "Preparing", "Reserved"


def reserve(station: World, connector_id: int = 1, *, lasting_s: int = 3600, **members: Any) -> str:
    """ReserveNow for OWNER with id 42, unless said otherwise; the status of its answer."""
    request = {"idTag": OWNER, "reservationId": 42, "expiryDate": station.utc(lasting_s), **members}
    return str(station.request("ReserveNow", connectorId=connector_id, **request)["status"])


def cancel(station: World, reservation_id: int = 42) -> Any:
    return station.request("CancelReservation", reservationId=reservation_id)


def inoperative(station: World, connector_id: int) -> None:
    assert station.request("ChangeAvailability", connectorId=connector_id, type="Inoperative") == ACCEPTED


def ends(station: World, since: int = 0) -> list[tuple[int, str]]:
    return [(ended.reservation_id, ended.reason) for ended in station.found(ReservationEnded, since)]


def held(station: World) -> list[int]:
    return [reservation.reservation_id for reservation in station.state.reservations.all]


def start(station: World, id_tag: str, connector_id: int = 1) -> Any:
    """The tag is presented, then the cable comes; the StartTransaction, or None if there is none."""
    mark = station.mark
    station.swipe(id_tag, connector_id)
    station.plug(connector_id)
    sent = station.sent("StartTransaction", mark)
    return sent[0].payload if sent else None


# Making one (5.13)


def test_a_reserved_connector_reports_reserved_after_the_answer() -> None:
    """5.13, A7."""
    station = world()
    mark = station.mark
    assert reserve(station) == "Accepted"
    assert station.statuses(1, mark) == [RESERVED]
    assert station.statuses(2, mark) == []
    assert station.order(mark) == ["answer", "StatusNotification"]


@pytest.mark.parametrize("connector_id", [-1, 3, 99])
def test_a_connector_that_is_not_there_is_rejected(connector_id: int) -> None:
    """5.13, 6.37."""
    assert reserve(world(), connector_id) == "Rejected"


@pytest.mark.parametrize("lasting_s", [0, -1, -86_400])
def test_an_expiry_that_has_passed_is_rejected(lasting_s: int) -> None:
    """5.13: such a reservation would end as it is made."""
    station = world()
    assert reserve(station, lasting_s=lasting_s) == "Rejected"
    assert station.status(1) == AVAILABLE


def test_a_faulted_connector_is_faulted() -> None:
    """5.13, OCTT TC_048_1."""
    station = world()
    station.observe(FaultObserved(connector_id=1, error_code="OtherError"))
    assert reserve(station) == "Faulted"
    assert reserve(station, 2) == "Accepted"


def test_a_warning_stands_against_no_reservation() -> None:
    """4.9: an error code under a status that is not Faulted."""
    station = world()
    station.observe(FaultObserved(connector_id=1, error_code="WeakSignal"))
    assert reserve(station) == "Accepted"


def test_an_unavailable_connector_is_unavailable() -> None:
    """5.13, OCTT TC_048_3."""
    station = world()
    inoperative(station, 1)
    assert reserve(station) == "Unavailable"
    assert reserve(station, 2) == "Accepted"


def test_a_connector_that_is_scheduled_to_become_unavailable_is_unavailable() -> None:
    """5.2, 5.13."""
    station = world()
    assert start(station, OTHER) is not None
    scheduled = station.request("ChangeAvailability", connectorId=1, type="Inoperative")
    assert scheduled == {"status": "Scheduled"}
    assert reserve(station) == "Unavailable"


def test_a_connector_in_use_is_occupied() -> None:
    """5.13: by a cable, an authorized tag, or a transaction."""
    plugged, authorized, charging = world(), world(), world()
    plugged.plug(1)
    authorized.swipe(OTHER, 1)
    assert start(charging, OTHER) is not None
    for station in (plugged, authorized, charging):
        assert reserve(station) == "Occupied"
        assert held(station) == []


@pytest.mark.parametrize("id_tag", [OWNER, OTHER])
def test_a_reserved_connector_is_occupied_for_the_same_or_another_tag(id_tag: str) -> None:
    """5.13."""
    station = world()
    reserve(station)
    assert reserve(station, reservationId=43, idTag=id_tag) == "Occupied"
    assert held(station) == [42]


def test_without_the_profile_both_operations_are_rejected() -> None:
    """5.13, OCTT TC_048_4, TC_050_4: an answer, no CALLERROR."""
    station = world(profiles_off=("Reservation",))
    assert reserve(station) == "Rejected"
    assert reserve(station, 0) == "Rejected"
    assert cancel(station) == REJECTED
    answer = station.request("GetConfiguration", key=["ReserveConnectorZeroSupported"])
    assert answer["unknownKey"] == ["ReserveConnectorZeroSupported"]


def test_a_reservation_means_nothing_once_the_profile_is_switched_off() -> None:
    """3.2: as not supported."""
    station = world()
    reserve(station)
    station.off_for(60, profiles_off=("Reservation",))
    station.connect()
    assert station.status(1) == AVAILABLE
    assert "reservationId" not in start(station, OTHER)


# Replacing one (5.13)


def test_the_same_id_replaces_without_a_flicker_of_available() -> None:
    """5.13: the reservation is for the new tag, the connector stays Reserved."""
    station = world()
    reserve(station)
    mark = station.mark
    assert reserve(station, idTag=OTHER) == "Accepted"
    assert station.statuses(1, mark) == []
    assert ends(station, mark) == [(42, "Replaced")]
    assert start(station, OWNER) is None
    station.unplug(1)
    assert start(station, OTHER)["reservationId"] == 42


def test_the_same_id_moves_to_another_connector_and_the_old_one_is_available() -> None:
    """5.13."""
    station = world()
    reserve(station)
    mark = station.mark
    assert reserve(station, 2) == "Accepted"
    assert (station.statuses(1, mark), station.statuses(2, mark)) == ([AVAILABLE], [RESERVED])
    assert held(station) == [42]


def test_the_same_id_moves_between_a_connector_and_connector_zero() -> None:
    """5.13."""
    station = world(connectors=1)
    assert reserve(station, 1) == "Accepted"
    assert reserve(station, 0) == "Accepted"
    assert station.status(1) == RESERVED
    assert reserve(station, 1) == "Accepted"
    assert held(station) == [42]


def test_a_replacement_that_is_refused_leaves_the_reservation() -> None:
    """5.13."""
    station = world()
    reserve(station)
    station.plug(2)
    mark = station.mark
    assert reserve(station, 2) == "Occupied"
    assert reserve(station, lasting_s=-1) == "Rejected"
    assert held(station) == [42]
    assert station.status(1) == RESERVED
    assert ends(station, mark) == []


def test_a_replacement_has_its_own_expiry() -> None:
    """5.13."""
    station = world()
    reserve(station, lasting_s=60)
    reserve(station, lasting_s=600)
    station.wait(120)
    assert station.status(1) == RESERVED
    station.wait(481)
    assert station.status(1) == AVAILABLE


# Using one (5.13, 4.8)


def test_another_tag_is_refused_without_asking_the_csms() -> None:
    """5.13, OCTT TC_046_1: nobody's parent is asked for where no group was reserved for."""
    station = world()
    reserve(station)
    mark = station.mark
    assert start(station, OTHER) is None
    assert station.sent("Authorize", mark) == []
    assert station.status(1) == RESERVED
    assert start(station, OTHER, 2) is not None


def test_the_reserved_tag_starts_with_the_reservation_id() -> None:
    """5.13, 4.8, G2, OCTT TC_046_1: Preparing first, the id in StartTransaction all the same."""
    station = world()
    reserve(station)
    mark = station.mark
    station.swipe(OWNER.lower(), 1)
    assert station.statuses(1, mark) == [PREPARING]
    assert ends(station, mark) == []
    station.plug(1)
    (sent,) = station.sent("StartTransaction", mark)
    assert (sent.payload["reservationId"], sent.payload["idTag"]) == (42, OWNER.lower())
    assert ends(station, mark) == [(42, "Used")]
    assert held(station) == []


def test_a_cable_alone_does_not_take_a_reserved_connector() -> None:
    """G2: only the reserved identity leads to Preparing."""
    station = world()
    reserve(station)
    mark = station.mark
    station.plug(1)
    assert station.statuses(1, mark) == []
    assert station.status(1) == RESERVED
    station.swipe(OTHER, 1)
    assert station.sent("StartTransaction", mark) == []
    station.swipe(OWNER, 1)
    assert station.sent("StartTransaction", mark)[0].payload["reservationId"] == 42


def test_a_used_reservation_ends_once_although_its_id_comes_again() -> None:
    """5.13: the transaction that runs does not end a later reservation of the same id."""
    station = world(connectors=3)
    reserve(station)
    assert start(station, OWNER)["reservationId"] == 42
    mark = station.mark
    assert reserve(station, 2, idTag=OTHER) == "Accepted"
    assert start(station, MEMBER, 3) is not None
    assert ends(station, mark) == []
    assert station.status(2) == RESERVED


def test_the_reserved_tag_uses_no_reservation_elsewhere() -> None:
    """5.13: on the reserved connector."""
    station = world()
    reserve(station)
    assert "reservationId" not in start(station, OWNER, 2)
    assert station.status(1) == RESERVED


def test_a_reservation_that_ended_before_the_start_is_not_named() -> None:
    """5.13: expired or cancelled between the tag and the cable."""
    expired, cancelled = world(), world()
    for station in (expired, cancelled):
        reserve(station, lasting_s=30)
        station.swipe(OWNER, 1)
    expired.wait(31)
    assert cancel(cancelled) == ACCEPTED
    for station in (expired, cancelled):
        mark = station.mark
        station.plug(1)
        (sent,) = station.sent("StartTransaction", mark)
        assert "reservationId" not in sent.payload


def test_an_id_that_went_to_another_tag_is_not_used_by_the_first() -> None:
    """5.13: replaced between the tag and the cable."""
    station = world()
    reserve(station)
    station.swipe(OWNER, 1)
    assert reserve(station, 2, idTag=OTHER) == "Accepted"
    mark = station.mark
    station.plug(1)
    (sent,) = station.sent("StartTransaction", mark)
    assert "reservationId" not in sent.payload
    assert station.status(2) == RESERVED


def test_a_tag_of_the_reserved_group_is_asked_for_and_starts() -> None:
    """5.13, OCTT TC_053_1."""
    station = world()
    station.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", "parentIdTag": GROUP.lower()}}
    reserve(station, parentIdTag=GROUP)
    mark = station.mark
    assert start(station, MEMBER)["reservationId"] == 42
    assert [call.payload["idTag"] for call in station.sent("Authorize", mark)] == [MEMBER]
    assert ends(station, mark) == [(42, "Used")]


@pytest.mark.parametrize("info", [{}, {"parentIdTag": "STRANGERS"}])
def test_a_valid_tag_of_no_or_another_group_is_refused(info: dict[str, Any]) -> None:
    """5.13, errata 4.12: Authorize.conf may contain the parent, and then it must be the reserved one."""
    station = world()
    station.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", **info}}
    reserve(station, parentIdTag=GROUP)
    assert start(station, OTHER) is None
    assert station.status(1) == RESERVED


def test_the_local_list_tells_the_group_without_asking() -> None:
    """5.13: the parent may be looked up in the list."""
    station = world()
    station.configure("LocalPreAuthorize", "true")
    entries = [{"idTag": MEMBER, "idTagInfo": {"status": "Accepted", "parentIdTag": GROUP}}]
    station.request("SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=entries)
    reserve(station, parentIdTag=GROUP)
    mark = station.mark
    assert start(station, MEMBER)["reservationId"] == 42
    assert station.sent("Authorize", mark) == []


def test_offline_the_group_is_known_from_the_list_only() -> None:
    """5.13, 3.5: whom nobody can ask for is refused."""
    station = world()
    entries = [{"idTag": MEMBER, "idTagInfo": {"status": "Accepted", "parentIdTag": GROUP}}]
    station.request("SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=entries)
    station.configure("AllowOfflineTxForUnknownId", "true")
    reserve(station, parentIdTag=GROUP)
    station.disconnect()
    station.swipe(OTHER, 1)
    assert station.status(1) == RESERVED
    station.swipe(MEMBER, 1)
    station.plug(1)
    mark = station.mark
    station.connect()
    assert station.sent("StartTransaction", mark)[0].payload["reservationId"] == 42


def test_a_remote_start_of_another_tag_is_rejected_on_a_reserved_connector() -> None:
    """5.11, 5.13."""
    station = world()
    reserve(station)
    station.plug(1)
    assert station.request("RemoteStartTransaction", connectorId=1, idTag=OTHER) == REJECTED
    mark = station.mark
    assert station.request("RemoteStartTransaction", connectorId=1, idTag=OWNER) == ACCEPTED
    assert station.sent("StartTransaction", mark)[0].payload["reservationId"] == 42


# Ending one (5.13, 5.1)


def test_at_its_expiry_the_connector_is_available_for_anybody() -> None:
    """5.13, G1, OCTT TC_047."""
    station = world()
    reserve(station, lasting_s=600)
    mark = station.mark
    station.wait(599)
    assert station.statuses(1, mark) == []
    station.wait(1)
    assert station.statuses(1, mark) == [AVAILABLE]
    assert ends(station, mark) == [(42, "Expired")]
    assert "reservationId" not in start(station, OTHER)


def test_at_its_expiry_a_plugged_connector_is_preparing() -> None:
    """5.13, G1: Available, and the cable is the first step of a usage (A2)."""
    station = world()
    reserve(station, lasting_s=30)
    station.plug(1)
    mark = station.mark
    station.wait(30)
    assert station.statuses(1, mark)[-1:] == [PREPARING]


def test_an_expiry_during_an_outage_is_reported_afterwards() -> None:
    """5.13, 4.9: the status of then, once."""
    station = world()
    reserve(station, lasting_s=600)
    station.disconnect()
    station.wait(700)
    assert station.status(1) == AVAILABLE
    mark = station.mark
    station.connect()
    assert station.statuses(1, mark) == [AVAILABLE]


def test_a_reservation_outlives_a_power_cut() -> None:
    """5.13: until its expiry, before the link is up."""
    station = world()
    reserve(station, lasting_s=600)
    station.off_for(300)
    assert station.status(1) == RESERVED
    station.swipe(OTHER, 1)
    assert station.status(1) == RESERVED
    mark = station.mark
    station.connect()
    assert station.statuses(1, mark) == [RESERVED]
    station.wait(300)
    assert station.statuses(1, mark) == [RESERVED, AVAILABLE]


def test_an_expiry_while_the_power_is_off_ends_it_at_boot() -> None:
    """5.13."""
    station = world()
    reserve(station, lasting_s=600)
    mark = station.mark
    station.off_for(601)
    assert ends(station, mark) == [(42, "Expired")]
    station.connect()
    assert station.statuses(1, mark) == [AVAILABLE]


def test_a_clock_that_is_set_moves_the_expiry() -> None:
    """5.13: expiryDate is a calendar moment."""
    station = world()
    reserve(station, lasting_s=600)
    station.observe(SystemClockObserved(utc_ms=OFFSET_MS + station.at_ms - 300_000, trusted=True))
    station.wait(700)
    assert station.status(1) == RESERVED
    station.observe(SystemClockObserved(utc_ms=OFFSET_MS + station.at_ms, trusted=True))
    assert station.status(1) == AVAILABLE
    assert ends(station) == [(42, "Expired")]


def test_reservations_that_expire_together_all_end() -> None:
    """5.13."""
    station = world()
    reserve(station, 1, lasting_s=60)
    reserve(station, 2, lasting_s=60, reservationId=43)
    station.wait(60)
    assert (station.status(1), station.status(2)) == (AVAILABLE, AVAILABLE)
    assert held(station) == []


def test_a_fault_ends_the_reservation_of_its_connector_for_good() -> None:
    """5.13 (3), G9."""
    station = world()
    reserve(station, 1)
    reserve(station, 2, reservationId=43)
    mark = station.mark
    station.observe(FaultObserved(connector_id=1, error_code="GroundFailure"))
    assert ends(station, mark) == [(42, "Faulted")]
    station.observe(FaultCleared(connector_id=1, error_code=""))
    assert station.statuses(1, mark) == ["Faulted", AVAILABLE]
    assert station.status(2) == RESERVED


@pytest.mark.parametrize(
    "observation",
    [FaultObserved(connector_id=0, error_code="InternalError"), EmergencyStopObserved(pressed=True)],
    ids=["fault", "emergency stop"],
)
def test_a_station_that_becomes_faulted_ends_all_reservations(observation: Any) -> None:
    """5.13 (3)."""
    station = world(connectors=3)
    reserve(station, 1)
    reserve(station, 0, reservationId=43)
    mark = station.mark
    station.observe(observation)
    assert sorted(ends(station, mark)) == [(42, "Faulted"), (43, "Faulted")]


def test_a_warning_ends_no_reservation() -> None:
    """4.9."""
    station = world()
    reserve(station)
    station.observe(FaultObserved(connector_id=1, error_code="WeakSignal"))
    assert station.status(1) == RESERVED
    assert held(station) == [42]


def test_a_connector_that_becomes_unavailable_loses_its_reservation() -> None:
    """5.13 (3)."""
    station = world()
    reserve(station, 1)
    reserve(station, 0, reservationId=43)
    mark = station.mark
    inoperative(station, 1)
    assert ends(station, mark) == [(42, "Unavailable")]
    assert station.statuses(1, mark) == ["Unavailable"]
    station.request("ChangeAvailability", connectorId=1, type="Operative")
    assert station.status(1) == AVAILABLE


def test_a_station_that_becomes_unavailable_ends_all_reservations() -> None:
    """5.13 (3)."""
    station = world(connectors=3)
    reserve(station, 1)
    reserve(station, 0, reservationId=43)
    mark = station.mark
    inoperative(station, 0)
    assert sorted(ends(station, mark)) == [(42, "Unavailable"), (43, "Unavailable")]


def test_a_cancelled_reservation_frees_the_connector() -> None:
    """5.1, G1, OCTT TC_051."""
    station = world()
    reserve(station)
    mark = station.mark
    assert cancel(station) == ACCEPTED
    assert station.statuses(1, mark) == [AVAILABLE]
    assert ends(station, mark) == [(42, "Cancelled")]
    assert "reservationId" not in start(station, OTHER)


def test_what_is_not_reserved_cannot_be_cancelled() -> None:
    """5.1, OCTT TC_052: another id, an id twice, an id that was used."""
    station = world()
    assert cancel(station) == REJECTED
    reserve(station)
    assert cancel(station, 43) == REJECTED
    assert station.status(1) == RESERVED
    assert cancel(station) == ACCEPTED
    assert cancel(station) == REJECTED
    reserve(station)
    start(station, OWNER)
    assert cancel(station) == REJECTED


# Connector 0 (5.13, 9.3.1)


def test_the_key_says_that_connector_zero_is_supported_and_cannot_be_set() -> None:
    """9.3.1."""
    station = world()
    (told,) = station.request("GetConfiguration", key=["ReserveConnectorZeroSupported"])["configurationKey"]
    assert told == {"key": "ReserveConnectorZeroSupported", "readonly": True, "value": "true"}
    answer = station.request("ChangeConfiguration", key="ReserveConnectorZeroSupported", value="false")
    assert answer == REJECTED


def test_connector_zero_is_rejected_where_it_is_not_supported() -> None:
    """5.13, 9.3.1."""
    station = world(factory={"ReserveConnectorZeroSupported": "false"})
    assert reserve(station, 0) == "Rejected"
    assert reserve(station, 1) == "Accepted"


def test_connector_zero_tells_the_stations_fault_and_availability_first() -> None:
    """5.13, OCTT TC_050_1, TC_050_3."""
    faulted, unavailable = world(), world()
    faulted.observe(FaultObserved(connector_id=0, error_code="OtherError"))
    inoperative(unavailable, 0)
    assert reserve(faulted, 0) == "Faulted"
    assert reserve(unavailable, 0) == "Unavailable"


def test_connector_zero_is_occupied_if_no_connector_is_free() -> None:
    """5.13, OCTT TC_050_2: whatever each of them is."""
    plugged, mixed = world(), world(connectors=3)
    plugged.plug(1)
    assert reserve(plugged, 0) == "Accepted"
    assert cancel(plugged) == ACCEPTED
    plugged.plug(2)
    assert reserve(plugged, 0) == "Occupied"
    mixed.observe(FaultObserved(connector_id=1, error_code="OtherError"))
    inoperative(mixed, 2)
    assert reserve(mixed, 3, reservationId=43) == "Accepted"
    assert reserve(mixed, 0) == "Occupied"


def test_connector_zero_marks_none_while_more_are_free_than_reserved() -> None:
    """5.13: no specific connector is reserved."""
    station = world()
    mark = station.mark
    assert reserve(station, 0) == "Accepted"
    assert station.sent("StatusNotification", mark) == []
    assert start(station, OTHER) is not None


def test_connector_zero_keeps_the_last_free_connector() -> None:
    """5.13: at any time one connector remains available for the reserved tag."""
    station = world()
    reserve(station, 0)
    mark = station.mark
    start(station, OTHER)
    assert station.statuses(2, mark) == [RESERVED]
    assert start(station, MEMBER, 2) is None
    assert station.request("RemoteStartTransaction", connectorId=2, idTag=MEMBER) == REJECTED
    station.unplug(2)
    assert start(station, OWNER, 2)["reservationId"] == 42
    assert ends(station, mark) == [(42, "Used")]


def test_connector_zero_lets_the_last_connector_go_when_another_is_free_again() -> None:
    """5.13."""
    station = world()
    reserve(station, 0)
    start(station, OTHER)
    mark = station.mark
    station.swipe(OTHER, 1)
    station.unplug(1)
    assert station.statuses(2, mark) == [AVAILABLE]


def test_connector_zero_is_used_on_any_connector() -> None:
    """5.13 (1): with its use nothing is kept any more."""
    station = world()
    reserve(station, 0)
    mark = station.mark
    station.swipe(OWNER, 2)
    assert station.statuses(1, mark) == []
    station.plug(2)
    (sent,) = station.sent("StartTransaction", mark)
    assert sent.payload["reservationId"] == 42
    assert station.status(1) == AVAILABLE


def test_connector_zero_is_reserved_as_often_as_connectors_are_free() -> None:
    """5.13."""
    station = world()
    assert reserve(station, 0) == "Accepted"
    assert reserve(station, 0, reservationId=43, idTag=OTHER) == "Accepted"
    assert (station.status(1), station.status(2)) == (RESERVED, RESERVED)
    assert reserve(station, 0, reservationId=44) == "Occupied"
    assert reserve(station, 1, reservationId=44) == "Occupied"
    assert start(station, MEMBER) is None
    station.unplug(1)
    assert start(station, OTHER)["reservationId"] == 43
    assert station.status(2) == RESERVED


def test_connector_zero_leaves_a_connector_of_its_own_to_others() -> None:
    """5.13: a connector is reserved by number only if one stays free for connector 0."""
    station = world()
    assert reserve(station, 0) == "Accepted"
    assert reserve(station, 1, reservationId=43, idTag=OTHER) == "Accepted"
    assert (station.status(1), station.status(2)) == (RESERVED, RESERVED)
    assert start(station, OWNER, 1) is None
    assert start(station, OWNER, 2)["reservationId"] == 42


def test_connector_zero_counts_a_tag_that_waits_for_its_cable() -> None:
    """5.13: an authorized tag takes a connector too."""
    station = world()
    station.swipe(OTHER)
    assert station.state.connectors.waiting is not None
    assert reserve(station, 0) == "Accepted"
    assert reserve(station, 0, reservationId=43) == "Occupied"


def test_connector_zero_expires_and_frees_what_it_kept() -> None:
    """5.13."""
    station = world(connectors=1)
    reserve(station, 0, lasting_s=60)
    mark = station.mark
    assert station.status(1) == RESERVED
    station.wait(60)
    assert station.statuses(1, mark) == [AVAILABLE]


def test_connector_zero_asks_for_the_group_only_where_it_keeps_a_connector() -> None:
    """5.13."""
    station = world(connectors=1)
    station.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", "parentIdTag": GROUP}}
    reserve(station, 0, parentIdTag=GROUP)
    assert start(station, MEMBER)["reservationId"] == 42


@pytest.mark.parametrize(
    ("payload", "error_code"),
    [
        ({"connectorId": 1, "idTag": OWNER, "reservationId": 1}, "ProtocolError"),
        (
            {"connectorId": 1, "idTag": OWNER, "reservationId": 1, "expiryDate": "tomorrow"},
            "PropertyConstraintViolation",
        ),
        (
            {"connectorId": 1, "idTag": OWNER, "reservationId": "1", "expiryDate": "2026-01-02T00:00:00Z"},
            "TypeConstraintViolation",
        ),
    ],
)
def test_a_malformed_request_is_a_call_error(payload: dict[str, Any], error_code: str) -> None:
    """OCPP-J 4.2.3."""
    station = world()
    assert station.ask("ReserveNow", payload).error_code == error_code
    assert held(station) == []
