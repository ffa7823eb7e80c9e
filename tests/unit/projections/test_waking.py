"""Who is offered a current and says nothing."""

from eventstore.catalogue.connectors import PilotInterrupted
from eventstore.catalogue.hardware import PilotStateObserved
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.event import Event, Recorded
from projections.station import INITIAL, StationState, evolve
from projections.waking import INTERRUPTED, Sleeper


def folded(*events: Event, state: StationState = INITIAL) -> StationState:
    """Each event a second after the one before."""
    for event in events:
        at_ms = state.at_ms + 1_000
        recorded = Recorded(seq=state.seq + 1, cause=1, at_ms=at_ms, utc_ms=at_ms, event=event)
        state = evolve(state, recorded)
    return state


def limit(limit_ma: int, connector_id: int = 1) -> LimitChanged:
    return LimitChanged(connector_id=connector_id, limit_ma=limit_ma, phases=3)


def pilot(pilot_state: str) -> PilotStateObserved:
    return PilotStateObserved(connector_id=1, pilot_state=pilot_state)


def test_an_offer_begins_with_six_amperes_and_ends_below() -> None:
    assert folded(limit(5_999)).waking.sleepers == ()
    begun = folded(limit(6_000))
    assert begun.waking.sleepers == (Sleeper(connector_id=1, since_ms=1_000),)
    assert folded(limit(32_000), state=begun).waking == begun.waking
    assert folded(limit(0), state=begun).waking.sleepers == ()


def test_whatever_the_pilot_says_after_it_the_vehicle_is_awake() -> None:
    for said in "ABCDEF":
        found = folded(limit(6_000), pilot(said)).waking.on(1)
        assert found is not None
        assert found.awake, said
    before = folded(pilot("C"), limit(6_000)).waking.on(1)
    assert before is not None
    assert not before.awake


def test_an_interruption_lasts_until_its_deadline_and_the_next_silence_begins_there() -> None:
    interrupted = PilotInterrupted(connector_id=1, attempt=1, until_ms=7_000)
    begun = folded(limit(6_000), limit(6_000, 2), interrupted)
    assert (begun.waking.is_interrupted(1), begun.waking.is_interrupted(2)) == (True, False)
    other = folded(DeadlineReached(name="other", key=1, due_ms=7_000), state=begun)
    assert other.waking == begun.waking
    over = folded(DeadlineReached(name=INTERRUPTED, key=1, due_ms=7_000), state=begun)
    assert over.waking.on(1) == Sleeper(connector_id=1, since_ms=4_000, tries=1)
    assert folded(pilot("C"), state=begun).waking.is_interrupted(1) is False


def test_what_is_offered_nothing_is_not_there() -> None:
    begun = folded(limit(6_000))
    assert begun.waking.on(2) is None
    assert begun.waking.without(2) is begun.waking
    assert begun.waking.changed(2, awake=True) is begun.waking
