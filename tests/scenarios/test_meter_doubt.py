"""A meter that errs, is reset or exchanged, as the CSMS and the driver see it: no energy is billed that was not proven."""

import pytest

from eventstore.catalogue.hardware import MeterFailed, MeterObserved
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.transactions import (
    MeterDoubted,
    MeterRegisterReturned,
    MeterResetFound,
    MeterSamplesDropped,
    TransactionStopped,
)
from tests.given import StationUnderTest, answering, charging, station

REGISTER_WH = 12_345_678


def at_work(interval_s: int = 1, policy: str = "stop", **factory: str) -> StationUnderTest:
    """A session that began at `REGISTER_WH`, sampled each second, charging with 10.8 kW."""
    found = station(power_loss_policy=policy, factory={"MeterValueSampleInterval": str(interval_s), **factory})
    found.energy_wh[1] = REGISTER_WH
    found.meter_values = {"power_w": 10_800, "current_ma": (15_652,) * 3}
    return charging(found)


def shows(found: StationUnderTest, *registers_wh: int, step_s: int = 1) -> StationUnderTest:
    """What the meter shows at one sample after the other."""
    for energy_wh in registers_wh:
        found.energy_wh[1] = energy_wh
        found.advance(step_s)
    return found


def counts(found: StationUnderTest, seconds: int, *, from_wh: int) -> int:
    """The meter counts 3 Wh a second from there on; where it ends."""
    shows(found, *range(from_wh, from_wh + 3 * seconds, 3))
    return from_wh + 3 * (seconds - 1)


def told(found: StationUnderTest) -> list[int]:
    return [int(call["meterValue"][0]["sampledValue"][0]["value"]) for call in found.sent("MeterValues")]


def used(found: StationUnderTest) -> int:
    (start,) = found.sent("StartTransaction")
    (stop,) = found.sent("StopTransaction")
    return int(stop["meterStop"]) - int(start["meterStart"])


@pytest.mark.parametrize("glitch", [0, 4_500_000, 2**31, 2**32 - 1, REGISTER_WH + 4_000_000], ids=str)
def test_what_the_meter_says_for_some_seconds_is_neither_reported_nor_billed(glitch: int) -> None:
    found = at_work()
    last = counts(found, 5, from_wh=REGISTER_WH)
    shows(found, glitch, glitch, glitch)
    last = counts(found, 5, from_wh=last + 12)
    found.swipe()
    assert used(found) == last - REGISTER_WH
    assert told(found) == [*range(REGISTER_WH, REGISTER_WH + 15, 3), *range(REGISTER_WH + 24, last + 1, 3)]
    assert not found.events(TransactionStopped)[0].meter_stale


def test_the_doubt_is_on_record_once_and_samples_in_it_are_left_out() -> None:
    found = at_work()
    shows(found, REGISTER_WH + 3, 0, 0, 0)
    (doubted,) = found.events(MeterDoubted)
    assert (doubted.reason, doubted.raw_wh, doubted.expected_wh) == ("fell", 0, REGISTER_WH + 3)
    assert {event.reason for event in found.events(MeterSamplesDropped)} == {"meter"}
    shows(found, *[REGISTER_WH + 10, 0] * 20)
    assert len(found.events(MeterDoubted)) == 1
    shows(found, *[REGISTER_WH + 10] * 60, 9_000_000)
    assert [event.reason for event in found.events(MeterDoubted)] == ["fell", "fell"]


def test_other_measurands_are_told_while_the_register_is_in_doubt() -> None:
    found = at_work(MeterValuesSampledData="Energy.Active.Import.Register,Energy.Active.Import.Interval,Voltage.L1")
    shows(found, 0)
    (sample,) = found.sent("MeterValues")[-1]["meterValue"]
    assert [value["measurand"] for value in sample["sampledValue"]] == ["Voltage"]


@pytest.mark.parametrize("jump", [0, 4_500_000], ids=["fell", "jumped"])
def test_a_stop_while_the_register_is_in_doubt_carries_the_last_one_that_was_believed(jump: int) -> None:
    found = at_work()
    last = counts(found, 5, from_wh=REGISTER_WH)
    shows(found, jump)
    found.swipe()
    assert used(found) == last - REGISTER_WH
    assert found.events(TransactionStopped)[0].meter_stale


def test_a_jump_right_at_the_stop_is_not_billed() -> None:
    found = at_work()
    last = counts(found, 5, from_wh=REGISTER_WH)
    found.energy_wh[1] = REGISTER_WH + 4_000_000
    found.read_meter()
    found.swipe()
    assert used(found) == last - REGISTER_WH


@pytest.mark.parametrize("jump", [0, 4_500_000, 99_000_000])
def test_a_jump_right_at_the_start_is_not_billed(jump: int) -> None:
    found = at_work()
    found.swipe()
    found.unplug()
    found.forget()
    found.energy_wh[1] = jump
    found.plug()
    found.read_meter()
    found.swipe()
    last = counts(found, 8, from_wh=REGISTER_WH)
    found.swipe()
    assert used(found) == last - REGISTER_WH


def test_an_exchanged_meter_goes_on_where_the_old_one_was() -> None:
    found = at_work()
    last = counts(found, 5, from_wh=REGISTER_WH)
    counts(found, 10, from_wh=77)
    found.swipe()
    assert used(found) == last - REGISTER_WH + 27
    assert [event.offset_wh for event in found.events(MeterResetFound)] == [last - 77]
    assert told(found) == sorted(told(found))


def test_an_old_register_that_comes_back_takes_the_offset_back() -> None:
    found = at_work()
    counts(found, 10, from_wh=4_500_000)
    last = counts(found, 10, from_wh=REGISTER_WH + 30)
    found.swipe()
    assert [event.offset_wh for event in found.events(MeterRegisterReturned)] == [0]
    assert used(found) == last - REGISTER_WH
    assert told(found) == sorted(told(found))


def test_two_meters_that_answer_in_turn_are_no_more_than_one() -> None:
    """Another unit's frames; its own vehicle charges too."""
    found = at_work()
    for second in range(1, 120):
        shows(found, 500_000 + 6 * second if second % 2 else REGISTER_WH + 3 * second)
    found.swipe()
    assert used(found) == 3 * 118
    assert found.events(MeterResetFound) == []


def test_a_jump_while_nothing_charges_is_not_where_the_next_transaction_starts() -> None:
    found = at_work()
    last = counts(found, 5, from_wh=REGISTER_WH)
    found.swipe()
    found.unplug()
    found.forget()
    for energy_wh in (4_500_000, 0, last):
        found.energy_wh[1] = energy_wh
        found.read_meter()
    found.advance(3_600)
    found.plug()
    found.swipe()
    assert found.sent("StartTransaction")[0]["meterStart"] == last


def test_a_meter_that_was_exchanged_while_nothing_charged_is_no_obstacle_and_nobodys_bill() -> None:
    found = at_work()
    last = counts(found, 5, from_wh=REGISTER_WH)
    found.swipe()
    found.unplug()
    found.forget()
    found.energy_wh[1] = 50
    found.plug()
    found.swipe()
    counts(found, 10, from_wh=50)
    found.swipe()
    assert found.sent("StartTransaction")[0]["meterStart"] == last
    assert used(found) == 27


@pytest.mark.parametrize("policy", ["stop", "resume"])
@pytest.mark.parametrize("jump", [0, 4_500_000, 99_000_000])
def test_what_a_meter_says_first_after_a_power_cut_is_not_billed(policy: str, jump: int) -> None:
    """F24: a meter that shows 0, or anything, until it is awake."""
    found = at_work(policy=policy)
    last = counts(found, 5, from_wh=REGISTER_WH)
    found.at_ms += 60_000
    found.energy_wh[1] = jump
    found.boot(orderly=False, pilots={1: "C"})
    found.connect()
    shows(found, jump, jump)
    if policy == "resume":
        last = counts(found, 5, from_wh=last + 12)
        found.swipe()
    assert used(found) == last - REGISTER_WH


def test_a_meter_that_fails_and_comes_back_with_nonsense_is_not_billed() -> None:
    """While offline, too: what is owed is told as it was believed."""
    found = at_work()
    last = counts(found, 5, from_wh=REGISTER_WH)
    found.disconnect()
    found.observe(MeterFailed(connector_id=1, reason="no answer"))
    found.energy_wh[1] = 2**31
    found.read_meter()
    found.swipe()
    found.connect()
    assert used(found) == last - REGISTER_WH


def test_what_was_counted_while_the_meter_could_not_be_read_is_billed() -> None:
    found = at_work()
    last = counts(found, 5, from_wh=REGISTER_WH)
    found.meter_works = False
    found.read_meter()
    found.advance(600)
    found.meter_works = True
    found.energy_wh[1] = last + 1_800
    found.read_meter()
    found.swipe()
    assert used(found) == last - REGISTER_WH + 1_800


def test_a_jump_does_not_use_up_what_an_invalid_tag_is_given() -> None:
    """9.1.14."""
    keys = {"StopTransactionOnInvalidId": "false", "MaxEnergyOnInvalidId": "500", "MeterValueSampleInterval": "0"}
    found = station(factory=keys).online()
    found.energy_wh[1] = REGISTER_WH
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Invalid"}, "transactionId": 12})
    found.plug()
    found.swipe()
    shows(found, 99_000_000, 99_000_000, REGISTER_WH + 12, step_s=2)
    assert found.status() == "Charging"


def test_a_doubt_in_a_transaction_is_looked_into_after_two_seconds_and_then_less_often() -> None:
    found = at_work(interval_s=0)
    found.energy_wh[1] = 0
    found.read_meter()
    began_ms = found.at_ms
    found.advance(250)
    checks = [event.due_ms - began_ms for event in found.events(DeadlineReached) if event.name == "meter_check"]
    assert checks == [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 120_000, 180_000, 240_000]


def test_an_exchanged_meter_is_believed_within_seconds_also_where_samples_are_rare() -> None:
    found = at_work(interval_s=900)
    found.energy_wh[1] = 0
    found.read_meter()
    for second in range(20):
        found.energy_wh[1] = 3 * second
        found.advance(1)
    assert [event.offset_wh for event in found.events(MeterResetFound)] == [REGISTER_WH]


def test_a_register_that_stands_while_power_flows_is_on_record_and_what_it_does_not_count_is_not_billed() -> None:
    found = at_work(interval_s=60)
    found.advance(3_600)
    (stuck,) = found.events(MeterDoubted)
    assert (stuck.reason, stuck.raw_wh) == ("stuck", REGISTER_WH)
    found.energy_wh[1] += 5
    found.advance(60)
    found.swipe()
    assert used(found) == 5


def test_the_register_of_one_connector_says_nothing_of_the_other() -> None:
    found = charging(station(connectors=2, factory={"MeterValueSampleInterval": "1"}))
    found.energy_wh[2] = 5_000
    found.observe(MeterObserved(connector_id=2, energy_wh=5_000))
    for raw_wh in (900_000, 2_003):
        found.observe(MeterObserved(connector_id=1, energy_wh=raw_wh))
    reading = found.state.connectors[2].reading
    assert reading is not None
    assert reading.energy_wh == 5_000
    assert found.state.connectors[2].register.doubt is None
