from eventstore.catalogue.commissioning import CommissioningEnded, CommissioningRefused, CommissioningStepEnded
from projections.commissioning import Commissioning, StepResult
from station.rules.commissioning import ASKED, DONE, OBSTACLES, TIME, WANTED
from station.telling.commissioning_words import ENDS, STEPS, told
from station.telling.wording import words


def test_every_step_and_every_end_has_words() -> None:
    assert set(STEPS) == set(WANTED)
    assert set(ENDS) == {*OBSTACLES, DONE, ASKED, TIME}


def test_a_step_is_told_with_what_the_board_and_the_operator_said() -> None:
    ended = CommissioningStepEnded(connector_id=1, step="lock_closes", found="jammed", confirmed=False, passed=False)
    assert words(ended) == (
        "Commissioning test on connector 1: lock closes: FAILED (the board says jammed, the operator did NOT see it)"
    )


def test_a_test_that_was_refused_or_ended_says_why() -> None:
    assert words(CommissioningRefused(connector_id=1, reason="vehicle")).endswith("refused: a vehicle is connected")
    assert words(CommissioningRefused(connector_id=1, reason="another test runs")).endswith("another test runs")
    ended = CommissioningEnded(connector_id=1, reason="done", passed=True)
    assert words(ended) == "Commissioning test on connector 1 is over, PASSED: all steps made"


def test_the_state_of_a_test_is_told() -> None:
    assert told(Commissioning()) == ""
    running = Commissioning(connector_id=1, running=True, steps=("meter",), step="meter")
    assert told(running) == "connector 1: meter reads, to be confirmed"
    result = StepResult(step="meter", found="read", confirmed=True, passed=True)
    over = Commissioning(connector_id=1, steps=("meter", "contactor"), results=(result,), ended="time")
    assert told(over) == "connector 1: NOT passed, 1 of 2 steps; a step was not answered in time"
