"""Closed segments and archives: their names and places, whether they are one history with the live segment, and what was dropped.

What an archive holds is proven as it is read. Here its header is held against its events, the state that it ends in against the event
that closed its books, and the directory against what a station leaves in one.
"""

import sqlite3
from collections.abc import Iterator
from itertools import pairwise

from eventstore.archive import SUFFIX, ArchiveReader
from eventstore.catalogue.lifecycle import ArchiveDropped, ArchiveThinned, BooksClosed
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.inventory import untold
from eventstore.opening import Opening
from eventstore.segments import ARCHIVE_DIRECTORY, PastSegment, archive_name, closed_name, head_of, past_segments
from station.replay.proof.findings import CONTRADICTED, DAMAGED, FOREIGN, REMOVED, REPLACED, TRUNCATED
from station.replay.proof.spans import words
from station.replay.proof.walk import place_of
from station.replay.proof.work import Work

_PROBLEMS = (LogCorrupt, LogTooNew, sqlite3.Error, OSError)


def check_past(work: Work) -> None:
    """All that lies before the live segment, and what does not lie there."""
    past = work.reader.origin.past
    _check_names(work)
    for segment in () if past is None else past.segments:
        if segment.is_archive:
            _check_header(work, segment)
    _check_states(work)
    _check_beyond(work)
    _check_dropped(work)
    _check_thinned(work)
    for finding in work.reader.findings():
        work.add(DAMAGED, *place_of(work, finding))


def _check_names(work: Work) -> None:
    """Names that no station gives, and segments of which one holds what another one holds."""
    directory = work.reader.origin.directory
    if directory is None:
        return
    found = past_segments(directory)
    named = {(each.first_seq, each.last_seq) for each in found}
    own = {
        name for key in named for name in (archive_name(*key), archive_name(*key, is_thinned=True), closed_name(*key))
    }
    strays = [file.name for file in directory.glob("closed-*.db") if file.name not in own]
    archive = directory / ARCHIVE_DIRECTORY
    strays += [f"{ARCHIVE_DIRECTORY}/{file.name}" for file in archive.glob(f"*{SUFFIX}") if file.name not in own]
    for name in sorted(strays)[:20]:
        work.whole_log(FOREIGN, f"{name} is named as no station names a segment")
    for earlier, later in pairwise(found):
        if later.first_seq <= earlier.last_seq:
            says = f"{earlier.path.name} and {later.path.name} hold the same events, or say so"
            work.add(FOREIGN, later.first_seq, says, min(earlier.last_seq, later.last_seq))


def _check_header(work: Work, segment: PastSegment) -> None:
    reader = work.reader
    try:
        with ArchiveReader(segment.path) as archive:
            header = archive.header
    except _PROBLEMS:
        return  # reported by whoever read it
    says: list[str] = []
    if segment.path.parent.name == ARCHIVE_DIRECTORY and segment.path.name != archive_name(
        header.first_seq, header.last_seq, is_thinned=segment.is_thinned
    ):
        says.append("its name")
    first, last = reader.row(header.first_seq), reader.row(header.last_seq)
    if first is not None and first.utc_ms != header.first_utc_ms:
        says.append("the time of its first event")
    if last is not None and last.utc_ms != header.last_utc_ms:
        says.append("the time of its last event")
    identity = reader.identity()
    if identity and header.identity and header.identity != identity:
        says.append(f"the station ({header.identity[:60]!r})")
    if says:
        told = f"{segment.path.name}: its header does not agree with the log in {', '.join(says)}"
        work.add(REPLACED, header.first_seq, told, header.last_seq)


def _check_states(work: Work) -> None:
    """Whether each segment ends in the state that its last event names."""
    closed = {each.seq: each.event for each in work.milestones if isinstance(each.event, BooksClosed)}
    for opening in work.reader.openings():
        books = closed.get(opening.head.seq)
        if not opening.state:
            work.note(f"the state that the segment up to event {opening.head.seq} ends in was not kept with it")
        if books is None:
            continue
        differing = [name for name, agrees in _compared(opening, books) if not agrees]
        if differing:
            says = f"the segment up to event {opening.head.seq} ends, by its file, in another {' and '.join(differing)} than its last event names"
            work.add(REPLACED, opening.head.seq, says)


def _compared(opening: Opening, books: BooksClosed) -> Iterator[tuple[str, bool]]:
    if not opening.state:  # it was not known any more when the file was made, which is noted
        return
    yield "state", opening.state_digest == books.state_digest
    yield "layout of its state", opening.layout == books.layout
    yield "fingerprint", opening.fingerprint == books.fingerprint
    yield "first event that is owed", opening.owed_seq == books.owed_seq


def _check_beyond(work: Work) -> None:
    """Segments that end behind the place where the live one begins: it is older than they are, unless it was being closed."""
    reader = work.reader
    for segment in reader.origin.beyond:
        try:
            head = head_of(segment)
        except _PROBLEMS as error:
            work.add(DAMAGED, segment.first_seq, f"{segment.path.name}: {error}", segment.last_seq)
            continue
        row = reader.row(head.seq)
        if row is not None and row.digest == head.digest and not segment.is_archive:
            work.note(f"{segment.path.name} is the live segment by another name: the station was closing it")
        elif row is None or row.digest == head.digest:
            says = f"{segment.path.name} ends at event {head.seq}, and the live segment is older: it ends at event {reader.head.seq}"
            work.add(TRUNCATED, reader.head.seq + 1, f"{says}, and was set back", head.seq)
        else:
            says = f"{segment.path.name} ends at event {head.seq}, which is another one in the live segment"
            work.add(REPLACED, head.seq, says)


def _check_dropped(work: Work) -> None:
    """What was dropped is on record with the digests around the gap."""
    reader = work.reader
    for recorded in work.milestones:
        event = recorded.event
        if not isinstance(event, ArchiveDropped):
            continue
        if not 1 <= event.first_seq <= event.last_seq < recorded.seq:
            says = f"event {recorded.seq} says that {words((event.first_seq, event.last_seq))} were dropped, which cannot be"
            work.add(CONTRADICTED, recorded.seq, says)
            continue
        for seq, digest in ((event.first_seq - 1, event.before), (event.last_seq, event.digest)):
            found = reader.digest_at(seq)
            if digest and found is not None and found.hex() != digest:
                says = f"event {seq} is not the one that the record of what was dropped (event {recorded.seq}) names"
                work.add(REPLACED, seq, says)


def _check_thinned(work: Work) -> None:
    """What was cut out of archives is on record, with the seal of what is left: it covers the digests on both sides of each cut."""
    reader = work.reader
    seals = set()
    for recorded in work.milestones:
        event = recorded.event
        if not isinstance(event, ArchiveThinned):
            continue
        seals.add(event.seal)
        ends = [seq for gap in event.gaps for seq in gap]
        if (
            not 1 <= event.first_seq <= event.last_seq < recorded.seq
            or ends != sorted(ends)
            or not all(event.first_seq <= seq <= event.last_seq for seq in ends)
        ):
            work.add(CONTRADICTED, recorded.seq, f"event {recorded.seq} says that events were cut out, which cannot be")
    for segment, seal, _ in () if reader.goes_on_elsewhere else reader.thinned():
        if seal not in seals:
            work.add(REMOVED, segment.first_seq, untold(segment), segment.last_seq)
