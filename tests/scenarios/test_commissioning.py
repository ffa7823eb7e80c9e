"""The commissioning test: an operator tries lock, contactor, meter and lamp, while nobody charges; the board is left as it was."""

from collections.abc import Callable

import pytest

from eventstore.catalogue.commissioning import (
    CommissioningAnswered,
    CommissioningAsked,
    CommissioningEnded,
    CommissioningRefused,
    CommissioningStepBegan,
    CommissioningStepEnded,
    CommissioningStopAsked,
)
from eventstore.catalogue.hardware import ContactorObserved, EmergencyStopObserved
from eventstore.catalogue.lifecycle import StationStopping
from station.features.commissioning import STEP_MS
from station.rules import outputs
from station.rules.commissioning import LAMPS, WANTED
from tests.given import StationUnderTest, charging, station


def asked(found: StationUnderTest, connector_id: int = 1) -> StationUnderTest:
    """The test is asked for."""
    found.observe(CommissioningAsked(connector_id=connector_id))
    return found


def come_to(found: StationUnderTest, step: str) -> StationUnderTest:
    """The test has come to this step, all before it passed."""
    asked(found)
    while found.state.commissioning.step != step:
        answer(found)
    return found


def answer(found: StationUnderTest, *, confirmed: bool = True, step: str = "") -> None:
    """The operator's answer to the step under way, or to another one."""
    under_way = step or found.state.commissioning.step
    assert under_way, "no step is under way"
    found.observe(CommissioningAnswered(connector_id=1, step=under_way, confirmed=confirmed))


def ended(found: StationUnderTest) -> str:
    """Why the one test ended."""
    (event,) = found.events(CommissioningEnded)
    return event.reason


def test_every_step_waits_for_its_answer_and_the_board_is_as_it_was() -> None:
    found = station().online()
    before = outputs.wanted(found.state, 1)
    asked(found)
    lamps, locks = [], []
    while found.state.commissioning.running:
        wanted = outputs.wanted(found.state, 1).outputs
        lamps.append(wanted.indicator)
        locks.append(found.state.connectors[1].locked)
        assert (wanted.contactor_closed, wanted.duty_permille) == (False, outputs.STEADY), "never any energy"
        answer(found)
    assert [event.step for event in found.events(CommissioningStepBegan)] == list(WANTED)
    assert [event.found for event in found.events(CommissioningStepEnded)] == list(WANTED.values())
    assert locks == [True, *(len(WANTED) - 1) * [False]]
    assert lamps == [*(len(WANTED) - len(LAMPS)) * ["Available"], *LAMPS.values()]
    (end,) = found.events(CommissioningEnded)
    assert (end.reason, end.passed) == ("done", True)
    assert outputs.wanted(found.state, 1) == before
    assert not found.state.connectors[1].locked
    assert found.status() == "Available"


def test_a_fixed_cable_has_no_lock_to_test() -> None:
    found = asked(station(fixed_cable=True).online())
    assert found.state.commissioning.step == "contactor"


def test_what_the_operator_does_not_see_fails_and_the_test_goes_on() -> None:
    found = come_to(station().online(), "lamp_charging")
    answer(found, confirmed=False)
    answer(found)
    assert [event.step for event in found.events(CommissioningStepEnded) if not event.passed] == ["lamp_charging"]
    (end,) = found.events(CommissioningEnded)
    assert (end.reason, end.passed) == ("done", False)


def test_what_the_board_does_not_say_fails_whatever_the_operator_says() -> None:
    found = station().online()
    found.lock_moves = False
    come_to(found, "contactor")
    found.observe(ContactorObserved(connector_id=1, closed=True, fault="welded"))
    answer(found)
    found.meter_works = False
    found.read_meter()
    answer(found)
    results = [(event.step, event.found) for event in found.events(CommissioningStepEnded) if not event.passed]
    assert results == [
        ("lock_closes", "jammed"),
        ("lock_opens", "jammed"),
        ("contactor", "welded"),
        ("meter", "unread"),
    ]


def test_a_step_that_nobody_answers_ends_the_test() -> None:
    found = asked(station().online())
    found.advance(STEP_MS / 1000 - 1)
    assert found.state.commissioning.running
    found.advance(1)
    assert ended(found) == "time"
    assert not found.state.connectors[1].locked, "the lock is where it was"


def test_the_operator_may_end_it() -> None:
    found = asked(station().online())
    found.observe(CommissioningStopAsked())
    assert ended(found) == "asked"
    found.observe(CommissioningStopAsked())
    assert ended(found) == "asked", "once"


@pytest.mark.parametrize(
    ("comes", "reason"),
    [
        (lambda found: found.plug(pilot="B"), "vehicle"),
        (lambda found: found.swipe(connector_id=1), "authorization"),
        (lambda found: found.observe(EmergencyStopObserved(pressed=True)), "emergency stop"),
        (lambda found: found.observe(StationStopping(why="SIGTERM")), "stopping"),
        (lambda found: found.boot(), "board not read"),
    ],
)
def test_what_stands_against_it_ends_it_at_once(comes: Callable[[StationUnderTest], object], reason: str) -> None:
    found = asked(station().online())
    assert outputs.wanted(found.state, 1).outputs.locked
    comes(found)
    assert ended(found) == reason
    assert not found.state.commissioning.running
    assert outputs.wanted(found.state, 1).outputs.indicator == found.status()


@pytest.mark.parametrize(
    ("make", "connector_id", "reason"),
    [
        (lambda: station().online(), 0, "no such connector"),
        (lambda: station().online(), 2, "no such connector"),
        (charging, 1, "vehicle"),
        (lambda: asked(station().online()), 1, "another test runs"),
    ],
)
def test_it_does_not_begin_where_something_stands_against_it(
    make: Callable[[], StationUnderTest], connector_id: int, reason: str
) -> None:
    found = make()
    asked(found, connector_id)
    assert [event.reason for event in found.events(CommissioningRefused)] == [reason]


def test_a_transaction_whose_cable_has_left_the_vehicle_stands_against_it() -> None:
    found = charging(station(factory={"StopTransactionOnEVSideDisconnect": "false"}))
    found.unplug_car()
    asked(found)
    assert [event.reason for event in found.events(CommissioningRefused)] == ["transaction"]


def test_an_answer_to_no_step_is_refused_and_changes_nothing() -> None:
    found = asked(station().online())
    answer(found, step="meter")
    assert [event.reason for event in found.events(CommissioningRefused)] == ["no such step is under way"]
    assert found.state.commissioning.step == "lock_closes"


def test_the_csms_that_unlocks_is_obeyed_meanwhile() -> None:
    found = asked(station().online())
    answer = found.ask("UnlockConnector", {"connectorId": 1})
    assert answer is not None
    assert answer.payload == {"status": "Unlocked"}


def test_another_connector_goes_on_as_usual() -> None:
    found = asked(station(connectors=2).online())
    found.plug(2)
    found.swipe(connector_id=2)
    assert found.status(2) == "Charging"
    assert found.state.commissioning.running
