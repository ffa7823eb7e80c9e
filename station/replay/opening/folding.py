"""States of the station out of its log: at one place, or one after the other, in constant memory.

A fold begins at the newest snapshot that the same folding code made, the log's own or one of the cache that this tool keeps for
its user (`checkpoints`), and goes through the events behind it. What an OutboxWindowRead names is filled in from the log.
"""

import gc
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from itertools import pairwise

from eventstore.catalogue.link import OutboxWindowRead
from eventstore.chain import EMPTY, ChainBrokenError, Head, Row
from eventstore.chain import verify as verify_chain
from eventstore.event import Illegible, Recorded
from eventstore.snapshots import headers
from eventstore.structure import StructureError
from eventstore.value import Value, replace
from projections.digest import fingerprint, state_from
from projections.station import INITIAL, Folding, StationState, evolve
from station.replay.opening.checkpoints import Checkpoints
from station.replay.opening.errors import BadQuestion
from station.replay.opening.reader import LogReader
from station.replay.opening.workers import CANNOT_START, LogCopy, copy_of, cores, opened, pool

CHECKPOINT_EVERY = 20_000
ELSEWHERE_EVENTS, STRETCH = 100_000, 50_000
"""From how many events on their digests are followed in another process, and how many of them at a time."""
_IMPORTS = ("station.replay.opening.folding",)
WORTH_KEEPING = 2_000
"""How many events behind the last state that is kept the one that was asked for is kept as well."""


class Folded(Value, frozen=True, kw_only=True):
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

    That one counts whichever version folded it: what it was folded from is gone. Raises BadQuestion for an excerpt whose beginning nothing tells.
    """
    if reader.is_complete:
        return INITIAL
    base = reader.origin.base
    for state in _openings(reader, reader.first_seq - 1, ours_only=False):
        if base is not None and state.seq == base.seq:
            return state
    raise BadQuestion(
        f"the log begins with event {reader.first_seq}, and the state before it is not known: "
        "states follow from a log that is there from its first event on"
    )


def _openings(reader: LogReader, seq: int, *, ours_only: bool = True) -> Iterator[StationState]:
    """The states that segments end in, up to `seq`, newest first; those of this folding code only, unless `ours_only` is false."""
    for opening in reader.openings(seq):
        if not opening.state or (ours_only and opening.fingerprint != fingerprint()):
            continue
        try:
            yield state_from(opening.state, opening.layout)
        except (StructureError, KeyError, ValueError):
            continue


def state_at(reader: LogReader, seq: int, checkpoints: Checkpoints | None = None) -> Folded:
    """The state after event `seq`. Raises BadQuestion for an excerpt whose beginning nothing tells."""
    state = beginning(reader, seq, checkpoints)
    # What was redacted is no state of this log, and is not kept as one.
    with _kept_in(None if reader.redaction else checkpoints, reader, state.seq, seq) as keeping:
        return _onward(reader, Folded(state=state, base_seq=state.seq), state.seq, seq, keeping)


def beginning(
    reader: LogReader, seq: int, checkpoints: Checkpoints | None = None, *, ours_only: bool = True
) -> StationState:
    """The state that a fold up to event `seq` begins with: of this folding code only, or also of others. Raises BadQuestion where there is none."""
    state = kept_state(reader, seq, checkpoints, ours_only=ours_only) or foundation(reader)
    if seq < state.seq:
        raise BadQuestion(f"the log begins with event {reader.first_seq}, and state {seq} lies before that")
    return state if reader.redaction is None or not state.seq else reader.redaction.state(state)


def state_behind(reader: LogReader, folded: Folded, after: int, seq: int) -> Folded:
    """The state after event `seq`, from the one after event `after`, without keeping any."""
    return _onward(reader, folded, after, seq, _Keeping())


def _onward(reader: LogReader, folded: Folded, after: int, seq: int, keeping: "_Keeping") -> Folded:
    state, left_out, read_seq, kept_seq = folded.state, folded.left_out, after, folded.state.seq
    with without_cycles():
        for rows in reader.rows(after=after, until=seq):
            left_out += rows[-1].seq - read_seq - len(rows)  # what is gone from the log is missed as well
            read_seq = rows[-1].seq
            keeping.follow(rows)
            state, missed = _fold_slice(reader, state, reader.decoded(rows))
            left_out += missed
            is_due = state.seq - kept_seq >= (CHECKPOINT_EVERY if read_seq < seq else WORTH_KEEPING)
            if is_due and not left_out:
                keeping.keep(state)
                kept_seq = state.seq
    return replace(folded, state=state, left_out=left_out)


class _Keeping:
    """Keeps states on the way. A state is found again by a digest: one that was folded from events which do not fit theirs is not kept."""

    def follow(self, rows: list[Row]) -> None:
        """The rows up to the next state."""

    def keep(self, state: StationState) -> None:
        """A state that is due."""

    def end(self) -> None:
        """Nothing comes any more."""


class _Here(_Keeping):
    """The digests are followed in this process."""

    def __init__(self, checkpoints: Checkpoints, reader: LogReader, seq: int) -> None:
        self._checkpoints, self._reader = checkpoints, reader
        self._head = _head_at(reader, seq)

    def follow(self, rows: list[Row]) -> None:
        self._head = _head_behind(self._reader, self._head, rows)

    def keep(self, state: StationState) -> None:
        if self._head is not None:
            self._checkpoints.keep(self._reader, state)


class _Elsewhere(_Keeping):
    """The digests are followed in another process while the events are folded here, a stretch at a time."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        reader: LogReader,
        processes: ProcessPoolExecutor,
        copy: LogCopy,
        span: tuple[int, int],
    ) -> None:
        self._checkpoints, self._reader = checkpoints, reader
        after, until = span
        ends = [*range(after + STRETCH, until, STRETCH), until]
        self._stretches = deque(
            (end, processes.submit(fits, copy, begin, end)) for begin, end in pairwise([after, *ends])
        )
        self._waiting: deque[StationState] = deque()
        self._proven_seq = after

    def keep(self, state: StationState) -> None:
        self._waiting.append(state)
        while self._stretches and self._stretches[0][1].done():
            self._take_stretch()
        self._keep_proven()

    def end(self) -> None:
        while self._stretches and self._waiting:
            self._take_stretch()
            self._keep_proven()

    def _take_stretch(self) -> None:
        """The events of the next stretch are proven if their digests fit; else nothing from there on."""
        end, future = self._stretches.popleft()
        try:
            is_whole = future.result()
        except Exception:  # noqa: BLE001  # a process that died, or could not read: a state is kept another time
            is_whole = False
        if is_whole:
            self._proven_seq = end
        else:
            self._stretches.clear()

    def _keep_proven(self) -> None:
        while self._waiting and self._waiting[0].seq <= self._proven_seq:
            self._checkpoints.keep(self._reader, self._waiting.popleft())
        if not self._stretches:
            self._waiting.clear()


@contextmanager
def _kept_in(checkpoints: Checkpoints | None, reader: LogReader, after: int, until: int) -> Iterator[_Keeping]:
    """How the states between two events are kept: not at all, or in `checkpoints`."""
    if checkpoints is None:
        yield _Keeping()
        return
    copy = copy_of(reader) if until - after >= ELSEWHERE_EVENTS and cores() > 1 else None
    processes = None
    try:
        keeping: _Keeping = _Here(checkpoints, reader, after)
        if copy is not None:
            with suppress(*CANNOT_START):
                processes = pool(1, _IMPORTS)
                keeping = _Elsewhere(checkpoints, reader, processes, copy, (after, until))
        yield keeping
        keeping.end()
    finally:
        if processes is not None:
            processes.shutdown(wait=True, cancel_futures=True)


def fits(copy: LogCopy, after: int, until: int) -> bool:
    """Whether every event behind `after` up to `until` is there, and fits its digest; in a process of its own."""
    with opened(copy) as reader:
        head = _head_at(reader, after)
        for rows in reader.rows(after, until):
            head = _head_behind(reader, head, rows)
        return head is not None and head.seq == until


def _head_at(reader: LogReader, seq: int) -> Head | None:
    if not seq:
        return EMPTY
    row = reader.row(seq)
    return reader.origin.base if row is None else Head(seq=row.seq, digest=row.digest)


def _head_behind(reader: LogReader, head: Head | None, rows: list[Row]) -> Head | None:
    """The head after these rows; None once the chain is broken."""
    try:
        return None if head is None else verify_chain(head, rows, reader.content)
    except ChainBrokenError:
        return None


def _fold_slice(reader: LogReader, state: StationState, events: list[Recorded]) -> tuple[StationState, int]:
    """The state after some events, and how many of them could not be taken into account. Every event of a long log passes here."""
    folding = Folding(state)
    try:
        for recorded in events:
            folding.add(filled(reader, recorded) if type(recorded.event) is OutboxWindowRead else recorded)
    except Exception:  # noqa: BLE001  # whatever a fold raises for an event that cannot be: the rest still tells
        return _fold_one_by_one(reader, state, events)
    return folding.state(), sum(type(recorded.event) is Illegible for recorded in events)


def _fold_one_by_one(reader: LogReader, state: StationState, events: list[Recorded]) -> tuple[StationState, int]:
    """The same, without those events that cannot be."""
    missed = 0
    for recorded in events:
        missed += type(recorded.event) is Illegible
        try:
            state = evolve(state, filled(reader, recorded))
        except Exception:  # noqa: BLE001  # as above
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


def kept_state(
    reader: LogReader, seq: int, checkpoints: Checkpoints | None = None, *, ours_only: bool = True
) -> StationState | None:
    """The newest state up to `seq` that is kept: by the log itself, and in the cache if there is one; None if none is."""
    found = [_snapshot(reader, seq), next(_openings(reader, seq, ours_only=ours_only), None)]
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
