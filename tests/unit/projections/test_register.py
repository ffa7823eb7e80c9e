"""What is believed of a register: nothing negative, nothing that the wiring cannot carry, nothing believed at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.value import replace
from projections.register import (
    CONFIRMATIONS,
    FORMER_MS,
    SLACK_MS,
    Register,
    at_a_start,
    at_an_end,
    begun,
    confirmed_offset_wh,
    moved,
    read,
    stands_still,
    still_so,
    taken_back,
    told,
)

POWER_MW = 3 * 230 * 32_000
HOUR_MS = 3_600_000
BURST_WH = 230
"""What 22.08 kW and a quarter more are in 30 s."""


class Meter:
    """A meter that is read once a second, and the decisions that the station takes on it. `used` is what is billed."""

    def __init__(self, start_wh: int, *, power_mw: int = POWER_MW) -> None:
        self.power_mw = power_mw
        self.at_ms = 0
        self.resets: list[int] = []
        self.returns: list[int] = []
        self.register = at_a_start(told(read(Register(), start_wh, 0, max_power_mw=power_mw), start_wh), 0)
        self.start_wh = start_wh

    def reads(self, *registers_wh: int, step_ms: int = 1_000) -> "Meter":
        for raw_wh in registers_wh:
            self.at_ms += step_ms
            before_wh = self.believed_wh
            self.register = read(self.register, raw_wh, self.at_ms, max_power_mw=self.power_mw)
            doubt, former = self.register.doubt, self.register.former
            if doubt is not None and doubt.returned and former is not None:
                self.returns.append(former.offset_wh)
                self.register = taken_back(self.register, former.offset_wh, max_power_mw=self.power_mw)
            elif (offset_wh := confirmed_offset_wh(self.register)) is not None:
                self.resets.append(offset_wh)
                self.register = moved(self.register, offset_wh, max_power_mw=self.power_mw)
            assert self.believed_wh >= before_wh, "a register that falls"
        return self

    @property
    def believed_wh(self) -> int:
        assert self.register.believed_wh is not None, "it was read"
        return self.register.believed_wh

    @property
    def used(self) -> int:
        return self.believed_wh - self.start_wh


def rising(first_wh: int, count: int, by_wh: int = 3) -> list[int]:
    return [first_wh + number * by_wh for number in range(count)]


def test_a_register_that_counts_is_believed() -> None:
    assert Meter(500_000).reads(*rising(500_000, 100, 6)).used == 594


@pytest.mark.parametrize(
    ("registers", "used"),
    [
        ([12_345_680, 0, 0, 0, 12_345_700], 22),
        ([12_345_680, 0, 12_345_690, 0, 0, 12_345_700], 22),
        ([12_345_680, 16_345_680, 16_345_690, 12_345_700], 22),
        ([12_345_680, 2**31, 12_345_690, 2**32 - 1, 12_345_700], 22),
        ([12_345_680, 0, 9_000_000, 0, 9_000_000, 12_345_700], 22),
        ([*[12_345_680, 500] * 20, 12_345_700], 22),
        ([12_345_681, 12_345_680, 12_345_681, 12_345_680, 12_345_682], 4),
        ([12_345_680, 0, 0, 0, 0, 0, 0], 2),
    ],
    ids=["zero", "zeros", "up and back", "2^31, 2^32", "wild", "two registers in turn", "jitter", "dead at zero"],
)
def test_what_a_meter_says_for_a_moment_is_not_billed(registers: list[int], used: int) -> None:
    meter = Meter(12_345_678).reads(*registers)
    assert (meter.used, meter.resets) == (used, [])


@pytest.mark.parametrize("there", [0, 4_500_000, 2**32 - 3], ids=["reset", "exchanged", "huge"])
def test_a_meter_that_was_reset_or_exchanged_is_believed_when_it_rises_on_and_none_of_its_energy_is_billed(
    there: int,
) -> None:
    meter = Meter(500_000).reads(*rising(there, CONFIRMATIONS))
    assert (meter.used, meter.resets) == (0, [])
    meter.reads(*rising(there + 3 * CONFIRMATIONS, 5))
    assert meter.resets == [500_000 - there]
    assert meter.used == 3 * (CONFIRMATIONS + 4)


def test_a_register_of_32_bits_that_begins_anew_goes_on() -> None:
    meter = Meter(2**32 - 5).reads(2**32 - 2, *rising(1, 6))
    assert meter.used == 3 + 15
    assert len(meter.resets) == 1


def test_readings_that_stand_confirm_nothing() -> None:
    assert Meter(500_000).reads(*[7] * 50).resets == []


def test_an_offset_is_taken_back_when_the_old_register_comes_back() -> None:
    """Whatever was counted meanwhile stands; what is billed is what the old register counted."""
    meter = Meter(500_000).reads(*rising(4_500_000, 10), 500_040)
    assert (meter.resets, meter.returns) == ([-4_000_000], [0])
    assert (meter.register.offset_wh, meter.used) == (0, 40)
    assert meter.reads(*rising(500_043, 5)).used == 55


def test_an_old_register_that_comes_back_with_less_waits_until_it_has_counted_as_much() -> None:
    meter = Meter(500_000).reads(*rising(4_500_000, 10, 6), 500_010)
    assert (meter.returns, meter.used) == ([0], 54)
    assert meter.reads(500_013, 500_030, 500_053).used == 54
    assert meter.reads(500_060).used == 60


def test_a_register_that_comes_back_after_days_is_another_one() -> None:
    meter = Meter(500_000).reads(*rising(10, 10))
    meter.reads(1_000_000, step_ms=FORMER_MS + 60_000)
    assert (meter.returns, meter.register.doubt is not None) == ([], True)


@pytest.mark.parametrize(("risen_wh", "counts"), [(BURST_WH + 7, True), (BURST_WH + 9, False)])
def test_a_rise_is_believed_within_what_the_wiring_carries_and_not_a_watt_hour_more(
    risen_wh: int, counts: bool
) -> None:
    """22.08 kW, a quarter more, for 30 s and the second since the reading before; and one step of the register."""
    assert Meter(12_345).reads(12_345 + risen_wh).used == (risen_wh if counts else 0)


def test_a_larger_site_may_carry_more() -> None:
    assert Meter(12_345, power_mw=10 * POWER_MW).reads(14_345).used == 2_000


def test_many_small_jumps_are_no_better_than_a_large_one() -> None:
    meter = Meter(12_345).reads(*rising(12_545, 60, 200))
    assert meter.used <= BURST_WH + 60 * 8 + 1


@pytest.mark.parametrize("step_wh", [10, 100, 1_000])
def test_a_meter_that_counts_in_coarse_steps_is_billed_as_it_counts(step_wh: int) -> None:
    registers = [40_000 + second * 6 // step_wh * step_wh for second in range(1, 1_000)]
    meter = Meter(40_000).reads(*registers)
    assert (meter.used, meter.resets) == (registers[-1] - 40_000, [])


def test_a_coarse_meter_may_show_the_step_before_again() -> None:
    assert Meter(40_000).reads(41_000, 40_000, 41_000, 40_000, 41_000, step_ms=60_000).used == 1_000


def test_a_rise_that_was_possible_and_is_undone_waits_to_be_reached_again() -> None:
    """At long intervals more is possible than flowed: the register goes on when it has caught up, and is not added to."""
    meter = Meter(500_001).reads(505_001, 500_101, 500_201, 500_301, 500_401, step_ms=900_000)
    assert (meter.used, meter.resets) == (5_000, [])
    assert meter.reads(505_101, step_ms=900_000).used == 5_100


def test_a_new_process_gives_a_quarter_of_an_hour_more_to_its_first_reading_only() -> None:
    meter = Meter(12_345)
    meter.register = begun(meter.register)
    assert meter.reads(12_345 + 6_900).used == 6_900
    assert meter.reads(12_345 + 6_900 + 300).used == 6_900


def test_a_meter_of_pulses_that_begins_at_zero_with_each_process_goes_on_where_it_was() -> None:
    meter = Meter(0).reads(*rising(0, 60, 5))
    meter.register = begun(meter.register)
    assert meter.reads(*rising(0, 10, 5)).used == 295 + 45


def test_a_meter_of_pulses_that_begins_anew_with_little_on_it_goes_on_where_it_was() -> None:
    """What it fell by is no more than a meter that is not exact may: it began at zero all the same."""
    meter = Meter(0).reads(*rising(0, 12, 5))
    meter.register = begun(meter.register)
    meter.reads(0, step_ms=5_000)
    meter.register = at_a_start(meter.register, meter.at_ms)
    assert meter.reads(*rising(11, 5, 11), step_ms=100).used == 55 + 55


def test_a_register_of_which_nothing_was_told_is_taken_as_it_is_while_nobody_charges() -> None:
    """The first word of a meter at its power-up binds nobody."""
    register = Register()
    for at_ms, raw_wh in enumerate([0, 12_345_678, 5]):
        register = read(register, raw_wh, at_ms, max_power_mw=POWER_MW, idle=True)
        assert register.believed_wh == raw_wh
    register = read(told(register, 5), 12_345_678, 9, max_power_mw=POWER_MW, idle=True)
    assert register.believed_wh == 5


def test_what_flowed_in_doubt_before_a_transaction_is_not_the_next_ones() -> None:
    """A meter of pulses counted 20 Wh that were not proven yet; then the next driver starts."""
    meter = Meter(5_000).reads(*rising(0, 3, 10))
    meter.register = at_a_start(at_an_end(meter.register), meter.at_ms)
    assert meter.reads(30).used == 10
    assert meter.resets == [5_000 - 20]


def test_an_old_register_that_comes_back_in_the_next_transaction_brings_nothing_along() -> None:
    """Ten hours in doubt, and 100 kWh on the register that were never proven: the next driver does not pay for them."""
    meter = Meter(500_000).reads(*[0] * 10, step_ms=HOUR_MS)
    meter.register = at_a_start(meter.register, meter.at_ms)
    assert meter.reads(*rising(600_000, 8)).used == 21


def test_a_look_that_found_nothing_new_is_one() -> None:
    """Ten idle hours do not let 270 kWh pass at once."""
    meter = Meter(500_000)
    meter.register = still_so(meter.register, 10 * HOUR_MS)
    meter.at_ms = 10 * HOUR_MS
    assert meter.reads(600_000).used == 0
    in_doubt = meter.register
    assert still_so(in_doubt, 11 * HOUR_MS) == in_doubt


def test_a_register_that_stands_while_power_flows_is_noticed() -> None:
    register = replace(Register(), believed_wh=12_345, raw_wh=12_345, told=True)
    for minute in range(1, 6):
        register = read(register, 12_345, minute * 60_000, max_power_mw=POWER_MW, power_w=11_000)
        assert not stands_still(register)
    register = still_so(register, 6 * 60_000, 11_000)
    assert stands_still(register)
    assert not stands_still(read(register, 12_346, 361_000, max_power_mw=POWER_MW, power_w=11_000))


def test_a_register_that_stands_without_power_is_none_to_wonder_about() -> None:
    register = Register(believed_wh=12_345, raw_wh=12_345, told=True)
    register = read(register, 12_345, 24 * HOUR_MS, max_power_mw=POWER_MW, power_w=0)
    assert not stands_still(still_so(register, 48 * HOUR_MS))


@given(st.lists(st.one_of(st.integers(0, 20_000), st.integers(0, 2**33)), min_size=1, max_size=60))
@settings(max_examples=200)
def test_whatever_a_meter_says_no_more_is_billed_than_the_wiring_carries(registers: list[int]) -> None:
    meter = Meter(5_003).reads(*registers)
    allowed_wh = POWER_MW * 125 * (meter.at_ms + SLACK_MS) // (100 * 1_000 * HOUR_MS)
    assert 0 <= meter.used <= allowed_wh + 2 * (len(meter.resets) + len(meter.returns) + 1) * (BURST_WH + 1_000)
