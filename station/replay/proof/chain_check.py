"""The chain of digests from end to end, and where it breaks, what was done there.

Each row carries the digest that it was given when it was recorded, so a row that stands in the wrong place still tells where it
stood. A break is tried against each way of making one, in this order:

    the digest alone was changed     the next row continues the digest that this row's content gives
    rows were inserted               without them the row continues, under its earlier number, the row before them
    rows were removed, and those     the next rows continue each other under their later numbers
      behind renumbered
    the content was changed          the next row continues the digest that still stands beside it
    rows were exchanged              each continues the chain in another's place

What a forger hashed anew from some event to the end is consistent, and found only by re-decision or against an anchor.

What did continue the chain is kept as runs: a head that is known to be genuine proves the events of the run that it lies in, up to
itself, and no other. The first event of an excerpt continues nothing that is here, so that it is part of no run.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from eventstore.chain import GENESIS_DIGEST, ChainBrokenError, Head, Row, digest_after, verify
from eventstore.commitments import Content, whole_row
from eventstore.value import Value
from station.replay.proof.findings import ALTERED, INSERTED, MOVED, REMOVED, LogFinding

SHIFT_MAX = 64
"""How many rows inserted or removed in one place are recognized as such."""
BROKEN_MAX = 512
"""How many broken rows are tried in each other's places."""


class Run(Value, frozen=True, kw_only=True):
    """Events each of which continues the one before; the first one continues `before`."""

    first_seq: int
    last_seq: int
    before: bytes


class ChainCheck:
    """The check of one chain; feed it every row in order with `take`, then ask `findings`, `runs`, `gaps` and `head`.

    `gaps` are the first and last seq of what is missing between the rows.
    """

    def __init__(
        self,
        *,
        base: Head | None = None,
        bases: Mapping[int, bytes] | None = None,
        content: Content = whole_row,
        is_unproven: Callable[[int], bool] = lambda seq: False,
    ) -> None:
        """`base` is the head before the first row; None: the first row is taken as it is (an excerpt).

        `bases` are the digests that segments say that they continue, by seq: what lies behind a gap is held against them. `content` tells
        what digests cover, and `is_unproven` of which events that was left out: they are taken as they are.
        """
        self._content = content
        self._is_unproven = is_unproven
        self._bases = bases or {}
        self._run: tuple[int, bytes] | None = None if base is None else (base.seq + 1, base.digest)
        self.runs: list[Run] = []
        self.gaps: list[tuple[int, int]] = []
        self._last: list[Row] = []
        self._earlier: deque[bytes] = deque(maxlen=SHIFT_MAX + 2)
        self._shift = 0
        self._base = base
        self._broken: list[tuple[bytes, Row]] = []
        self._findings: list[LogFinding] = []
        self._held: Row | None = None
        self.rows = 0
        self.broken_rows = 0
        if base is not None:
            self._earlier.append(base.digest)

    def take(self, rows: Sequence[Row]) -> None:
        """The next rows."""
        if rows and self._held is not None and not self._shift and self._is_whole([self._held, *rows[:-1]]):
            # Almost all of a log passes here: what would have to be known if it broke later is noted for the last few alone.
            whole = [self._held, *rows[:-1]][-SHIFT_MAX - 2 :]
            self._earlier.extend(row.digest for row in whole)
            self._last = [*self._last, *whole][-2:]
            self._held = rows[-1]
            self.rows += len(rows)
            return
        for row in rows:
            self.rows += 1
            held, self._held = self._held, row
            if held is not None:
                self._step(held, row)

    def _is_whole(self, rows: Sequence[Row]) -> bool:
        expected = self._expected_seq()
        if expected is None or not self._earlier:
            return False
        try:
            verify(Head(seq=expected - 1, digest=self._earlier[-1]), rows, self._content)
        except (ChainBrokenError, TypeError, ValueError):  # a damaged page holds values of any type
            return False
        return True

    def _expected_seq(self) -> int | None:
        if self._last:
            return self._last[-1].seq + 1
        return None if self._base is None else self._base.seq + 1

    def _step(self, row: Row, following: Row | None) -> None:
        expected = self._expected_seq()
        if expected is None:
            self._begin(row)
            return
        if row.seq != expected:
            self._gap(expected, row)
            return
        if self._is_unproven(row.seq):
            self._end_run(row)
            self._accept(row)
            return
        previous = self._earlier[-1]
        if self._fits_as(previous, row, row.seq + self._shift):
            self._accept(row)
            return
        self.broken_rows += 1
        self._end_run(row)
        if not self._digest_alone(row) and not self._inserted(row, following) and not self._removed(row, following):
            if len(self._broken) < BROKEN_MAX:
                self._broken.append((previous, row))
            self._add(ALTERED, row.seq, row.seq, _altered(row))
        self._accept(row)

    def _gap(self, expected: int, row: Row) -> None:
        if row.seq < expected:
            self._add(INSERTED, row.seq, row.seq, f"event {row.seq} stands behind event {expected - 1}")
        else:
            self.gaps.append((expected, row.seq - 1))
        self._close_run()
        self._begin(row)

    def _begin(self, row: Row) -> None:
        """What it continues is not here: it is held against what a segment says that it continues, or taken as it stands."""
        before = self._bases.get(row.seq - 1)
        if before is None or self._is_unproven(row.seq) or self._digest_of(before, row, row.seq) == row.digest:
            before = None if self._is_unproven(row.seq) else before
            self._run = (row.seq + 1, row.digest) if before is None else (row.seq, before)
        else:
            self.broken_rows += 1
            self._run = (row.seq + 1, row.digest)
            self._add(ALTERED, row.seq, row.seq, _altered(row))
        self._accept(row)

    def _close_run(self) -> None:
        """What was accepted last ends a run."""
        if self._run is not None and self._last and self._run[0] <= self._last[-1].seq:
            self.runs.append(Run(first_seq=self._run[0], last_seq=self._last[-1].seq, before=self._run[1]))
        self._run = None

    def _end_run(self, broken: Row) -> None:
        """The next run begins behind a row that is broken; where rows were renumbered, no digest stands at its own place."""
        self._close_run()
        self._run = (broken.seq + 1, broken.digest)

    def _accept(self, row: Row) -> None:
        self._last = [*self._last[-1:], row]
        self._earlier.append(row.digest)

    def _digest_alone(self, row: Row) -> bool:
        """The row before was found broken, or stands at a break, only because its digest was changed."""
        if len(self._earlier) < 2 or not self._last:
            return False
        before = self._last[-1]
        content = self._digest_of(self._earlier[-2], before, before.seq + self._shift)
        is_fit = content is not None and self._fits_as(content, row, row.seq + self._shift)
        if content == before.digest or not is_fit:
            return False
        self._forget(before.seq)
        self._add(ALTERED, before.seq, before.seq, f"the digest of event {before.seq} was altered, its content was not")
        return True

    def _inserted(self, row: Row, following: Row | None) -> bool:
        """Without the last few rows, this one continues the chain under an earlier number, and so do those behind it."""
        known = list(self._earlier)
        for count in range(1, min(SHIFT_MAX, len(known) - 1) + 1):
            earlier = self._shift - count
            is_next = self._fits_as(known[-1 - count], row, row.seq + earlier)
            if is_next and self._continues(row, following, earlier):
                first = row.seq - count
                for seq in range(first, row.seq):
                    self._forget(seq)
                what = f"event {first} was" if count == 1 else f"events {first} to {row.seq - 1} were"
                self._add(
                    INSERTED, first, row.seq - 1, f"{what} inserted: without them the events behind continue the chain"
                )
                self._shift -= count
                self._run = None
                return True
        return False

    def _removed(self, row: Row, following: Row | None) -> bool:
        """The row behind continues this one under a later number: what stood before this one is gone."""
        for count in range(1, SHIFT_MAX + 1):
            if following is not None and self._continues(row, following, self._shift + count):
                what = "an event was" if count == 1 else f"{count} events were"
                says = (
                    f"{what} removed between events {row.seq - 1} and {row.seq}, and the events behind were renumbered"
                )
                self._add(REMOVED, row.seq, row.seq, says)
                self._shift += count
                self._run = None
                return True
        return False

    def _add(self, kind: str, seq: int, last_seq: int, says: str) -> None:
        self._findings.append(LogFinding(kind=kind, seq=seq, last_seq=last_seq, says=says))

    def _forget(self, seq: int) -> None:
        """What was found of an event before more was known."""
        self._broken = [(previous, row) for previous, row in self._broken if row.seq != seq]
        self._findings = [each for each in self._findings if each.kind != ALTERED or each.seq != seq]

    @property
    def head(self) -> Head:
        """The last row's seq and digest as they stand; the base, or nothing, where there was no row."""
        if self._held is not None:
            return Head(seq=self._held.seq, digest=self._held.digest)
        if self._last:
            return Head(seq=self._last[-1].seq, digest=self._last[-1].digest)
        return self._base or Head(seq=0, digest=GENESIS_DIGEST)

    def findings(self) -> list[LogFinding]:
        """Everything that was found, in the order of the log."""
        if self._held is not None:
            held, self._held = self._held, None
            self._step(held, None)
        self._close_run()
        for moved in (*self._contents_exchanged(), *self._rows_exchanged()):
            gone = {seq for seq, _ in moved} | {seq + 1 for seq, _ in moved}
            self._findings = [each for each in self._findings if each.kind != ALTERED or each.seq not in gone]
            for seq, origin in moved:
                self._add(MOVED, seq, seq, f"what stands as event {seq} was recorded as event {origin}")
        return sorted(self._findings, key=lambda each: (each.seq, each.kind))

    def _digest_of(self, previous: bytes, row: Row, seq: int) -> bytes | None:
        try:
            return digest_after(previous, self._content((seq, *row[1:8])))
        except (TypeError, ValueError):  # a damaged page holds values of any type
            return None

    def _fits_as(self, previous: bytes, row: Row, seq: int) -> bool:
        """Does the row continue this digest, if it was recorded under the number `seq`?"""
        if self._digest_of(previous, row, seq) == row.digest:
            return True
        # Who renumbers events may have renumbered what they name as their cause as well.
        shifted = row._replace(cause=row.cause + seq - row.seq)
        return seq != row.seq and self._digest_of(previous, shifted, seq) == row.digest

    def _continues(self, row: Row, following: Row | None, shift: int) -> bool:
        """Whether the row behind continues this one, both numbered so much higher; nothing contradicts it where there is none."""
        if following is None:
            return True
        return following.seq == row.seq + 1 and self._fits_as(row.digest, following, following.seq + shift)

    def _contents_exchanged(self) -> Iterator[list[tuple[int, int]]]:
        """Pairs of rows whose contents, but not their digests, changed places."""
        done: set[int] = set()
        for place, (previous, row) in enumerate(self._broken):
            for other_previous, other in self._broken[place + 1 :]:
                if {row.seq, other.seq} & done:
                    continue
                here = self._digest_of(previous, other, row.seq) == row.digest
                if here and self._digest_of(other_previous, row, other.seq) == other.digest:
                    done |= {row.seq, other.seq}
                    yield [(row.seq, other.seq), (other.seq, row.seq)]

    def _rows_exchanged(self) -> Iterator[list[tuple[int, int]]]:
        """Rows that changed places with their digests: walks on from each break along the rows that do continue the chain."""
        found: list[tuple[int, int]] = []
        by_seq = {row.seq: (previous, row) for previous, row in self._broken}
        carried: bytes | None = None
        for previous, row in self._broken:
            if row.seq - 1 not in by_seq:
                carried = None
            before = previous if carried is None else carried
            carried = None
            for _, other in self._broken:
                if self._digest_of(before, other, row.seq) == other.digest:
                    carried = other.digest
                    if other.seq != row.seq:
                        found.append((row.seq, other.seq))
                    break
        if len(found) > 1:
            yield found


def _altered(row: Row) -> str:
    return f"event {row.seq} ({row.type}) was altered: its digest does not fit its content"
