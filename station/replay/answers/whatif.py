"""What if: where the station would have acted differently with other configuration keys, or with this software version.

Every recorded observation is decided once more from the state that the recorded history amounts to there, with the keys changed.
History itself stays as it was: what would have followed from a different decision is not invented. A deadline that would have come
before the next recorded observation, and did not in truth, is reported as well.
"""

import subprocess
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.lifecycle import DeadlineReached, ObservationRejected, StationBooted
from eventstore.catalogue.link import CallDispatched, CallSettled, CallTimedOut
from eventstore.event import Event, Illegible, Observation, Recorded
from eventstore.value import Value, replace
from projections.station import StationState
from station.core import kernel
from station.core.feature import Deadline, Registry
from station.replay.opening.errors import BadQuestion
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar
from station.replay.proof.redeciding import Decided, decide_again, first_difference, registry_of
from station.telling.wording import words

_TOLD_MAX = 4_096


class Otherwise(Value, frozen=True, kw_only=True):
    """One place where the station would have acted differently: on what, what it did, and what it would have done, in words."""

    seq: int
    utc_ms: int
    on: str
    did: tuple[str, ...]
    would: tuple[str, ...]


def parse_changes(texts: Sequence[str]) -> dict[str, str]:
    """Changed keys from "KEY=VALUE", by their standard names and as canonical texts. Raises BadQuestion."""
    keys = {name.casefold(): key for name, key in registry_of(()).config_keys.items()}
    changes = {}
    for text in texts:
        name, equals, value = text.partition("=")
        key = keys.get(name.strip().casefold())
        if key is None or not equals:
            raise BadQuestion(f"{text!r}: expected KEY=VALUE with a configuration key of the station")
        try:
            changes[key.name] = key.kind.canonical(key.kind.parse(value))
        except ValueError as error:
            raise BadQuestion(f"{key.name}: {error}") from error
    return changes


def otherwise(reader: LogReader, calendar: Calendar, changes: Mapping[str, str]) -> Iterator[Otherwise]:
    """Every place, in order. Without changes: where this version decides otherwise. Raises BadQuestion for an excerpt."""
    told: OrderedDict[Deadline, None] = OrderedDict()
    last: Decided | None = None
    for decided in decide_again(reader):
        if changes and last is not None:
            yield from _earlier(last, decided.recorded[0], changes, calendar, told)
        found = _changed(decided, changes) if changes else _by_version(decided)
        if found is not None:
            did, would = found
            first = decided.recorded[0]
            yield Otherwise(seq=first.seq, utc_ms=calendar.utc_ms(first), on=words(first.event), did=did, would=would)
        last = decided


def _with(state: StationState, changes: Mapping[str, str]) -> StationState:
    overrides = state.configuration.overrides.update(changes)
    return replace(state, configuration=replace(state.configuration, overrides=overrides))


def _by_version(decided: Decided) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    if decided.agrees:
        return None
    did, would = _apart([each.event for each in decided.recorded], [each.event for each in decided.decided])
    if did or would:
        return _told(did), _told(would)
    return (first_difference(decided).says,), ()  # the same events, at another time or place


def _changed(decided: Decided, changes: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """What this version does without and with the changes: what another version did does not count here."""
    first = decided.recorded[0]
    event = first.event
    if not isinstance(event, Observation) or isinstance(event, ObservationRejected | Illegible):
        return None
    changed = _with(decided.before, changes)
    _, would = kernel.step(changed, event, first.at_ms, decided.registry, at_rest=False)
    if would == decided.decided:
        return None
    did_events = [each.event for each in decided.decided if not _is_the_change(each.event, changes)]
    would_events = [each.event for each in would if not _is_the_change(each.event, changes)]
    did, other = _apart(did_events, would_events)
    return (_told(did), _told(other)) if did or other else None


def _is_the_change(event: Event, changes: Mapping[str, str]) -> bool:
    """The changed keys hold for the whole log; changes of them by the CSMS are ignored."""
    return isinstance(event, ConfigurationChanged) and event.key in changes


def _apart(did: list[Event], would: list[Event]) -> tuple[list[Event], list[Event]]:
    """The events that only one of the lists has; order does not count."""
    rest = [(_unplaced(event), event) for event in would]
    only = []
    for event in did:
        same = next((place for place, (bare, _) in enumerate(rest) if bare == _unplaced(event)), None)
        if same is None:
            only.append(event)
        else:
            del rest[same]
    return only, [event for _, event in rest]


def _unplaced(event: Event) -> Event:
    """The event without the places of others in it, which move when an event more or less stands before them."""
    if isinstance(event, CallDispatched | CallSettled | CallTimedOut):
        return replace(event, owed_seq=0)
    return event


def _told(events: Sequence[Event]) -> tuple[str, ...]:
    return tuple(words(event) for event in events)


def _deadlines(registry: Registry, state: StationState) -> set[Deadline]:
    features = (feature for feature in registry.features if feature.deadlines is not None)
    return {deadline for feature in features for deadline in (feature.deadlines(state) if feature.deadlines else ())}


def _earlier(
    last: Decided,
    following: Recorded,
    changes: Mapping[str, str],
    calendar: Calendar,
    told: "OrderedDict[Deadline, None]",
) -> Iterator[Otherwise]:
    """Deadlines that only the changed station has and that are due before the next recorded observation; none while it was off."""
    if isinstance(following.event, StationBooted) or last.after.description is None:
        return
    changed = _with(last.after, changes)
    news = _deadlines(last.registry, changed) - _deadlines(last.registry, last.after)
    for deadline in sorted(each for each in news if each.due_ms <= following.at_ms and each not in told):
        told[deadline] = None
        if len(told) > _TOLD_MAX:
            told.popitem(last=False)
        reached = DeadlineReached(name=deadline.name, key=deadline.key, due_ms=deadline.due_ms)
        _, batch = kernel.step(changed, reached, deadline.due_ms, last.registry, at_rest=False)
        would = [each.event for each in batch[1:] if not _is_the_change(each.event, changes)]
        if would:
            seq = last.after.seq
            yield Otherwise(
                seq=seq,
                utc_ms=calendar.utc_of(seq, max(deadline.due_ms, last.after.at_ms)),
                on=f"{words(reached)}, which did not come so early",
                did=(),
                would=_told(would),
            )


def elsewhere(python: Path, arguments: Sequence[str]) -> int:
    """Asks another installation, by its interpreter, what its software version would have done; the exit status.

    Raises BadQuestion when there is no such interpreter.
    """
    try:
        found = subprocess.run(  # noqa: S603  # the operator names it
            [str(python), "-c", "import station.cli.replay"], cwd=python.parent, capture_output=True, check=False
        )
    except OSError as error:
        raise BadQuestion(f"{python} cannot be run: {error.strerror or error}") from error
    if found.returncode:
        raise BadQuestion(f"{python} has no chargebox that can replay")
    command = [str(python), "-m", "station.cli", "replay", *arguments]
    return subprocess.run(command, cwd=python.parent, check=False).returncode  # noqa: S603
