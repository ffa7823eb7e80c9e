"""Edges in, stable levels out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.debounce import Debounced, DebounceRule, due_ms, first_seen, seen

RULE: DebounceRule[bool] = DebounceRule(hold_ms=20, reread_ms=500)
EDGES = st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=40)


def test_a_level_counts_once_it_was_held() -> None:
    state = seen(first_seen(False, 0), RULE, True, 100)
    assert state.stable is False
    assert due_ms(state, RULE) == 120
    assert seen(state, RULE, True, 119).stable is False
    assert seen(state, RULE, True, 120).stable is True


def test_a_bounce_begins_the_hold_anew() -> None:
    state = seen(first_seen(False, 0), RULE, True, 100)
    state = seen(state, RULE, False, 105)
    state = seen(state, RULE, True, 110)
    assert seen(state, RULE, True, 125).stable is False
    assert seen(state, RULE, True, 130).stable is True


def test_a_level_that_was_held_counts_though_its_end_is_the_next_thing_seen() -> None:
    state = seen(first_seen(False, 0), RULE, True, 100)
    assert seen(state, RULE, False, 150).stable is True


def test_a_lost_trailing_edge_is_repaired_by_the_next_reading() -> None:
    state = seen(first_seen(False, 0), RULE, True, 100)
    state = seen(state, RULE, True, 120)
    assert due_ms(state, RULE) == 620
    state = seen(state, RULE, False, 620)
    assert due_ms(state, RULE) == 640
    assert seen(state, RULE, False, 640).stable is False


def test_the_safe_direction_counts_at_once() -> None:
    rule: DebounceRule[str] = DebounceRule(hold_ms=20, reread_ms=500, urgent=("A", "B", "E", "F"))
    state = seen(first_seen("C", 0), rule, "B", 1)
    assert state.stable == "B"
    assert seen(state, rule, "C", 2).stable == "B"


def test_without_a_hold_every_edge_counts() -> None:
    rule: DebounceRule[bool] = DebounceRule(hold_ms=0, reread_ms=500)
    assert seen(first_seen(False, 0), rule, True, 0).stable is True


def test_a_time_before_the_last_is_taken_for_the_last() -> None:
    state = seen(first_seen(False, 100), RULE, True, 40)
    assert state.candidate_since_ms == 100


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=40))
@settings(max_examples=200)
def test_the_stable_level_agrees_with_a_slow_reference(edges: list[tuple[int, bool]]) -> None:
    """The reference looks at every millisecond: a level is stable once the last 20 ms showed nothing else."""
    state, line, at_ms = first_seen(False, 0), [False], 0
    for gap_ms, level in edges:
        line += [line[-1]] * gap_ms
        at_ms += gap_ms
        line[at_ms] = level
        state = seen(state, RULE, level, at_ms)
    state = seen(state, RULE, line[-1], at_ms)
    assert state.stable == _reference(line)
    assert state.candidate == line[-1]


@given(EDGES)
@settings(max_examples=100)
def test_after_the_last_edge_looking_when_due_always_finds_the_true_level(edges: list[tuple[int, bool]]) -> None:
    state, at_ms, level = first_seen(False, 0), 0, False
    for gap_ms, level in edges:
        at_ms += gap_ms
        state = seen(state, RULE, level, at_ms)
    for _ in range(2):
        state = seen(state, RULE, level, due_ms(state, RULE))
    assert state.stable == level


@given(EDGES)
@settings(max_examples=100)
def test_the_next_look_is_never_in_the_past_nor_later_than_a_reread(edges: list[tuple[int, bool]]) -> None:
    state: Debounced[bool] = first_seen(False, 0)
    at_ms = 0
    for gap_ms, level in edges:
        at_ms += gap_ms
        state = seen(state, RULE, level, at_ms)
        assert at_ms < due_ms(state, RULE) <= at_ms + RULE.reread_ms


def _reference(line: list[bool]) -> bool:
    stable, candidate, since = line[0], line[0], 0
    for at_ms, level in enumerate(line):
        if at_ms - since >= RULE.hold_ms:
            stable = candidate
        if level != candidate:
            candidate, since = level, at_ms
    return stable
