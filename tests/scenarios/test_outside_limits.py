"""Limits from outside through the whole kernel: who says so, what is offered, and what holds when nothing is heard."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.catalogue.connectors import EnergyAskedBack
from eventstore.catalogue.hardware import BoardOpened, ContactorObserved, PilotStateObserved, ProximityObserved
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
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.event import Event
from projections.limit_reason import CABLE, DELAY, OUTSIDE, SHARE
from station.features.smart_charging.reasons import limit_reason
from tests.given import OTHER_TAG, StationUnderTest
from tests.scenarios.conftest import World, world
from tests.scenarios.test_cardless import EVCCID, FREE, VEHICLE_TAG, autocharge, free, identify, tags
from tests.scenarios.test_smart_charging import charge, install, limit_a, periods, profile

SUSPENDED_EVSE = "SuspendedEVSE"
UNTIL_THE_OTHERS_FOLLOW_S = 5


def say(station: World, source: str = "ems", *, valid_s: float = 60, **amounts: int) -> list[Event]:
    said = {"max_current_ma": None, "max_power_w": None, **amounts}
    return station.observe(OutsideLimitReported(source=source, valid_ms=round(valid_s * 1000), **said))


def described(station: World, **rules: Any) -> World:
    station.observe(LimitsDescribed(**rules))
    return station


def charging(**rules: Any) -> World:
    station = described(world(), **rules)
    charge(station)
    assert limit_a(station) == 32
    return station


def changes(events: list[Event]) -> list[tuple[str, str, int | None, int | None]]:
    found = [event for event in events if isinstance(event, OutsideLimitChanged)]
    return [(each.kind, each.why, each.max_current_ma, each.max_power_w) for each in found]


def test_a_limit_that_is_said_is_obeyed_in_the_same_moment() -> None:
    station = charging()
    events = say(station, max_current_ma=10_000)
    assert changes(events) == [("api", "reported", 10_000, None)]
    assert limit_a(station) == 10
    assert [event.limit_ma for event in events if isinstance(event, LimitChanged)] == [10_000]


def test_a_heartbeat_that_says_the_same_goes_on_and_decides_nothing() -> None:
    station = charging()
    say(station, max_current_ma=10_000)
    for _ in range(5):
        station.wait(50)
        assert changes(say(station, max_current_ma=10_000)) == []
    station.wait(59.999)
    assert limit_a(station) == 10


def test_a_source_that_falls_silent_leaves_the_safe_value_at_the_moment_its_limit_ends() -> None:
    station = charging(api_failsafe_current_ma=8_000)
    say(station, max_current_ma=20_000, valid_s=60)
    station.wait(59.999)
    assert limit_a(station) == 20
    assert changes(station.wait(0.001)) == [("api", "silent", 8_000, None)]
    assert limit_a(station) == 8
    station.wait(3_600)
    assert limit_a(station) == 8, "it stays until the source is heard"
    say(station, max_current_ma=16_000)
    assert limit_a(station) == 16


def test_a_limit_that_is_lifted_leaves_the_others() -> None:
    station = charging()
    say(station, "ems", max_current_ma=10_000)
    say(station, "roof", max_current_ma=8_000)
    assert limit_a(station) == 8
    assert changes(say(station, "roof")) == [("api", "reported", None, None)]
    assert limit_a(station) == 10
    say(station, "ems")
    assert limit_a(station) == 32
    assert changes(say(station, "ems")) == [], "there is nothing to lift"


def test_two_heartbeats_end_by_themselves_and_the_lowest_counts() -> None:
    station = charging()
    say(station, "a", max_current_ma=10_000, valid_s=10)
    say(station, "b", max_current_ma=12_000, valid_s=60)
    station.wait(10)
    assert limit_a(station) == 6, "the safe value of a"
    say(station, "a")
    assert limit_a(station) == 12
    station.wait(50)
    assert limit_a(station) == 6


def test_watts_are_for_all_phases_together() -> None:
    station = charging()
    say(station, max_power_w=4_200)
    assert limit_a(station) == 6.086
    say(station, max_power_w=4_139)
    assert limit_a(station) == 0
    assert station.status(1) == SUSPENDED_EVSE


def test_a_charging_profile_below_it_still_counts() -> None:
    station = charging()
    say(station, max_current_ma=16_000)
    assert install(station, 1, profile(station, "TxDefaultProfile", {0: 9})) == "Accepted"
    assert limit_a(station) == 9
    say(station, max_current_ma=7_000)
    assert limit_a(station) == 7


def test_below_six_amperes_energy_is_asked_back_and_stays_away_for_the_least_pause() -> None:
    station = charging(min_pause_ms=30_000)
    station.observe(ContactorObserved(connector_id=1, closed=True))
    events = say(station, max_current_ma=5_999)
    assert limit_a(station) == 0
    assert any(isinstance(event, EnergyAskedBack) for event in events)
    station.wait(20)
    say(station)
    assert limit_a(station) == 0
    station.wait(9.999)
    assert limit_a(station) == 0
    station.wait(0.001)
    assert limit_a(station) == 32


def test_a_transaction_that_begins_in_a_pause_waits_for_nobody() -> None:
    station = charging(min_pause_ms=30_000)
    say(station, max_current_ma=0)
    station.swipe("TAG", 1)
    station.unplug(1)
    say(station)
    charge(station)
    assert limit_a(station) == 32


def test_several_connectors_share_it_and_it_is_said_so() -> None:
    station = described(world(connectors=2))
    charge(station, 1, "A")
    charge(station, 2, "B")
    say(station, max_current_ma=16_000)
    station.wait(UNTIL_THE_OTHERS_FOLLOW_S)
    assert limit_a(station, 1) + limit_a(station, 2) == 16
    found = limit_reason(station.state, 1, station.at_ms)
    assert found is not None
    assert (found.kind, found.outside.source if found.outside else "") == (SHARE, "ems")


def test_the_composite_schedule_has_it() -> None:
    station = charging()
    say(station, max_current_ma=10_000)
    assert periods(station) == [(0, 10)]
    assert periods(station, connector_id=0) == [(0, 10)]
    assert periods(station, chargingRateUnit="W") == [(0, 6_900)]
    say(station)
    assert periods(station) == [(0, 32)]


@pytest.mark.parametrize(("dims_when", "dimmed"), [("closed", True), ("open", False)])
def test_the_contact_dims_in_the_position_that_the_settings_say(dims_when: str, dimmed: bool) -> None:
    station = described(world(), contact_dims_when=dims_when, contact_max_power_w=4_200)
    station.observe(LimitContactObserved(closed=not dimmed))
    charge(station)
    assert limit_a(station) == 32
    assert changes(station.observe(LimitContactObserved(closed=dimmed))) == [("contact", "reported", None, 4_200)]
    assert limit_a(station) == 6.086
    assert changes(station.observe(LimitContactObserved(closed=not dimmed))) == [("contact", "reported", None, None)]
    station.wait(UNTIL_THE_OTHERS_FOLLOW_S)
    assert limit_a(station) == 32


def test_a_contact_that_was_never_read_dims() -> None:
    station = described(world(), contact_dims_when="closed", contact_max_power_w=4_200)
    charge(station)
    assert limit_a(station) == 6.086
    found = limit_reason(station.state, 1, station.at_ms)
    assert found is not None
    assert found.outside is not None
    assert found.outside.silent


def test_a_contact_that_nobody_asked_for_changes_nothing() -> None:
    station = charging()
    assert changes(station.observe(LimitContactObserved(closed=True))) == []
    assert limit_a(station) == 32


def test_a_csms_that_is_away_for_too_long_leaves_a_safe_current() -> None:
    station = charging(silence_after_ms=600_000, silence_current_ma=8_000)
    station.disconnect()
    station.wait(599.999)
    assert limit_a(station) == 32
    assert changes(station.wait(0.001)) == [("csms_silence", "silent", 8_000, None)]
    assert limit_a(station) == 8
    station.connect()
    station.wait(UNTIL_THE_OTHERS_FOLLOW_S)
    assert limit_a(station) == 32


def test_a_csms_that_comes_back_in_time_is_not_silent_and_a_new_silence_begins_anew() -> None:
    station = charging(silence_after_ms=600_000)
    station.disconnect()
    station.wait(599)
    station.connect()
    station.disconnect()
    station.wait(599)
    assert limit_a(station) == 32
    station.wait(1)
    assert limit_a(station) == 6


@pytest.mark.parametrize(("suspends", "limit"), [(True, 12), (False, 7)])
def test_tx_profiles_count_during_the_silence_as_the_settings_say(suspends: bool, limit: float) -> None:
    station = described(
        world(), silence_after_ms=60_000, silence_current_ma=20_000, silence_suspends_tx_profiles=suspends
    )
    transaction_id = charge(station)
    install(station, 1, profile(station, "TxDefaultProfile", {0: 12}, chargingProfileId=1))
    install(station, 1, profile(station, "TxProfile", {0: 7}, chargingProfileId=2, transactionId=transaction_id))
    assert limit_a(station) == 7
    station.disconnect()
    station.wait(60 + UNTIL_THE_OTHERS_FOLLOW_S)
    assert limit_a(station) == limit
    station.connect()
    station.wait(UNTIL_THE_OTHERS_FOLLOW_S)
    assert limit_a(station) == 7


def test_after_a_boot_the_lower_of_what_was_said_and_the_safe_value_holds_until_it_is_said_again() -> None:
    station = charging(api_failsafe_current_ma=10_000)
    say(station, max_current_ma=20_000, valid_s=3_600)
    station.off_for(5)
    station.connect()
    charge(station)
    assert limit_a(station) == 10
    say(station, max_current_ma=20_000, valid_s=3_600)
    station.wait(UNTIL_THE_OTHERS_FOLLOW_S)
    assert limit_a(station) == 20
    say(station, max_current_ma=7_000, valid_s=60)
    station.off_for(5)
    station.connect()
    charge(station)
    assert limit_a(station) == 7
    station.wait(60)
    assert limit_a(station) == 10, "it has ended, and the safe value holds"


def test_without_a_transaction_a_limit_is_recorded_and_counts_for_the_next_one() -> None:
    station = described(world())
    assert changes(say(station, max_current_ma=9_000)) == [("api", "reported", 9_000, None)]
    charge(station)
    assert limit_a(station) == 9


def test_a_limit_above_everything_else_is_in_force_and_decides_nothing() -> None:
    station = charging()
    say(station, max_current_ma=63_000)
    found = limit_reason(station.state, 1, station.at_ms)
    assert found is not None
    assert found.kind != OUTSIDE
    assert found.kind != CABLE


def delays(events: list[Event]) -> list[tuple[tuple[int, ...], str]]:
    return [(event.connectors, event.why) for event in events if isinstance(event, StartsDelayed)]


def test_a_start_by_the_calendar_waits_for_a_time_that_is_drawn_once() -> None:
    station = charging(random_delay_max_ms=600_000)
    install(station, 1, profile(station, "TxDefaultProfile", {0: 0, 60: 16}))
    assert limit_a(station) == 0
    assert delays(station.wait(60)) == [((1,), "off-peak")]
    assert limit_a(station) == 0
    station.observe(StartDelayDrawn(delay_ms=90_000))
    found = limit_reason(station.state, 1, station.at_ms)
    assert found is not None
    assert found.kind == DELAY
    assert delays(station.wait(89.999)) == []
    assert limit_a(station) == 0
    station.wait(0.001)
    assert limit_a(station) == 16


def test_without_the_setting_nothing_waits() -> None:
    station = charging()
    install(station, 1, profile(station, "TxDefaultProfile", {0: 0, 60: 16}))
    assert delays(station.wait(60)) == []
    assert limit_a(station) == 16


def test_an_increase_is_no_start() -> None:
    station = charging(random_delay_max_ms=600_000)
    install(station, 1, profile(station, "TxDefaultProfile", {0: 6, 60: 16}))
    assert delays(station.wait(60)) == []
    assert limit_a(station) == 16


def test_a_common_limit_that_is_lifted_delays_whoever_waits_for_it() -> None:
    station = described(
        world(connectors=2), random_delay_max_ms=600_000, contact_dims_when="closed", contact_max_power_w=0
    )
    station.observe(LimitContactObserved(closed=True))
    charge(station, 1, "A")
    assert limit_a(station) == 0
    events = station.observe(LimitContactObserved(closed=False))
    assert delays(events) == [((1,), "limit lifted")], "it was plugged in while nothing was to be had"
    station = charging(random_delay_max_ms=600_000, min_pause_ms=0)
    say(station, max_current_ma=0)
    station.wait(UNTIL_THE_OTHERS_FOLLOW_S)
    assert delays(say(station)) == [((1,), "limit lifted")]
    station.observe(StartDelayDrawn(delay_ms=30_000))
    station.wait(29.999)
    assert limit_a(station) == 0
    station.wait(0.001)
    assert limit_a(station) == 32


def test_who_starts_anew_is_not_delayed() -> None:
    station = charging(random_delay_max_ms=600_000, min_pause_ms=0)
    say(station, max_current_ma=0)
    say(station)
    station.observe(StartDelayDrawn(delay_ms=600_000))
    station.swipe("TAG", 1)
    station.unplug(1)
    charge(station)
    assert limit_a(station) == 32


def test_a_transaction_that_goes_on_when_the_power_is_back_is_delayed_once() -> None:
    station = described(world(power_loss_policy="resume"), random_delay_max_ms=600_000)
    charge(station)
    station.station.boots += 1
    station.station.observe(
        StationBooted(
            boot=station.station.boots,
            installation="0000abcd",
            software_version="0",
            firmware_version="0",
            offset_ms=station.state.clock.offset_ms,
            clock_trusted=True,
            orderly=False,
        ),
        station.description,
        ProximityObserved(connector_id=1, cable_rating_ma=32_000),
        PilotStateObserved(connector_id=1, pilot_state="C"),
    )
    events = station.observe(BoardOpened())
    assert delays(events) == [((1,), "power return")]
    assert limit_a(station) == 0
    station.observe(StartDelayDrawn(delay_ms=10_000))
    assert delays(station.wait(10)) == []
    assert limit_a(station) == 32


def powerless(found: StationUnderTest, **pilots: str) -> StationUnderTest:
    """The power goes and returns; the vehicles that are there then, c1="B" the one on connector 1."""
    found.observe(LimitsDescribed(random_delay_max_ms=600_000))
    return found.boot(pilots={int(number[1:]): pilot for number, pilot in pilots.items()}, orderly=False)


def offered_ma(found: StationUnderTest, connector_id: int = 1) -> int:
    return found.state.connectors[connector_id].limit_ma


def waits_once(found: StationUnderTest, connector_id: int = 1) -> bool:
    """Whether the one start that waits on the log is this one, and has energy at the end of its delay and no sooner."""
    assert delays(found.events(Event)) == [((connector_id,), "power return")]
    assert offered_ma(found, connector_id) == 0
    found.observe(StartDelayDrawn(delay_ms=90_000))
    found.advance(89.999)
    assert offered_ma(found, connector_id) == 0
    found.advance(0.001)
    return offered_ma(found, connector_id) > 0 and len(delays(found.events(Event))) == 1


@pytest.mark.parametrize("policy", ["stop", "resume"])
def test_a_plug_that_starts_by_itself_when_the_power_is_back_is_delayed_once(policy: str) -> None:
    found = free(power_loss_policy=policy).online()
    found.plug()
    assert offered_ma(found) == 32_000, "whoever plugs in waits for nothing"
    powerless(found, c1="C").connect()
    assert tags(found) == ([FREE, FREE] if policy == "stop" else [FREE])
    assert waits_once(found)


def test_a_vehicle_that_was_plugged_in_without_power_is_delayed() -> None:
    assert waits_once(powerless(free().online(), c1="C").connect())


def test_a_vehicle_that_tells_its_id_when_the_power_is_back_is_delayed() -> None:
    found = powerless(autocharge().online(), c1="C").connect()
    identify(found)
    assert (tags(found), found.state.plugs.on(1).evccid) == ([VEHICLE_TAG], EVCCID)
    assert waits_once(found)


def test_a_plug_that_only_the_csms_can_authorize_is_delayed_when_it_is_back() -> None:
    found = powerless(free().online(), c1="C")
    assert tags(found) == []
    found.advance(60)
    assert delays(found.events(Event)) == []
    found.connect()
    assert waits_once(found)


def test_whoever_does_something_after_the_power_is_back_is_not_delayed() -> None:
    found = powerless(free(connectors=2).online(), c1="C", c2="C")
    found.connect()
    assert delays(found.events(Event)) == [((1,), "power return")], "connector 2 has no tag of its own"
    found.swipe(OTHER_TAG, 2)
    assert (offered_ma(found, 1), offered_ma(found, 2)) == (0, 32_000)
    found.unplug(1)
    found.plug(1)
    assert (tags(found)[-1], offered_ma(found, 1) > 0) == (FREE, True), "plugged in anew"
    assert len(delays(found.events(Event))) == 1


def test_a_remote_start_after_the_power_is_back_is_not_delayed_whatever_its_tag() -> None:
    found = powerless(free().online(), c1="C").connect()
    begun = found.state.transactions.on(1)
    assert begun is not None
    found.ask("RemoteStopTransaction", {"transactionId": begun.transaction_id})
    found.ask("RemoteStartTransaction", {"idTag": FREE, "connectorId": 1})
    assert (tags(found), offered_ma(found)) == ([FREE, FREE], 32_000)


def test_a_restart_without_a_loss_of_power_delays_no_plug() -> None:
    found = free()
    found.boot(boot_id="same").connect()
    found.observe(LimitsDescribed(random_delay_max_ms=600_000))
    found.boot(boot_id="same", pilots={1: "C"}).connect()
    assert tags(found) == [FREE]
    assert delays(found.events(Event)) == []
    assert offered_ma(found) == 32_000


def site(station: World, *site_ma: int, own_ma: tuple[int, ...] = (0, 0, 0)) -> list[Event]:
    return station.observe(SiteMeterObserved(current_ma=site_ma, own_ma=own_ma))


def test_what_others_draw_at_the_site_is_left_out_of_the_fuse_on_the_fullest_phase() -> None:
    station = described(world(), site_fuse_ma=35_000, site_margin_ma=1_000)
    site(station, 10_000, 14_000, 2_000)
    charge(station)
    assert limit_a(station) == 20
    site(station, 26_000, 30_000, 18_000, own_ma=(16_000, 16_000, 16_000))
    assert limit_a(station) == 20, "what it draws itself is not in its way"
    assert changes(site(station, 26_000, 36_000, 18_000, own_ma=(16_000,) * 3)) == [
        ("site_meter", "reported", 14_000, None)
    ]
    assert limit_a(station) == 14
    site(station, 40_000, 36_000, 18_000, own_ma=(14_000,) * 3)
    assert limit_a(station) == 8
    site(station, 60_000, 36_000, 18_000, own_ma=(8_000,) * 3)
    assert limit_a(station) == 0


def test_a_site_meter_that_is_silent_leaves_the_safe_value_also_before_its_first_reading() -> None:
    station = described(world(), site_fuse_ma=35_000, site_failsafe_current_ma=7_000)
    charge(station)
    assert limit_a(station) == 7
    site(station, 5_000, 5_000, 5_000)
    station.wait(UNTIL_THE_OTHERS_FOLLOW_S)
    assert limit_a(station) == 29
    assert changes(station.observe(SiteMeterFailed(reason="no answer"))) == [("site_meter", "silent", 7_000, None)]
    assert limit_a(station) == 7


def test_a_single_phase_station_looks_at_its_own_phase_only() -> None:
    station = described(world(phases=1), site_fuse_ma=35_000, site_margin_ma=1_000, site_phases="S")
    site(station, 30_000, 10_000, 30_000)
    charge(station)
    assert limit_a(station) == 24


def test_a_site_meter_that_leaves_more_again_delays_no_start() -> None:
    station = described(world(), site_fuse_ma=35_000, random_delay_max_ms=600_000, min_pause_ms=0)
    site(station, 35_000, 0, 0)
    charge(station)
    assert limit_a(station) == 0
    assert delays(site(station, 5_000, 0, 0)) == []
    assert limit_a(station) == 29


AMPERES = st.integers(0, 40_000)
STEPS = st.one_of(
    st.builds(
        OutsideLimitReported,
        source=st.sampled_from(["a", "b"]),
        max_current_ma=st.none() | AMPERES,
        max_power_w=st.none() | st.integers(0, 30_000),
        valid_ms=st.integers(1_000, 120_000),
    ),
    st.builds(LimitContactObserved, closed=st.booleans()),
    st.builds(SiteMeterObserved, current_ma=st.tuples(AMPERES, AMPERES, AMPERES), own_ma=st.just((0, 0, 0))),
    st.just(SiteMeterFailed(reason="no answer")),
    st.sampled_from(["disconnect", "connect", "boot", "plug 1", "plug 2"]),
)


def most_ma(station: World, said: dict[str, tuple[OutsideLimitReported, int]], facts: dict[str, Any]) -> int:
    """What all together may be offered at this moment: worked out by hand, from what was said and when."""
    at_ms, most = station.at_ms, [64_000]
    for report, said_ms in said.values():
        if at_ms >= said_ms + report.valid_ms:
            most.append(6_000)
            continue
        most += [] if report.max_current_ma is None else [report.max_current_ma]
        most += [] if report.max_power_w is None else [report.max_power_w * 1_000 // 690]
    if facts["closed"] is not False:
        most.append(4_200_000 // 690)
    site_ma = facts["site"]
    most.append(0 if site_ma is None else max(0, 35_000 - 1_000 - max(site_ma)))
    down_ms = facts["down"]
    if down_ms is not None and at_ms >= down_ms + 60_000:
        most.append(8_000)
    return min(most)


def happen(station: World, step: Any, said: dict[str, tuple[OutsideLimitReported, int]], facts: dict[str, Any]) -> None:
    """One step, and what whoever reckons by hand notes of it."""
    if isinstance(step, OutsideLimitReported):
        said.pop(step.source, None)
        if step.max_current_ma is not None or step.max_power_w is not None:
            said[step.source] = (step, station.at_ms)
    elif isinstance(step, LimitContactObserved):
        facts["closed"] = step.closed
    elif isinstance(step, SiteMeterObserved | SiteMeterFailed):
        facts["site"] = getattr(step, "current_ma", None)
    if not isinstance(step, str):
        station.observe(step)
    elif step == "boot":
        station.off_for(3)
        facts.update(closed=None, site=None, down=station.at_ms)
    elif step.startswith("plug"):
        number = int(step[-1])
        if station.state.connectors[number].pilot_state == "A":
            station.plug(number)
            station.swipe(f"TAG{number}", number)
    elif station.state.link.up == (step == "disconnect"):
        (station.disconnect if station.state.link.up else station.connect)()
        facts["down"] = None if station.state.link.up else station.at_ms


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(STEPS, st.integers(0, 40_000)), min_size=1, max_size=14))
def test_at_every_moment_all_offers_together_are_within_every_sources_limit(steps: list[tuple[Any, int]]) -> None:
    """Also with the CSMS away, and over the end of a process."""
    station = described(
        world(connectors=2, supply_current_ma=64_000),
        contact_dims_when="closed",
        contact_max_power_w=4_200,
        site_fuse_ma=35_000,
        silence_after_ms=60_000,
        silence_current_ma=8_000,
    )
    said: dict[str, tuple[OutsideLimitReported, int]] = {}
    facts: dict[str, Any] = {"closed": None, "site": None, "down": None}
    for step, pause_ms in steps:
        happen(station, step, said, facts)
        for wait_ms in (0, 1, pause_ms):
            station.wait(wait_ms / 1000)
            offered_ma = sum(connector.limit_ma for connector in station.state.connectors.real)
            assert offered_ma <= most_ma(station, said, facts)


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_in_a_year_of_faults_no_offer_is_above_a_limit_for_a_millisecond() -> None:
    """What a vehicle needs to follow the pilot, 5 s at the most (IEC 61851-1), is not the station's."""
    chance = random.Random(17)
    station = described(
        world(
            connectors=2,
            supply_current_ma=64_000,
            reconnect_min_ms=21_600_000,
            reconnect_max_ms=21_600_000,
            factory={"MeterValueSampleInterval": "0"},
        ),
        contact_dims_when="closed",
        contact_max_power_w=4_200,
        site_fuse_ma=35_000,
        silence_after_ms=60_000,
        silence_current_ma=8_000,
    )
    said: dict[str, tuple[OutsideLimitReported, int]] = {}
    facts: dict[str, Any] = {"closed": None, "site": None, "down": None}
    ends_ms = station.at_ms + 365 * 86_400_000
    while station.at_ms < ends_ms:
        happen(station, drawn(chance), said, facts)
        for wait_s in (0, 0.001, chance.expovariate(1 / 3_600)):
            station.wait(wait_s)
            offered_ma = sum(connector.limit_ma for connector in station.state.connectors.real)
            assert offered_ma <= most_ma(station, said, facts)


def drawn(chance: random.Random) -> Any:
    """One step of those that the walk above takes too."""
    match chance.randrange(5):
        case 0:
            current_ma, power_w = (
                chance.choice([None, chance.randrange(40_000)]),
                chance.choice([None, chance.randrange(30_000)]),
            )
            return OutsideLimitReported(
                source=chance.choice("ab"),
                max_current_ma=current_ma,
                max_power_w=power_w,
                valid_ms=chance.randrange(1_000, 7_200_000),
            )
        case 1:
            return LimitContactObserved(closed=chance.random() < 0.3)
        case 2:
            return SiteMeterFailed(reason="no answer")
        case 3:
            flowing = tuple(chance.randrange(40_000) for _ in range(3))
            return SiteMeterObserved(current_ma=flowing, own_ma=(0, 0, 0))
        case _:
            return chance.choice(["disconnect", "connect", "connect", "boot", "plug 1", "plug 2"])
