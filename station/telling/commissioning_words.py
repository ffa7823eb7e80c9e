"""The words for the commissioning test. Part of the table of `wording`."""

from collections.abc import Mapping

from eventstore.catalogue import commissioning
from eventstore.event import Event
from projections.commissioning import Commissioning
from station.telling.amounts import plural
from station.telling.upkeep_words import DETAIL, HEADLINE, NOISE, Words

STEPS = {
    "lock_closes": "lock closes",
    "lock_opens": "lock opens",
    "contactor": "contactor is open",
    "meter": "meter reads",
    "lamp_available": "lamp shows Available",
    "lamp_charging": "lamp shows Charging",
    "lamp_faulted": "lamp shows Faulted",
}
ENDS = {
    "done": "all steps made",
    "asked": "the operator ended it",
    "time": "a step was not answered in time",
    "board not read": "the station started again",
    "stopping": "the station is going down",
    "emergency stop": "the emergency stop is pressed",
    "vehicle": "a vehicle is connected",
    "transaction": "a transaction runs",
    "authorization": "a tag was authorized",
}


def told(test: Commissioning) -> str:
    """The test that runs, or the last one: "connector 1: lock closes is to be confirmed"; "" if there was none."""
    if not test.connector_id:
        return ""
    if test.running:
        return f"connector {test.connector_id}: {STEPS.get(test.step, test.step)}, to be confirmed"
    passed = sum(result.passed for result in test.results)
    verdict = "PASSED" if test.passed else "NOT passed"
    steps = f"{passed} of {plural(len(test.steps), 'step')}"
    return f"connector {test.connector_id}: {verdict}, {steps}; {ENDS.get(test.ended, test.ended)}"


def _step_ended(event: commissioning.CommissioningStepEnded) -> str:
    seen = "the operator saw it" if event.confirmed else "the operator did NOT see it"
    verdict = "passed" if event.passed else "FAILED"
    return f"Commissioning test on connector {event.connector_id}: {STEPS.get(event.step, event.step)}: {verdict} (the board says {event.found}, {seen})"


def _ended(event: commissioning.CommissioningEnded) -> str:
    verdict = "PASSED" if event.passed else "NOT passed"
    return f"Commissioning test on connector {event.connector_id} is over, {verdict}: {ENDS.get(event.reason, event.reason)}"


COMMISSIONING: Mapping[type[Event], tuple[int, Words]] = {
    commissioning.CommissioningAsked: (
        NOISE,
        lambda e: f"A commissioning test of connector {e.connector_id} was asked for",
    ),
    commissioning.CommissioningAnswered: (
        NOISE,
        lambda e: f"The operator {'confirms' if e.confirmed else 'denies'} the step: {STEPS.get(e.step, e.step)}",
    ),
    commissioning.CommissioningStopAsked: (NOISE, lambda e: "The commissioning test was asked to end"),
    commissioning.CommissioningRefused: (
        HEADLINE,
        lambda e: f"Commissioning test on connector {e.connector_id} refused: {ENDS.get(e.reason, e.reason)}",
    ),
    commissioning.CommissioningBegan: (
        HEADLINE,
        lambda e: f"Commissioning test of connector {e.connector_id} begins, {plural(len(e.steps), 'step')}",
    ),
    commissioning.CommissioningStepBegan: (
        DETAIL,
        lambda e: f"Commissioning test on connector {e.connector_id}: {STEPS.get(e.step, e.step)}, to be confirmed",
    ),
    commissioning.CommissioningStepEnded: (HEADLINE, _step_ended),
    commissioning.CommissioningEnded: (HEADLINE, _ended),
}
