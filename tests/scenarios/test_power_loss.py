"""What becomes of a transaction that a power cut, a restart or an orderly end interrupts (lessons on power loss)."""

import pytest

from eventstore.catalogue.hardware import BoardOpened, MainsObserved, MeterFailed
from eventstore.catalogue.lifecycle import StationBooted, StationStopped, StationStopping
from eventstore.catalogue.transactions import (
    MeterDoubted,
    MeterResetFound,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from station.rules import outputs
from tests.given import TAG, UTC_2026_MS, StationUnderTest, answering, charging, station, utc


def cut(found: StationUnderTest, *, off_for_s: int = 600, **boot: object) -> StationUnderTest:
    """Power is lost that instant and comes back; the CSMS hears of it afterwards."""
    found.forget()
    found.at_ms += off_for_s * 1000
    found.boot(orderly=False, **boot)  # type: ignore[arg-type]  # as boot takes them
    return found


def stops(found: StationUnderTest) -> list[TransactionStopped]:
    return found.events(TransactionStopped)


def test_an_interrupted_transaction_is_stopped_once_with_power_loss() -> None:
    """4.10, TC_032_2; lessons: never two StopTransactions."""
    found = charging()
    cut(found, pilots={1: "C"}).connect()
    found.boot(pilots={1: "C"}, orderly=False)
    found.connect()
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["PowerLoss"]
    assert "idTag" not in found.sent("StopTransaction")[0]
    assert found.sent("StopTransaction")[0]["transactionId"] == 9001
    assert found.status() == "Finishing"


def test_it_is_stopped_as_of_the_last_moment_that_the_log_proves() -> None:
    """Never the boot's time: the energy was gone by then."""
    found = charging()
    found.advance(90)
    found.read_meter()
    cut(found, off_for_s=3600).connect()
    assert found.sent("StopTransaction")[0]["timestamp"] == utc(91)


def test_the_register_read_at_boot_is_its_meter_stop() -> None:
    """What flowed until the cut was not yet recorded."""
    found = charging()
    found.charge(400)
    found.energy_wh[1] += 35
    cut(found).connect()
    assert found.sent("StopTransaction")[0]["meterStop"] == 1435
    assert not stops(found)[0].meter_stale


def test_a_register_below_the_last_stored_one_is_a_reset_and_the_stored_one_stands() -> None:
    """Never meterStop below meterStart (lessons on the meter)."""
    found = charging()
    found.advance(50)
    found.charge(400)
    found.energy_wh[1] = 3
    cut(found).connect()
    assert found.sent("StopTransaction")[0]["meterStop"] == 1400
    assert stops(found)[0].meter_stale
    assert found.events(MeterResetFound) == []
    for _ in range(3):
        found.charge(10)
    assert [event.offset_wh for event in found.events(MeterResetFound)] == [1397]
    assert found.state.connectors[1].reading.energy_wh == 1430  # type: ignore[union-attr]  # it was read


@pytest.mark.parametrize("policy", ["stop", "resume"])
def test_a_meter_with_more_on_its_register_that_was_put_in_meanwhile_is_not_billed(policy: str) -> None:
    """Plausible is what the connector can have given in the time, 22 kW at most."""
    found = charging(station(power_loss_policy=policy, factory={"MeterValueSampleInterval": "0"}))
    found.advance(50)
    found.charge(400)
    found.energy_wh[1] = 654_321
    cut(found, pilots={1: "C"}).connect()
    for _ in range(3):
        found.charge(10)
    if policy == "resume":
        found.swipe()
    assert found.sent("StopTransaction")[0]["meterStop"] == (1400 if policy == "stop" else 1430)
    assert [event.offset_wh for event in found.events(MeterResetFound)] == [1400 - 654_321]
    assert found.state.connectors[1].reading.energy_wh == found.energy_wh[1] + 1400 - 654_321  # type: ignore[union-attr]


@pytest.mark.parametrize(("risen_wh", "counts"), [(11_600, True), (11_700, False)])
def test_what_can_have_flowed_until_the_power_went_is_billed_and_not_a_watt_hour_more(
    risen_wh: int, counts: bool
) -> None:
    """3 x 230 V x 32 A for 600 s and the quarter of an hour that the log may not know of are 9200 Wh; a quarter more for a
    generous grid, 100 Wh for the step of a register that shows hundreds."""
    found = charging()
    found.advance(50)
    found.charge(400)
    found.energy_wh[1] += risen_wh
    cut(found, off_for_s=600).connect()
    assert found.sent("StopTransaction")[0]["meterStop"] == (1400 + risen_wh if counts else 1400)
    assert bool(found.events(MeterDoubted)) is not counts


def test_over_a_restart_a_quarter_of_an_hour_more_may_have_passed() -> None:
    """A board without a calendar clock does not know how long it was off; what flowed is billed all the same."""
    found = station()
    found.trusted = False
    found.csms = answering(BootNotification={"status": "Accepted", "currentTime": utc(1), "interval": 300})
    charging(found)
    found.energy_wh[1] += 5_000
    cut(found, off_for_s=0).connect()
    assert found.sent("StopTransaction")[0]["meterStop"] == 6_000


def test_another_meter_on_a_connector_that_nobody_used_is_taken_as_it_is() -> None:
    """Nobody pays for it: the register is told as the meter shows it."""
    found = station().online()
    found.energy_wh[1] = 654_321
    cut(found).connect()
    assert found.events(MeterResetFound) == []
    assert found.state.connectors[1].reading.energy_wh == 654_321  # type: ignore[union-attr]  # it was read


def test_the_quarter_of_an_hour_is_that_of_the_first_reading_of_a_process_only() -> None:
    """Later ones are held to what the wiring carries in half a minute."""
    found = charging(station(power_loss_policy="resume"))
    cut(found, pilots={1: "C"}).connect()
    found.charge(1_500)
    assert found.state.connectors[1].reading.energy_wh == 1_000  # type: ignore[union-attr]  # it was read
    assert len(found.events(MeterDoubted)) == 1


def test_a_meter_that_can_be_read_again_only_after_the_boot_may_be_another_too() -> None:
    found = charging(station(power_loss_policy="resume"))
    found.forget()
    found.meter_works = False
    cut(found, pilots={1: "C"}).connect()
    found.meter_works = True
    found.energy_wh[1] = 654_321
    found.read_meter()
    assert found.state.connectors[1].reading.energy_wh == 1_000  # type: ignore[union-attr]  # it was read before
    for _ in range(3):
        found.charge(5)
    assert found.state.connectors[1].reading.energy_wh == 1_015  # type: ignore[union-attr]  # it was read before
    assert len(found.events(MeterResetFound)) == 1


def test_a_meter_that_cannot_be_read_at_boot_leaves_the_last_stored_register_flagged() -> None:
    found = charging()
    found.advance(50)
    found.charge(400)
    found.observe(boot_event(found), found.description)
    found.observe(MeterFailed(connector_id=1, reason="no answer"), BoardOpened())
    assert (stops(found)[0].meter_stop_wh, stops(found)[0].meter_stale) == (1400, True)


def boot_event(found: StationUnderTest, *, orderly: bool = False, boot_id: str = "") -> StationBooted:
    found.boots += 1
    return StationBooted(
        boot=found.boots,
        installation="0000abcd",
        software_version="0.1.0",
        firmware_version="0.1.0",
        offset_ms=UTC_2026_MS,
        clock_trusted=True,
        orderly=orderly,
        boot_id=boot_id,
    )


@pytest.mark.parametrize(
    ("keeps_power", "ids", "reason"),
    [
        (False, ("one", "one"), "PowerLoss"),
        (True, ("one", "one"), "Reboot"),
        (True, ("one", "two"), "PowerLoss"),
        (True, ("", ""), "PowerLoss"),
    ],
)
def test_a_board_whose_kernel_kept_running_had_no_power_loss(
    keeps_power: bool, ids: tuple[str, str], reason: str
) -> None:
    """The kernel's boot id tells."""
    found = station(keeps_power=keeps_power)
    found.observe(boot_event(found, boot_id=ids[0]), found.description, BoardOpened())
    found.read_meter()
    charging(found)
    found.observe(boot_event(found, boot_id=ids[1]), found.description, BoardOpened())
    assert [stop.reason for stop in stops(found)] == [reason]


def test_an_orderly_end_without_stops_is_a_reboot() -> None:
    found = charging()
    found.boot(orderly=True)
    assert [stop.reason for stop in stops(found)] == ["Reboot"]


def test_sigterm_opens_the_contactor_and_stops_with_reboot() -> None:
    """Interrupted transactions, policy "stop"."""
    found = charging().forget()
    assert outputs.wanted(found.state, 1).outputs.contactor_closed
    found.observe(StationStopping(why="SIGTERM"))
    assert not outputs.wanted(found.state, 1).outputs.contactor_closed
    assert found.sent("StopTransaction")[0]["reason"] == "Reboot"
    assert found.statuses() == ["Finishing"]


def test_a_station_that_goes_down_starts_nothing_any_more() -> None:
    found = station().online()
    found.observe(StationStopping(why="SIGTERM"))
    found.plug()
    found.swipe()
    assert found.events(TransactionStarted) == []


def test_mains_loss_with_backup_power_stops_with_power_loss_before_the_end() -> None:
    """TC_032_1."""
    found = charging(station(backup_power_s=10)).forget()
    found.observe(MainsObserved(present=False), StationStopping(why="MainsLost"))
    assert found.sent("StopTransaction")[0]["reason"] == "PowerLoss"
    assert found.statuses() == ["Finishing"]
    found.observe(StationStopped(why="MainsLost"))
    found.forget()
    found.boot(pilots={1: "C"})
    found.connect()
    assert found.sent("StopTransaction") == []
    assert found.actions()[:1] == ["BootNotification"]
    assert found.statuses() == ["Finishing"]


def test_the_policy_resume_lets_it_go_on_while_the_vehicle_is_still_there() -> None:
    """Same transaction, same id, no second start (lessons on power loss)."""
    found = charging(station(power_loss_policy="resume"))
    found.charge(300)
    cut(found, pilots={1: "C"}).connect()
    assert len(found.events(TransactionResumed)) == 1
    assert found.status() == "Charging"
    assert outputs.wanted(found.state, 1).outputs.contactor_closed
    found.advance(60)
    assert [payload["transactionId"] for payload in found.sent("MeterValues")] == [9001]
    found.charge(200)
    found.swipe()
    assert found.sent("StopTransaction")[0]["meterStop"] == 1500
    assert len(found.events(TransactionStarted)) == 1


def test_the_policy_resume_stops_with_power_loss_where_the_vehicle_has_gone() -> None:
    found = charging(station(power_loss_policy="resume"))
    cut(found).connect()
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["PowerLoss"]
    assert found.status() == "Available"


@pytest.mark.parametrize("why", ["SIGTERM", "MainsLost"])
def test_the_policy_resume_leaves_it_open_at_an_orderly_end(why: str) -> None:
    """The contactor opens all the same."""
    found = charging(station(power_loss_policy="resume")).forget()
    found.observe(StationStopping(why=why))
    assert found.sent("StopTransaction") == []
    assert not outputs.wanted(found.state, 1).outputs.contactor_closed
    found.observe(StationStopped(why=why))
    found.boot(pilots={1: "C"})
    assert found.status() == "Charging"


def test_no_contactor_closes_before_the_board_has_told_what_there_is() -> None:
    """A resumed transaction waits for the copper."""
    found = charging(station(power_loss_policy="resume"))
    found.observe(boot_event(found), found.description)
    assert not outputs.wanted(found.state, 1).outputs.contactor_closed


def test_a_tag_presented_before_the_board_has_told_what_there_is_starts_only_afterwards() -> None:
    """Its transaction must not be taken for an interrupted one."""
    found = charging()
    found.swipe()
    found.unplug()
    found.observe(boot_event(found), found.description)
    found.plug()
    found.swipe()
    assert len(found.events(TransactionStarted)) == 1
    found.read_meter()
    found.observe(BoardOpened())
    assert len(found.events(TransactionStarted)) == 2
    assert len(stops(found)) == 1


def test_two_interrupted_transactions_are_both_closed() -> None:
    found = station(connectors=2).online()
    for number in (1, 2):
        found.plug(number)
        found.swipe(f"TAG{number}", number)
    found.csms = answering()
    cut(found).connect()
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["PowerLoss", "PowerLoss"]


def test_a_start_that_was_never_told_is_told_after_the_power_cut_before_its_stop() -> None:
    """3.7, lessons on offline queues."""
    found = station().online()
    found.csms = answering(StartTransaction=None)
    found.plug()
    found.swipe()
    found.csms = answering()
    cut(found).connect()
    told = [action for action in found.actions() if action.endswith("Transaction")]
    assert told == ["StartTransaction", "StopTransaction"]


def test_a_start_in_flight_at_the_cut_goes_again_byte_for_byte() -> None:
    """Lessons: a CSMS that processed it can tell."""
    found = station().online()
    found.csms = answering(StartTransaction=None)
    found.plug()
    found.swipe()
    before = found.last("StartTransaction")
    found.csms = answering()
    cut(found, off_for_s=9999).connect()
    after = found.last("StartTransaction")
    assert (after.text, after.message_id) == (before.text, before.message_id)


def test_what_stays_set_outlives_a_power_cut() -> None:
    """5.2, 5.3, 3.5.1."""
    found = station(connectors=2).online()
    found.configure(HeartbeatInterval=77)
    found.ask("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"})
    cut(found).connect()
    assert found.status(2) == "Unavailable"
    answer = found.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
    assert answer is not None
    assert answer.payload is not None
    assert found.statuses(2) == ["Unavailable"]


def test_a_scheduled_change_of_availability_outlives_a_power_cut() -> None:
    """5.2; lessons: straight to Unavailable, no flash of Available."""
    found = charging()
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    cut(found).connect()
    assert found.statuses() == ["Unavailable"]


def test_a_cable_held_for_its_owner_is_still_held_after_a_power_cut() -> None:
    """Errata 3.5."""
    found = station().online()
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Blocked"}, "transactionId": 5})
    found.plug()
    found.swipe()
    assert found.state.connectors[1].held_for is not None
    found.csms = answering()
    cut(found, pilots={1: "C"}).connect()
    assert outputs.wanted(found.state, 1).outputs.locked
    found.swipe(TAG)
    assert not outputs.wanted(found.state, 1).outputs.locked


def test_a_meter_reset_while_running_never_lets_the_register_fall() -> None:
    """Errata 3.77: registers only rise. What is in doubt is left out, and no offset is made of what never rises on."""
    found = charging(station(factory={"MeterValueSampleInterval": "10"})).forget()
    for energy_wh in (1100, 1150, 20, 5, 0, 30, 60, 90, 120, 3):
        found.energy_wh[1] = energy_wh
        found.advance(10)
    taken = [int(call["meterValue"][0]["sampledValue"][0]["value"]) for call in found.sent("MeterValues")]
    assert taken == [1100, 1150, 1240, 1270]


def test_a_connector_that_was_taken_away_with_its_transaction_open_is_still_closed_properly() -> None:
    """The settings changed between two boots: what is owed is told."""
    found = station(connectors=2).online()
    found.plug(2)
    found.swipe(TAG, 2)
    found.description = station(connectors=1).description
    cut(found).connect()
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["PowerLoss"]
    found.boot()
    found.forget()
    found.connect()
    assert found.actions() == ["BootNotification", "StatusNotification 0 Available", "StatusNotification 1 Available"]
