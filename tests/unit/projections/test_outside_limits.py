"""Outside limits: what each source said last, and what is in force."""

from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.limits import (
    LimitContactObserved,
    LimitsDescribed,
    OutsideLimitChanged,
    OutsideLimitReported,
    SiteMeterFailed,
    SiteMeterObserved,
    StartDelayDrawn,
    StartsDelayed,
)
from eventstore.catalogue.link import LinkClosed, LinkOpened
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.event import Event, Recorded
from projections.clock import Clock
from projections.outside_limits import (
    API,
    CONTACT,
    CSMS_SILENCE,
    FOLDS,
    OFF_PEAK,
    REPORTED,
    SILENT,
    OutsideLimits,
    StartDelay,
)

CLOCK = Clock(boot=1, offset_ms=5_000, trusted=True)


def after(limits: OutsideLimits, *events: Event, at_ms: int = 1_000) -> OutsideLimits:
    for event in events:
        recorded = Recorded(seq=1, cause=1, at_ms=at_ms, utc_ms=0, event=event)
        limits = FOLDS[type(event)](limits, event, recorded, CLOCK)
    return limits


def said(source: str = "ems", max_current_ma: int | None = 10_000, valid_ms: int = 60_000) -> OutsideLimitReported:
    return OutsideLimitReported(source=source, max_current_ma=max_current_ma, max_power_w=None, valid_ms=valid_ms)


def changed(kind: str, max_current_ma: int | None, why: str = REPORTED, source: str = "") -> OutsideLimitChanged:
    return OutsideLimitChanged(kind=kind, source=source, why=why, max_current_ma=max_current_ma, max_power_w=None)


def booted() -> StationBooted:
    return StationBooted(
        boot=2,
        installation="0",
        software_version="0",
        firmware_version="0",
        offset_ms=0,
        clock_trusted=True,
        orderly=True,
    )


def test_what_a_source_said_last_holds_until_a_moment_of_station_time() -> None:
    limits = after(OutsideLimits(), said("a"), said("b", 8_000), at_ms=1_000)
    limits = after(limits, said("a", 12_000), at_ms=2_000)
    assert [(each.source, each.max_current_ma, each.until_ms) for each in limits.reports] == [
        ("b", 8_000, 61_000),
        ("a", 12_000, 62_000),
    ]


def test_a_source_that_lifts_its_limit_is_forgotten() -> None:
    assert (
        after(OutsideLimits(), said("a"), said("b"), said("a", None)).reports
        == after(OutsideLimits(), said("b")).reports
    )


def test_a_boot_keeps_what_was_said_as_not_heard_and_forgets_what_the_copper_says() -> None:
    limits = after(OutsideLimits(), said(), LimitContactObserved(closed=True), changed(API, 10_000, source="ems"))
    limits = after(limits, LinkOpened(connection=1), LimitChanged(connector_id=1, limit_ma=0, phases=3))
    booted_ = after(limits, booted(), at_ms=9_000)
    assert [each.is_heard for each in booted_.reports] == [False]
    assert booted_.contact_closed is None
    assert booted_.link_down_since_ms == 9_000
    assert not booted_.paused_ms
    assert booted_.in_force == limits.in_force


def test_the_link_is_down_since_it_was_lost_however_often_that_is_said() -> None:
    closed = LinkClosed(connection=1, reason="", entropy=0)
    up = after(OutsideLimits(), LinkOpened(connection=1))
    assert up.link_down_since_ms is None
    down = after(up, closed, at_ms=5_000)
    assert after(down, closed, at_ms=7_000).link_down_since_ms == 5_000


def test_what_is_in_force_is_what_was_decided_last_of_each_kind_and_source() -> None:
    limits = after(OutsideLimits(), changed(API, 10_000, source="a"), changed(API, 8_000, source="b"))
    limits = after(limits, changed(CONTACT, 6_000), changed(API, 6_000, SILENT, "a"), at_ms=3_000)
    limits = after(limits, changed(API, None, source="b"))
    assert {(each.kind, each.source, each.why, each.max_current_ma) for each in limits.in_force} == {
        (API, "a", SILENT, 6_000),
        (CONTACT, "", REPORTED, 6_000),
    }
    held = limits.of(CONTACT)
    assert held is not None
    assert (held.since.at_ms, held.since.utc_ms) == (3_000, 8_000)
    assert limits.of(API, "b") is None


def test_tx_profiles_are_suspended_only_in_a_silence_and_only_where_the_settings_say_so() -> None:
    silent = after(OutsideLimits(), changed(CSMS_SILENCE, 6_000, SILENT))
    assert not silent.suspends_tx_profiles
    suspending = after(silent, LimitsDescribed(silence_suspends_tx_profiles=True))
    assert suspending.suspends_tx_profiles
    assert not after(suspending, changed(CSMS_SILENCE, None)).suspends_tx_profiles


def test_a_pause_is_remembered_only_while_something_from_outside_limits() -> None:
    zero = LimitChanged(connector_id=1, limit_ma=0, phases=3)
    assert not after(OutsideLimits(), zero).paused_ms
    paused = after(OutsideLimits(), changed(CONTACT, 0), zero, at_ms=4_000)
    assert dict(paused.paused_ms) == {1: 4_000}
    again = LimitChanged(connector_id=1, limit_ma=16_000, phases=3)
    assert not after(paused, again).paused_ms
    assert after(paused, LimitChanged(connector_id=2, limit_ma=16_000, phases=3)) is paused


def test_the_site_meters_last_reading_counts_until_it_fails_or_a_process_ends() -> None:
    shown = SiteMeterObserved(current_ma=(1, 2, 3), own_ma=(0, 0, 0))
    seen = after(OutsideLimits(), shown)
    assert seen.site == shown
    assert after(seen, SiteMeterFailed(reason="silent")).site is None
    assert after(seen, booted()).site is None


def test_a_delay_waits_for_its_draw_and_is_over_after_it() -> None:
    delayed = after(OutsideLimits(), StartsDelayed(connectors=(1, 2), why=OFF_PEAK), at_ms=1_000)
    assert delayed.delay_on(1, 10**9) == StartDelay(why=OFF_PEAK)
    drawn = after(delayed, StartDelayDrawn(delay_ms=5_000), at_ms=2_000)
    assert drawn.delay_on(1, 6_999) == StartDelay(why=OFF_PEAK, until_ms=7_000)
    assert drawn.delay_on(1, 7_000) is None
    assert after(drawn, StartDelayDrawn(delay_ms=9_000), at_ms=3_000) is drawn, "it is drawn once"
    assert after(drawn, LimitChanged(connector_id=1, limit_ma=16_000, phases=3)).delay_on(1, 6_999) is None
    assert drawn.delay_on(3, 2_000) is None
