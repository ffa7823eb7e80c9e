"""The step: fixed point, bounds, and what survives a mistake of ours."""

from typing import Any

import pytest

from eventstore.catalogue.authorization import CacheCleared
from eventstore.catalogue.hardware import IdTagPresented, MainsObserved, MeterObserved
from eventstore.catalogue.lifecycle import DecisionFailed, ObservationRejected, StationBooted
from eventstore.catalogue.link import CallAnswered, FrameReceived, OutboxWindowRead
from eventstore.catalogue.registration import DataTransferQueued
from eventstore.catalogue.transactions import TransactionConfirmed
from eventstore.event import Event
from eventstore.value import replace
from projections.station import INITIAL, StationState, evolve
from station.core import kernel
from station.core.feature import TIME, Feature, Registry, Rule
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
    """One axis."""
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

    rules = registry(rules=(Rule(decide=below_three, reads=("outbox",)),))
    state, batch = kernel.step(INITIAL, MAINS, 1, rules)
    assert kinds(batch) == ["MainsObserved"] + ["DataTransferQueued"] * 3
    assert not [rule.decide(state, 1) for rule in rules.rules if rule.decide(state, 1)]


def fail(*_: Any) -> Any:
    raise RuntimeError("x" * 2000)


class Memory:
    """A rule that has nothing to say and remembers when it was asked."""

    def __init__(self, *reads: str) -> None:
        self.asked: list[int] = []
        self.registry = registry(rules=(Rule(decide=self._decide, reads=reads),))

    def _decide(self, state: StationState, at_ms: int) -> tuple[Event, ...]:
        self.asked.append(state.seq)
        return ()


def test_a_rule_is_asked_only_after_a_change_of_what_it_reads() -> None:
    memory, state = Memory("connectors"), charging().state
    state, _ = kernel.step(state, MAINS, state.at_ms, memory.registry)
    assert memory.asked == []
    reading = MeterObserved(connector_id=1, energy_wh=1_501, power_w=11_000)
    state, _ = kernel.step(state, reading, state.at_ms, memory.registry)
    assert memory.asked == [state.seq]


def test_a_rule_that_goes_by_the_time_is_asked_when_it_has_moved_on() -> None:
    memory, state = Memory(TIME), charging().state
    state, _ = kernel.step(state, MAINS, state.at_ms, memory.registry)
    assert memory.asked == []
    state, _ = kernel.step(state, MAINS, state.at_ms + 1, memory.registry)
    assert memory.asked == [state.seq]


def test_of_a_state_that_no_step_has_left_every_rule_is_asked() -> None:
    memory, state = Memory("reservations"), charging().state
    kernel.step(state, MAINS, state.at_ms, memory.registry, at_rest=False)
    assert memory.asked == [state.seq + 1]


def test_after_a_mistake_every_rule_is_asked_again() -> None:
    """What a rule would have said after the one that failed may still have to be said."""
    memory, state = Memory("reservations"), charging().state
    broken = registry(observes={MainsObserved: fail})
    state, batch = kernel.step(state, MAINS, state.at_ms, broken)
    assert kinds(batch) == ["MainsObserved", "DecisionFailed"]
    state, _ = kernel.step(state, MAINS, state.at_ms, memory.registry)
    assert memory.asked == [state.seq]
    for _ in range(2):
        state, _ = kernel.step(state, MAINS, state.at_ms, memory.registry)
    assert memory.asked[2:] == [], "asked once more at the most"


def test_after_a_rejected_observation_every_rule_is_asked_again() -> None:
    memory, state = Memory(TIME), charging().state
    unfoldable = OutboxWindowRead(after_seq=77, to_seq=80, count=3)
    state, batch = kernel.step(state, unfoldable, state.at_ms + 1, memory.registry)
    assert (kinds(batch), memory.asked) == (["ObservationRejected"], [])
    state, _ = kernel.step(state, MAINS, state.at_ms, memory.registry)
    assert memory.asked == [state.seq]


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
    rules = registry(rules=(Rule(decide=lambda state, at_ms: (CacheCleared(),), reads=("authorization",)),))
    state, batch = kernel.step(INITIAL, MAINS, 1, rules)
    assert kinds(batch) == ["MainsObserved", "DecisionFailed"]
    assert "NoFixedPoint" in batch[1].event.error  # type: ignore[attr-defined]  # DecisionFailed has it
    assert state.seq == 2


def test_a_batch_without_end_is_cut_off() -> None:
    flood = (CacheCleared(),) * (kernel.BATCH_MAX + 1)
    _, batch = kernel.step(INITIAL, MAINS, 1, registry(observes={MainsObserved: lambda *_: flood}))
    assert kinds(batch) == ["MainsObserved", "DecisionFailed"]


@pytest.mark.parametrize(
    "members", [{"observes": {MainsObserved: fail}}, {"rules": (Rule(decide=fail, reads=("boot",)),)}]
)
def test_a_mistake_in_deciding_keeps_the_observation(members: dict[str, Any]) -> None:
    state, batch = kernel.step(INITIAL, MAINS, 1, registry(**members))
    assert kinds(batch) == ["MainsObserved", "DecisionFailed"]
    assert batch[1].cause == batch[0].seq
    assert len(batch[1].event.error) == kernel.ERROR_LENGTH_MAX  # type: ignore[attr-defined]  # DecisionFailed has it
    assert state.seq == 2


def test_a_call_that_we_fail_to_decide_on_is_answered_with_internal_error() -> None:
    """OCPP-J 4.2.3."""
    found = station().online()
    rules = registry(rules=(Rule(decide=fail, reads=()),))
    frame = FrameReceived(connection=1, text='[2,"m","ClearCache",{}]')
    _, batch = kernel.step(found.state, frame, 5_000, rules, at_rest=False)
    assert kinds(batch) == ["FrameReceived", "DecisionFailed", "CallAnswered"]
    answer = batch[2].event
    assert isinstance(answer, CallAnswered)
    assert (answer.message_id, answer.error_code) == ("m", "InternalError")


@pytest.mark.parametrize("text", ['[3,"m",{}]', "rubbish"])
def test_what_is_no_call_is_not_answered_even_then(text: str) -> None:
    found = station().online()
    frame = FrameReceived(connection=1, text=text)
    _, batch = kernel.step(found.state, frame, 5_000, registry(rules=(Rule(decide=fail, reads=()),)), at_rest=False)
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
    state, batch = kernel.step(found.state, MAINS, 5_000, registry(rules=(Rule(decide=fail, reads=()),)), at_rest=False)
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
