"""Anchors: heads that something remembers, each held against the log, and the events that each of them proves.

An anchor proves the events that the chain leads to it from, up to itself, and no other: those of the run that it lies in. What lies
before a gap, or before an event whose content does not fit its digest, it does not prove. One thing leads further: a proven event
that names a head itself (ArchiveDropped has the digest before the gap) proves what the chain leads to that head from.

An anchor that came with the log, as the witness, may have been made with it: it can contradict the log, but proves nothing of it.
"""

from collections.abc import Iterator, Sequence

from eventstore.catalogue.lifecycle import ArchiveDropped, ArchiveThinned
from eventstore.chain import EMPTY, Head
from eventstore.value import Value, replace
from station.replay.opening.origin import Anchor
from station.replay.proof import beside_check
from station.replay.proof.findings import REPLACED, TRUNCATED
from station.replay.proof.spans import Span, Spans, holds, listed, union, words
from station.replay.proof.work import Work

AGREES, CONTRADICTS, NOT_APPLICABLE = "agrees", "contradicts", "not_applicable"
SHORT_BYTES = 16
"""A digest of which fewer bytes are known can be met by trying."""


class AnchorResult(Value, frozen=True, kw_only=True):
    """A head that something remembers, and what the log says to it. `outside`: who wrote the log cannot have made it.

    `result` is "agrees", "contradicts" or "not_applicable"; `says` tells why, and `proves` the events that it vouches for.
    """

    what: str
    seq: int
    digest: str
    outside: bool
    result: str
    says: str
    proves: Spans


def check_anchors(work: Work, given: Sequence[Anchor], own: Sequence[tuple[Anchor, bool, str]]) -> list[AnchorResult]:
    """All anchors: those beside the log, the station's `own` statements, and those that were `given`, which count as from outside.

    Each of `own` comes with whether it was signed with a trusted key, and with what there is to say of that.
    """
    results = []
    beside = (*beside_check.heads_beside(work), *work.reader.anchors())
    results += [_judge(work, anchor, outside=False) for anchor in beside]
    for anchor in work.reader.origin.anchors:
        if work.reader.origin.excerpt and anchor.head.seq > work.reader.head.seq:
            gone = (work.reader.head.seq + 1, anchor.head.seq)
            work.absent.append(gone)
            work.skip(f"{words(gone)}: not in what was given, which says that the log had them")
    for anchor, is_trusted, why in own:
        result = _judge(work, anchor, outside=is_trusted)
        results.append(replace(result, says=f"{result.says}; {why}" if why else result.says))
    results += [_judge(work, anchor, outside=True) for anchor in given]
    return _led_further(work, results)


def _judge(work: Work, anchor: Anchor, *, outside: bool) -> AnchorResult:
    """A statement has two heads: one that contradicts contradicts the whole of it."""
    judged = [_judge_head(work, anchor, head) for head in (anchor.head, anchor.before) if head is not None]
    results = {result for result, _, _ in judged}
    result = next(each for each in (CONTRADICTS, AGREES, NOT_APPLICABLE) if each in results)
    (says, *_) = [text for found, text, _ in judged if found == result]
    proves = union(*(span for found, _, span in judged if found == AGREES)) if result == AGREES else ()
    if result == AGREES and outside and len(anchor.head.digest) < SHORT_BYTES:
        says += f", by {len(anchor.head.digest)} bytes of its digest alone"
    return AnchorResult(
        what=anchor.what,
        seq=anchor.head.seq,
        digest=anchor.head.digest.hex(),
        outside=outside,
        result=result,
        says=says,
        proves=proves if outside else (),
    )


def _judge_head(work: Work, anchor: Anchor, head: Head) -> tuple[str, str, list[Span]]:
    reader = work.reader
    if head.seq > reader.head.seq:
        return (*_beyond_the_end(work, anchor, head), [])
    found = EMPTY.digest if not head.seq else reader.digest_at(head.seq)
    if found is None:
        return NOT_APPLICABLE, f"event {head.seq} is not here", []
    if not found.startswith(head.digest):
        says = f"event {head.seq} is not the one that the {anchor.what} saw: it, or one before it, was replaced"
        if anchor.identity and reader.identity() and anchor.identity != reader.identity():
            says += f" (it speaks of the station {anchor.identity[:60]!r}, the log of {reader.identity()[:60]!r})"
        _add_once(work, REPLACED, head.seq, says, head.seq)
        return CONTRADICTS, says, []
    run = next((run for run in work.check.runs if run.first_seq <= head.seq <= run.last_seq), None)
    if run is None:
        return AGREES, f"the log says the same of event {head.seq}, which is not here, or not proven", []
    span = (run.first_seq, head.seq)
    return AGREES, f"{words(span)}: as it saw {'it' if span[0] == span[1] else 'them'}", [span]


def _beyond_the_end(work: Work, anchor: Anchor, head: Head) -> tuple[str, str]:
    reader = work.reader
    ends = f"the log ends at event {reader.head.seq}, the {anchor.what} saw event {head.seq}"
    if reader.origin.excerpt:
        return NOT_APPLICABLE, f"what was given ends at event {reader.head.seq}"
    if reader.origin.damage is not None:
        return NOT_APPLICABLE, f"{ends}: it is damaged there"
    if anchor.what == beside_check.WITNESS and beside_check.was_in_use(work):
        says = f"{ends}: these files were copied while the station wrote, or the end is missing"
        work.skip(says)
        return NOT_APPLICABLE, says
    _add_once(work, TRUNCATED, reader.head.seq + 1, f"{ends}: what lies between was cut off", head.seq)
    return CONTRADICTS, ends


def _add_once(work: Work, kind: str, seq: int, says: str, last_seq: int) -> None:
    """Several may remember the same head."""
    if not any((each.kind, each.seq, each.last_seq) == (kind, seq, max(seq, last_seq)) for each in work.findings):
        work.add(kind, seq, says, last_seq)


def _led_further(work: Work, results: list[AnchorResult]) -> list[AnchorResult]:
    """What proven events prove in turn, by the heads that they name."""
    named = list(_named_heads(work))
    led = []
    for result in results:
        proves, is_growing = result.proves, bool(result.proves)
        while is_growing:
            more = [span for seq, spans in named if holds(proves, seq) for span in spans]
            is_growing = union(proves, more) != proves
            proves = union(proves, more)
        led.append(
            result if proves == result.proves else replace(result, proves=proves, says=f"{listed(proves)}: {_FURTHER}")
        )
    return led


_FURTHER = "as it saw them, those before a gap by what it saw of the record of the gap"


def _named_heads(work: Work) -> Iterator[tuple[int, list[Span]]]:
    """(the event that names it, what the chain leads to that head from)."""
    thinned = {seal: gaps for _, seal, gaps in work.reader.thinned()}
    for recorded in work.milestones:
        event = recorded.event
        if isinstance(event, ArchiveThinned) and event.seal in thinned:  # the seal covers the digest before each cut
            yield recorded.seq, [span for first, _ in thinned[event.seal] for span in _run_to(work, first - 1)]
        if not isinstance(event, ArchiveDropped) or event.first_seq <= 1:
            continue
        seq = event.first_seq - 1
        found = work.reader.digest_at(seq)
        if found is None or found.hex() != event.before:
            continue
        yield recorded.seq, _run_to(work, seq)


def _run_to(work: Work, seq: int) -> list[Span]:
    """What the chain leads to this event from."""
    return [(run.first_seq, seq) for run in work.check.runs if run.first_seq <= seq <= run.last_seq]
