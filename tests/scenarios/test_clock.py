"""The station's clock: whom it believes, and what becomes of times that were recorded before."""

from typing import Any

import pytest

from eventstore.catalogue.lifecycle import ClockAdjusted, ClockDisagreed, SystemClockObserved
from station.wire.instants import parse_utc_ms
from tests.given import UTC_2026_MS, StationUnderTest, answering, charging, station, utc

UTC_1970_OFFSET_MS = 0
DAY_S = 86_400


def at(current_time: str) -> Any:
    """A CSMS that has this time."""
    return answering(
        BootNotification={"status": "Accepted", "currentTime": current_time, "interval": 300},
        Heartbeat={"currentTime": current_time},
    )


def sources(found: StationUnderTest) -> list[str]:
    return [event.source for event in found.events(ClockAdjusted)]


def without_clock(**settings: Any) -> StationUnderTest:
    """A board without a clock: it believes that it is 1970."""
    found = station(**settings)
    found.trusted = False
    found.offset_ms = UTC_1970_OFFSET_MS
    return found


def test_an_untrusted_clock_takes_the_time_of_the_csms() -> None:
    found = without_clock()
    found.csms = at(utc(5000))
    found.online()
    assert sources(found) == ["CSMS"]
    assert found.state.clock.utc_ms(found.at_ms) == UTC_2026_MS + 5_000_000
    assert found.state.clock.trusted


def test_the_round_trip_is_taken_into_account() -> None:
    """The time is that of the middle of the trip."""
    found = without_clock().boot()
    found.csms = None
    found.connect()
    found.advance(10)
    found.answer({"status": "Accepted", "currentTime": utc(1000), "interval": 300})
    assert found.state.clock.utc_ms(found.at_ms) == UTC_2026_MS + 1_005_000


@pytest.mark.parametrize("difference_s", [-3600, -3, 3, 3600, 10 * DAY_S])
def test_an_ntp_clock_is_not_corrected_by_the_csms(difference_s: int) -> None:
    """NTP outranks the CSMS; the disagreement is on record."""
    found = station()
    found.csms = at(utc(1 + difference_s))
    found.online()
    assert sources(found) == []
    assert [round(event.difference_ms / 1000) for event in found.events(ClockDisagreed)] == [difference_s]


@pytest.mark.parametrize(("difference_s", "adjusts"), [(1, False), (-2, False), (3, True), (-30, True), (80_000, True)])
def test_a_clock_that_the_csms_set_follows_it_beyond_two_seconds(difference_s: int, *, adjusts: bool) -> None:
    found = without_clock()
    found.csms = at(utc(1))
    found.online()
    found.csms = at(utc(1 + 300 + difference_s))
    found.advance(300)
    assert sources(found) == (["CSMS", "CSMS"] if adjusts else ["CSMS"])


def test_a_day_away_from_a_trusted_clock_is_not_believed() -> None:
    found = without_clock()
    found.csms = at(utc(1))
    found.online()
    found.csms = at(utc(2 * DAY_S))
    found.advance(300)
    assert sources(found) == ["CSMS"]
    assert len(found.events(ClockDisagreed)) == 1


def test_a_csms_that_believes_it_is_1970_is_not_believed() -> None:
    """No 1970 on the wire (lessons on the clock)."""
    found = without_clock()
    found.csms = at("1970-01-01T00:00:00Z")
    found.online()
    assert sources(found) == []
    assert not found.state.clock.trusted


def test_a_system_clock_that_gets_synchronised_takes_over() -> None:
    found = without_clock()
    found.csms = at(utc(1))
    found.online()
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 77_000, trusted=True))
    assert sources(found) == ["CSMS", "NTP"]
    assert found.state.clock.utc_ms(found.at_ms) == UTC_2026_MS + 77_000


def test_an_unsynchronised_system_clock_does_not_outrank_the_csms() -> None:
    found = without_clock()
    found.csms = at(utc(1))
    found.online()
    found.observe(SystemClockObserved(utc_ms=0, trusted=False))
    assert sources(found) == ["CSMS"]


def test_an_unsynchronised_clock_never_goes_back() -> None:
    """Time that is known to have passed does not un-pass."""
    found = without_clock().boot()
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS, trusted=False))
    found.observe(SystemClockObserved(utc_ms=0, trusted=False))
    assert found.state.clock.utc_ms(found.at_ms) == UTC_2026_MS


def test_a_session_before_the_clock_was_known_is_told_with_true_times() -> None:
    """Recorded untrusted, it takes the first trusted offset of its boot (lessons: no 1970 times)."""
    found = without_clock(factory={"AllowOfflineTxForUnknownId": "true"})
    found.csms = at(utc(1))
    found.online()
    found.at_ms = 1_000_000
    found.boot()
    assert not found.state.clock.trusted
    found.forget()
    found.plug()
    found.swipe()
    found.advance(120)
    found.swipe()
    found.advance(80)
    found.csms = at(utc(50_000))
    found.connect()
    told = found.sent("StartTransaction") + found.sent("StopTransaction")
    assert [payload["timestamp"] for payload in told] == [utc(50_000 - 200), utc(50_000 - 80)]
    assert [payload["meterValue"][0]["timestamp"] for payload in found.sent("MeterValues")] == [
        utc(50_000 - 140),
        utc(50_000 - 80),
    ]


def test_a_boot_that_never_learnt_the_time_takes_that_of_a_later_one() -> None:
    found = without_clock(factory={"AllowOfflineTxForUnknownId": "true"})
    found.csms = at(utc(1))
    found.online()
    found.at_ms = 1_000_000
    found.boot()
    found.forget()
    found.plug()
    found.swipe()
    found.swipe()
    found.at_ms += 60_000
    found.boot(pilots={1: "C"})
    found.csms = at(utc(50_000))
    found.connect()
    assert found.sent("StartTransaction")[0]["timestamp"] == utc(50_000 - 60)


def test_a_time_that_was_recorded_trusted_is_kept_for_ever() -> None:
    found = charging(station(factory={"MeterValueSampleInterval": "0"}))
    found.disconnect()
    found.advance(60)
    found.swipe()
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 5_000_000, trusted=True))
    found.connect()
    assert found.sent("StopTransaction")[0]["timestamp"] == utc(61)


def test_a_clock_set_back_never_lets_the_times_of_a_transaction_decrease() -> None:
    found = charging()
    found.advance(600)
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 100_000, trusted=True))
    found.advance(120)
    found.swipe()
    stamps = [payload["meterValue"][0]["timestamp"] for payload in found.sent("MeterValues")]
    stamps.append(found.sent("StopTransaction")[0]["timestamp"])
    assert stamps == sorted(stamps)


@pytest.mark.parametrize("jump_s", [-400 * DAY_S, -3600, -1, 1, 3600, 4000 * DAY_S])
def test_a_jump_of_the_clock_neither_fires_nor_stalls_what_runs_in_seconds(jump_s: int) -> None:
    """Lessons on the clock: timers are not the calendar."""
    found = charging().forget()
    found.advance(30)
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 31_000 + jump_s * 1000, trusted=True))
    found.advance(29)
    assert found.sent("MeterValues") == []
    found.advance(1)
    assert len(found.sent("MeterValues")) == 1
    found.advance(60)
    assert len(found.sent("MeterValues")) == 2


def test_small_corrections_do_not_shift_the_spacing_of_samples() -> None:
    found = charging().forget()
    for _ in range(5):
        found.advance(60)
        utc_ms = found.state.clock.utc_ms(found.at_ms)
        found.observe(SystemClockObserved(utc_ms=utc_ms + 40, trusted=True))
    assert [call.at_ms for call in found.calls if call.action == "MeterValues"] == [
        1_000 + 60_000 * number for number in range(1, 6)
    ]


def test_the_time_on_the_wire_is_utc_with_milliseconds() -> None:
    """Errata 3.10."""
    found = charging()
    timestamp = found.sent("StartTransaction")[0]["timestamp"]
    assert timestamp.endswith("Z")
    assert parse_utc_ms(timestamp) == UTC_2026_MS + 1000
