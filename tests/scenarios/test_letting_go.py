"""Energy is asked back before it is cut: at an ordinary end of the offer the pilot goes steady first (IEC 61851-1, A.5.3)."""

from collections.abc import Callable
from typing import Any

import pytest

from eventstore.catalogue.connectors import EnergyAskedBack
from eventstore.catalogue.hardware import ContactorObserved, EmergencyStopObserved, MainsObserved, MeterFailed
from eventstore.catalogue.lifecycle import StationStopping
from eventstore.catalogue.maintenance import ResetDue
from eventstore.catalogue.transactions import HeldFor, TransactionEnding, TransactionStopped
from station.rules import outputs
from tests.given import OTHER_TAG, TAG, StationUnderTest, answering, charging, station, utc


def drawing(found: StationUnderTest | None = None) -> StationUnderTest:
    """Charging, the contactor closed, 200 Wh on the meter."""
    found = charging(found)
    found.observe(ContactorObserved(connector_id=1, closed=True))
    found.charge(200)
    return found.forget()


def is_kept_closed(found: StationUnderTest) -> bool:
    return outputs.wanted(found.state, 1).outputs.contactor_closed


def is_offered(found: StationUnderTest) -> bool:
    return outputs.wanted(found.state, 1).outputs.duty_permille != outputs.STEADY


def contactor_opens(found: StationUnderTest) -> None:
    """The contactor is open, and the meter is read after that."""
    found.read_meter()
    found.observe(ContactorObserved(connector_id=1, closed=False))


def lets_go(found: StationUnderTest, drawn_wh: int = 7) -> None:
    """The vehicle draws a little more, leaves C, and the reflex opens."""
    found.charge(drawn_wh)
    found.pilot("B")
    contactor_opens(found)


def stops(found: StationUnderTest) -> list[dict[str, Any]]:
    return found.sent("StopTransaction")


def test_at_a_stop_the_pilot_goes_steady_first_and_the_register_is_the_one_behind_the_open_contactor() -> None:
    found = drawing()
    found.advance(10)
    found.swipe(TAG)
    assert (is_kept_closed(found), is_offered(found)) == (True, False)
    assert found.state.connectors[1].locked
    assert found.actions() == [], "what has not ended is not told"
    assert found.status() == "Charging"
    found.advance(0.2)
    lets_go(found)
    assert found.actions() == ["StopTransaction", "StatusNotification 1 Finishing"]
    (stop,) = stops(found)
    assert (stop["reason"], stop["idTag"], stop["meterStop"]) == ("Local", TAG, 1_207)
    assert stop["timestamp"] == utc(11.2)
    assert not found.state.connectors[1].locked


def test_a_vehicle_that_never_lets_go_has_three_seconds() -> None:
    found = drawing()
    found.swipe(TAG)
    found.advance(2.999)
    assert is_kept_closed(found)
    found.advance(0.001)
    assert not is_kept_closed(found)
    assert stops(found) == []
    found.charge(9)
    contactor_opens(found)
    assert [stop["meterStop"] for stop in stops(found)] == [1_209]
    assert found.advance(60) is not None
    assert len(found.events(TransactionStopped)) == 1


def remote_stop(found: StationUnderTest) -> None:
    answer = found.ask("RemoteStopTransaction", {"transactionId": 9001})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}


WORDS: dict[str, Callable[[StationUnderTest], object]] = {
    "Local": lambda found: found.swipe(TAG),
    "Remote": remote_stop,
    "UnlockCommand": lambda found: found.ask("UnlockConnector", {"connectorId": 1}),
    "SoftReset": lambda found: found.ask("Reset", {"type": "Soft"}),
    "HardReset": lambda found: found.ask("Reset", {"type": "Hard"}),
    "Reboot": lambda found: found.observe(StationStopping(why="SIGTERM")),
}


@pytest.mark.parametrize("reason", WORDS)
def test_each_ordinary_word_asks_the_energy_back(reason: str) -> None:
    found = drawing()
    WORDS[reason](found)
    assert (is_kept_closed(found), is_offered(found), found.state.connectors[1].locked) == (True, False, True)
    assert stops(found) == []
    lets_go(found)
    assert [stop["reason"] for stop in stops(found)] == [reason]


def test_a_start_that_the_csms_does_not_accept_ends_as_gently_and_keeps_the_cable() -> None:
    found = station()
    found.csms = answering(StartTransaction=None)
    charging(found)
    start = next(call for call in found.calls if call.action == "StartTransaction")
    found.observe(ContactorObserved(connector_id=1, closed=True))
    found.csms = answering()
    said = {"status": "Invalid", "parentIdTag": "FAMILY"}
    found.answer({"idTagInfo": said, "transactionId": 9001}, call=start)
    assert (is_kept_closed(found), is_offered(found)) == (True, False)
    lets_go(found)
    assert [stop["reason"] for stop in stops(found)] == ["DeAuthorized"]
    assert found.state.connectors[1].held_for == HeldFor(id_tag=TAG, parent_id_tag="FAMILY")
    assert found.state.connectors[1].locked


AT_ONCE: dict[str, Callable[[StationUnderTest], object]] = {
    "Other": lambda found: found.fault("GroundFailure"),
    "EmergencyStop": lambda found: found.observe(EmergencyStopObserved(pressed=True)),
    "EVDisconnected": lambda found: found.unplug_car(),
    "PowerLoss": lambda found: found.observe(MainsObserved(present=False), StationStopping(why="MainsLost")),
}


@pytest.mark.parametrize("reason", AT_ONCE)
def test_what_is_wrong_waits_for_nothing(reason: str) -> None:
    found = drawing()
    AT_ONCE[reason](found)
    assert not is_kept_closed(found)
    assert [event.reason for event in found.events(TransactionStopped)] == [reason]
    assert not found.events(TransactionEnding)
    assert not found.events(EnergyAskedBack)


@pytest.mark.parametrize("harm", AT_ONCE)
def test_what_goes_wrong_meanwhile_opens_at_once_and_the_first_word_is_told(harm: str) -> None:
    found = drawing()
    found.swipe(TAG)
    AT_ONCE[harm](found)
    assert not is_kept_closed(found)
    contactor_opens(found)
    ended = found.events(TransactionStopped)
    assert [(event.reason, event.id_tag) for event in ended] == [("Local", TAG)]


def test_a_meter_that_fails_meanwhile_leaves_the_last_register_and_says_so() -> None:
    found = drawing()
    found.swipe(TAG)
    found.observe(MeterFailed(connector_id=1, reason="no answer"))
    assert not is_kept_closed(found)
    found.observe(ContactorObserved(connector_id=1, closed=False))
    (ended,) = found.events(TransactionStopped)
    assert (ended.meter_stop_wh, ended.meter_stale, ended.reason) == (1_200, True, "Local")


@pytest.mark.parametrize("word", WORDS)
def test_a_second_word_meanwhile_changes_nothing_of_the_first(word: str) -> None:
    found = drawing()
    found.swipe(TAG)
    found.advance(1)
    WORDS[word](found)
    found.swipe(OTHER_TAG)
    assert is_kept_closed(found)
    assert len(found.events(TransactionEnding)) == 1
    lets_go(found)
    assert [(stop["reason"], stop["idTag"]) for stop in stops(found)] == [("Local", TAG)]


def test_a_second_word_gives_no_more_time() -> None:
    found = drawing()
    found.swipe(TAG)
    found.advance(2)
    remote_stop(found)
    found.advance(0.999)
    assert is_kept_closed(found)
    found.advance(0.001)
    assert not is_kept_closed(found)


def test_unlock_connector_opens_the_lock_behind_the_contactor_and_then_answers() -> None:
    """5.18."""
    found = drawing()
    assert found.ask("UnlockConnector", {"connectorId": 1}) is None
    assert not outputs.wanted(found.state, 1).unlock
    lets_go(found)
    assert not found.state.connectors[1].locked
    assert [answer.payload for answer in found.answers if answer.action == "UnlockConnector"] == [
        {"status": "Unlocked"}
    ]


def test_a_pause_is_told_at_once_and_opens_when_the_vehicle_has_let_go() -> None:
    found = drawing()
    limited_to(found, 0)
    assert found.actions() == ["StatusNotification 1 SuspendedEVSE"]
    assert (is_kept_closed(found), is_offered(found)) == (True, False)
    lets_go(found)
    assert not is_kept_closed(found)
    assert found.status() == "SuspendedEVSE"
    assert stops(found) == []


def test_a_limit_that_is_raised_in_time_never_opens_the_contactor_and_the_next_pause_has_its_full_time() -> None:
    found = drawing()
    for _ in range(2):
        limited_to(found, 0)
        found.advance(2.9)
        assert is_kept_closed(found)
        limited_to(found, 16)
        assert (is_kept_closed(found), is_offered(found)) == (True, True)
        found.advance(20)
        assert is_kept_closed(found)
    assert len(found.events(EnergyAskedBack)) == 2


def limited_to(found: StationUnderTest, amperes: int) -> None:
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amperes}],
        "startSchedule": "2025-12-31T00:00:00Z",
    }
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 1,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
    }
    answer = found.ask("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": profile})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}


def paused() -> StationUnderTest:
    """By a limit of 0; the vehicle has let go."""
    found = drawing()
    limited_to(found, 0)
    lets_go(found)
    assert found.status() == "SuspendedEVSE"
    return found.forget()


def test_a_paused_vehicle_that_is_offered_a_current_again_has_a_moment_to_ask_for_it() -> None:
    """4.9: a vehicle that takes a second to follow the pilot does not pause by itself."""
    found = paused()
    limited_to(found, 10)
    found.advance(1)
    assert found.actions() == []
    found.pilot("C")
    assert found.actions() == ["StatusNotification 1 Charging"]


def test_a_vehicle_that_does_not_ask_for_it_within_that_moment_pauses_by_itself() -> None:
    found = paused()
    limited_to(found, 10)
    found.advance(4.999)
    assert found.actions() == []
    found.advance(0.001)
    assert found.actions() == ["StatusNotification 1 SuspendedEV"]


def test_a_pause_that_comes_again_within_that_moment_is_ours_all_the_time() -> None:
    found = paused()
    limited_to(found, 10)
    found.advance(3)
    limited_to(found, 0)
    found.advance(30)
    assert found.sent("StatusNotification") == []
    assert found.status() == "SuspendedEVSE"


def test_a_vehicle_that_lets_go_a_moment_after_it_is_offered_a_current_again_has_not_paused() -> None:
    found = drawing()
    limited_to(found, 0)
    limited_to(found, 10)
    assert found.status() == "Charging"
    found.forget()
    found.pilot("B")
    assert found.sent("StatusNotification") == []
    found.pilot("C")
    assert found.sent("StatusNotification") == []
    found.pilot("B")
    assert found.status() == "SuspendedEV", "this time by itself"


def test_a_stop_during_a_pause_that_has_not_opened_yet_has_what_is_left_of_its_time() -> None:
    found = drawing()
    limited_to(found, 0)
    found.advance(2)
    found.swipe(TAG)
    assert stops(found) == []
    found.advance(1)
    assert not is_kept_closed(found)
    contactor_opens(found)
    assert [stop["reason"] for stop in stops(found)] == ["Local"]


@pytest.mark.parametrize("policy", ["stop", "resume"])
def test_a_power_cut_meanwhile_ends_it_at_the_next_boot_for_the_reason_that_was_given(policy: str) -> None:
    found = drawing(station(power_loss_policy=policy))
    found.swipe(TAG)
    found.charge(20)
    found.boot(pilots={1: "C"}, orderly=False).connect()
    assert not is_kept_closed(found)
    (stop,) = stops(found)
    assert (stop["reason"], stop["idTag"], stop["meterStop"]) == ("Local", TAG, 1_220)


def test_a_contactor_that_does_not_say_that_it_is_open_holds_the_stop_up_for_a_second() -> None:
    found = drawing()
    found.swipe(TAG)
    found.advance(3.999)
    assert stops(found) == []
    found.advance(0.001)
    assert [stop["reason"] for stop in stops(found)] == ["Local"]


def test_a_contactor_that_is_welded_holds_the_stop_up_no_longer_than_it_takes_to_find_out() -> None:
    found = drawing()
    found.swipe(TAG)
    found.advance(3)
    found.observe(ContactorObserved(connector_id=1, closed=True, fault="welded"))
    assert [stop["reason"] for stop in stops(found)] == ["Local"]
    assert found.status() == "Faulted"


def test_a_reset_waits_for_the_vehicle_though_the_csms_cannot_be_told() -> None:
    """5.14, errata 3.36."""
    found = drawing()
    found.ask("Reset", {"type": "Soft"})
    found.disconnect()
    found.advance(1)
    assert not found.events(ResetDue)
    lets_go(found)
    assert found.events(TransactionStopped)
    assert found.events(ResetDue)


def test_a_hard_reset_waits_two_seconds_and_tells_the_stop_after_the_boot() -> None:
    """5.14: it need not wait; the process that ends opens the contactor."""
    found = drawing()
    found.ask("Reset", {"type": "Hard"})
    found.advance(1.999)
    assert is_kept_closed(found)
    assert not found.events(ResetDue)
    found.advance(0.001)
    assert found.events(ResetDue)
    assert not is_kept_closed(found)
    found.boot(pilots={1: "C"}).connect()
    assert [stop["reason"] for stop in stops(found)] == ["HardReset"]


def test_a_process_that_ends_asks_the_energy_back_of_a_transaction_that_will_go_on() -> None:
    found = drawing(station(power_loss_policy="resume"))
    found.observe(StationStopping(why="SIGTERM"))
    assert (is_kept_closed(found), is_offered(found)) == (True, False)
    assert not found.events(TransactionEnding)
    found.boot(pilots={1: "C"}).connect()
    assert stops(found) == []
    assert found.status() == "Charging"


def test_another_tag_starts_nothing_before_the_contactor_is_open() -> None:
    found = drawing()
    found.swipe(TAG)
    found.swipe(OTHER_TAG)
    assert found.state.connectors[1].grant is None
    lets_go(found)
    found.swipe(OTHER_TAG)
    assert found.state.connectors[1].transaction_number == 2


def test_what_a_driver_stops_is_free_for_the_others_once_its_vehicle_has_had_its_time() -> None:
    """3.13.3: the share falls with the word, not with the contactor."""
    found = drawing(station(connectors=2, supply_current_ma=32_000))
    found.plug(2)
    found.swipe(OTHER_TAG, 2)
    found.advance(10)
    assert found.state.connectors[2].limit_ma == 16_000
    found.swipe(TAG, 1)
    assert found.state.connectors[1].limit_ma == 0
    found.advance(4.999)
    assert found.state.connectors[2].limit_ma == 16_000
    found.advance(0.001)
    assert found.state.connectors[2].limit_ma == 32_000


def test_a_word_on_the_start_that_comes_meanwhile_changes_nothing_of_the_end() -> None:
    """Not even ConcurrentTx, which would be asked about again."""
    for status in ("Invalid", "ConcurrentTx"):
        found = station()
        found.csms = answering(StartTransaction=None)
        charging(found)
        start = next(call for call in found.calls if call.action == "StartTransaction")
        found.observe(ContactorObserved(connector_id=1, closed=True))
        found.swipe(TAG)
        found.csms = answering()
        found.answer({"idTagInfo": {"status": status}, "transactionId": 9001}, call=start)
        assert found.state.authorization.postponed == ()
        lets_go(found)
        assert [stop["reason"] for stop in stops(found)] == ["Local"]
        found.advance(300)
