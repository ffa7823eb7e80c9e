"""Which limits from outside are to be in force, and when that changes by silence alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.catalogue.limits import LimitsDescribed, SiteMeterObserved
from eventstore.value import replace
from projections.outside_limits import (
    API,
    CONTACT,
    CSMS_SILENCE,
    REPORTED,
    SILENT,
    InForce,
    OutsideLimits,
    SourceReport,
)
from station.rules.outside_limits import SOURCES_MAX, WantedLimit, changes, due_ms, is_full, wanted
from tests.given import station

RULES = LimitsDescribed(
    api_failsafe_current_ma=6_000,
    contact_dims_when="open",
    contact_max_power_w=4_200,
    silence_after_ms=60_000,
    silence_current_ma=8_000,
)


def report(
    source: str = "ems", current_ma: int | None = 10_000, until_ms: int = 1_000, *, heard: bool = True
) -> SourceReport:
    return SourceReport(source=source, max_current_ma=current_ma, max_power_w=None, until_ms=until_ms, is_heard=heard)


def found(limits: OutsideLimits, at_ms: int = 0) -> list[tuple[str, str, int | None, int | None]]:
    return [(each.kind, each.why, each.max_current_ma, each.max_power_w) for each in wanted(limits, at_ms)]


@pytest.mark.parametrize(("at_ms", "says"), [(999, (API, REPORTED, 10_000, None)), (1_000, (API, SILENT, 6_000, None))])
def test_what_was_said_holds_until_its_end_and_then_the_safe_value(at_ms: int, says: tuple[object, ...]) -> None:
    assert found(OutsideLimits(reports=(report(),), link_down_since_ms=None), at_ms) == [says]


@pytest.mark.parametrize(("said_ma", "holds_ma"), [(10_000, 6_000), (4_000, 4_000), (None, 6_000)])
def test_what_was_not_heard_since_the_boot_is_held_to_the_lower_value(said_ma: int | None, holds_ma: int) -> None:
    limits = OutsideLimits(reports=(report(current_ma=said_ma, heard=False),))
    assert found(limits) == [(API, REPORTED, holds_ma, None)]


@pytest.mark.parametrize(("closed", "why"), [(False, REPORTED), (None, SILENT)])
def test_an_open_contact_and_one_that_was_never_read_dim(closed: bool | None, why: str) -> None:
    assert found(OutsideLimits(rules=RULES, contact_closed=closed)) == [(CONTACT, why, None, 4_200)]


def test_a_closed_one_does_not_and_neither_does_one_without_a_setting() -> None:
    assert found(OutsideLimits(rules=RULES, contact_closed=True)) == []
    assert found(OutsideLimits(contact_closed=None)) == []


@pytest.mark.parametrize(("at_ms", "kinds"), [(60_999, []), (61_000, [(CSMS_SILENCE, SILENT, 8_000, None)])])
def test_the_csms_is_silent_after_its_time(at_ms: int, kinds: list[object]) -> None:
    limits = OutsideLimits(rules=RULES, contact_closed=True, link_down_since_ms=1_000)
    assert found(limits, at_ms) == kinds
    assert found(replace(limits, link_down_since_ms=None), at_ms) == []


def test_nothing_is_decided_before_the_copper_is_known() -> None:
    limits = OutsideLimits(reports=(report(),), rules=RULES)
    unknown = replace(station().state, outside_limits=limits)
    assert changes(unknown, 0) == []
    assert due_ms(unknown) is None


def test_it_is_due_when_the_first_of_them_ends_and_what_is_silent_is_due_no_more() -> None:
    known = station().boot().state
    limits = OutsideLimits(
        rules=RULES, reports=(report("a", until_ms=70_000), report("b", until_ms=5_000)), link_down_since_ms=1_000
    )
    assert due_ms(replace(known, outside_limits=limits)) == 5_000
    silent = InForce(
        kind=API, source="b", why=SILENT, max_current_ma=6_000, max_power_w=None, since=known.clock.moment(0)
    )
    assert due_ms(replace(known, outside_limits=replace(limits, in_force=(silent,)))) == 61_000
    away = replace(silent, kind=CSMS_SILENCE, source="")
    assert due_ms(replace(known, outside_limits=replace(limits, in_force=(silent, away)))) == 70_000


def test_a_bounded_number_of_sources_may_limit_and_those_that_do_may_go_on() -> None:
    limits = OutsideLimits(reports=tuple(report(str(number)) for number in range(SOURCES_MAX)))
    assert is_full(limits, "new")
    assert not is_full(limits, "0")
    assert not is_full(replace(limits, reports=limits.reports[1:]), "new")


def test_only_what_is_another_one_is_recorded() -> None:
    one = WantedLimit(kind=API, source="a", why=REPORTED, max_current_ma=1, max_power_w=2)
    moment = station().boot().state.clock.moment(0)
    held = InForce(kind=API, source="a", why=REPORTED, max_current_ma=1, max_power_w=2, since=moment)
    assert one.holds_as(held)
    for other in (None, replace(held, why=SILENT), replace(held, max_current_ma=3), replace(held, max_power_w=None)):
        assert not one.holds_as(other)


@given(st.integers(0, 100_000), st.integers(0, 100_000), st.integers(0, 32_000), st.booleans())
def test_silence_never_means_more_than_the_safe_value(until_ms: int, at_ms: int, said_ma: int, heard: bool) -> None:
    limits = OutsideLimits(reports=(report(current_ma=said_ma, until_ms=until_ms, heard=heard),))
    (only,) = wanted(limits, at_ms)
    assert only.max_current_ma is not None
    most_ma = 6_000 if at_ms >= until_ms else said_ma if heard else min(said_ma, 6_000)
    assert only.max_current_ma == most_ma


def at_site(*current_ma: int, own_ma: tuple[int, ...] = (0, 0, 0), phases: str = "RST") -> int | None:
    rules = LimitsDescribed(site_fuse_ma=35_000, site_margin_ma=1_000, site_phases=phases)
    (only,) = wanted(OutsideLimits(rules=rules, site=SiteMeterObserved(current_ma=current_ma, own_ma=own_ma)), 0)
    return only.max_current_ma


def test_the_site_leaves_what_the_fullest_of_the_stations_phases_leaves() -> None:
    assert at_site(10_000, 20_000, 5_000) == 14_000
    assert at_site(10_000, 20_000, 5_000, phases="T") == 29_000
    assert at_site(26_000, 36_000, 21_000, own_ma=(16_000, 16_000, 16_000)) == 14_000
    assert at_site(60_000, 0, 0) == 0


PHASE_MA = st.integers(0, 60_000)
SITE = st.tuples(PHASE_MA, PHASE_MA, PHASE_MA)


@given(SITE, st.integers(0, 32_000), st.permutations([0, 1, 2]))
def test_phases_that_are_mixed_up_never_leave_more_than_the_fuse_of_the_phase_that_is_used(
    others_ma: tuple[int, int, int], own_ma: int, mixed: list[int]
) -> None:
    """A vehicle on one phase: the meter shows its current on another one than the settings say."""
    shown = list(others_ma)
    shown[mixed[0]] += own_ma
    left_ma = at_site(*shown, own_ma=(own_ma, 0, 0))
    assert left_ma is not None
    assert left_ma <= max(0, 35_000 - 1_000 - others_ma[mixed[0]])
