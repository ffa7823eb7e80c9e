"""Clock-aligned MeterValues (9.1.5, 9.1.15, errata 3.14.2, 3.16, 3.75)."""

from typing import Any

import pytest

from eventstore.catalogue.lifecycle import DiskSpaceObserved, SystemClockObserved
from tests.given import TAG, UTC_2026_MS, StationUnderTest, charging, station, utc


def aligned(every_s: int, found: StationUnderTest | None = None, **settings: Any) -> StationUnderTest:
    keys = {"ClockAlignedDataInterval": str(every_s), "MeterValueSampleInterval": "0", **settings.pop("factory", {})}
    return (found or station(factory=keys, **settings)).online().forget()


def stamps(found: StationUnderTest) -> list[str]:
    return [payload["meterValue"][0]["timestamp"] for payload in found.sent("MeterValues")]


def test_samples_carry_the_exact_time_of_the_grid_and_their_context() -> None:
    """TC_071, lessons on the clock."""
    found = aligned(900)
    found.advance(3000)
    assert stamps(found) == [utc(900), utc(1800), utc(2700)]
    assert found.sent("MeterValues")[0]["meterValue"][0]["sampledValue"][0]["context"] == "Sample.Clock"
    assert "transactionId" not in found.sent("MeterValues")[0]


def test_they_carry_the_id_of_the_transaction_that_runs_when_they_are_taken() -> None:
    """Errata 3.16."""
    found = aligned(900, station(factory={"ClockAlignedDataInterval": "900", "MeterValueSampleInterval": "0"}))
    found.advance(899)
    found.plug()
    found.swipe()
    found.advance(900)
    found.swipe()
    found.advance(900)
    assert [payload.get("transactionId") for payload in found.sent("MeterValues")] == [None, 9001, None]


def test_every_connector_gives_its_own() -> None:
    found = aligned(900, connectors=3)
    found.advance(900)
    assert [payload["connectorId"] for payload in found.sent("MeterValues")] == [1, 2, 3]


def test_the_grid_counts_from_midnight_utc() -> None:
    """9.1.5: an interval that does not divide the day begins anew at midnight."""
    found = aligned(50_000)
    found.advance(2 * 86_400 + 1)
    assert stamps(found) == [utc(50_000), utc(86_400), utc(136_400), utc(172_800)]


def test_zero_takes_none() -> None:
    """9.1.5."""
    found = aligned(0)
    found.advance(86_400)
    assert found.sent("MeterValues") == []


def test_a_changed_interval_acts_at_once() -> None:
    """Lessons on the clock."""
    found = aligned(900)
    found.advance(100)
    found.configure(ClockAlignedDataInterval=60)
    found.advance(100)
    assert stamps(found) == [utc(120), utc(180)]
    found.configure(ClockAlignedDataInterval=0)
    found.advance(1000)
    assert len(stamps(found)) == 2


def test_sampled_and_aligned_data_are_two_series() -> None:
    found = charging(station(factory={"ClockAlignedDataInterval": "90", "MeterValueSampleInterval": "60"})).forget()
    found.advance(180)
    contexts = [payload["meterValue"][0]["sampledValue"][0]["context"] for payload in found.sent("MeterValues")]
    assert contexts == ["Sample.Periodic", "Sample.Clock"] * 2 + ["Sample.Periodic"]


def test_the_measurands_are_their_own() -> None:
    """9.1.15."""
    found = aligned(60, factory={"MeterValuesAlignedData": "Voltage.L2"})
    found.advance(60)
    (value,) = found.sent("MeterValues")[0]["meterValue"][0]["sampledValue"]
    assert (value["measurand"], value["phase"]) == ("Voltage", "L2-N")


def test_a_point_that_was_missed_is_left_out() -> None:
    """A suspended process wakes up late: the register of then is not known."""
    found = aligned(900)
    found.at_ms += 2_000_000
    found.advance(0)
    found.advance(800)
    assert stamps(found) == [utc(2700)]


def test_a_meter_that_cannot_be_read_gives_none() -> None:
    found = aligned(60)
    found.meter_works = False
    found.read_meter()
    found.advance(300)
    assert found.sent("MeterValues") == []


def test_a_clock_that_is_set_begins_the_grid_anew() -> None:
    found = aligned(900)
    found.advance(100)
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 10_000_000, trusted=True))
    found.advance(900)
    assert stamps(found) == [utc(10_800)]


def test_a_clock_that_jumps_ahead_by_years_takes_no_samples_of_the_years_between() -> None:
    """Lessons on the clock: neither spin nor stall."""
    found = aligned(60)
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 5 * 365 * 86_400_000, trusted=True))
    found.advance(60)
    assert len(stamps(found)) == 1
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 60_000, trusted=True))
    found.advance(60)
    assert len(stamps(found)) == 2


def test_on_a_full_disk_only_transactions_are_measured() -> None:
    found = aligned(60, station(connectors=2, factory={"ClockAlignedDataInterval": "60"}))
    found.plug(1)
    found.swipe(TAG, 1)
    found.forget()
    found.observe(DiskSpaceObserved(level="low", free_bytes=1))
    found.configure(MeterValueSampleInterval=0)
    found.advance(59)
    assert [payload["connectorId"] for payload in found.sent("MeterValues")] == [1]


@pytest.mark.parametrize("back_s", [1, 20, 299])
def test_a_clock_that_is_put_back_a_little_samples_no_point_of_the_grid_twice(back_s: int) -> None:
    """9.1.5: each point once, here the points that the clock passes a second time."""
    found = aligned(10)
    found.advance(901)
    before = stamps(found)
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + found.at_ms - back_s * 1000, trusted=True))
    found.advance(900)
    assert len(stamps(found)) > len(before)
    assert len(stamps(found)) == len(set(stamps(found)))
    assert stamps(found) == sorted(stamps(found))


def test_nor_does_a_changed_interval_or_a_restart_while_the_clock_is_behind() -> None:
    found = aligned(10)
    found.advance(901)
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + found.at_ms - 60_000, trusted=True))
    found.configure(ClockAlignedDataInterval=20)
    found.offset_ms -= 60_000
    found.boot().connect()
    found.advance(300)
    assert len(stamps(found)) == len(set(stamps(found)))
    assert stamps(found)[-1] > utc(900)


def test_a_clock_that_was_wrong_by_more_begins_the_grid_where_it_is() -> None:
    """Else a station that once believed in next week would take no samples until then."""
    found = aligned(60)
    found.advance(7_201)
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 60_000, trusted=True))
    found.advance(60)
    assert stamps(found)[-1] == utc(120)
