"""Debouncing: from edges and re-reads of one input to its stable level. Pure.

Interrupts of a GPIO line bounce, and the trailing edge of a bounce may be lost. So every level seen, at an edge or at a re-read, is
handed to `seen`; a level becomes stable once it was seen `hold_ms` ago and nothing else since, or at once if it is one of the rule's
`urgent` ones (the safe direction). `due_ms` says when to look again: with the pin's level of that moment, by calling `seen`. A lost
edge is so repaired after `reread_ms` plus `hold_ms` at the latest.
"""

from typing import Generic, TypeVar

from msgspec import Struct

Level = TypeVar("Level", bool, str)


class DebounceRule(Struct, Generic[Level], frozen=True, kw_only=True):
    """How long a level is held before it counts, and how often the input is read again while nothing happens."""

    hold_ms: int
    reread_ms: int
    urgent: tuple[Level, ...] = ()


class Debounced(Struct, Generic[Level], frozen=True, kw_only=True):
    """The stable level of an input; `candidate` is the level seen last, without a break since `candidate_since_ms`."""

    stable: Level
    candidate: Level
    candidate_since_ms: int
    seen_at_ms: int


def first_seen(level: Level, at_ms: int) -> Debounced[Level]:
    """An input that is read for the first time: that level is stable."""
    return Debounced(stable=level, candidate=level, candidate_since_ms=at_ms, seen_at_ms=at_ms)


def seen(state: Debounced[Level], rule: DebounceRule[Level], level: Level, at_ms: int) -> Debounced[Level]:
    """The input was at `level` at `at_ms`; a time before the last is taken for the last.

    An edge ends the hold of what was seen before it, which still counts if it had been held for long enough.
    """
    at_ms = max(at_ms, state.seen_at_ms)
    held = at_ms - state.candidate_since_ms >= rule.hold_ms
    stable = state.candidate if held else state.stable
    changed = level != state.candidate
    since_ms = at_ms if changed else state.candidate_since_ms
    if level in rule.urgent or (changed and rule.hold_ms == 0):
        stable = level
    return Debounced(stable=stable, candidate=level, candidate_since_ms=since_ms, seen_at_ms=at_ms)


def due_ms(state: Debounced[Level], rule: DebounceRule[Level]) -> int:
    """When the input must be read again at the latest."""
    reread_ms = state.seen_at_ms + rule.reread_ms
    if state.candidate == state.stable:
        return reread_ms
    return min(reread_ms, state.candidate_since_ms + rule.hold_ms)
