"""The walk through every row that is here: the chain, what is missing between the rows, and what the log says of itself.

Why something is missing makes the difference: dropped, which must be on record (ArchiveDropped, and with the digests around the gap); not here,
because only a part of the log was given; unreadable, because what holds it is damaged; and removed, which is a finding.
"""

import re
from collections.abc import Iterator, Sequence

from eventstore.catalogue.lifecycle import (
    ArchiveDropped,
    ArchiveThinned,
    BooksClosed,
    LogSalvaged,
    StationBooted,
    StationDescribed,
)
from eventstore.chain import EMPTY, Row
from eventstore.event import Recorded
from station.replay.opening.progress import Progress
from station.replay.proof.chain_check import ChainCheck
from station.replay.proof.findings import ALTERED, DAMAGED, FOREIGN, MOVED, REMOVED
from station.replay.proof.spans import Span, Spans, common, count, extend, holds, listed, minus, union, words
from station.replay.proof.work import Work
from station.wire.instants import format_utc_ms

MILESTONES = (ArchiveDropped, ArchiveThinned, BooksClosed, LogSalvaged, StationBooted, StationDescribed)
_MILESTONE_NAMES = frozenset(kind.NAME for kind in MILESTONES)
_MARKS = ("(withheld)", "tag-", "station-", "://", ":\\/\\/", '"[', '"{')
"""What a payload has that may have been redacted: a name in place of another, a location, which may have lost its password, or JSON
in a text, which an export lays out anew."""
_NAMED_EVENTS = re.compile(r"events? (\d+)(?: to (\d+))?")


def walk(work: Work, progress: Progress) -> None:
    """Reads every row once; what is found stands in `work`."""
    reader = work.reader
    base = reader.origin.base
    begins_at = 1 if base is None else base.seq + 1
    starts_late = reader.first_seq > begins_at
    work.check = check = ChainCheck(
        base=None if starts_late else base or EMPTY,
        bases=reader.bases,
        content=reader.content,
        is_unproven=reader.is_unproven,
    )
    marked: list[Span] = []
    live = 0
    for rows in reader.rows():
        check.take(rows)
        _note_present(work, rows)
        live += len(rows) if rows[0].seq > reader.past_seq else 0
        told = [row for row in rows if row.type in _MILESTONE_NAMES]
        work.milestones += reader.decoded(told) if told else []
        if reader.origin.redacted:
            _note_redacted(work, rows, marked)
        progress(check.rows, reader.head.seq)
    found = check.findings()
    if reader.origin.redacted:
        broken = [(each.seq, each.last_seq) for each in found if each.kind in (ALTERED, MOVED)]
        work.redacted = list(union(work.redacted, common(broken, marked)))
        found = [each for each in found if each.kind not in (ALTERED, MOVED) or not holds(work.redacted, each.seq)]
    work.findings += found
    _tell_redacted(work)
    _classify(work, begins_at)
    _count_rows(work, live)


def _note_redacted(work: Work, rows: Sequence[Row], marked: list[Span]) -> None:
    """Which events have commitments in place of values, and which nothing proves any more."""
    for row in rows:
        if work.reader.is_withheld(row.seq):
            extend(work.concealed, (row.seq, row.seq))
        elif work.reader.is_unproven(row.seq):
            extend(work.redacted, (row.seq, row.seq))
        elif names := work.reader.withheld(row.seq):
            extend(work.withheld, (row.seq, row.seq))
            work.withheld_members.update(names)
        elif not work.reader.is_disclosed(row.seq) and any(mark in row.payload for mark in _MARKS):
            extend(marked, (row.seq, row.seq))


def _note_present(work: Work, rows: Sequence[Row]) -> None:
    first, last = rows[0].seq, rows[-1].seq
    if last - first + 1 == len(rows):
        extend(work.present, (first, last))
        return
    for row in rows:
        extend(work.present, (row.seq, row.seq))


def _tell_redacted(work: Work) -> None:
    if work.redacted:
        told = listed(work.redacted)
        work.skip(
            f"{told}: redacted, so that nothing proves what stands in them; only that the others continue the chain"
        )
    if work.concealed:
        work.skip(
            f"{listed(work.concealed)}: withheld as a whole; the hashes that stand for them fit the chain, and nothing else is known of them"
        )
    if work.withheld:
        names = ", ".join(sorted(work.withheld_members))
        work.skip(
            f"{listed(work.withheld)}: of their members, some are withheld ({names}); the commitments to them fit, "
            "and nothing proves what stands in their place"
        )


def _classify(work: Work, begins_at: int) -> None:
    """Why each event is missing that should be between the first and the last one."""
    reader = work.reader
    last = reader.head.seq
    gone: Spans = minus([(1, last)], work.present) if last else ()
    on_record = list(_on_record(work))
    work.dropped = list(common(gone, on_record))
    gone = minus(gone, work.dropped)
    unreadable = list(_named_damage(work))
    if work.is_structure_damaged:
        unreadable.append((begins_at, last))
    work.unreadable = list(common(gone, unreadable))
    gone = minus(gone, work.unreadable)
    if not _is_owed_whole(work):
        first = work.present[0][0] if work.present else last + 1
        work.absent = list(common(gone, [(1, first - 1)]))
        gone = minus(gone, work.absent)
    for first_gone, last_gone in gone:
        are = "is" if first_gone == last_gone else "are"
        says = f"{words((first_gone, last_gone))} {are} missing"
        if first_gone < begins_at or reader.origin.past is not None:
            says += ", and nothing says that they were dropped"
        work.add(REMOVED, first_gone, says, last_gone)
    for says in _dropping_told(work):
        work.skip(says)
    if work.absent:
        work.skip(f"{listed(work.absent)}: not in what was given")
    if work.unreadable:
        work.skip(f"{listed(work.unreadable)}: they cannot be read")


def _on_record(work: Work) -> Iterator[Span]:
    """What the log says was dropped; and what an archive says was cut out of it, where that record may be elsewhere."""
    for recorded in work.milestones:
        match recorded.event:
            case ArchiveDropped(first_seq=first_seq, last_seq=last_seq):
                yield first_seq, last_seq
            case ArchiveThinned(gaps=gaps):
                yield from gaps
    yield from work.reader.origin.cut_out
    if work.reader.goes_on_elsewhere:
        for segment, _, cut_out in work.reader.thinned():
            yield from cut_out
            span = words((segment.first_seq, segment.last_seq))
            work.skip(f"{span}: some of them were dropped; what put that on record is not here")


def _dropping_told(work: Work) -> Iterator[str]:
    """What is not here because it was dropped, by the records that say so."""
    records = [each for each in work.milestones if isinstance(each.event, ArchiveDropped)]
    whole = union(
        (each.event.first_seq, each.event.last_seq) for each in records if isinstance(each.event, ArchiveDropped)
    )
    for first, last in common(work.dropped, whole):
        recorded = next(each for each in reversed(records) if _names(each, last))
        yield f"{words((first, last))}: dropped on record{_when(recorded)}"
    if source := common(work.dropped, work.reader.origin.cut_out):
        yield f"{listed(source)}: dropped on record, as the {work.reader.origin.kind} says"
    for recorded in work.milestones:
        event = recorded.event
        if isinstance(event, ArchiveThinned) and (gone := common(work.dropped, event.gaps)):
            span = words((event.first_seq, event.last_seq))
            of_them = f"{count(gone)} of them, which tell nothing of transactions, were dropped on record"
            yield f"{span}: {of_them}{_when(recorded)}"


def _names(recorded: Recorded, seq: int) -> bool:
    event = recorded.event
    return isinstance(event, ArchiveDropped) and event.first_seq <= seq <= event.last_seq


def _when(recorded: Recorded) -> str:
    event = recorded.event
    assert isinstance(event, ArchiveDropped | ArchiveThinned), "that is what was asked for"
    return f" ({format_utc_ms(recorded.utc_ms)[:10]}, event {recorded.seq}, for its {event.reason[:20]})"


def _is_owed_whole(work: Work) -> bool:
    """Whether the log should be there from its first event on, so that what is missing before it was taken away."""
    origin = work.reader.origin
    return origin.directory is not None and not origin.excerpt


def _named_damage(work: Work) -> Iterator[Span]:
    """The events that damaged segments name, and those of damaged segments as a whole."""
    origin = work.reader.origin
    for finding in work.reader.findings():
        named = _NAMED_EVENTS.search(finding)
        if named is not None:
            yield int(named[1]), int(named[2] or named[1])
        for segment in () if origin.past is None else origin.past.segments:
            if named is None and segment.path.name in finding:
                yield segment.first_seq, segment.last_seq
    if origin.damage is not None and origin.damage.known_seq > origin.damage.kept_seq:
        yield origin.damage.kept_seq + 1, origin.damage.known_seq


def place_of(work: Work, finding: str) -> tuple[int, str, int]:
    """Where a damaged segment says that it is damaged: the events that it names, those of the segment, or where the log begins."""
    named = _NAMED_EVENTS.search(finding)
    if named is not None:
        return int(named[1]), finding, int(named[2] or named[1])
    past = work.reader.origin.past
    for segment in () if past is None else past.segments:
        if segment.path.name in finding:
            return segment.first_seq, finding, segment.last_seq
    base = work.reader.origin.base
    seq = 1 if base is None else base.seq + 1
    return seq, finding, seq


def _count_rows(work: Work, live: int) -> None:
    """Whether the walk came to the end, and the live table holds no rows but the `live` ones that it came across."""
    reader, reached = work.reader, work.check.head.seq
    if reached < reader.head.seq and not holds(work.unreadable, reader.head.seq):
        says = f"{words((reached + 1, reader.head.seq))} cannot be read, or are none that a station writes"
        work.add(DAMAGED, reached + 1, says, reader.head.seq)
    total = reader.live_count()
    if total is not None and total > live and reached == reader.head.seq and not work.is_structure_damaged:
        work.whole_log(FOREIGN, f"the table of events has {total - live} rows that are none of the log")
