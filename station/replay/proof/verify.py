"""Verification: the chain, the fold and the re-decision of a log, its anchors, and a verdict that says what was proven.

Three levels, each of which includes the ones before: `chain` (digests from end to end, and the file's own structure), `fold` (every
event can be folded, and the snapshots beside the log are what it amounts to), `decide` (every decision follows from its
observation). A chain without a key proves that a log is consistent. That it is the log that the station wrote, and that nothing was
cut off its end, is proven by anchors from outside alone: a head digest that was seen elsewhere, or a signed statement.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from eventstore.bounds import SEQ_MAX
from eventstore.catalogue.lifecycle import BooksClosed
from eventstore.chain import EMPTY, Head
from eventstore.database import DATABASE_NAME, open_reader
from eventstore.directory import StorageDirectory
from eventstore.inspection import seen_heads
from eventstore.inventory import without
from eventstore.snapshots import SnapshotHeader, headers
from eventstore.value import Value
from projections.digest import digest, fingerprint, state_bytes
from projections.station import StationState
from station import VERSION
from station.replay.opening.errors import BadQuestion
from station.replay.opening.origin import Anchor
from station.replay.opening.progress import Progress, silent
from station.replay.opening.reader import LogReader
from station.replay.proof.chain_check import ChainCheck, missing
from station.replay.proof.dropping import dropped_before, thinned, undecided, untold_thinning
from station.replay.proof.findings import (
    ALTERED,
    CONTRADICTED,
    DAMAGED,
    MOVED,
    REMOVED,
    REPLACED,
    TRUNCATED,
    LogFinding,
)
from station.replay.proof.redeciding import Decided, decide_again, first_difference, stretches_of

LEVELS = ("chain", "fold", "decide")
FINDINGS_MAX = 1_000
OTHER_VERSION_MAX = 200
ANCHOR_BYTES_MIN = 6
"""Of a digest: as many as a metric holds exactly."""
WHOLE, FAULTY = "whole", "faulty"
CONSISTENT, ANCHORED = "consistent", "anchored"
_GUARDS = ("event_is_never_changed", "event_is_never_deleted")


class AnchorResult(Value, frozen=True, kw_only=True):
    """A head that something remembers, and whether the log agrees. `outside`: it did not come with the log."""

    what: str
    seq: int
    digest: str
    outside: bool
    agrees: bool


class OtherVersion(Value, frozen=True, kw_only=True):
    """A decision of another software version that this one would not have made so: changed behaviour, not damage."""

    seq: int
    version: str
    says: str


class Verdict(Value, frozen=True, kw_only=True):
    """`verdict` is "whole" or "faulty". `proven` is "consistent", or "anchored" if an outside anchor agrees, up to `anchored_seq`.

    `level` is how far it was checked; `skipped` says what could not be, and why. `state_digest` is that of the state at the head.
    """

    verdict: str
    proven: str
    anchored_seq: int
    level: str
    software_version: str
    source: str
    first_seq: int
    last_seq: int
    head_digest: str
    events: int
    observations: int
    snapshots: int
    state_digest: str
    findings: tuple[LogFinding, ...]
    findings_count: int
    other_versions: tuple[OtherVersion, ...]
    other_versions_count: int
    anchors: tuple[AnchorResult, ...]
    skipped: tuple[str, ...]


@dataclass(slots=True)
class _Work:
    """A verification under way."""

    reader: LogReader
    findings: list[LogFinding] = field(default_factory=list)
    others: list[OtherVersion] = field(default_factory=list)
    others_count: int = 0
    skipped: list[str] = field(default_factory=list)
    observations: int = 0
    snapshots: int = 0
    contradictions: int = 0
    redacted: bool = False
    state: StationState | None = None

    def add(self, kind: str, seq: int, says: str, last_seq: int | None = None) -> None:
        self.findings.append(LogFinding(kind=kind, seq=seq, last_seq=seq if last_seq is None else last_seq, says=says))


def verify(
    reader: LogReader,
    *,
    level: str = "decide",
    outside: Sequence[Anchor] = (),
    progress: Progress = silent,
) -> Verdict:
    """The verdict on a log; never raises for what is wrong with it. `outside` are anchors that did not come with it."""
    work = _Work(reader)
    _check_file(work)
    check = _check_chain(work, progress)
    _check_origin(work)
    anchors = _check_anchors(work, outside)
    if level != "chain":
        _check_decisions(work, decides=level == "decide", progress=progress)
    agreed = [anchor.seq for anchor in anchors if anchor.outside and anchor.agrees]
    # Where what came before an event was replaced whole, it is not the event itself that was altered.
    behind = {each.seq + 1 for each in work.findings if each.kind == REPLACED}
    told = [each for each in work.findings if each.kind != ALTERED or each.seq not in behind]
    findings = sorted(told, key=lambda each: each.seq)
    return Verdict(
        verdict=FAULTY if findings else WHOLE,
        proven=ANCHORED if agreed and not findings else CONSISTENT,
        anchored_seq=max(agreed, default=0),
        level=level,
        software_version=VERSION,
        source=reader.origin.kind,
        first_seq=reader.first_seq,
        last_seq=reader.head.seq,
        head_digest=reader.head.digest.hex(),
        events=check.rows,
        observations=work.observations,
        snapshots=work.snapshots,
        state_digest="" if work.state is None else digest(work.state),
        findings=tuple(findings[:FINDINGS_MAX]),
        findings_count=len(findings) + max(0, work.contradictions - FINDINGS_MAX),
        other_versions=tuple(work.others),
        other_versions_count=work.others_count,
        anchors=tuple(anchors),
        skipped=tuple(work.skipped),
    )


def _check_origin(work: _Work) -> None:
    """What the reading has come across, and whether each segment ends in the state that its last event names."""
    reader = work.reader
    for opening in reader.openings():
        last = reader.event(opening.head.seq)
        if last is None or not isinstance(last.event, BooksClosed) or not opening.state:
            continue
        if last.event.state_digest != opening.state_digest:
            says = f"the state that the segment up to event {last.seq} ends in is not the one that its last event names"
            work.add(REPLACED, last.seq, says)
    for finding in reader.findings():
        work.add(DAMAGED, *_place_of(finding, reader))
    damage = reader.origin.damage
    if damage is None:
        return
    lost = f"events {damage.kept_seq + 1} to {damage.known_seq} are lost" if damage.known_seq > damage.kept_seq else ""
    stray = f"{damage.stray_events} of them verify among themselves" if damage.stray_events else ""
    says = "; ".join(part for part in (*damage.findings, lost, stray) if part)
    work.add(DAMAGED, damage.kept_seq + 1, says, max(damage.known_seq, damage.kept_seq + 1))


def _place_of(finding: str, reader: LogReader) -> tuple[int, str, int]:
    """Where a damaged segment says that it is damaged: the events that it names, or where it begins."""
    named = re.search(r"events (\d+) to (\d+)", finding)
    if named is not None:
        return int(named[1]), finding, int(named[2])
    base = 0 if reader.origin.base is None else reader.origin.base.seq
    return base + 1, finding, base + 1


def _check_file(work: _Work) -> None:
    """The structure of the file, and the guards that keep the log append-only."""
    reader = work.reader
    if reader.origin.damage is not None:
        return
    try:
        with closing(open_reader(reader.scratch / DATABASE_NAME)) as connection:
            told = [row[0] for row in connection.execute("PRAGMA quick_check(10)") if row[0] != "ok"]
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")}
    except sqlite3.Error as error:
        told, names = [str(error)], set(_GUARDS)
    if told:
        work.add(DAMAGED, reader.first_seq, f"the file's structure is damaged: {'; '.join(told)}", reader.head.seq)
    if not names.issuperset(_GUARDS):
        work.add(DAMAGED, reader.first_seq, "the file's guards against change were removed", reader.head.seq)


def _check_chain(work: _Work, progress: Progress) -> ChainCheck:
    reader = work.reader
    base = reader.origin.base
    begins_at = 1 if base is None else base.seq + 1
    starts_late = reader.first_seq > begins_at
    if starts_late and not reader.origin.excerpt:
        for first, last in without([(begins_at, reader.first_seq - 1)], reader.cut_out):
            work.add(REMOVED, first, missing(first, last), last)
    if begins_at > 1:
        work.skipped.append(dropped_before(reader, begins_at))
    check = ChainCheck(base=None if starts_late else base or EMPTY, cut_out=lambda: reader.cut_out)
    for rows in reader.rows():
        check.take(rows)
        progress(check.rows, reader.head.seq)
    found = check.findings()
    work.redacted = reader.origin.redacted and bool(found)
    if work.redacted:
        shown = f"{check.broken_rows} of {check.rows} events were redacted: their digests cannot be checked"
        work.skipped.append(f"{shown}, only that the others continue the chain")
        found = [each for each in found if each.kind not in (ALTERED, MOVED)]
    work.findings += found
    work.skipped += thinned(reader)
    work.findings += untold_thinning(reader)
    return check


def _check_anchors(work: _Work, outside: Sequence[Anchor]) -> list[AnchorResult]:
    results = []
    reader = work.reader
    beside = [Anchor(what=name, head=head) for name, head in _beside(reader)]
    seen: set[tuple[str, int]] = set()
    for anchor, is_outside in (*((each, False) for each in beside), *((each, True) for each in outside)):
        agrees = _agrees(work, anchor, seen)
        if agrees is None:
            continue
        results.append(
            AnchorResult(
                what=anchor.what,
                seq=anchor.head.seq,
                digest=anchor.head.digest.hex(),
                outside=is_outside,
                agrees=agrees,
            )
        )
    return results


def _beside(reader: LogReader) -> Iterator[tuple[str, Head]]:
    """What lies beside the log and remembers a head of it."""
    yield from seen_heads(StorageDirectory(reader.scratch))
    for anchor in reader.anchors():
        yield anchor.what, anchor.head


def _agrees(work: _Work, anchor: Anchor, seen: set[tuple[str, int]]) -> bool | None:
    """Whether the log has this head; None where the log, being an excerpt or salvaged, cannot tell."""
    reader, head = work.reader, anchor.head
    base = reader.origin.base
    if not head.seq or (base is not None and head.seq == base.seq and base.digest.startswith(head.digest)):
        return True
    if base is not None and head.seq < base.seq:
        return None
    if head.seq > reader.head.seq:
        if reader.origin.excerpt or reader.origin.damage is not None:
            return None
        if (TRUNCATED, head.seq) not in seen:
            seen.add((TRUNCATED, head.seq))
            says = f"the log ends at event {reader.head.seq}, the {anchor.what} saw event {head.seq}"
            work.add(TRUNCATED, reader.head.seq + 1, f"{says}: what lies between was cut off", head.seq)
        return False
    row = reader.row(head.seq)
    if row is None:
        is_dropped = any(first <= head.seq <= last for first, last in reader.cut_out)
        return None if reader.origin.excerpt or is_dropped else False
    if row.digest.startswith(head.digest):
        return True
    if (REPLACED, head.seq) not in seen:
        seen.add((REPLACED, head.seq))
        says = f"event {head.seq} is not the one that the {anchor.what} saw: it, or one before it, was replaced"
        work.add(REPLACED, head.seq, says)
    return False


def _check_decisions(work: _Work, *, decides: bool, progress: Progress) -> None:
    """Folds the whole log, and if asked for compares every decision."""
    reader = work.reader
    unknown = [name for name in reader.counts() if not _is_known(name)]
    if unknown:
        work.skipped.append(f"fold and decisions: this version does not know {', '.join(unknown[:5])}")
        return
    snapshots = {header.seq: (header, file.read_bytes()) for header, file in headers(reader.scratch)}
    ends = reader.segment_ends()
    try:
        stretches = tuple(stretches_of(reader))
        work.skipped += undecided(reader, stretches)
        for decided in decide_again(reader, fold_only=not decides, stretches=stretches):
            work.observations += 1
            work.state = decided.after
            _compare(work, decided, decides=decides)
            for seq in [seq for seq in snapshots if seq <= decided.after.seq]:
                _check_snapshot(work, decided, *snapshots.pop(seq))
            if decided.after.seq in ends:
                _check_opening(work, decided.after)
            if not work.observations % 500:
                progress(decided.after.seq, reader.head.seq)
    except BadQuestion as problem:
        work.skipped.append(f"fold and decisions: {problem}")


def _is_known(name: str) -> bool:
    from eventstore.catalogue import BY_NAME

    return name in BY_NAME


def _compare(work: _Work, decided: Decided, *, decides: bool) -> None:
    if decided.agrees:
        return
    if decided.error and not decides:
        work.add(CONTRADICTED, decided.recorded[0].seq, decided.error, decided.recorded[-1].seq)
        return
    if not decides or _is_cut_off(work.reader, decided):
        return
    difference = first_difference(decided)
    if decided.version != VERSION:
        work.others_count += 1
        if len(work.others) < OTHER_VERSION_MAX:
            work.others.append(OtherVersion(seq=difference.seq, version=decided.version, says=difference.says))
        return
    if work.redacted:
        if not any("decisions" in each for each in work.skipped):
            work.skipped.append(
                "decisions: redaction may have changed what they were made from; differences are not reported"
            )
        return
    work.contradictions += 1
    if work.contradictions <= FINDINGS_MAX:
        work.add(CONTRADICTED, difference.seq, difference.says, max(difference.seq, decided.recorded[-1].seq))


def _is_cut_off(reader: LogReader, decided: Decided) -> bool:
    """Whether what is missing lies behind the end of a log that is known to go on there."""
    is_last = decided.recorded[-1].seq == reader.head.seq
    goes_on = reader.origin.damage is not None or reader.origin.excerpt
    return is_last and goes_on and decided.decided[: len(decided.recorded)] == decided.recorded


def _check_snapshot(work: _Work, decided: Decided, header: SnapshotHeader, content: bytes) -> None:
    if header.fingerprint != fingerprint():
        work.skipped.append(f"the snapshot at event {header.seq}: it was folded by another version")
        return
    if decided.after.seq != header.seq:  # the daemon keeps states at the ends of batches only
        work.add(DAMAGED, header.seq, f"the snapshot at event {header.seq} stands in the middle of a batch")
        return
    work.snapshots += 1
    if content.partition(b"\n")[2] != state_bytes(decided.after):
        work.add(DAMAGED, header.seq, f"the snapshot at event {header.seq} is not what the log amounts to there")


def _check_opening(work: _Work, state: StationState) -> None:
    opening = next((each for each in work.reader.openings(state.seq) if each.head.seq == state.seq), None)
    if opening is None or not opening.state:
        return
    if opening.fingerprint != fingerprint():
        told = "the states that segments end in, as far as they were folded by another version"
        work.skipped += [] if told in work.skipped else [told]
        return
    work.snapshots += 1
    if opening.state != state_bytes(state):
        says = f"the state that the segment up to event {state.seq} ends in is not what the log amounts to there"
        work.add(DAMAGED, state.seq, says)


def anchor_from(text: str, what: str = "anchor") -> Anchor:
    """A head as people write it, "SEQ:DIGEST" in hexadecimal; the first bytes of the digest, as metrics have them, will do.

    Raises BadQuestion.
    """
    seq, _, digest = text.partition(":")
    try:
        head = Head(seq=int(seq), digest=bytes.fromhex(digest))
    except ValueError as error:
        raise BadQuestion(f"{text!r} is no anchor: expected SEQ:DIGEST, the digest in hexadecimal") from error
    if not 0 <= head.seq <= SEQ_MAX:
        raise BadQuestion(f"{text!r} is no anchor: there is no event {seq}")
    if not ANCHOR_BYTES_MIN <= len(head.digest) <= len(EMPTY.digest):
        digits = f"{2 * len(EMPTY.digest)} hexadecimal digits, of which the first {2 * ANCHOR_BYTES_MIN} will do"
        raise BadQuestion(f"{text!r} is no anchor: a digest has {digits}")
    return Anchor(what=what, head=head)
