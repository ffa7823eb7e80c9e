"""Station time and UTC."""

import pytest

from eventstore.catalogue.lifecycle import ClockAdjusted, StationBooted
from eventstore.catalogue.transactions import Moment
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import BOOTS_REMEMBERED, CALENDAR_AGREES_MS, FOLDS, Clock


def folded(clock: Clock, *events: Event) -> Clock:
    for event in events:
        recorded = Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=event)
        clock = FOLDS[type(event)](clock, event, recorded, clock)
    return clock


def boot(number: int, offset_ms: int = 0, *, trusted: bool = False) -> StationBooted:
    return StationBooted(
        boot=number,
        installation="abc",
        software_version="0",
        firmware_version="0",
        offset_ms=offset_ms,
        clock_trusted=trusted,
        orderly=True,
    )


def adjusted(offset_ms: int, *, trusted: bool = True, source: str = "CSMS") -> ClockAdjusted:
    return ClockAdjusted(offset_ms=offset_ms, trusted=trusted, source=source)


@pytest.mark.parametrize(("trusted", "source"), [(True, "NTP"), (False, "board")])
def test_a_boot_brings_the_boards_clock(source: str, *, trusted: bool) -> None:
    clock = folded(Clock(), boot(3, 500, trusted=trusted))
    assert (clock.boot, clock.installation, clock.offset_ms, clock.source) == (3, "abc", 500, source)
    assert (clock.trusted, dict(clock.first_trusted)) == (trusted, {3: 500} if trusted else {})


def test_calendar_and_station_time_are_an_offset_apart() -> None:
    clock = folded(Clock(), boot(1, 500))
    assert (clock.utc_ms(40), clock.at_ms(540)) == (540, 40)


def test_only_a_trusted_moment_keeps_its_utc() -> None:
    clock = folded(Clock(), boot(1, 500))
    assert clock.moment(7) == Moment(at_ms=7, boot=1, utc_ms=None)
    assert folded(clock, adjusted(900)).moment(7) == Moment(at_ms=7, boot=1, utc_ms=907)
    assert folded(clock, adjusted(900, trusted=False)).moment(7).utc_ms is None


def test_a_trusted_moment_is_kept_for_ever() -> None:
    clock = folded(Clock(), boot(1, 500, trusted=True))
    moment = clock.moment(7)
    assert folded(clock, adjusted(10_000), boot(2, 77)).utc_of(moment) == 507


def test_an_untrusted_moment_takes_the_first_trusted_offset_of_its_boot() -> None:
    clock = folded(Clock(), boot(1, 0))
    moment = clock.moment(7)
    assert clock.utc_of(moment) == 7
    clock = folded(clock, adjusted(1_000), adjusted(5_000))
    assert clock.utc_of(moment) == 1_007
    assert folded(clock, boot(2, 9_000, trusted=True)).utc_of(moment) == 1_007


def test_an_untrusted_moment_of_a_boot_without_one_takes_that_of_the_next_boot_that_had_one() -> None:
    clock = folded(Clock(), boot(1, 0))
    moment = clock.moment(7)
    clock = folded(clock, boot(2), boot(3, 3_000, trusted=True), boot(4, 4_000, trusted=True))
    assert clock.utc_of(moment) == 3_007


def test_without_any_trusted_offset_the_present_one_is_the_best_knowledge() -> None:
    clock = folded(Clock(), boot(1, 0))
    moment = clock.moment(7)
    assert folded(clock, boot(2, 2_000)).utc_of(moment) == 2_007


def test_offsets_of_old_boots_are_forgotten_in_the_end() -> None:
    clock = folded(Clock(), *(boot(number, number, trusted=True) for number in range(1, BOOTS_REMEMBERED + 11)))
    assert len(clock.first_trusted) == BOOTS_REMEMBERED
    assert min(clock.first_trusted) == 11


def test_a_trusted_clock_that_is_adjusted_keeps_the_first_offset_of_its_boot() -> None:
    clock = folded(Clock(), boot(1, 500, trusted=True), adjusted(600))
    assert clock.first_trusted[1] == 500
    assert clock == replace(clock, offset_ms=600)


@pytest.mark.parametrize(
    ("away_ms", "confirmed"), [(0, True), (CALENDAR_AGREES_MS, True), (CALENDAR_AGREES_MS + 1, False)]
)
def test_the_csms_confirms_the_boards_calendar_if_it_agrees_with_it(away_ms: int, *, confirmed: bool) -> None:
    clock = folded(Clock(), boot(1, 500_000))
    assert not clock.is_calendar_confirmed
    for offset_ms in (500_000 + away_ms, 500_000 - away_ms):
        assert folded(clock, adjusted(offset_ms)).is_calendar_confirmed is confirmed


def test_a_synchronised_calendar_is_confirmed_and_one_that_was_set_by_hand_is_not() -> None:
    assert folded(Clock(), boot(1, 500, trusted=True)).is_calendar_confirmed
    clock = folded(Clock(), boot(1, 500), adjusted(7, source="NTP"))
    assert clock.is_calendar_confirmed
    assert not folded(clock, adjusted(10**9, trusted=False, source="board")).is_calendar_confirmed
