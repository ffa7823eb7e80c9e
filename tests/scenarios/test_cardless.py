"""Charging without a card: a plug counts as a presented tag, once, by the rules that hold for every tag."""

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationEnded, PlugTakenAsTag
from eventstore.catalogue.hardware import VehicleIdentified
from eventstore.catalogue.transactions import TransactionStarted, TransactionStopped
from projections.plugs import ASKED, LEFT, OFFLINE, OVER, REFUSED
from station.wire.instants import format_utc_ms
from tests.given import OTHER_TAG, UTC_2026_MS, StationUnderTest, answering, station

FREE = "FREE"
EVCCID = "0A1B2C3D4E5F"
VEHICLE_TAG = f"VID:{EVCCID}"


def free(**description: object) -> StationUnderTest:
    return station(free_id_tags=(FREE,), **description)


def autocharge(**description: object) -> StationUnderTest:
    return station(autocharge_prefix="VID:", **description)


def identify(found: StationUnderTest, evccid: str = EVCCID, connector_id: int = 1) -> None:
    found.observe(VehicleIdentified(connector_id=connector_id, evccid=evccid))


def tags(found: StationUnderTest) -> list[str]:
    """The tags of all sessions so far, in order."""
    return [event.id_tag for event in found.events(TransactionStarted)]


def reasons(found: StationUnderTest) -> list[str]:
    return [event.reason for event in found.events(TransactionStopped)]


def stage(found: StationUnderTest) -> str:
    return found.state.plugs.on(1).stage


def test_a_plug_is_a_presented_tag() -> None:
    found = free().online().forget()
    found.plug()
    assert found.sent("Authorize") == [{"idTag": FREE}]
    assert found.sent("StartTransaction")[0]["idTag"] == FREE
    assert found.statuses() == ["Preparing", "Charging"]
    assert found.events(PlugTakenAsTag) == [PlugTakenAsTag(connector_id=1, id_tag=FREE, origin="plug")]


def test_a_cable_without_a_vehicle_is_no_plug() -> None:
    found = free().online()
    found.plug(pilot="A")
    assert found.events(PlugTakenAsTag) == []
    found.pilot("B")
    assert tags(found) == [FREE]


def test_each_connector_has_a_tag_of_its_own_and_one_without_needs_a_card() -> None:
    found = station(connectors=2, free_id_tags=("", "SECOND")).online()
    found.plug(1)
    found.plug(2)
    assert tags(found) == ["SECOND"]
    found.swipe(OTHER_TAG, 1)
    assert tags(found) == ["SECOND", OTHER_TAG]


def test_offline_the_tag_is_looked_up_as_any_other() -> None:
    """3.5: the cache knows it from before; without it an unknown tag needs AllowOfflineTxForUnknownId."""
    found = free().online()
    found.plug()
    found.unplug()
    found.disconnect()
    found.plug()
    assert tags(found) == [FREE, FREE]
    unknown = free().online()
    unknown.disconnect()
    unknown.plug()
    assert tags(unknown) == []
    assert unknown.events(AuthorizationDenied)[-1].reason == "Offline"
    allowed = free(factory={"AllowOfflineTxForUnknownId": "true"}).online()
    allowed.disconnect()
    allowed.plug()
    assert tags(allowed) == [FREE]


def test_a_plug_that_was_refused_for_want_of_the_csms_is_presented_again_when_it_is_back() -> None:
    found = free().online()
    found.disconnect()
    found.plug()
    found.advance(3_600)
    assert (stage(found), found.status()) == (OFFLINE, "Finishing")
    found.connect()
    assert tags(found) == [FREE]


def test_a_csms_that_answers_nothing_is_asked_once_for_each_connection() -> None:
    found = free().online().forget()
    found.csms = answering(Authorize=None)
    found.plug()
    found.advance(3_600)
    assert len(found.sent("Authorize")) == 1
    assert stage(found) == OFFLINE
    found.disconnect()
    found.connect()
    assert len(found.sent("Authorize")) == 2


def test_a_refused_plug_is_refused_until_it_is_pulled() -> None:
    found = free().online().forget()
    found.csms = answering(Authorize={"idTagInfo": {"status": "Blocked"}})
    found.plug()
    found.disconnect()
    found.connect()
    found.advance(600)
    assert (len(found.sent("Authorize")), stage(found)) == (1, REFUSED)
    found.unplug()
    found.plug()
    assert len(found.sent("Authorize")) == 2


@pytest.mark.parametrize("by", ["csms", "tag", "emergency", "fault", "unlock"])
def test_after_a_stop_nothing_starts_before_the_vehicle_was_unplugged(by: str) -> None:
    found = free().online()
    found.plug()
    match by:
        case "csms":
            found.ask("RemoteStopTransaction", {"transactionId": 9001})
        case "tag":
            found.swipe(FREE, 1)
        case "emergency" | "fault":
            found.fault("GroundFailure")
            found.clear_fault("GroundFailure")
        case "unlock":
            found.ask("UnlockConnector", {"connectorId": 1})
    found.pilot("B")
    found.advance(3_600)
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Operative"})
    found.disconnect()
    found.connect()
    assert (tags(found), stage(found)) == ([FREE], OVER)
    found.unplug()
    found.plug()
    assert tags(found) == [FREE, FREE]


def test_a_stop_by_the_csms_outlives_a_power_cut() -> None:
    found = free().online()
    found.plug()
    found.ask("RemoteStopTransaction", {"transactionId": 9001})
    found.boot(pilots={1: "C"}, orderly=False).connect()
    found.advance(600)
    assert tags(found) == [FREE]
    found.unplug()
    found.plug()
    assert tags(found) == [FREE, FREE]


@pytest.mark.parametrize("policy", ["stop", "resume"])
def test_a_vehicle_that_charged_when_the_power_went_charges_on_when_it_is_back(policy: str) -> None:
    found = free(power_loss_policy=policy).online()
    found.plug()
    found.boot(pilots={1: "C"}, orderly=False)
    assert found.state.transactions.on(1) is not None
    assert reasons(found) == (["PowerLoss"] if policy == "stop" else [])
    found.connect()
    found.ask("RemoteStopTransaction", {"transactionId": 9001})
    assert found.state.transactions.on(1) is None
    found.advance(600)
    assert len(tags(found)) == (2 if policy == "stop" else 1)


def test_a_vehicle_that_was_plugged_in_without_power_is_served_when_it_is_back() -> None:
    found = free().online()
    found.boot(pilots={1: "B"}, orderly=False).connect()
    assert tags(found) == [FREE]


def test_a_reset_is_no_end_for_a_driver_without_a_card() -> None:
    found = free().online()
    found.plug()
    found.ask("Reset", {"type": "Soft"})
    assert (reasons(found), tags(found)) == (["SoftReset"], [FREE])
    found.boot(pilots={1: "C"}).connect()
    assert tags(found) == [FREE, FREE]


def test_a_vehicle_that_waits_at_an_unavailable_connector_is_served_once_it_is_available() -> None:
    found = free().online()
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    found.plug()
    assert found.events(PlugTakenAsTag) == []
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Operative"})
    assert tags(found) == [FREE]


def test_a_fault_before_the_start_costs_the_driver_nothing() -> None:
    found = free().online()
    found.has_lock_feedback = False
    found.plug()
    found.fault("OverVoltage")
    assert [event.reason for event in found.events(AuthorizationEnded)] == ["OverVoltage"]
    found.has_lock_feedback = True
    found.clear_fault("OverVoltage")
    found.read_meter()
    assert tags(found) == [FREE]


def test_a_reserved_connector_waits_for_its_tag_and_is_free_afterwards() -> None:
    found = free().online()
    expiry = format_utc_ms(UTC_2026_MS + found.at_ms + 600_000)
    found.ask("ReserveNow", {"connectorId": 1, "idTag": OTHER_TAG, "reservationId": 1, "expiryDate": expiry})
    found.plug()
    assert found.events(PlugTakenAsTag) == []
    found.advance(601)
    assert tags(found) == [FREE]


def test_a_tag_that_was_presented_first_is_the_one_that_charges() -> None:
    found = free().online()
    found.swipe(OTHER_TAG)
    found.plug()
    assert tags(found) == [OTHER_TAG]
    found.ask("RemoteStopTransaction", {"transactionId": 9001})
    found.advance(600)
    assert tags(found) == [OTHER_TAG], "the plug was used by it"


def test_a_plug_takes_no_session_away_and_stops_none() -> None:
    """StopTransactionOnEVSideDisconnect false: the vehicle comes back to its session."""
    found = free().online().configure(StopTransactionOnEVSideDisconnect=False)
    found.plug()
    found.unplug_car()
    found.pilot("C")
    assert (tags(found), reasons(found)) == ([FREE], [])
    found.ask("RemoteStopTransaction", {"transactionId": 9001})
    found.advance(600)
    assert tags(found) == [FREE]


def test_no_cable_is_held_for_a_tag_that_no_card_bears() -> None:
    found = free().online().configure(UnlockConnectorOnEVSideDisconnect=False)
    found.plug()
    found.unplug_car()
    assert reasons(found) == ["EVDisconnected"]
    assert found.state.connectors[1].held_for is None
    assert not found.state.connectors[1].locked
    found.pilot("C")
    assert tags(found) == [FREE, FREE]


def test_an_authorization_that_comes_after_the_vehicle_has_left_is_not_for_the_next_one() -> None:
    found = autocharge().online()
    found.csms = answering(Authorize=None)
    found.plug(pilot="B")
    identify(found)
    asked = found.last("Authorize")
    assert (asked.payload, stage(found)) == ({"idTag": VEHICLE_TAG}, ASKED)
    found.unplug()
    found.plug(pilot="B")
    assert stage(found) == LEFT
    found.answer({"idTagInfo": {"status": "Accepted"}}, asked)
    assert [event.reason for event in found.events(AuthorizationEnded)] == ["Unplugged"]
    assert (tags(found), found.state.connectors[1].grant) == ([], None)
    identify(found, "0A1B2C3D4E60")
    assert found.last("Authorize").payload == {"idTag": "VID:0A1B2C3D4E60"}


def test_the_same_vehicle_may_come_back_before_the_answer() -> None:
    found = free().online()
    found.csms = answering(Authorize=None)
    found.plug(pilot="B")
    asked = found.last("Authorize")
    found.unplug()
    found.plug(pilot="B")
    found.answer({"idTagInfo": {"status": "Accepted"}}, asked)
    assert tags(found) == [FREE]
    gone = free().online()
    gone.csms = answering(Authorize=None)
    gone.plug(pilot="B")
    gone.unplug()
    gone.answer({"idTagInfo": {"status": "Accepted"}}, gone.last("Authorize"))
    assert [event.reason for event in gone.events(AuthorizationEnded)] == ["Unplugged"]


def test_a_vehicle_that_tells_its_id_is_a_presented_tag() -> None:
    found = autocharge().online()
    found.plug(pilot="B")
    assert found.events(PlugTakenAsTag) == []
    identify(found)
    assert tags(found) == [VEHICLE_TAG]
    assert found.events(PlugTakenAsTag) == [PlugTakenAsTag(connector_id=1, id_tag=VEHICLE_TAG, origin="vehicle")]


def test_without_a_prefix_the_id_of_a_vehicle_is_only_recorded() -> None:
    found = station().online()
    found.plug(pilot="B")
    identify(found)
    assert (tags(found), found.state.plugs.on(1).evccid) == ([], EVCCID)
    found.swipe()
    found.unplug()
    assert found.state.plugs.on(1).evccid == ""


def test_a_vehicle_that_is_not_known_leaves_the_connector_to_a_card() -> None:
    found = autocharge().online()
    found.csms = answering(
        Authorize=lambda call: {
            "idTagInfo": {"status": "Invalid" if call.payload["idTag"] == VEHICLE_TAG else "Accepted"}
        }
    )
    found.plug(pilot="B")
    identify(found)
    assert tags(found) == []
    found.swipe()
    assert tags(found) == ["DEADBEEF"]


def test_where_the_connector_has_a_tag_no_vehicle_is_waited_for() -> None:
    found = free(autocharge_prefix="VID:").online()
    found.plug(pilot="B")
    identify(found)
    assert tags(found) == [FREE]


def test_a_vehicle_id_that_makes_no_id_tag_is_refused_and_never_cut_to_another() -> None:
    """7.28: an idTag has at most 20 characters; 8 bytes behind a prefix of 5 have 21."""
    found = station(autocharge_prefix="AUTO:").online()
    found.plug(pilot="B")
    identify(found, "0A1B2C3D4E5F6071")
    assert found.events(AuthorizationDenied)[-1].reason == "no valid idTag"
    assert (tags(found), found.sent("Authorize"), stage(found)) == ([], [], REFUSED)
    fits = autocharge().online()
    fits.plug(pilot="B")
    identify(fits, "0A1B2C3D4E5F6071")
    assert tags(fits) == ["VID:0A1B2C3D4E5F6071"]


def test_an_id_that_nobody_plugged_in_is_nobodys() -> None:
    found = autocharge().online()
    identify(found)
    found.plug(pilot="B")
    assert tags(found) == []


def test_concurrent_tx_is_asked_about_again_and_the_plug_waits() -> None:
    """The stop of the last session is still queued when the CSMS is asked about the next vehicle."""
    found = free().online().configure(LocalAuthorizeOffline=False)
    found.plug()
    found.disconnect()
    found.unplug()
    found.plug()
    assert (tags(found), stage(found)) == ([FREE], OFFLINE)
    verdicts = iter(["ConcurrentTx", "Accepted"])
    found.csms = answering(Authorize=lambda call: {"idTagInfo": {"status": next(verdicts)}})
    found.connect()
    assert list(verdicts) == []
    assert tags(found) == [FREE, FREE]
