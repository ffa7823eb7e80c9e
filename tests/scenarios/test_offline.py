"""Without a link: who may charge, what is kept for later, and what is not (3.5, 3.7, 4.9, OCTT TC_036 to TC_039)."""

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied
from eventstore.catalogue.link import CallAnswered, ConnectFailed, LinkClosed, NetworkRestored
from tests.given import OTHER_TAG, TAG, StationUnderTest, answering, charging, station, utc

OFFLINE_FOR_ALL = {"AllowOfflineTxForUnknownId": "true"}


def cached(id_tag: str = TAG, info: dict[str, str] | None = None, **settings: object) -> StationUnderTest:
    """A station that has heard the CSMS's word on a tag, then lost its link."""
    found = station(**settings).online()
    found.csms = answering(Authorize={"idTagInfo": info or {"status": "Accepted"}})
    found.swipe(id_tag)
    if info is None or info["status"] == "Accepted":
        found.swipe(id_tag)  # takes it back
    found.csms = answering()
    found.disconnect()
    return found.forget()


def start(found: StationUnderTest, id_tag: str = TAG) -> bool:
    """Whether the tag may start."""
    found.plug()
    found.swipe(id_tag)
    return found.state.transactions.on(1) is not None


def denials(found: StationUnderTest) -> list[str]:
    return [event.reason for event in found.events(AuthorizationDenied)]


# Who may start


def test_a_cached_tag_starts_offline_and_the_start_is_told_with_the_time_it_happened() -> None:
    """3.5, TC_037_1."""
    found = cached()
    found.advance(99)
    assert start(found)
    found.advance(600)
    found.connect()
    assert found.sent("StartTransaction")[0]["timestamp"] == utc(100)
    assert found.actions()[:2] == ["StatusNotification 1 Charging", "StartTransaction"]
    assert "BootNotification" not in found.actions()


def test_local_authorize_offline_false_refuses_even_known_tags() -> None:
    """9.1.12."""
    found = cached(factory={"LocalAuthorizeOffline": "false"})
    assert not start(found)
    assert denials(found) == ["Offline"]


def test_an_unknown_tag_is_refused_offline() -> None:
    """3.5.4."""
    found = cached()
    assert not start(found, OTHER_TAG)
    assert denials(found) == ["Offline"]


def test_an_unknown_tag_starts_offline_where_that_is_allowed() -> None:
    """9.1.1, TC_037_1."""
    found = cached(factory=OFFLINE_FOR_ALL)
    assert start(found, OTHER_TAG)


@pytest.mark.parametrize("status", ["Blocked", "Expired", "Invalid", "ConcurrentTx"])
def test_a_tag_known_as_not_valid_is_refused_offline_even_where_unknown_tags_start(status: str) -> None:
    """3.5.4."""
    found = cached(info={"status": status}, factory=OFFLINE_FOR_ALL)
    assert not start(found)
    assert denials(found)[-1] == status


def test_a_tag_that_expired_by_the_passage_of_time_is_refused_offline() -> None:
    """3.5.4."""
    found = cached(info={"status": "Accepted", "expiryDate": utc(500)}, factory=OFFLINE_FOR_ALL)
    found.advance(600)
    assert not start(found)
    assert denials(found)[-1] == "Expired"


def test_unknown_tags_start_offline_though_known_ones_may_not_be_looked_up() -> None:
    """9.1.1 and 9.1.12 are two keys; what is known as not valid stays refused."""
    settings = {"AllowOfflineTxForUnknownId": "true", "LocalAuthorizeOffline": "false"}
    assert start(cached(factory=settings), OTHER_TAG)
    assert not start(cached(info={"status": "Blocked"}, factory=settings))


def test_without_a_cache_nothing_is_known_offline() -> None:
    """9.1.2."""
    found = cached(factory={"AuthorizationCacheEnabled": "false"})
    assert not start(found)


def test_the_cache_outlives_a_restart_and_serves_before_the_link_is_up() -> None:
    """3.5.1."""
    found = cached()
    found.boot()
    assert start(found)


def test_tags_compare_case_insensitively_and_leave_as_presented() -> None:
    """Errata 3.73."""
    found = cached("DeadBeef")
    assert start(found, "dEADbEEF")
    found.swipe("DEADBEEF")
    assert found.state.transactions.on(1) is None
    found.connect()
    assert found.sent("StartTransaction")[0]["idTag"] == "dEADbEEF"
    assert found.sent("StopTransaction")[0]["idTag"] == "DEADBEEF"


def test_a_station_that_no_csms_has_ever_accepted_starts_nothing() -> None:
    """4.2.1, errata 3.11."""
    found = station(factory=OFFLINE_FOR_ALL).boot()
    assert not start(found)
    assert denials(found) == ["never accepted by this CSMS"]


def test_another_csms_url_makes_the_station_a_stranger_again() -> None:
    """4.2.1: with the present connection settings."""
    found = cached()
    found.description = station(csms_url="ws://elsewhere.example/").description
    found.boot()
    assert not start(found)
    assert denials(found) == ["never accepted by this CSMS"]


def test_a_boot_without_an_answer_counts_as_offline() -> None:
    found = cached()
    found.csms = None
    found.boot()
    found.connect()
    assert start(found)
    assert found.actions() == ["BootNotification"]


def test_pending_counts_as_offline_too() -> None:
    found = cached()
    found.csms = answering(BootNotification={"status": "Pending", "currentTime": utc(), "interval": 60})
    found.boot()
    found.connect()
    assert start(found)


def test_rejected_refuses_new_starts_and_lets_a_running_transaction_go_on() -> None:
    found = cached(connectors=2, power_loss_policy="resume")
    assert start(found)
    found.csms = answering(BootNotification={"status": "Rejected", "currentTime": utc(), "interval": 600})
    found.boot(pilots={1: "C"})
    found.connect()
    found.plug(2)
    found.swipe(TAG, 2)
    assert denials(found) == ["rejected by the CSMS"]
    assert found.status(1) == "Charging"


# A call that the link takes with it


def test_an_authorize_that_the_link_takes_with_it_is_decided_offline() -> None:
    """3.5."""
    found = station().online()
    found.csms = answering(Authorize=None)
    found.plug()
    found.swipe()
    found.disconnect()
    assert denials(found) == ["Offline"]
    assert found.state.outbox.pending == 0


def test_an_authorize_that_the_link_takes_with_it_starts_where_unknown_tags_may() -> None:
    """3.5.4."""
    found = station(factory=OFFLINE_FOR_ALL).online()
    found.csms = answering(Authorize=None)
    found.plug()
    found.swipe()
    found.disconnect()
    assert found.state.transactions.on(1) is not None


@pytest.mark.parametrize("silence", [None, "InternalError"])
def test_an_authorize_that_is_not_answered_or_refused_by_an_error_is_decided_offline(silence: str | None) -> None:
    """MessageTimeout, or a CALLERROR."""
    found = station(factory=OFFLINE_FOR_ALL).online()
    found.csms = answering(Authorize=silence)
    found.plug()
    found.swipe()
    found.advance(29)
    assert (found.state.transactions.on(1) is None) == (silence is None)
    found.advance(1)
    assert found.state.transactions.on(1) is not None


def test_an_unlock_connector_that_waits_ends_with_its_link() -> None:
    """A closed link ends it."""
    found = charging()
    found.has_lock_feedback = False
    found.ask("UnlockConnector", {"connectorId": 1})
    assert len(found.state.link.open_calls) == 1
    found.disconnect()
    found.advance(10)
    assert not found.state.link.open_calls
    assert [event for event in found.events(CallAnswered) if event.action == "UnlockConnector"] == []


# What is kept, and what is not


def test_samples_of_the_outage_leave_oldest_first_without_a_gap() -> None:
    """TC_036, 3.7."""
    found = charging(station(factory={"MeterValueSampleInterval": "30"})).forget()
    found.advance(30)
    found.disconnect()
    found.advance(150)
    found.connect()
    found.advance(30)
    stamps = [payload["meterValue"][0]["timestamp"] for payload in found.sent("MeterValues")]
    assert stamps == [utc(1 + 30 * number) for number in range(1, 8)]
    assert {payload["meterValue"][0]["sampledValue"][0]["context"] for payload in found.sent("MeterValues")} == {
        "Sample.Periodic"
    }
    assert "BootNotification" not in found.actions()


def test_a_stop_of_the_outage_is_reported_with_its_tag_and_time() -> None:
    """TC_038."""
    found = charging().forget()
    found.disconnect()
    found.advance(50)
    found.charge(500)
    found.swipe()
    found.advance(100)
    found.connect()
    stop = found.sent("StopTransaction")[0]
    assert stop == {
        "transactionId": 9001,
        "timestamp": utc(51),
        "meterStop": 1500,
        "idTag": TAG,
        "reason": "Local",
    }
    assert found.statuses() == ["Finishing"]


def test_a_whole_session_of_the_outage_is_reported_start_first_with_the_id_that_its_answer_gives() -> None:
    """TC_039, lessons on offline queues."""
    found = cached()
    assert start(found)
    found.advance(130)
    found.swipe()
    found.unplug()
    found.boot()
    found.connect()
    told = [action for action in found.actions() if action.endswith(("Transaction", "MeterValues"))]
    assert told == ["StartTransaction", "MeterValues", "MeterValues", "StopTransaction"]
    assert found.sent("StopTransaction")[0]["transactionId"] == 9001
    assert len(found.state.transactions.by_number) == 0


def test_a_finished_session_that_waits_to_be_told_does_not_block_the_next() -> None:
    """Lessons on offline queues."""
    found = cached()
    for _ in range(5):
        assert start(found)
        found.advance(20)
        found.swipe()
        found.unplug()
    found.connect()
    told = [action for action in found.actions() if action.endswith("Transaction")]
    assert told == ["StartTransaction", "StopTransaction"] * 5
    assert [payload["transactionId"] for payload in found.sent("StopTransaction")] == [9001, 9002, 9003, 9004, 9005]


def test_an_offline_start_that_the_csms_does_not_accept_is_stopped() -> None:
    """3.5.4, TC_037_3."""
    found = cached()
    assert start(found)
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Invalid"}, "transactionId": 7})
    found.connect()
    assert found.sent("StopTransaction")[0]["reason"] == "DeAuthorized"
    assert found.statuses() == ["Charging", "Finishing"]


def test_only_the_current_status_is_reported_after_an_outage() -> None:
    """4.9: no history."""
    found = station().online().forget()
    found.disconnect()
    found.plug(pilot="B")
    found.unplug()
    found.plug(pilot="B")
    found.connect()
    assert found.statuses() == ["Preparing"]


def test_a_status_that_is_what_it_was_before_the_outage_is_not_reported_again() -> None:
    """4.9."""
    found = station().online().forget()
    found.disconnect()
    found.plug(pilot="B")
    found.unplug()
    found.connect()
    assert found.actions() == []


def test_a_status_that_the_outage_swallowed_is_told_again() -> None:
    """4.9: it was sent and not answered."""
    found = station().online().forget()
    found.csms = answering(StatusNotification=None)
    found.plug(pilot="B")
    found.disconnect()
    found.csms = answering()
    found.connect()
    assert found.statuses() == ["Preparing", "Preparing"]


def test_a_heartbeat_is_not_kept_for_later() -> None:
    """4.6."""
    found = station().online().forget()
    found.csms = answering(Heartbeat=None)
    found.advance(300)
    found.disconnect()
    found.advance(2000)
    found.csms = answering()
    found.connect()
    found.advance(1)
    assert found.actions() == ["Heartbeat", "Heartbeat"]  # the second is due anew, not the first one kept


def test_a_restart_tells_every_status() -> None:
    """4.9, errata 3.22."""
    found = station(connectors=2).online().forget()
    found.boot()
    found.connect()
    assert found.actions() == ["BootNotification"] + [f"StatusNotification {number} Available" for number in (0, 1, 2)]


# Coming back (OCPP-J 5.4, errata 3.3)


def due_in_s(found: StationUnderTest) -> float:
    due_ms = found.state.link.connect_due_ms
    assert due_ms is not None
    return (due_ms - found.at_ms) / 1000


def test_reconnections_back_off_to_the_maximum_and_spread_by_chance() -> None:
    """OCPP-J errata 3.3."""
    found = station(reconnect_max_ms=20_000).online()
    waits = []
    found.observe(LinkClosed(connection=1, reason="gone", entropy=0))
    for entropy in (0, 0, 999, 0, 999, 999, 999):
        waits.append(due_in_s(found))
        found.advance(due_in_s(found))
        assert found.state.link.connect_wanted
        found.observe(ConnectFailed(reason="refused", entropy=entropy))
    assert waits == [0.5, 1, 2, 7.996, 8, 19.99, 19.99]


def test_a_link_that_opens_but_says_nothing_does_not_end_the_back_off() -> None:
    """OCPP-J errata 3.3: a server that accepts and drops is not hammered."""
    found = station().online()
    found.csms = None
    found.observe(LinkClosed(connection=1, reason="gone", entropy=0))
    waits = []
    for _ in range(4):
        waits.append(due_in_s(found))
        found.connect()
        found.observe(LinkClosed(connection=found.state.link.connection, reason="gone", entropy=0))
    assert waits == sorted(set(waits))


def test_a_network_that_is_back_is_tried_at_once() -> None:
    found = station().online()
    for _ in range(10):
        found.observe(ConnectFailed(reason="refused", entropy=500))
    assert due_in_s(found) > 100
    found.observe(NetworkRestored())
    assert found.state.link.connect_wanted
    assert found.state.link.connect_due_ms is None


def test_a_frame_of_a_connection_that_is_closed_changes_nothing() -> None:
    found = charging().forget()
    found.csms = answering(MeterValues=None)
    found.advance(60)
    found.disconnect()
    before = found.state.outbox
    found.answer({})
    assert found.state.outbox == before
