"""The log of a simulated station: rows in memory, written through the codec and the chain as the real one writes them.

What is in `rows` is durable. An append takes a while, and may be where the power goes: before the commit, or after it and
before anybody was told. Rows outlive the process, everything else does not.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from eventstore.chain import EMPTY, Head, Row, digest_after
from eventstore.codec import catalogue_codec, encode
from eventstore.commitments import whole_row
from eventstore.errors import StorageFailed
from eventstore.event import Recorded
from eventstore.opening import FIRST, Opening
from eventstore.snapshots import Snapshot

Cut = Literal["before", "after", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedReport:
    """What the real log's BootReport says of a log that is whole."""

    recovery: None = None
    has_reserve: bool = True
    notices: tuple[str, ...] = ()


class SimulatedLog:
    """One station's log. `plan` is asked before each append how long it takes (ms) and whether the power goes at it."""

    def __init__(self, plan: Callable[[int], tuple[int, Cut | None]]) -> None:
        self.rows: list[Row] = []
        self.snapshot: Snapshot | None = None
        self.appends = 0
        self.failure: Exception | None = None
        self.boot_report = SimulatedReport()
        self.opening = FIRST
        self.on_durable: Callable[[Sequence[Recorded]], None] = lambda batch: None
        self.on_power_cut: Callable[[], None] = lambda: None
        self._plan = plan
        self._codec = catalogue_codec()

    @property
    def head(self) -> Head:
        """The last durable event."""
        return Head(seq=self.rows[-1].seq, digest=self.rows[-1].digest) if self.rows else EMPTY

    def reopen(self) -> None:
        """A new process has the log: what the last one ran into is forgotten."""
        self.failure = None

    async def append(self, batch: Sequence[Recorded], payloads: Sequence[str] | None = None) -> None:
        """Durable when it returns. When the power is cut it never returns; StorageFailed when the disk fails."""
        assert self.failure is None, "an append after a failure of the storage"
        if not batch:
            return
        self.appends += 1
        delay_ms, cut = self._plan(self.appends)
        if delay_ms:
            await asyncio.sleep(delay_ms / 1000)
        if cut != "before":
            self._write(batch)
        if cut is None:
            return
        if cut == "failed":
            self.failure = StorageFailed("simulated")
            raise StorageFailed("the commit failed; whether it is on the disk nobody knows")
        self.on_power_cut()
        await asyncio.get_running_loop().create_future()

    def _write(self, batch: Sequence[Recorded]) -> None:
        head = self.head
        for recorded in batch:
            assert recorded.seq == head.seq + 1, f"event {recorded.seq} does not continue the log at {head.seq}"
            event, payload = recorded.event, encode(recorded.event)
            connector_id: int | None = getattr(event, "connector_id", None)
            values = (recorded.seq, recorded.cause, recorded.at_ms, recorded.utc_ms, event.NAME, event.VERSION)
            digest = digest_after(head.digest, whole_row((*values, connector_id, payload)))
            self.rows.append(Row(*values, connector_id, payload, digest))
            head = Head(seq=recorded.seq, digest=digest)
        self.on_durable(batch)

    async def witness(self) -> None:
        """The real one notes the head in a second file."""

    async def read_rows(self, after: int, limit: int) -> list[Row]:
        """The rows behind seq `after`."""
        return self.rows[after : after + limit]

    async def fold_source(self, after: int) -> AsyncIterator[list[Recorded]]:
        """All events behind seq `after`, decoded anew, in slices."""
        while after < len(self.rows):
            events = self._codec.decode_rows(self.rows[after : after + 500])
            yield events
            after = events[-1].seq

    async def openings(self) -> AsyncIterator[Opening]:
        """None: there is one segment only."""
        none: tuple[Opening, ...] = ()
        for opening in none:
            yield opening

    async def first_seq(self) -> int:
        """Nothing was ever dropped."""
        return 1

    async def load_snapshot(self, fingerprint: str) -> Snapshot | None:
        """The last one that was saved."""
        return self.snapshot

    async def save_snapshot(self, seq: int, fingerprint: str, state: bytes) -> None:
        """Keeps it if what it stands for is durable."""
        self.keep_snapshot(seq, fingerprint, state)

    def keep_snapshot(self, seq: int, fingerprint: str, state: bytes) -> None:
        """The same at once."""
        assert 0 < seq <= self.head.seq
        self.snapshot = Snapshot(seq=seq, fingerprint=fingerprint, state=state, digest=self.rows[seq - 1].digest)

    async def acknowledge_recovery(self) -> None:
        """There never is one."""

    def free_bytes(self) -> int:
        """Plenty."""
        return 1 << 40

    async def close(self) -> None:
        """Nothing is open."""
