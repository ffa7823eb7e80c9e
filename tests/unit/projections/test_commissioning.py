from eventstore.catalogue.commissioning import (
    CommissioningBegan,
    CommissioningEnded,
    CommissioningStepBegan,
    CommissioningStepEnded,
)
from eventstore.event import Event, Recorded
from projections.clock import Clock
from projections.commissioning import FOLDS, Commissioning, StepResult


def folded(*events: Event) -> Commissioning:
    known = Commissioning()
    for seq, event in enumerate(events, 1):
        recorded = Recorded(seq=seq, cause=seq, at_ms=seq * 1_000, utc_ms=0, event=event)
        known = FOLDS[type(event)](known, event, recorded, Clock())
    return known


BEGAN = CommissioningBegan(connector_id=2, steps=("contactor", "meter"))
STEP = CommissioningStepBegan(connector_id=2, step="contactor", due_ms=5_000)
PASSED = CommissioningStepEnded(connector_id=2, step="contactor", found="open", confirmed=True, passed=True)
ENDED = CommissioningEnded(connector_id=2, reason="vehicle", passed=False)


def test_a_step_is_under_way_at_its_connector_until_it_has_ended() -> None:
    assert folded().step_at(0) == ""
    assert folded(BEGAN).step_at(2) == ""
    under_way = folded(BEGAN, STEP)
    assert (under_way.step_at(2), under_way.step_at(1), under_way.due_ms) == ("contactor", "", 5_000)
    after = folded(BEGAN, STEP, PASSED)
    assert (after.step_at(2), after.running) == ("", True)
    assert after.results == (StepResult(step="contactor", found="open", confirmed=True, passed=True),)


def test_what_came_of_it_stays_until_the_next_one_begins() -> None:
    over = folded(BEGAN, STEP, PASSED, ENDED)
    assert (over.running, over.ended, over.ended_ms, over.passed) == (False, "vehicle", 4_000, False)
    assert len(over.results) == 1
    assert folded(BEGAN, STEP, PASSED, ENDED, BEGAN) == folded(BEGAN)
