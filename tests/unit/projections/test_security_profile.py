"""Which security profile a connection is tried with, whatever happens and in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.catalogue.link import ConnectFailed
from eventstore.catalogue.security import SecurityProfileFallenBack, SecurityProfileProven, SecurityProfileTrialBegun
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.security_profile import TURNS, SecurityProfile
from projections.station import INITIAL, StationState, evolve
from tests.given import DESCRIPTION

FAILED = ConnectFailed(reason="no", entropy=0)
ON = replace(DESCRIPTION, profiles_off=())


def fold(state: StationState, *events: Event) -> StationState:
    for event in events:
        state = evolve(state, Recorded(seq=state.seq + 1, cause=1, at_ms=0, utc_ms=0, event=event))
    return state


def after_opening(state: StationState) -> StationState:
    """A connection opens: what `station.features.security.profile` makes of it."""
    held = state.security_profile
    if held.trial is None:
        return state
    if held.next == held.trial:
        return fold(state, SecurityProfileProven(profile=held.trial))
    return fold(state, SecurityProfileFallenBack(profile=held.trial, to=held.in_force))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(("raise", "fail", "open", "boot")), max_size=40), st.integers(0, 3))
def test_no_order_of_events_lowers_what_was_proven_or_leaves_one_way_in_untried(steps: list[str], first: int) -> None:
    described = replace(ON, security_profile=first)
    state, proven = fold(INITIAL, described), first
    for step in steps:
        held = state.security_profile
        if step == "raise" and held.wanted < 3:
            state = fold(state, SecurityProfileTrialBegun(profile=held.wanted + 1))
        elif step == "fail":
            state = fold(state, FAILED)
        elif step == "open":
            state = after_opening(state)
        elif step == "boot":
            state = fold(state, described)
        held = state.security_profile
        assert held.in_force >= proven, "lowered"
        proven = held.in_force
        assert held.next in (held.in_force, held.wanted)
        turns, trying = set(), state
        for _ in range(TURNS):
            turns.add(trying.security_profile.next)
            trying = fold(trying, FAILED)
        assert turns == {held.in_force, held.wanted}, "a way in that nobody tries"


def test_failures_are_counted_in_a_trial_alone() -> None:
    state = fold(INITIAL, ON, FAILED, FAILED)
    assert state.security_profile == SecurityProfile()


def test_what_will_be_in_force_under_other_settings_is_known_beforehand() -> None:
    held = SecurityProfile(settings=0, raised=2)
    assert [held.in_force_under(profile, fixed=False) for profile in range(4)] == [2, 2, 2, 3]
    assert [held.in_force_under(profile, fixed=True) for profile in range(4)] == [0, 1, 2, 3]
