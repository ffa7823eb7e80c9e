"""Deciding again: every recorded observation goes through the kernel once more, from the state that the log amounts to there.

The kernel is pure, so the same observations must lead to the same decisions, to the byte. Where they do not, the recorded events
still make the state that is gone on from: one difference does not hide or invent another. The features that a boot ran with stand
in its StationDescribed; makers' DataTransfer handlers are those that are installed here.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import metadata
from typing import Any

from eventstore.catalogue.lifecycle import (
    BooksClosed,
    LogSalvaged,
    ObservationRejected,
    StationBooted,
    StationDescribed,
)
from eventstore.event import Event, Illegible, Observation, Recorded
from eventstore.value import Value, replace
from projections.digest import fingerprint
from projections.station import StationState, evolve
from station.core import kernel
from station.core.feature import Registry
from station.features import registry_for
from station.features.data_transfer import Vendor
from station.replay.opening.folding import filled, foundation, states_behind, without_cycles
from station.replay.opening.reader import LogReader

_VENDORS = "chargebox.vendors"
_DESCRIBED_WITHIN = 64
_BATCH_MAX = 4 * kernel.BATCH_MAX
_VALUE_MAX = 80
OTHER_BUILD = ", another build"


@lru_cache(maxsize=1)
def _vendors() -> tuple[Vendor, ...]:
    found = metadata.entry_points(group=_VENDORS)
    return tuple(vendor for entry in found for vendor in (entry.load(),) if isinstance(vendor, Vendor))


@lru_cache(maxsize=8)
def registry_of(profiles_off: tuple[str, ...]) -> Registry:
    """The features of a station that was described so."""
    return registry_for(profiles_off, _vendors())


class Decided(Value, frozen=True, kw_only=True):
    """One observation: what the log has of it (`recorded`, the observation first) and what was decided now (`decided`).

    `before` is the state that it was decided from, `version` the software that recorded it. `error` tells that the recorded
    events could not be folded.
    """

    before: StationState
    recorded: tuple[Recorded, ...]
    decided: tuple[Recorded, ...]
    after: StationState
    registry: Registry
    version: str
    error: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the log has just what was decided."""
        return not self.error and self.recorded == self.decided


class Foldable(Value, frozen=True, kw_only=True):
    """The events behind a known state up to `until`: all of them are there."""

    state: StationState
    until: int


def stretches_of(reader: LogReader) -> Iterator[Foldable]:
    """The log as far as states can be had: one stretch, or several where something between them was cut out on record.

    Behind a cut the next segment begins with a state that is known. Raises BadQuestion for an excerpt.
    """
    state = foundation(reader)
    for first, last in reader.cut_out:
        if last <= state.seq or reader.row(first) is not None:  # a cut that came between left the whole archive there
            continue
        if first > state.seq + 1:
            yield Foldable(state=state, until=first - 1)
        behind = next(states_behind(reader, last), None)
        if behind is None:
            return
        state = behind
    yield Foldable(state=state, until=reader.head.seq)


def decide_again(
    reader: LogReader, *, fold_only: bool = False, stretches: Iterable[Foldable] | None = None
) -> Iterator[Decided]:
    """Every observation of the log, decided again, in order; with `fold_only`, what was recorded stands for the decision.

    `stretches` are those of the log, if they are known already. Raises BadQuestion for an excerpt.
    """
    other_builds, cuts = _other_builds(reader), _cuts(reader)
    with without_cycles():
        for stretch in stretches_of(reader) if stretches is None else stretches:
            yield from _decide_all(reader, stretch, other_builds, cuts, fold_only=fold_only)


def _other_builds(reader: LogReader) -> frozenset[int]:
    """The boots (by the seq they began with, 0: before any) in which a segment was closed by other folding code than this.

    Versions are distinguished by their numbers; where one was built anew under the same number, this is what a log has of it.
    """
    boot, found = 0, set()
    for recorded in reader.recorded(kinds=(StationBooted, BooksClosed)):
        if isinstance(recorded.event, StationBooted):
            boot = recorded.seq
        elif isinstance(recorded.event, BooksClosed) and recorded.event.fingerprint not in ("", fingerprint()):
            found.add(boot)
    return frozenset(found)


def _cuts(reader: LogReader) -> frozenset[int]:
    """The last events that salvages kept: what followed from their observations may be lost, as the log itself says."""
    found = reader.recorded(kinds=(LogSalvaged,))
    return frozenset(item.event.kept_seq for item in found if isinstance(item.event, LogSalvaged))


def _decide_all(
    reader: LogReader, stretch: Foldable, other_builds: frozenset[int], cuts: frozenset[int], *, fold_only: bool
) -> Iterator[Decided]:
    state = stretch.state
    version = state.maintenance.software_version
    registry = registry_of(() if state.description is None else state.description.profiles_off)
    *_, boot = 0, *_boots(reader, state.seq)
    if boot in other_builds:
        version += OTHER_BUILD
    for batch in batches(reader, state.seq, stretch.until):
        event = batch[0].event
        if isinstance(event, StationBooted):
            version = event.software_version + (OTHER_BUILD if batch[0].seq in other_builds else "")
            following = reader.next_of(StationDescribed, batch[0].seq, _DESCRIBED_WITHIN)
            if following is not None and isinstance(following.event, StationDescribed):
                registry = registry_of(following.event.profiles_off)
        elif isinstance(event, StationDescribed):
            registry = registry_of(event.profiles_off)
        decided = _decide(state, batch, registry, version, fold_only=fold_only)
        if batch[-1].seq in cuts and decided.decided[: len(batch)] == batch:
            decided = replace(decided, decided=batch)
        yield decided
        state = decided.after


def _boots(reader: LogReader, until: int) -> Iterator[int]:
    """The seqs of the boots up to `until`."""
    return (recorded.seq for recorded in reader.recorded(until=until, kinds=(StationBooted,)))


def batches(reader: LogReader, after: int = 0, until: int | None = None) -> Iterator[tuple[Recorded, ...]]:
    """The log cut where each observation begins; what follows belongs to it, whatever it names as its cause."""
    batch: list[Recorded] = []
    for recorded in reader.recorded(after, until):
        begins = recorded.seq == recorded.cause or isinstance(recorded.event, Observation)
        if batch and (begins or len(batch) >= _BATCH_MAX):
            yield tuple(batch)
            batch = []
        batch.append(filled(reader, recorded))
    if batch:
        yield tuple(batch)


def _decide(
    state: StationState, batch: tuple[Recorded, ...], registry: Registry, version: str, *, fold_only: bool
) -> Decided:
    first = batch[0]
    event = first.event
    is_decidable = isinstance(event, Observation) and not isinstance(event, ObservationRejected | Illegible)
    if is_decidable and not fold_only:
        assert isinstance(event, Observation)
        after, decided = kernel.step(state, event, first.at_ms, registry)
        if decided == batch:
            return Decided(
                before=state, recorded=batch, decided=decided, after=after, registry=registry, version=version
            )
    else:  # an observation that is not in the log, or not legible, cannot be decided again
        decided = batch
    after, error = state, ""
    for recorded in batch:
        try:
            after = evolve(after, recorded)
        except Exception as problem:  # noqa: BLE001  # whatever a fold raises for an event that cannot be
            error = error or f"event {recorded.seq} ({recorded.event.NAME}) cannot have been: {problem}"
    return Decided(
        before=state,
        recorded=batch,
        decided=decided,
        after=after,
        registry=registry,
        version=version,
        error=error,
    )


class Difference(Value, frozen=True, kw_only=True):
    """Where the log and the decision first part: the event's seq, and what differs in words."""

    seq: int
    says: str


def first_difference(decided: Decided) -> Difference:
    """Where and how; asserts that they do not agree."""
    assert not decided.agrees, "asked only where there is a difference"
    if decided.error and decided.recorded == decided.decided:
        return Difference(seq=decided.recorded[0].seq, says=decided.error)
    for place, (recorded, expected) in enumerate(zip(decided.recorded, decided.decided, strict=False)):
        if recorded != expected:
            return Difference(seq=recorded.seq, says=_differs(recorded, expected, is_first=place == 0))
    common = min(len(decided.recorded), len(decided.decided))
    if len(decided.recorded) > common:
        extra = [recorded.event.NAME for recorded in decided.recorded[common:]]
        seq = decided.recorded[common].seq
        return Difference(seq=seq, says=f"{_named(extra)} does not follow from event {decided.recorded[0].seq}")
    missing = [expected.event.NAME for expected in decided.decided[common:]]
    seq = decided.recorded[-1].seq + 1
    return Difference(
        seq=seq, says=f"{_named(missing)} should follow from event {decided.recorded[0].seq} and is missing"
    )


def _named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:4])}{' …' if len(names) > 4 else ''}"


def _differs(recorded: Recorded, expected: Recorded, *, is_first: bool) -> str:
    if type(recorded.event) is not type(expected.event):
        return f"{recorded.event.NAME} is recorded where {expected.event.NAME} follows from event {recorded.cause}"
    where = [*_members(recorded, expected, ""), *_members(recorded.event, expected.event, f"{recorded.event.NAME}.")]
    told = "; ".join(where[:3]) or "it differs"
    return told if not is_first else f"{told} (the observation itself)"


def _members(recorded: Recorded | Event, expected: Recorded | Event, prefix: str) -> Iterator[str]:
    for member in recorded.__struct_fields__:
        if member == "event":
            continue
        old, new = getattr(recorded, member), getattr(expected, member)
        if old != new:
            yield f"{prefix}{member} is {_short(old)}, what follows is {_short(new)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _VALUE_MAX else f"{text[: _VALUE_MAX - 1]}…"
