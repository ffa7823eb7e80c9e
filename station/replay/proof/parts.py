"""A long log decided on all cores: each segment by itself, from the state that the one before it is to end in.

What a segment ends in is held against what it was taken to end in, so that where every part agrees, all agree, and the verdict is that of
one walk from end to end. Where anything does not, that walk is made: what is wrong is found, and reported, in one way.
"""

from concurrent.futures import Future
from itertools import pairwise

from eventstore.catalogue.lifecycle import LogSalvaged
from eventstore.structure import StructureError
from eventstore.value import Value
from projections.digest import fingerprint, state_bytes, state_from
from station.replay.opening.progress import Progress, silent
from station.replay.opening.workers import CANNOT_START, LogCopy, copy_of, opened, pool
from station.replay.proof.decision_check import Shapes, follow, tell_beginning, tell_left
from station.replay.proof.redeciding import Deciding, known_state
from station.replay.proof.spans import Span, extend
from station.replay.proof.work import Work

PAYS_EVENTS = 40_000
"""Fewer are decided sooner than other processes are started."""
_IMPORTS = ("station.replay.proof.parts",)


class PartDone(Value, frozen=True, kw_only=True):
    """What came of one part: `agrees` if every decision follows, and it ends as it is to end. `state` is the one at its end.

    `left` are the snapshots that it did not come by.
    """

    agrees: bool
    observations: int = 0
    snapshots: int = 0
    decided: tuple[Span, ...] = ()
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    founded_on: int = 0
    left: tuple[int, ...] = ()
    state: bytes = b""


def check_in_parts(work: Work, workers: int, *, decides: bool, progress: Progress) -> bool:
    """Decides the parts of the log in so many processes. True, and all of it is in `work`, if every part agrees; else nothing was done."""
    copy, parts = copy_of(work.reader), _parts(work) if workers > 1 else []
    if copy is None or len(parts) < 2:
        return False
    try:
        done = _decided(work, copy, parts, workers, decides=decides, progress=progress)
    except CANNOT_START:
        return False
    return len(done) == len(parts) and _take(work, done)


def _decided(
    work: Work, copy: LogCopy, parts: list[Span], workers: int, *, decides: bool, progress: Progress
) -> list[PartDone]:
    """What came of the parts, in order, up to the first that does not agree."""
    done: list[PartDone] = []
    with pool(min(workers, len(parts)), _IMPORTS) as processes:
        running = [processes.submit(check_part, copy, part, decides) for part in parts]
        try:
            for part, future in zip(parts, running, strict=True):
                found = _result(future)
                if not found.agrees:
                    break
                done.append(found)
                progress(part[1], work.reader.head.seq)
        finally:  # also if we are asked to end: what no worker has begun is left
            processes.shutdown(wait=False, cancel_futures=True)
    return done


def _result(future: Future[PartDone]) -> PartDone:
    try:
        return future.result()
    except Exception:  # noqa: BLE001  # a worker that died, or could not read: it is read here
        return PartDone(agrees=False)


def _parts(work: Work) -> list[Span]:
    """The parts, each as the event before its first one and its last; none where something is wrong already, or too little is there."""
    reader = work.reader
    first, last = reader.first_seq, reader.head.seq
    is_odd = (
        work.findings or len(work.present) != 1 or any(isinstance(each.event, LogSalvaged) for each in work.milestones)
    )
    if is_odd or last - first < PAYS_EVENTS:
        return []
    known = {
        opening.head.seq
        for opening in reader.openings()
        if first <= opening.head.seq < last
        and opening.fingerprint == fingerprint()
        and known_state(reader, opening) is not None
    }
    return list(pairwise([0, *sorted(known), last]))


def check_part(copy: LogCopy, part: Span, decides: bool) -> PartDone:
    """Decides one part of the log; in a process of its own."""
    with opened(copy) as reader:
        work = Work(reader)
        deciding = Deciding(reader, fold_only=not decides, watch=Shapes(work, ()).check, part=part)
        left = follow(work, deciding, decides=decides, progress=silent)
    state = work.state
    is_clean = not (work.findings or work.uncounted or work.others_count or deciding.undecided)
    return PartDone(
        agrees=is_clean and state is not None and state.seq == part[1],
        observations=work.observations,
        snapshots=work.snapshots,
        decided=tuple(work.decided),
        skipped=tuple(work.skipped),
        notes=tuple(work.notes),
        founded_on=deciding.founded_on,
        left=tuple(left),
        state=b"" if state is None else state_bytes(state),
    )


def _take(work: Work, done: list[PartDone]) -> bool:
    try:
        work.state = state_from(done[-1].state)
    except (StructureError, KeyError, ValueError):
        return False
    for part in done:
        work.observations += part.observations
        work.snapshots += part.snapshots
        for span in part.decided:
            extend(work.decided, span)
        for says in part.skipped:
            work.skip(says)
        for says in part.notes:
            work.note(says)
        tell_beginning(work, part.founded_on)
    tell_left(work, [seq for seq in done[0].left if all(seq in part.left for part in done)])
    return True
