"""The step: fixed point, bounds, and what survives a mistake of ours."""

from dataclasses import replace
from typing import Any

import pytest

from eventstore.catalogue.authorization import CacheCleared
from eventstore.catalogue.hardware import IdTagPresented, MainsObserved
from eventstore.catalogue.lifecycle import DecisionFailed, ObservationRejected, StationBooted
from eventstore.catalogue.link import CallAnswered, FrameReceived, OutboxWindowRead
from eventstore.catalogue.registration import DataTransferQueued
from eventstore.catalogue.transactions import TransactionConfirmed
from eventstore.event import Event
from projections.station import INITIAL, StationState, evolve
from station.core import kernel
from station.core.feature import Feature, Registry, Rule
from tests.given import UTC_2026_MS, StationUnderTest, charging, station
from tests.rest import rules_at_rest

MAINS = MainsObserved(present=True)


def registry(**members: Any) -> Registry:
    return Registry((Feature(name="x", ocpp_profile="Core", **members),))


def kinds(batch: tuple[Any, ...]) -> list[str]:
    return [type(recorded.event).__name__ for recorded in batch]


def test_a_step_records_the_observation_and_what_follows_under_its_cause() -> None:
    rules = registry(observes={MainsObserved: lambda state, event, at_ms: (CacheCleared(), CacheCleared())})
    state, batch = kernel.step(INITIAL, MAINS, 50, rules)
    assert kinds(batch) == ["MainsObserved", "CacheCleared", "CacheCleared"]
    assert [(recorded.seq, recorded.cause, recorded.at_ms) for recorded in batch] == [
        (1, 1, 50),
        (2, 1, 50),
        (3, 1, 50),
    ]
    assert (state.seq, state.at_ms) == (3, 50)
    _, batch = kernel.step(state, MAINS, 60, rules)
    assert [(recorded.seq, recorded.cause) for recorded in batch] == [(4, 4), (5, 4), (6, 4)]


def test_time_never_goes_back() -> None:
    """Rulings on the clock: one axis."""
    state, _ = kernel.step(INITIAL, MAINS, 50, registry())
    state, batch = kernel.step(state, MAINS, 40, registry())
    assert batch[0].at_ms == 50
    assert state.at_ms == 50


def test_utc_is_what_the_station_believed_then() -> None:
    found = station().boot()
    _, batch = kernel.step(found.state, MAINS, found.at_ms, found.registry)
    assert batch[0].utc_ms == UTC_2026_MS + found.at_ms


def test_the_same_observation_on_the_same_state_gives_the_same_batch() -> None:
    found = charging()
    observation = IdTagPresented(id_tag="DEADBEEF", connector_id=1)
    assert kernel.step(found.state, observation, 5_000, found.registry) == kernel.step(
        found.state, observation, 5_000, found.registry
    )


def test_rules_are_asked_again_until_none_has_more_to_say() -> None:
    def below_three(state: StationState, at_ms: int) -> tuple[Event, ...]:
        queued = sum(isinstance(owed.event, DataTransferQueued) for owed in state.outbox.calls)
        return () if queued >= 3 else (DataTransferQueued(vendor_id="v", message_id=None, data=None),)

    rules = registry(rules=(Rule(decide=below_three),))
    state, batch = kernel.step(INITIAL, MAINS, 1, rules)
    assert kinds(batch) == ["MainsObserved"] + ["DataTransferQueued"] * 3
    assert not [rule.decide(state, 1) for rule in rules.rules if rule.decide(state, 1)]


def test_a_rule_is_asked_only_after_what_it_depends_on() -> None:
    asked = []

    def remember(state: StationState, at_ms: int) -> tuple[Event, ...]:
        asked.append(state.seq)
        return ()

    rules = registry(rules=(Rule(decide=remember, when=frozenset({IdTagPresented})),))
    state, _ = kernel.step(INITIAL, MAINS, 1, rules)
    assert asked == []
    kernel.step(state, IdTagPresented(id_tag="A", connector_id=None), 1, rules)
    assert asked == [2]


def test_a_boot_asks_every_rule_whatever_it_depends_on() -> None:
    """A salvaged log may end in the middle of a batch: what was not concluded then is concluded now."""
    found = charging()
    found.swipe()
    settled = next(at for at, each in enumerate(found.log) if isinstance(each.event, TransactionConfirmed))
    cut = INITIAL
    for recorded in found.log[:settled]:
        cut = evolve(cut, recorded)
    assert cut.transactions.by_number
    again = StationUnderTest(state=cut, at_ms=cut.at_ms + 1_000, boots=cut.clock.boot)
    again.boot()
    assert not again.state.transactions.by_number


def test_rules_that_never_come_to_rest_lose_nothing_but_their_conclusions() -> None:
    rules = registry(rules=(Rule(decide=lambda state, at_ms: (CacheCleared(),)),))
    state, batch = kernel.step(INITIAL, MAINS, 1, rules)
    assert kinds(batch) == ["MainsObserved", "DecisionFailed"]
    assert "NoFixedPoint" in batch[1].event.error  # type: ignore[attr-defined]  # DecisionFailed has it
    assert state.seq == 2


def test_a_batch_without_end_is_cut_off() -> None:
    flood = (CacheCleared(),) * (kernel.BATCH_MAX + 1)
    _, batch = kernel.step(INITIAL, MAINS, 1, registry(observes={MainsObserved: lambda *_: flood}))
    assert kinds(batch) == ["MainsObserved", "DecisionFailed"]


def fail(*_: Any) -> Any:
    raise RuntimeError("x" * 2000)


@pytest.mark.parametrize("members", [{"observes": {MainsObserved: fail}}, {"rules": (Rule(decide=fail),)}])
def test_a_mistake_in_deciding_keeps_the_observation(members: dict[str, Any]) -> None:
    state, batch = kernel.step(INITIAL, MAINS, 1, registry(**members))
    assert kinds(batch) == ["MainsObserved", "DecisionFailed"]
    assert batch[1].cause == batch[0].seq
    assert len(batch[1].event.error) == kernel.ERROR_LENGTH_MAX  # type: ignore[attr-defined]  # DecisionFailed has it
    assert state.seq == 2


def test_a_call_that_we_fail_to_decide_on_is_answered_with_internal_error() -> None:
    """OCPP-J 4.2.3."""
    found = station().online()
    rules = registry(rules=(Rule(decide=fail),))
    frame = FrameReceived(connection=1, text='[2,"m","ClearCache",{}]')
    _, batch = kernel.step(found.state, frame, 5_000, rules)
    assert kinds(batch) == ["FrameReceived", "DecisionFailed", "CallAnswered"]
    answer = batch[2].event
    assert isinstance(answer, CallAnswered)
    assert (answer.message_id, answer.error_code) == ("m", "InternalError")


@pytest.mark.parametrize("text", ['[3,"m",{}]', "rubbish"])
def test_what_is_no_call_is_not_answered_even_then(text: str) -> None:
    found = station().online()
    frame = FrameReceived(connection=1, text=text)
    _, batch = kernel.step(found.state, frame, 5_000, registry(rules=(Rule(decide=fail),)))
    assert kinds(batch) == ["FrameReceived", "DecisionFailed"]


def test_an_observation_that_cannot_be_folded_never_reaches_the_log() -> None:
    """No poison pill: what is stored can be folded."""
    strange = OutboxWindowRead(after_seq=77, to_seq=80, count=3)
    state, batch = kernel.step(INITIAL, strange, 1, registry())
    assert kinds(batch) == ["ObservationRejected"]
    rejected = batch[0].event
    assert isinstance(rejected, ObservationRejected)
    assert rejected.kind == "OutboxWindowRead"
    assert "ValueError" in rejected.error
    assert state == evolve(INITIAL, batch[0])


def test_the_station_goes_on_after_a_mistake() -> None:
    found = charging()
    state, batch = kernel.step(found.state, MAINS, 5_000, registry(rules=(Rule(decide=fail),)))
    assert isinstance(batch[-1].event, DecisionFailed)
    _, batch = kernel.step(state, IdTagPresented(id_tag="DEADBEEF", connector_id=1), 6_000, found.registry)
    assert "TransactionStopped" in kinds(batch)


def test_rules_at_rest_finds_what_the_gates_would_miss() -> None:
    found = station().online()
    assert rules_at_rest(found.state, found.at_ms, found.registry)
    outbox = replace(found.state.outbox, window=charging().state.outbox.window)
    missed = replace(found.state, connectors=found.state.connectors.changed(1, pilot_state="B"), outbox=outbox)
    assert not rules_at_rest(missed, found.at_ms, found.registry)


def test_a_boot_is_an_observation_like_any_other() -> None:
    boot = StationBooted(
        boot=1,
        installation="1",
        software_version="0",
        firmware_version="0",
        offset_ms=0,
        clock_trusted=False,
        orderly=True,
    )
    found = station()
    state, batch = kernel.step(INITIAL, boot, 1, found.registry)
    assert kinds(batch)[0] == "StationBooted"
    assert state.clock.boot == 1
