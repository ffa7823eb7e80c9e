"""States of the station out of its log: at one place, or one after the other, in constant memory.

A fold begins at the newest snapshot that the same folding code made, the log's own or one of the cache that this tool keeps for
its user (`checkpoints`), and goes through the events behind it. What an OutboxWindowRead names is filled in from the log.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from eventstore.catalogue.link import OutboxWindowRead
from eventstore.event import Recorded
from eventstore.snapshots import headers
from eventstore.structure import StructureError
from projections.digest import fingerprint, state_from
from projections.station import INITIAL, StationState, evolve
from station.replay.checkpoints import Checkpoints
from station.replay.errors import BadQuestion
from station.replay.reader import Illegible, LogReader

CHECKPOINT_EVERY = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A state, the seq that its fold began behind, and how many events in between could not be taken into account."""

    state: StationState
    base_seq: int
    left_out: int = 0


def filled(reader: LogReader, recorded: Recorded) -> Recorded:
    """The event with what was not logged again with it."""
    event = recorded.event
    if not isinstance(event, OutboxWindowRead):
        return recorded
    entries = reader.owed(event.after_seq, event.to_seq, event.count)
    return replace(recorded, event=replace(event, entries=entries))


def foundation(reader: LogReader) -> StationState:
    """The state that the whole of a log, or of what is there of it, is folded from: nothing, or the state its first segment begins with.

    Raises BadQuestion for an excerpt whose beginning nothing tells.
    """
    if reader.is_complete:
        return INITIAL
    base = reader.origin.base
    for state in _openings(reader, reader.first_seq - 1):
        if base is not None and state.seq == base.seq:
            return state
    raise BadQuestion(
        f"this {reader.origin.kind} begins with event {reader.first_seq}, and the state before it is not known: "
        "states follow from a log that is there from its first event on"
    )


def _openings(reader: LogReader, seq: int) -> Iterator[StationState]:
    """The states that segments end in, up to `seq`, of this folding code, newest first."""
    for opening in sorted(reader.origin.openings, key=lambda each: -each.head.seq):
        if opening.head.seq > seq or not opening.state or opening.fingerprint != fingerprint():
            continue
        try:
            yield state_from(opening.state)
        except (StructureError, KeyError, ValueError):
            continue


def state_at(reader: LogReader, seq: int, checkpoints: Checkpoints | None = None) -> Folded:
    """The state after event `seq`. Raises BadQuestion for an excerpt whose beginning nothing tells."""
    state = _base(reader, seq, checkpoints) or foundation(reader)
    if seq < state.seq:
        raise BadQuestion(f"the log begins with event {reader.first_seq}, and state {seq} lies before that")
    base_seq, left_out, next_mark = state.seq, 0, state.seq + CHECKPOINT_EVERY
    with without_cycles():
        for rows in reader.rows(after=state.seq, until=seq):
            state, missed = _fold_slice(reader, state, reader.decoded(rows))
            left_out += missed
            if checkpoints is not None and not left_out and state.seq >= next_mark:
                checkpoints.keep(reader, state)
                next_mark = state.seq + CHECKPOINT_EVERY
    return Folded(state=state, base_seq=base_seq, left_out=left_out)


def _fold_slice(reader: LogReader, state: StationState, events: list[Recorded]) -> tuple[StationState, int]:
    """The state after some events, and how many of them could not be taken into account. Every event of a long log passes here."""
    missed = 0
    for recorded in events:
        kind = type(recorded.event)
        missed += kind is Illegible
        try:
            state = evolve(state, filled(reader, recorded) if kind is OutboxWindowRead else recorded)
        except Exception:  # noqa: BLE001  # whatever a fold raises for an event that cannot be: the rest still tells
            missed += 1
    return state, missed


@contextmanager
def without_cycles() -> Iterator[None]:
    """Events and states hold no reference cycles, and millions of them pass: looking for cycles takes as long as folding."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _base(reader: LogReader, seq: int, checkpoints: Checkpoints | None) -> StationState | None:
    found = [_snapshot(reader, seq), next(_openings(reader, seq), None)]
    if checkpoints is not None:
        found.append(checkpoints.newest(reader, seq))
    known = [state for state in found if state is not None and state.seq + 1 >= reader.first_seq]
    return max(known, key=lambda state: state.seq, default=None)


def _snapshot(reader: LogReader, seq: int) -> StationState | None:
    """The newest of the log's own snapshots up to `seq` that this code made and whose place in the chain fits."""
    for header, file in headers(reader.scratch):
        if header.seq > seq or header.fingerprint != fingerprint():
            continue
        row = reader.row(header.seq)
        if row is None or row.digest.hex() != header.digest:
            continue
        try:
            return state_from(file.read_bytes().partition(b"\n")[2])
        except (StructureError, KeyError, ValueError):
            continue
    return None
