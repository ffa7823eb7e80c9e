"""The fold and the decisions of a log, held against what is recorded; and the states that are kept of it.

"Contradicted" is said only where the state before an event is known, and the event is not what follows from it, or is none that any
station writes. Where the state is not known, behind a gap or an event that is not as it was recorded, nothing is said but that.
"""

from collections.abc import Iterable, Iterator, Sequence

import orjson

from eventstore.catalogue.lifecycle import BooksClosed, LogSalvaged, ObservationRejected, StationBooted
from eventstore.chain import Row
from eventstore.codec import encode
from eventstore.event import Decision, Illegible, Observation, Recorded
from eventstore.snapshots import SnapshotHeader, headers, is_legible
from projections.digest import digest, fingerprint, state_bytes
from projections.station import StationState
from station.replay.opening.progress import Progress
from station.replay.proof.findings import ALTERED, CONTRADICTED, DAMAGED, INSERTED, MOVED, REMOVED
from station.replay.proof.known_changes import KnownChange, explain
from station.replay.proof.redeciding import Decided, Deciding, first_difference
from station.replay.proof.spans import Spans, extend, holds, union, words
from station.replay.proof.versions import is_newer_version
from station.replay.proof.work import OtherVersion, Work

OTHER_VERSION_MAX = 200
_BROKEN = frozenset({ALTERED, INSERTED, MOVED, REMOVED})
_SHOWN = 5


def check_decisions(work: Work, *, decides: bool, progress: Progress) -> None:
    """Folds the log wherever its state is known, and if asked for compares every decision."""
    broken = [(each.seq, each.last_seq) for each in work.findings if each.kind in _BROKEN]
    breaks = union(broken, work.redacted, work.withheld, work.concealed)
    deciding = Deciding(work.reader, fold_only=not decides, breaks=breaks, watch=Shapes(work, breaks).check)
    tell_left(work, follow(work, deciding, decides=decides, progress=progress))
    what = "decidable" if decides else "folded"
    for undecided in deciding.undecided:
        span = (undecided.first_seq, undecided.last_seq)
        because = f": {undecided.says}" if undecided.says else ""
        work.skip(f"{words(span)}: not {what}{because}")
    tell_beginning(work, deciding.founded_on)
    tell_salvages(work)


def follow(work: Work, deciding: Deciding, *, decides: bool, progress: Progress) -> list[int]:
    """Goes through what is decided again, and tells what differs; the snapshots that it did not come by."""
    reader = work.reader
    snapshots = {
        header.seq: (header, file.read_bytes()) for header, file in headers(reader.scratch) if is_legible(file)
    }
    ends = reader.segment_ends()
    for decided in deciding:
        work.observations += 1
        work.state = decided.after
        change = _compare(work, decided, decides=decides)
        if change is not None and change.ends_deciding:
            deciding.end_behind(decided, f"from there on {change.says}")
        if snapshots:
            for seq in [seq for seq in snapshots if decided.recorded[0].seq <= seq <= decided.after.seq]:
                _check_snapshot(work, decided, *snapshots.pop(seq))
        if decided.after.seq in ends:
            _check_opening(work, decided.after)
        _check_books(work, decided)
        if not work.observations % 500:
            progress(decided.after.seq, reader.head.seq)
    return list(snapshots)


def tell_left(work: Work, snapshots: Iterable[int]) -> None:
    """The snapshots that no state was held against."""
    for seq in snapshots:
        work.note(f"the snapshot at event {seq} lies where no state is known: it was held against the chain alone")


def tell_beginning(work: Work, founded_on: int) -> None:
    """What the first state rests on, where nothing before it is here."""
    if founded_on:
        work.skip(
            f"the state after event {founded_on}, from which the rest was decided: a file names it, nothing proves it"
        )


def tell_salvages(work: Work) -> None:
    """What the log itself says that it has lost."""
    for recorded in work.milestones:
        event = recorded.event
        if not isinstance(event, LogSalvaged):
            continue
        lost = f"events {event.kept_seq + 1} to {event.old_head_seq} of the log before it are lost"
        if not event.quarantine:
            lost = "the state before it was lost, and the station began anew"
        elif event.old_head_seq <= event.kept_seq:
            lost = "nothing is known to be lost"
        work.skip(f"what came before event {recorded.seq}: there the log was salvaged (LogSalvaged), {lost}")


def _compare(work: Work, decided: Decided, *, decides: bool) -> KnownChange | None:
    """Tells what differs; the change of behaviour that it comes from, if it is one."""
    first, last = decided.recorded[0], decided.recorded[-1]
    if decided.agrees:
        if not _is_impossible(work, decided):
            extend(work.decided, (first.seq, last.seq))
        return None
    if decided.error and (not decides or decided.recorded == decided.decided):
        work.add(CONTRADICTED, first.seq, decided.error, last.seq)
        return None
    if not decides:
        return None
    difference = first_difference(decided)
    change = explain(decided)
    if change is not None:
        work.others_count += 1
        work.skip(
            f"decisions of version {decided.version} that it is known to make otherwise than this one: {change.says}"
        )
        if len(work.others) < OTHER_VERSION_MAX:
            work.others.append(OtherVersion(seq=difference.seq, version=decided.version, says=difference.says))
        return change
    says = difference.says
    if is_newer_version(decided.version):
        says += f" (recorded by version {decided.version}, which is newer than this one)"
    work.add(CONTRADICTED, difference.seq, says, max(difference.seq, last.seq))
    return None


def _is_impossible(work: Work, decided: Decided) -> bool:
    """What follows from nothing, and so cannot be contradicted by what it follows from."""
    event = decided.recorded[0].event
    if not isinstance(event, ObservationRejected):
        return False
    says = f"ObservationRejected stands for an observation that is not in the log ({event.kind[:60]}): nothing follows from it"
    work.add(CONTRADICTED, decided.recorded[0].seq, says)
    return True


class Shapes:
    """What holds of each event whatever it says: that it is written as a station writes it, and names as its cause what it follows."""

    def __init__(self, work: Work, breaks: Spans) -> None:
        """`breaks` are events that are not as they were recorded: nothing more is said of them."""
        self._work = work
        self._breaks = breaks
        self._observation: Recorded | None = None
        self._at_ms = 0
        self._seq = 0
        self._version = ""

    def check(self, rows: Sequence[Row], events: Sequence[Recorded]) -> None:
        """The next rows, with the events that they are."""
        work = self._work
        for row, recorded in zip(rows, events, strict=True):
            if not self._breaks and self._is_usual(row, recorded):
                continue
            if recorded.seq != self._seq + 1:
                self._observation = None
            if holds(self._breaks, recorded.seq):
                self._observation = None
                self._seq = recorded.seq
                continue
            if isinstance(recorded.event, Observation):
                self._version = getattr(recorded.event, "software_version", self._version)
            for says in self._faults(row, recorded):
                work.add(CONTRADICTED, recorded.seq, f"event {recorded.seq} ({row.type[:60]}) {says}")
            self._seq, self._at_ms = recorded.seq, max(self._at_ms, recorded.at_ms)

    def _is_usual(self, row: Row, recorded: Recorded) -> bool:
        """Whether it is an event without any fault, behind the one before it: as a rule, and this is quickly seen."""
        event, seq = recorded.event, recorded.seq
        if seq != self._seq + 1 or recorded.at_ms < self._at_ms or row[5] != event.VERSION:
            return False
        is_decision = isinstance(event, Decision)
        if is_decision:
            if self._observation is None or recorded.cause != self._observation.seq:
                return False
        elif recorded.cause != seq or isinstance(event, StationBooted | Illegible):
            return False
        if row[6] != getattr(event, "connector_id", None) or encode(event) != row[7]:
            return False
        self._seq, self._at_ms = seq, recorded.at_ms
        if not is_decision:
            self._observation = recorded
        return True

    def _faults(self, row: Row, recorded: Recorded) -> Iterator[str]:
        event, before = recorded.event, self._at_ms
        if recorded.at_ms < before:
            yield f"lies {before - recorded.at_ms} ms before the one before it: station time never decreases"
        if isinstance(event, Observation):
            self._observation = recorded
            if recorded.cause != recorded.seq:
                yield f"names event {recorded.cause} as its cause, and an observation has none but itself"
        elif isinstance(event, Decision):
            yield from self._cause_faults(recorded)
        if isinstance(event, Illegible):
            yield from self._illegible(event)
        else:
            yield from _written_faults(row, recorded)

    def _cause_faults(self, recorded: Recorded) -> Iterator[str]:
        observation = self._observation
        if recorded.cause >= recorded.seq:
            yield "is a decision, and names no observation before it as its cause"
        elif (
            observation is not None
            and not isinstance(observation.event, Illegible)
            and recorded.cause != observation.seq
        ):
            yield f"names event {recorded.cause} as its cause, and follows event {observation.seq}"

    def _illegible(self, event: Illegible) -> Iterator[str]:
        if is_newer_version(self._version):
            self._work.skip(
                f"events that version {self._version} wrote and this version does not know, e.g. {event.name[:60]}"
            )
        else:
            yield f"is none that a station writes: {event.reason[:200]}"


def _written_faults(row: Row, recorded: Recorded) -> Iterator[str]:
    event = recorded.event
    connector_id = getattr(event, "connector_id", None)
    if row.connector_id != connector_id:
        yield f"stands at connector {row.connector_id}, its content speaks of {connector_id}"
    if row.version == type(event).VERSION:
        is_ours = encode(event) == row.payload
    else:
        is_ours = orjson.dumps(orjson.loads(row.payload), option=orjson.OPT_SORT_KEYS).decode() == row.payload
    if not is_ours:
        yield "is not written as a station writes it"


def _check_snapshot(work: Work, decided: Decided, header: SnapshotHeader, content: bytes) -> None:
    if header.fingerprint != fingerprint():
        work.note(f"the snapshot at event {header.seq} was folded by another version, and is not used")
        return
    if decided.after.seq != header.seq:  # the daemon keeps states at the ends of batches only
        work.add(DAMAGED, header.seq, f"the snapshot at event {header.seq} stands in the middle of a batch")
        return
    work.snapshots += 1
    if content.partition(b"\n")[2] != state_bytes(decided.after):
        work.add(DAMAGED, header.seq, f"the snapshot at event {header.seq} is not what the log amounts to there")


def _check_books(work: Work, decided: Decided) -> None:
    """The event that closes the books names the state that everything amounts to."""
    event = decided.recorded[-1].event
    if not isinstance(event, BooksClosed) or event.fingerprint != fingerprint() or not event.state_digest:
        return
    if event.state_digest != digest(decided.after):
        says = f"event {decided.after.seq} (BooksClosed) names another state than the log amounts to there"
        work.add(CONTRADICTED, decided.after.seq, says)


def _check_opening(work: Work, state: StationState) -> None:
    opening = next((each for each in work.reader.openings(state.seq) if each.head.seq == state.seq), None)
    if opening is None or not opening.state:
        return
    if opening.fingerprint != fingerprint():
        work.note(
            "states that segments end in were folded by another version: held against the chain, not folded again"
        )
        return
    work.snapshots += 1
    if opening.state != state_bytes(state):
        says = f"the state that the segment up to event {state.seq} ends in is not what the log amounts to there"
        work.add(DAMAGED, state.seq, says)
