"""ConcurrentTx for a tag whose own StopTransaction is still owed: no refusal yet (7.2), the tag is asked about again."""

from typing import Any

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationPostponed, AuthorizeQueued
from eventstore.catalogue.hardware import ContactorObserved
from eventstore.catalogue.transactions import TransactionStopped
from tests.given import OTHER_TAG, TAG, Csms, SentCall, StationUnderTest, answering, charging, station

CONCURRENT: dict[str, Any] = {"idTagInfo": {"status": "ConcurrentTx"}}
TIMEOUT_S = 60
UNKNOWN_OFFLINE = {"AllowOfflineTxForUnknownId": "true"}


def running(found: StationUnderTest) -> list[int]:
    return [transaction.connector_id for transaction in found.state.transactions.running()]


def denied(found: StationUnderTest) -> list[tuple[int | None, str]]:
    return [(event.connector_id, event.reason) for event in found.events(AuthorizationDenied)]


def one_at_a_time(found: StationUnderTest, **info: Any) -> Csms:
    """A CSMS that allows a tag one transaction, and that leaves StopTransaction open until the test answers it."""

    def say(call: SentCall) -> dict[str, Any]:
        is_over = found.state.transactions.by_number.get(1) is None
        return {"idTagInfo": {"status": "Accepted" if is_over else "ConcurrentTx", **info}}

    return answering(Authorize=say, StopTransaction=None)


def stopped_offline(
    connectors: int = 1, reader: int | None = 1, again: str = TAG, plugged: bool = True, **settings: Any
) -> StationUnderTest:
    """TAG stopped offline, plugs in anew and presents itself while the queue is told: Authorize overtakes its stop."""
    factory = {"MeterValueSampleInterval": "10", **settings.pop("factory", {})}
    found = station(connectors=connectors, factory=factory, **settings)
    charging(found)
    found.disconnect()
    found.advance(10)
    found.swipe(TAG, 1)
    found.unplug()
    found.forget()
    if plugged:
        found.plug()
    found.csms = answering(MeterValues=None)
    found.connect()
    assert found.calls[-1].action == "MeterValues"
    found.swipe(again, reader)
    found.csms = one_at_a_time(found)
    found.answer({}, call=found.last("MeterValues"))
    assert found.calls[-1].action == "StopTransaction"
    return found


def answer_the_stop(found: StationUnderTest) -> None:
    found.answer({}, call=found.last("StopTransaction"))


def asked(found: StationUnderTest) -> list[str]:
    return [payload["idTag"] for payload in found.sent("Authorize")]


@pytest.mark.parametrize("again", [TAG, TAG.lower()])
def test_a_driver_who_stopped_offline_starts_once_his_stop_has_been_answered(again: str) -> None:
    """idTags compare case-insensitively (errata 3.73)."""
    found = stopped_offline(again=again)
    assert asked(found) == [again]
    assert denied(found) == []
    assert running(found) == []
    answer_the_stop(found)
    assert asked(found) == [again, again]
    assert found.sent("StartTransaction")[0]["idTag"] == again
    assert running(found) == [1]
    assert found.state.authorization.postponed == ()


def test_the_word_is_not_cached_because_it_says_nothing_of_the_tag() -> None:
    found = stopped_offline()
    cached = found.state.authorization.cached(TAG)
    assert cached is not None
    assert cached.status == "Accepted"


def test_a_second_concurrent_tx_is_a_refusal() -> None:
    """Then it is about another transaction."""
    found = stopped_offline()
    found.csms = answering(Authorize=CONCURRENT)
    answer_the_stop(found)
    assert len(asked(found)) == 2
    assert denied(found) == [(1, "ConcurrentTx")]
    assert running(found) == []
    cached = found.state.authorization.cached(TAG)
    assert cached is not None
    assert cached.status == "ConcurrentTx"


@pytest.mark.parametrize("status", ["Blocked", "Invalid", "Expired"])
def test_any_other_refusal_is_one_at_once(status: str) -> None:
    found = station(factory={"MeterValueSampleInterval": "10"})
    charging(found)
    found.csms = answering(StopTransaction=None, Authorize={"idTagInfo": {"status": status}})
    found.swipe(TAG, 1)
    found.unplug()
    found.plug()
    found.swipe(TAG, 1)
    found.advance(30)
    assert denied(found) == [(1, status)]


def test_a_tag_that_owes_no_stop_is_refused_at_once() -> None:
    """Somebody else's stop is owed, or the tag's own session runs."""
    found = stopped_offline(again=OTHER_TAG)
    assert denied(found) == [(1, "ConcurrentTx")]
    answer_the_stop(found)
    assert asked(found) == [OTHER_TAG]
    found = station(connectors=2)
    charging(found)
    found.csms = answering(Authorize=CONCURRENT)
    found.plug(2)
    found.swipe(TAG, 2)
    assert denied(found) == [(2, "ConcurrentTx")]


def test_a_stop_that_was_given_up_is_owed_no_more() -> None:
    found = stopped_offline(factory={"TransactionMessageAttempts": "1"})
    assert denied(found) == []
    found.answer_error("InternalError", call=found.last("StopTransaction"))
    assert len(asked(found)) == 2
    assert running(found) == [1]


def test_the_stop_of_its_group_counts_as_the_tags_own() -> None:
    """A CSMS may allow one transaction to a family (3.10)."""
    found = station(factory={"MeterValueSampleInterval": "10"})
    family = {"idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}
    found.csms = answering(Authorize=family)
    charging(found)
    found.disconnect()
    found.advance(10)
    found.swipe(TAG, 1)
    found.csms = answering(MeterValues=None)
    found.connect()
    found.swipe(OTHER_TAG, 1)
    found.csms = one_at_a_time(found, parentIdTag="family")
    found.answer({}, call=found.last("MeterValues"))
    assert denied(found) == []
    answer_the_stop(found)
    assert running(found) == [1]


def test_it_is_refused_when_connection_time_out_has_passed() -> None:
    found = stopped_offline(factory={"ConnectionTimeOut": str(TIMEOUT_S), "MessageTimeout": "300"})
    found.advance(TIMEOUT_S - 0.001)
    assert denied(found) == []
    assert found.status() == "Preparing"
    found.advance(0.001)
    assert denied(found) == [(1, "ConcurrentTx")]
    assert found.status() == "Finishing"
    answer_the_stop(found)
    assert len(asked(found)) == 1
    assert running(found) == []


def test_without_connection_time_out_it_waits_as_long_as_the_stop_does() -> None:
    found = stopped_offline(factory={"ConnectionTimeOut": "0", "MessageTimeout": "3600"})
    found.advance(3000)
    answer_the_stop(found)
    assert running(found) == [1]


@pytest.mark.parametrize("reader", [1, None])
def test_a_tag_that_is_presented_again_meanwhile_goes_on_waiting(reader: int | None) -> None:
    for connectors in (1, 2):
        found = stopped_offline(connectors=connectors, reader=reader)
        found.swipe(TAG.lower(), reader)
        assert len(found.events(AuthorizeQueued)) == 2  # one of them for the first session
        answer_the_stop(found)
        assert running(found) == [1]


def test_a_tag_that_waits_for_a_cable_gets_the_one_that_is_plugged_in_meanwhile() -> None:
    found = stopped_offline(connectors=2, reader=None, plugged=False)
    found.plug(2)
    assert running(found) == []
    answer_the_stop(found)
    assert running(found) == [2]


def test_a_tag_that_waits_for_a_cable_goes_on_waiting_for_it() -> None:
    found = stopped_offline(connectors=2, reader=None, plugged=False)
    answer_the_stop(found)
    assert found.state.connectors.waiting is not None
    found.plug(2)
    assert running(found) == [2]


def test_another_tag_at_the_common_reader_is_not_given_the_cable_of_one_who_waits() -> None:
    found = stopped_offline(connectors=2, reader=None)
    found.csms = answering(StopTransaction=None)
    found.plug(2)
    found.swipe(OTHER_TAG)
    answer_the_stop(found)
    assert [(item.connector_id, item.id_tag) for item in found.state.transactions.running()] == [
        (1, TAG),
        (2, OTHER_TAG),
    ]


def test_another_tag_that_is_let_in_at_the_connector_ends_the_wait() -> None:
    found = stopped_offline()
    found.ask("ChangeConfiguration", {"key": "LocalPreAuthorize", "value": "true"})
    entries = [{"idTag": OTHER_TAG, "idTagInfo": {"status": "Accepted"}}]
    found.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries})
    found.swipe(OTHER_TAG, 1)
    assert denied(found)[0][0] == 1
    answer_the_stop(found)
    assert len(asked(found)) == 1
    assert [item.id_tag for item in found.state.transactions.running()] == [OTHER_TAG]


def test_a_fault_at_the_connector_ends_the_wait() -> None:
    found = stopped_offline()
    found.fault("GroundFailure")
    assert denied(found) == [(1, "GroundFailure")]
    answer_the_stop(found)
    assert len(asked(found)) == 1


def test_if_the_link_goes_the_offline_rules_may_let_it_start() -> None:
    """3.5: the cache still holds what the CSMS last said of the tag itself."""
    found = stopped_offline()
    found.disconnect()
    assert running(found) == [1]


def test_if_the_offline_rules_do_not_it_is_asked_about_again_after_the_reconnect() -> None:
    found = stopped_offline(factory={"LocalAuthorizeOffline": "false"})
    found.disconnect()
    assert denied(found) == []
    found.advance(5)
    found.csms = one_at_a_time(found)
    found.connect()
    answer_the_stop(found)
    assert running(found) == [1]


def test_who_presented_a_tag_before_the_power_went_is_no_longer_there() -> None:
    found = stopped_offline()
    found.boot(pilots={1: "C"}, orderly=False)
    found.csms = answering()
    found.connect()
    found.advance(30)
    assert running(found) == []
    found.swipe(TAG, 1)
    assert running(found) == [1]


def test_a_stop_after_a_power_cut_is_the_tags_own_too() -> None:
    """The station stops what the cut interrupted, and the driver is asked about before the CSMS has heard of it."""
    found = station(factory={"MeterValueSampleInterval": "10"})
    charging(found)
    found.disconnect()
    found.advance(10)
    found.boot(pilots={1: "C"}, orderly=False)
    found.csms = answering(MeterValues=None)
    found.forget().connect()
    found.swipe(TAG, 1)
    found.csms = one_at_a_time(found)
    found.answer({}, call=found.last("MeterValues"))
    assert found.sent("StopTransaction")[0]["reason"] == "PowerLoss"
    assert denied(found) == []
    answer_the_stop(found)
    assert running(found) == [1]


def test_a_remote_start_that_is_asked_about_waits_as_well_and_keeps_its_profile() -> None:
    factory = {"AuthorizeRemoteTxRequests": "true", "MeterValueSampleInterval": "10"}
    found = station(factory=factory)
    charging(found)
    found.disconnect()
    found.advance(10)
    found.swipe(TAG, 1)
    found.csms = answering(MeterValues=None)
    found.connect()
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}]},
    }
    answer = found.ask("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1, "chargingProfile": profile})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}
    found.csms = one_at_a_time(found)
    found.answer({}, call=found.last("MeterValues"))
    assert [item.remote for item in found.events(AuthorizationPostponed)] == [True]
    answer_the_stop(found)
    assert running(found) == [1]
    assert found.state.connectors[1].limit_ma == 8_000


# StartTransaction.conf ----------------------------------------------------------------------------------------------


def started_twice(**settings: Any) -> StationUnderTest:
    """TAG started on 1 and on 2 offline and stopped on 1: StartTransaction of 2 is answered before the stop of 1 leaves."""
    factory = {**UNKNOWN_OFFLINE, **settings.pop("factory", {})}
    found = station(connectors=2, factory=factory, **settings).online()
    found.disconnect()
    for number in (1, 2):
        found.plug(number)
        found.swipe(TAG, number)
    found.swipe(TAG, 1)
    assert running(found) == [2]
    starts: list[str] = []

    def start(call: SentCall) -> dict[str, Any]:
        starts.append(call.text)
        info = {"status": "Accepted" if len(starts) == 1 else "ConcurrentTx"}
        return {"idTagInfo": info, "transactionId": 100 + len(starts)}

    found.forget()
    found.csms = answering(StartTransaction=start, StopTransaction=None)
    found.connect()
    assert found.calls[-1].action == "StopTransaction"
    return found


def test_a_transaction_that_began_before_the_stop_was_told_runs_on_until_it_is_asked_about() -> None:
    found = started_twice()
    assert running(found) == [2]
    transaction = found.state.transactions.on(2)
    assert transaction is not None
    assert transaction.transaction_id == 102
    found.csms = answering()
    answer_the_stop(found)
    assert asked(found) == [TAG]
    found.advance(120)
    assert running(found) == [2]


@pytest.mark.parametrize("status", ["ConcurrentTx", "Blocked"])
def test_it_is_stopped_if_the_second_answer_is_a_refusal(status: str) -> None:
    found = started_twice()
    info = {"status": status, "parentIdTag": "FAMILY"}
    found.csms = answering(Authorize={"idTagInfo": info})
    answer_the_stop(found)
    assert running(found) == []
    assert found.sent("StopTransaction")[-1]["reason"] == "DeAuthorized"
    held = found.state.connectors[2].held_for
    assert held is not None
    assert held.parent_id_tag == "FAMILY"


def test_only_its_energy_ends_where_the_transaction_is_not_to_be_stopped() -> None:
    """9.1.24."""
    found = started_twice(factory={"StopTransactionOnInvalidId": "false"})
    found.csms = answering(Authorize=CONCURRENT)
    answer_the_stop(found)
    transaction = found.state.transactions.on(2)
    assert transaction is not None
    assert transaction.invalid_status == "ConcurrentTx"
    found.charge(1, 2)
    assert found.status(2) == "SuspendedEVSE"


def test_it_is_stopped_when_connection_time_out_has_passed() -> None:
    found = started_twice(factory={"ConnectionTimeOut": str(TIMEOUT_S), "MessageTimeout": "300"})
    found.advance(TIMEOUT_S - 0.001)
    assert running(found) == [2]
    found.advance(0.001)
    assert running(found) == []
    assert found.state.authorization.postponed == ()


def test_it_is_not_forgotten_over_a_power_cut_that_the_transaction_outlives() -> None:
    found = started_twice(power_loss_policy="resume", factory={"ConnectionTimeOut": "600"})
    found.disconnect()
    found.boot(pilots={2: "C"}, orderly=False)
    assert running(found) == [2]
    found.csms = answering(StopTransaction=None, Authorize=CONCURRENT)
    found.connect()
    answer_the_stop(found)
    assert running(found) == []


def test_unanswered_it_goes_on_if_the_offline_rules_let_the_tag_charge() -> None:
    for allowed, left in (("true", [2]), ("false", [])):
        found = started_twice()
        found.csms = answering(Authorize="InternalError")
        found.ask("ChangeConfiguration", {"key": "AllowOfflineTxForUnknownId", "value": allowed})
        found.ask("ClearCache")
        answer_the_stop(found)
        assert running(found) == left, allowed


def test_a_driver_who_stops_it_meanwhile_is_not_asked_about() -> None:
    found = started_twice()
    found.swipe(TAG, 2)
    assert running(found) == []
    assert found.state.authorization.postponed == ()
    found.csms = answering()
    answer_the_stop(found)
    assert asked(found) == []


def test_a_vehicle_that_draws_when_the_time_has_passed_is_asked_to_let_go_once() -> None:
    found = started_twice(factory={"ConnectionTimeOut": str(TIMEOUT_S), "MessageTimeout": "300"})
    found.observe(ContactorObserved(connector_id=2, closed=True))
    found.advance(TIMEOUT_S)
    assert running(found) == [2]
    assert found.state.authorization.postponed == ()
    found.pilot("B", 2)
    found.observe(ContactorObserved(connector_id=2, closed=False))
    assert running(found) == []
    assert [event.reason for event in found.events(TransactionStopped)][-1] == "DeAuthorized"


def test_a_stop_whose_vehicle_has_yet_to_let_go_is_owed_too() -> None:
    found = charging(station(connectors=2))
    found.observe(ContactorObserved(connector_id=1, closed=True))
    found.csms = one_at_a_time(found)
    found.swipe(TAG, 1)
    found.plug(2)
    found.swipe(TAG, 2)
    assert running(found) == [1]
    assert denied(found) == []
    found.csms = answering()
    found.pilot("B")
    found.observe(ContactorObserved(connector_id=1, closed=False))
    assert running(found) == [2]
