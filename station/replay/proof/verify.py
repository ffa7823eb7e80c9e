"""Verification: the files, the chain, the fold and the re-decision of a log, its anchors, and a verdict that says what was proven.

Three levels, each of which includes the ones before: `chain` (digests from end to end, the files' own structure, what lies beside the
log), `fold` (every event can be folded, and the states that are kept are what it amounts to), `decide` (every decision follows from
its observation). A chain without a key proves that a log is consistent. That it is the log that the station wrote, and that nothing was
cut off its end, is proven by anchors from outside alone: a head digest that was seen elsewhere, or a signed statement.

Nothing in the files is believed because it stands there. Three verdicts: "faulty" where anything is wrong; "unchecked" where nothing is, but a
part could not be checked; "whole" only where all that was asked for was checked.
"""

from collections.abc import Sequence

from eventstore.bounds import SEQ_MAX
from eventstore.chain import EMPTY, Head
from projections.digest import digest
from station import VERSION
from station.replay.opening.errors import BadQuestion
from station.replay.opening.origin import Anchor
from station.replay.opening.progress import Progress, silent
from station.replay.opening.reader import LogReader
from station.replay.proof.anchoring import check_anchors
from station.replay.proof.beside_check import check_beside
from station.replay.proof.decision_check import check_decisions
from station.replay.proof.file_check import check_files
from station.replay.proof.findings import ALTERED, DAMAGED, REPLACED, LogFinding
from station.replay.proof.own_statements import check_statements
from station.replay.proof.parts import check_in_parts
from station.replay.proof.past_check import check_past
from station.replay.proof.verdict import ANCHORED, CONSISTENT, FAULTY, UNCHECKED, WHOLE, Verdict, anchored, ranges_of
from station.replay.proof.walk import walk
from station.replay.proof.work import FINDINGS_MAX, Work

RANGES_MAX = 10_000
LEVELS = ("chain", "fold", "decide")
ANCHOR_BYTES_MIN = 6
"""Of a digest: as many as a metric holds exactly."""


def verify(
    reader: LogReader,
    *,
    level: str = "decide",
    outside: Sequence[Anchor] = (),
    keys: Sequence[str] = (),
    progress: Progress = silent,
    workers: int = 1,
) -> Verdict:
    """The verdict on a log; never raises for what is wrong with it. Its segments are decided in so many processes, if that pays.

    `outside` are anchors that did not come with it. `keys` are public keys, in hex, that its own statements are believed by.
    """
    work = Work(reader)
    check_files(work)
    walk(work, progress)
    check_past(work)
    check_beside(work)
    _tell_damage(work)
    anchors = check_anchors(work, outside, list(check_statements(work, keys)))
    decides = level == "decide"
    if level != "chain" and not check_in_parts(work, workers, decides=decides, progress=progress):
        check_decisions(work, decides=decides, progress=progress)
    findings = _told(work)
    ranges = ranges_of(work, anchors)
    proven = anchored(ranges)
    return Verdict(
        verdict=FAULTY if findings else UNCHECKED if work.skipped else WHOLE,
        proven=ANCHORED if proven else CONSISTENT,
        anchored_seq=proven[-1][1] if proven else 0,
        level=level,
        software_version=VERSION,
        source=reader.origin.kind,
        first_seq=reader.first_seq,
        last_seq=reader.head.seq,
        head_digest=reader.head.digest.hex(),
        events=work.check.rows,
        observations=work.observations,
        snapshots=work.snapshots,
        state_digest="" if work.state is None or work.state.seq != reader.head.seq else digest(work.state),
        findings=findings[:FINDINGS_MAX],
        findings_count=len(findings) + work.uncounted,
        other_versions=tuple(work.others),
        other_versions_count=work.others_count,
        anchors=tuple(anchors),
        ranges=ranges[:RANGES_MAX],
        ranges_count=len(ranges),
        skipped=tuple(work.skipped),
        notes=tuple(work.notes),
    )


def _told(work: Work) -> tuple[LogFinding, ...]:
    """Where what came before an event was replaced whole, it is not the event itself that was altered."""
    behind = {each.seq + 1 for each in work.findings if each.kind == REPLACED}
    found = [each for each in work.findings if each.kind != ALTERED or each.seq not in behind]
    return tuple(sorted(found, key=lambda each: each.seq))


def _tell_damage(work: Work) -> None:
    """What of a damaged live segment could only be salvaged."""
    damage = work.reader.origin.damage
    if damage is None:
        return
    lost = f"events {damage.kept_seq + 1} to {damage.known_seq} are lost" if damage.known_seq > damage.kept_seq else ""
    stray = f"{damage.stray_events} of them verify among themselves" if damage.stray_events else ""
    says = "; ".join(part for part in (*damage.findings, lost, stray) if part)
    work.add(DAMAGED, damage.kept_seq + 1, says, max(damage.known_seq, damage.kept_seq + 1))


def anchor_from(text: str, what: str = "anchor") -> Anchor:
    """A head as people write it, "SEQ:DIGEST" in hexadecimal; the first bytes of the digest, as metrics have them, will do.

    Raises BadQuestion.
    """
    seq, _, hexadecimal = text.partition(":")
    try:
        if not (seq.isascii() and seq.isdecimal()):
            raise ValueError(f"{seq!r} is no sequence number")
        head = Head(seq=int(seq), digest=bytes.fromhex(hexadecimal))
    except ValueError as error:
        raise BadQuestion(f"{text!r} is no anchor: expected SEQ:DIGEST, the digest in hexadecimal") from error
    if not 1 <= head.seq <= SEQ_MAX:
        raise BadQuestion(f"{text!r} is no anchor: there is no event {head.seq}")
    if not ANCHOR_BYTES_MIN <= len(head.digest) <= len(EMPTY.digest):
        digits = f"{2 * len(EMPTY.digest)} hexadecimal digits, of which the first {2 * ANCHOR_BYTES_MIN} will do"
        raise BadQuestion(f"{text!r} is no anchor: a digest has {digits}")
    return Anchor(what=what, head=head)
