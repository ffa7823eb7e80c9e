"""Reading a log, its live segment from a private copy and what lies before it from closed segments: rows as stored, events as this
version knows them, in constant memory.

What a damaged page or an unknown version makes illegible does not end the reading: the event stands as `Illegible` in its
place. The readers of states say how many there were.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from eventstore.bounds import SLICE_CHARS_MAX
from eventstore.chain import GENESIS_DIGEST, Head, Row
from eventstore.codec import catalogue_codec
from eventstore.commitments import NO_COMMITMENTS, Commitments, Content, Disclosure
from eventstore.database import read_head
from eventstore.errors import LogCorrupt, UnknownEventType
from eventstore.event import Event, Illegible, Recorded
from eventstore.opening import Opening
from eventstore.rows import SELECT_ROWS, fetch, sound
from eventstore.salting import read_commitments
from eventstore.segments import PastSegment
from projections.outbox import TRANSACTIONAL
from station.replay.opening.origin import Anchor, Origin
from station.replay.opening.past_segments import Past
from station.replay.opening.progress import Progress, silent
from station.replay.opening.redacts import Redacts

SLICE_ROWS = 1_000
SEGMENT = "segment behind it"
"""What remembers the head that it continues."""
MISSES_MAX = 20_000
"""How many unreadable events in a row end the reading."""
OWED_MAX, OWED_CHARS_MAX = 1_000, 8 * SLICE_CHARS_MAX
"""What one OutboxWindowRead can name: the station asks for 48 at a time."""


class LogReader:
    """A log, open for reading. `scratch` is the directory of its copy, with what was beside it.

    The copy holds the live segment; the rows before it are read from closed segments and archives where they lie.
    """

    def __init__(self, connection: sqlite3.Connection, *, origin: Origin, scratch: Path) -> None:
        self._connection = connection
        self._codec = catalogue_codec()
        self._past = origin.past if origin.past is not None and origin.past.segments else None
        self.origin = origin
        self.progress: Progress = silent
        self.redaction: Redacts | None = None
        """What is taken out of events and states before anybody sees them; rows stay as stored."""
        self.scratch = scratch
        self.head: Head = read_head(connection)
        first = self._live_from(1)
        self.first_seq: int = 0 if first is None else first.seq
        if self._past is not None:
            self._extend(self._past)

    def _extend(self, past: Past) -> None:
        row, ends = past.row_from(0), past.newest_end()
        if row is not None:
            self.first_seq = row.seq
        if ends is not None and ends.head.seq > self.head.seq:
            self.head = ends.head

    @cached_property
    def commitments(self) -> Commitments:
        """What the digests of the events cover; those of damaged segments are left out, and do not fit."""
        past = () if self._past is None else (ends.commitments for ends in self._past.ends())
        return Commitments().joined([*past, self._live_commitments])

    @cached_property
    def _live_commitments(self) -> Commitments:
        try:
            return read_commitments(self._connection)[0]
        except sqlite3.Error:
            return NO_COMMITMENTS

    @property
    def content(self) -> Content:
        """What the digest of a row covers: by the log's own secrets, or by what was disclosed of the row with it."""
        if self.origin.disclosed is not None:
            return self.origin.disclosed.content
        return self._live_commitments.content if self._past is None else self._content

    def _content(self, row: Sequence[Any]) -> bytes:
        return self._covering(row[0]).content(row)

    def _covering(self, seq: int) -> Commitments:
        """Those of the segment that an event lies in: of a long history no other is looked at."""
        is_live = self._past is None or seq > self._past.last_seq
        return self._live_commitments if is_live or self._past is None else self._past.commitments_at(seq)

    def disclosure(self, row: Row) -> Disclosure | None:
        """What proves a row with commitments. Raises ValueError for one that is no row of a station."""
        told = self.origin.disclosed
        return self._covering(row.seq).disclosure(row) if told is None else told.disclosure(row.seq)

    def withheld(self, seq: int) -> tuple[str, ...]:
        """The members of an event that are withheld, so that others may stand in their place."""
        told = self.origin.disclosed
        found = None if told is None else told.disclosure(seq)
        return () if found is None else tuple(found.commitments)

    def is_withheld(self, seq: int) -> bool:
        """Whether an event is withheld as a whole."""
        told = self.origin.disclosed
        return told is not None and told.is_withheld(seq)

    def is_disclosed(self, seq: int) -> bool:
        """Whether something came with an exported event that is to prove it."""
        told = self.origin.disclosed
        return told is not None and told.disclosure(seq) is not None

    def is_unproven(self, seq: int) -> bool:
        """Whether what would prove an event was left out when it was redacted."""
        told = self.origin.disclosed
        return told is not None and told.is_unproven(seq)

    def why_unusable(self, seq: int) -> str:
        """Why nothing can be concluded from an event that is not here as it was recorded, in words."""
        if self.is_withheld(seq) or self.withheld(seq) or self.is_unproven(seq):
            return f"event {seq} is withheld, or a part of it"
        return f"event {seq} is not as it was recorded"

    @property
    def is_complete(self) -> bool:
        """Whether the log is there from its first event on, so that states can be folded from nothing."""
        return self.first_seq <= 1

    @property
    def goes_on_elsewhere(self) -> bool:
        """Whether there may be events behind the last one: of an excerpt, and of archives without the live segment."""
        return self.origin.excerpt or (self._past is not None and self.origin.opening is None)

    def identity(self) -> str:
        """Whom the file says that it was commissioned for; "" if it does not say."""
        try:
            row = self._connection.execute("SELECT value FROM meta NOT INDEXED WHERE name = 'identity'").fetchone()
        except sqlite3.Error:
            return ""
        if row is None and self._past is not None:
            return next((ends.identity for ends in self._past.ends()), "")
        return "" if row is None else str(row[0])

    def meta_names(self) -> frozenset[str]:
        """Of what the file itself keeps a note, e.g. that there is a witness."""
        try:
            return frozenset(str(row[0]) for row in self._connection.execute("SELECT name FROM meta NOT INDEXED"))
        except sqlite3.Error:
            return frozenset()

    def findings(self) -> tuple[str, ...]:
        """What is damaged in the closed segments, as far as they were read by now."""
        return self.origin.findings + (() if self._past is None else tuple(self._past.findings))

    def damage(self) -> tuple[str, ...]:
        """All that is known by now to be damaged, in the copy and in the closed segments."""
        return (() if self.origin.damage is None else self.origin.damage.findings) + self.findings()

    def openings(self, until: int | None = None) -> Iterator[Opening]:
        """The states that segments end in, up to seq `until`, newest first."""
        last = self.head.seq if until is None else until
        opening = self.origin.opening
        if opening is not None and opening.head.seq <= last:
            yield opening
        if self._past is not None:
            yield from self._past.openings(last)

    def thinned(self) -> Iterator[tuple[PastSegment, str, list[tuple[int, int]]]]:
        """The archives from which something was cut out, each with its seal and the first and last event of each range."""
        if self._past is not None:
            yield from self._past.thinned()

    def cut_heads(self) -> Iterator[Head]:
        """The heads at the end of each range that was cut out of an archive, as its index has them."""
        if self._past is not None:
            yield from self._past.cut_heads()

    def segment_ends(self) -> frozenset[int]:
        """The last seqs of the segments before the live one."""
        last = () if self.origin.opening is None else (self.origin.opening.head.seq,)
        return frozenset((*last, *(() if self._past is None else (each.last_seq for each in self._past.segments))))

    def anchors(self) -> Iterator[Anchor]:
        """The heads that the source itself names, and those that each segment says it continues."""
        yield from self.origin.anchors
        heads = [] if self._past is None else [ends.before for ends in self._past.ends()]
        if self.origin.opening is not None:
            heads.append(self.origin.opening.head)
        yield from (Anchor(what=SEGMENT, head=head) for head in heads if head.seq)

    def rows(
        self, after: int = 0, until: int | None = None, kinds: Collection[type[Event]] | None = None
    ) -> Iterator[list[Row]]:
        """The rows behind `after` up to `until` as stored, in order, in slices; of these kinds only, if any are named.

        Those of some kinds only have no digest where they come from an archive. Unreadable ones are left out; the gap shows in `seq`.
        """
        last = self.head.seq if until is None else until
        if self._past is not None and after < self._past.last_seq:
            names = None if kinds is None else frozenset(kind.NAME for kind in kinds)
            for rows in self._past.rows(after, min(last, self._past.last_seq), names):
                yield rows
                self.progress(rows[-1].seq, last)
            after = self._past.last_seq
        for rows in self._live_rows(after, last, kinds):
            yield rows
            self.progress(rows[-1].seq, last)

    def _live_rows(self, after: int, last: int, kinds: Collection[type[Event]] | None) -> Iterator[list[Row]]:
        condition, parameters = _condition(kinds)
        query = f"{SELECT_ROWS} WHERE seq > ? AND seq <= ?{condition} ORDER BY seq"
        while after < last:
            try:
                cursor = self._connection.execute(query, (after, last, *parameters))
                while found := fetch(cursor, SLICE_ROWS):
                    rows = sound(found)
                    if rows:
                        yield rows
                        after = rows[-1].seq
                return
            except sqlite3.Error:
                row = self._next_readable(after, last)
                if row is None:
                    return
                if kinds is None or row.type in parameters:
                    yield [row]
                after = row.seq

    def _next_readable(self, after: int, last: int) -> Row | None:
        for seq in range(after + 1, min(last, after + MISSES_MAX) + 1):
            row = self.row(seq)
            if row is not None:
                return row
        return None

    def row(self, seq: int) -> Row | None:
        """One row as stored; None when it is not there or cannot be read."""
        if self._past is not None and seq <= self._past.last_seq:
            found = self._past.row_from(seq)
            return found if found is not None and found.seq == seq else None
        try:
            row = self._connection.execute(f"{SELECT_ROWS} WHERE seq = ?", (seq,)).fetchone()
        except sqlite3.Error:
            return None
        return _sound_or_none(row)

    @cached_property
    def bases(self) -> Mapping[int, bytes]:
        """The digests that segments, and what stands behind a cut, say that they continue, by seq."""
        heads = [anchor.head for anchor in self.anchors() if anchor.what == SEGMENT]
        return {head.seq: head.digest for head in (*self.cut_heads(), *heads)}

    def digest_at(self, seq: int) -> bytes | None:
        """The digest of an event, also of one that is not here but that a segment says it continues; None if nothing tells it."""
        row = self.row(seq) if seq else None
        if row is not None:
            return None if row.digest == GENESIS_DIGEST else row.digest  # left out when it was redacted
        if not seq:
            return GENESIS_DIGEST
        return self.bases.get(seq)

    def recorded(
        self, after: int = 0, until: int | None = None, kinds: Collection[type[Event]] | None = None
    ) -> Iterator[Recorded]:
        """The events behind `after` up to `until`, in order, without those that are withheld; of these kinds only, if any are named."""
        for rows in self.rows(after, until, kinds):
            yield from self.decoded([row for row in rows if not self.is_withheld(row.seq)])

    def decoded(self, rows: list[Row]) -> list[Recorded]:
        """The events of stored rows; Illegible for what this version cannot read."""
        rows = rows if self.redaction is None else [self.redaction.row(row) for row in rows]
        try:
            return self._codec.decode_rows(rows)
        except (LogCorrupt, UnknownEventType):
            return [self._legible(row) for row in rows]

    def _legible(self, row: Row) -> Recorded:
        try:
            return self._codec.decode_rows([row])[0]
        except (LogCorrupt, UnknownEventType) as error:
            event = Illegible(name=str(row.type), version=int(row.version), reason=str(error))
            return Recorded(seq=row.seq, cause=row.cause, at_ms=row.at_ms, utc_ms=row.utc_ms, event=event)

    def event(self, seq: int) -> Recorded | None:
        """One event; None when it is not there."""
        row = self.row(seq)
        return None if row is None else self.decoded([row])[0]

    def row_told(self, seq: int) -> Row | None:
        """One row as it may be shown; None when it is not there, is withheld or cannot be read."""
        row = None if self.is_withheld(seq) else self.row(seq)
        return row if row is None or self.redaction is None else self.redaction.row(row)

    def owed(self, after_seq: int, to_seq: int, count: int) -> tuple[Recorded, ...]:
        """The transactional events behind `after_seq` up to `to_seq`, at most `count`: what OutboxWindowRead names."""
        if self._past is not None and after_seq < self._past.last_seq:
            return tuple(self.decoded(self._owed_rows(after_seq, to_seq, min(count, OWED_MAX))))
        condition, names = _condition(TRANSACTIONAL)
        query = f"{SELECT_ROWS} WHERE seq > ? AND seq <= ?{condition} ORDER BY seq LIMIT ?"
        try:
            cursor = self._connection.execute(query, (after_seq, to_seq, *names, count))
            return tuple(self.decoded(sound(fetch(cursor, OWED_MAX, OWED_CHARS_MAX))))
        except sqlite3.Error:
            return tuple(self.decoded(self._owed_rows(after_seq, to_seq, min(count, OWED_MAX))))

    def _owed_rows(self, after_seq: int, to_seq: int, count: int) -> list[Row]:
        found: list[Row] = []
        room = OWED_CHARS_MAX
        for row in chain.from_iterable(self.rows(after_seq, to_seq, TRANSACTIONAL)):
            if len(found) >= count or room <= 0:
                break
            found.append(row)
            room -= len(row.payload)
        return found

    def next_of(self, kind: type[Event], after: int, within: int) -> Recorded | None:
        """The first event of a kind among the `within` events behind `after`; None if there is none."""
        return next(self.recorded(after, after + within, (kind,)), None)

    def count(self) -> int:
        """How many events there are, as far as is known without reading all of them."""
        before, live = 0 if self._past is None else self._past.count(), self.live_count()
        return sum(self.counts().values()) if live is None else before + live

    def live_count(self) -> int | None:
        """How many rows the table of the live segment has, whatever they are; None where that cannot be counted."""
        try:
            return int(self._connection.execute("SELECT count(*) FROM event NOT INDEXED").fetchone()[0])
        except sqlite3.Error:
            return None

    @property
    def past_seq(self) -> int:
        """The last event before the live segment; 0 if it is the first."""
        return 0 if self._past is None else self._past.last_seq

    def counts(self) -> dict[str, int]:
        """How many events there are of each type name."""
        found = Counter[str]()
        if self._past is not None:
            for rows in self._past.rows(0, self._past.last_seq):
                found.update(row.type for row in rows)
        try:
            types = self._connection.execute("SELECT type, count(*) FROM event NOT INDEXED GROUP BY type")
            found.update({name: count for name, count in types if type(name) is str})
        except sqlite3.Error:
            for rows in self._live_rows(0 if self._past is None else self._past.last_seq, self.head.seq, None):
                found.update(row.type for row in rows)
        return dict(sorted(found.items()))

    def last_before(self, at_ms: int, first: int, last: int) -> int:
        """The last seq from `first` to `last` whose station time is not after `at_ms`; `first` - 1 if none is.

        Station time never decreases, so the halves can be halved again.
        """
        low, high = first, last + 1
        while low < high:
            middle = (low + high) // 2
            row = self._row_from(middle)
            if row is None or row.seq > last or row.at_ms > at_ms:
                high = middle
            else:
                low = row.seq + 1
        return low - 1

    def _row_from(self, seq: int) -> Row | None:
        found = None if self._past is None or seq > self._past.last_seq else self._past.row_from(seq)
        return self._live_from(seq) if found is None else found

    def _live_from(self, seq: int) -> Row | None:
        try:
            row = self._connection.execute(f"{SELECT_ROWS} WHERE seq >= ? ORDER BY seq LIMIT 1", (seq,)).fetchone()
        except sqlite3.Error:
            row = None
        return _sound_or_none(row) or self._next_readable(seq - 1, self.head.seq)


def _sound_or_none(row: Sequence[Any] | None) -> Row | None:
    return None if row is None else next(iter(sound([Row._make(row)])), None)


def _condition(kinds: Collection[type[Event]] | None) -> tuple[str, tuple[str, ...]]:
    if kinds is None:
        return "", ()
    names = tuple(sorted(kind.NAME for kind in kinds))
    return f" AND type IN ({', '.join('?' * len(names))})", names
