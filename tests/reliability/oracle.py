"""What must hold of every state that a power cut may leave: the station opens it by itself, and lost nothing that counts.

I1 to I15 are the invariants of docs/reliability.md.
"""

import asyncio
import bisect
import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from eventstore import wal
from eventstore.boot import Opener
from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.lifecycle import ArchiveDropped, ArchiveThinned
from eventstore.catalogue.link import CallSettled, OutboxWindowRead
from eventstore.catalogue.transactions import TransactionStarted, TransactionStopped
from eventstore.chain import EMPTY, Row, verify
from eventstore.codec import catalogue_codec
from eventstore.database import DATABASE_NAME
from eventstore.directory import StorageDirectory
from eventstore.errors import StorageError
from eventstore.event import Recorded
from eventstore.history import History
from eventstore.insertion import INSERT_EVENTS, Group
from eventstore.log import EventLog
from eventstore.salvage import Recovery
from eventstore.value import replace
from eventstore.witness import read_witness
from projections.outbox import TRANSACTIONAL
from projections.security_profile import BASIC
from projections.station import INITIAL, StationState, evolve
from station.core.retention import RECORD
from station.features.configuration import KEY_NAME
from station.runtime import recovery
from station.runtime.secrets import Secrets
from tests.given import DESCRIPTION, StationUnderTest
from tests.reliability.disk import Tree, write_tree
from tests.reliability.outside import Outside, obligations, permissions

OPEN_WITHIN_S = 60.0
IDENTITY = "CB-0001"
PROGRESS_MS = 1_000
CRITICAL = frozenset({TransactionStarted.NAME, TransactionStopped.NAME})
SECOND_BOOT_EVERY, WHOLE_EVERY = 3, 10
REMEMBERED = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a scenario's trace allows. `rows` is its log in the end; `known_before` the head when the trace began.

    `recovers` says that the log was damaged on purpose: then events up to `kept_seq` survive, and what was there stays in
    quarantine (`evidence`). `inside` is where in the recorded directory the log lies. `witnesses` says that the head witness
    is written before anybody is told of an event that is billed by.
    """

    rows: Sequence[Row]
    outside: Outside
    known_before: int = 0
    recovers: bool = False
    kept_seq: int = 0
    evidence: bytes = b""
    inside: str = ""
    witnesses: bool = True


def _gaps(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """What was cut out of archives, on record."""
    for row in rows:
        if row.type == ArchiveThinned.NAME:
            yield from json.loads(row.payload)["gaps"]


class _Opened:
    """A log as `EventLog.open` opens it, without the threads around it."""

    def __init__(self, directory: Path) -> None:
        self._storage = StorageDirectory(directory)
        boot = Opener(self._storage, identity=IDENTITY)
        self._connection = boot.open()
        self._history = History(directory)
        self.report = boot.report
        self.head = boot.report.head

    def rows(self) -> list[Row]:
        """All of them."""
        base_seq = self.report.opening.head.seq
        live = self._connection.execute("SELECT * FROM event ORDER BY seq").fetchall()
        return [*self._history.rows(0, 1_000_000, base_seq), *map(Row._make, live)]

    def quick_check(self) -> str:
        """What SQLite says of the structure."""
        return str(self._connection.execute("PRAGMA quick_check").fetchone()[0])

    def append(self, batch: Sequence[Recorded]) -> None:
        """As the log does."""
        group = Group(self.head, self.report.commitments.content)
        group.add(batch)
        self._connection.execute(INSERT_EVENTS, group.parameters())

    def close(self) -> None:
        """In order."""
        self._history.close()
        self._connection.close()
        self._storage.close()


@dataclass
class Oracle:
    """Judges the states of one scenario. Of the heads that come up, each `live_on_every`-th is lived on from."""

    expected: Expectation
    directory: Path
    live_on_every: int = 1
    checked: int = 0
    violations: list[str] = field(default_factory=list)
    heads: set[int] = field(default_factory=set)
    _lived: set[int] = field(default_factory=set)
    _states: Sequence[StationState] = ()
    _boots: dict[int, list[Recorded]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        owed = obligations(self.expected.outside.told, self.expected.rows)
        self._owed_at = [at for at, _, _ in owed]
        self._owed_seq = list(accumulate((seq for _, seq, _ in owed), max))
        allowed = permissions(self.expected.outside.replies, self.expected.rows, self.expected.known_before)
        self._storage = self.directory / self.expected.inside
        self._states = list(folds(self.expected.rows))
        self._critical = [row.seq for row in self.expected.rows if row.type in CRITICAL]
        self._allowed_seq = sorted(allowed)
        self._allowed_at = list(accumulate((allowed[seq] for seq in self._allowed_seq), max))

    def required(self, at: int) -> int:
        """The highest event that somebody had been told of before this record of the trace."""
        index = bisect.bisect_left(self._owed_at, at)
        return max(
            self.expected.known_before if not self.expected.recovers else 0, self._owed_seq[index - 1] if index else 0
        )

    def earliest(self, head_seq: int) -> int:
        """The record of the trace before which a log with this head cannot have been."""
        index = bisect.bisect_right(self._allowed_seq, head_seq)
        return self._allowed_at[index - 1] if index else 0

    def check(self, tree: Tree, first_at: int, last_at: int, runner: asyncio.Runner) -> None:
        """Judges a state that is possible before the records `first_at` to `last_at` of the trace."""
        self.checked += 1
        shutil.rmtree(self.directory, ignore_errors=True)
        write_tree(tree, self.directory)
        with self._judged(last_at):
            self._check_witness(last_at)
            head_seq, report = self._check_opened()
            self._check_key(head_seq)
            self._check_profiles(head_seq)
            with self._judged(last_at):  # a loss counts, and so does what was taken for one
                self._check_report(report, head_seq)
            if not self.checked % WHOLE_EVERY:
                runner.run(asyncio.wait_for(self._open_whole(head_seq), OPEN_WITHIN_S))
            if not self.checked % SECOND_BOOT_EVERY:
                self._check_second_boot(head_seq + len(self._booted(head_seq)))
            self._live_on(head_seq)
            self._check_head(head_seq, first_at, last_at)
            self.heads.add(head_seq)

    @contextmanager
    def _judged(self, last_at: int) -> Iterator[None]:
        try:
            yield
        except (AssertionError, StorageError, sqlite3.Error, OSError, TimeoutError) as error:
            self.violations.append(f"before record {last_at}: {type(error).__name__}: {error}"[:400])

    def _check_witness(self, last_at: int) -> None:
        """What is billed by was noted outside the log before anybody was told of it."""
        told = range(self.expected.known_before + 1, self.required(last_at) + 1)
        seq = max((seq for seq in self._critical if seq in told), default=0)
        seen = read_witness(self._storage) if self._storage.is_dir() else None
        if self.expected.witnesses and not self.expected.recovers:
            assert not seq or (seen is not None and seen.seq >= seq), f"the witness has not seen event {seq}: {seen}"

    def _check_key(self, head_seq: int) -> None:
        """A key that the CSMS has set, and the log knows by its fingerprint, is there: whoever was told Accepted asks for it."""
        changes = [
            json.loads(row.payload) for row in self.expected.rows[:head_seq] if row.type == ConfigurationChanged.NAME
        ]
        keys = [change["value"] for change in changes if change["key"] == KEY_NAME]
        assert not keys or Secrets(self._storage).find(keys[-1]) is not None, f"the key {keys[-1]} is gone (I2)"

    def _check_profiles(self, head_seq: int) -> None:
        """Whichever security profile is tried next, or after that: what it needs is there."""
        state = self._states[head_seq]
        held = state.security_profile
        asked = {held.next, held.in_force, held.wanted} & set(BASIC)
        keys = [name for name in state.credentials.stored if Secrets(self._storage).find(name) is not None]
        assert not asked or keys, f"profiles {asked}, and no key is left (I2)"

    def _check_head(self, head_seq: int, first_at: int, last_at: int) -> None:
        required = self.required(last_at)
        assert head_seq >= required, f"the log ends at {head_seq}, event {required} had been told (I2, I3)"
        assert self.earliest(head_seq) < first_at, f"event {head_seq} is settled by a reply that had not come (I5)"

    def _check_opened(self) -> tuple[int, Recovery | None]:
        """Opened as the station opens it (I1, I14), without the threads around it; what a boot appends is taken."""
        opened = _Opened(self._storage)
        try:
            head_seq = opened.head.seq
            self._check_rows(opened.rows(), head_seq)
            assert opened.quick_check() == "ok", f"{opened.quick_check()} (I1)"
            if self.checked % WHOLE_EVERY:
                opened.append(self._booted(head_seq))
        finally:
            opened.close()
        return head_seq, opened.report.recovery

    async def _open_whole(self, head_seq: int) -> None:
        """I10, I11: folded from whatever snapshot or segment, the same state; and the log takes what follows."""
        log = await EventLog.open(self._storage, identity=IDENTITY)
        try:
            assert log.head.seq == head_seq
            folded, _ = await recovery.fold_log(log)
            assert folded == self._states[head_seq], f"another state at event {head_seq} (I10, I11)"
            await log.append(self._booted(head_seq))
            if log.boot_report.recovery is not None:
                await log.acknowledge_recovery()
        finally:
            await log.close()

    def _check_rows(self, rows: Sequence[Row], head_seq: int) -> None:
        """I6: a clean beginning of the log that was, byte for byte, but for what was dropped on record."""
        first_seq = rows[0].seq if rows else 1
        cut = {seq for first, last in _gaps(rows) for seq in range(first, last + 1)}
        expected = self.expected.rows[first_seq - 1 : head_seq]
        there = {row.seq for row in rows}
        missing = [row for row in expected if row.seq not in there]
        assert {row.seq for row in missing} <= cut, (
            f"{len(rows)} events from {first_seq} on, the head is {head_seq} (I6)"
        )
        assert not {row.type for row in missing} & RECORD, "a record went before the chatter (I6)"
        assert [*rows] == [row for row in expected if row.seq in there], "another history (I6)"
        begins_at = first_seq  # the oldest archive may begin with a cut
        while begins_at - 1 in cut:
            begins_at -= 1
        on_record = begins_at == 1 or any(
            row.type == ArchiveDropped.NAME and json.loads(row.payload)["last_seq"] == begins_at - 1 for row in rows
        )
        assert on_record, f"events before {first_seq} are gone, and nothing says so (I6)"

    def _check_report(self, report: Recovery | None, head_seq: int) -> None:
        if not self.expected.recovers:
            assert report is None, f"taken for damaged: {report} (I1)"
            return
        told = any(row.type == "LogSalvaged" for row in self.expected.rows[:head_seq])
        assert report is not None or told, "the damage is forgotten (I11)"
        assert report is None or report.kept_seq == self.expected.kept_seq, f"told otherwise: {report} (I11)"
        assert head_seq >= self.expected.kept_seq, f"{head_seq} events kept of {self.expected.kept_seq} (I11)"
        copies = [path for path in self.directory.rglob(DATABASE_NAME) if path.read_bytes() == self.expected.evidence]
        assert copies, "the damaged file is gone"

    def _booted(self, head_seq: int) -> list[Recorded]:
        """What a station appends that boots at this head."""
        if head_seq not in self._boots:
            self._boots[head_seq] = rebooted(self._states[head_seq]).log
        return self._boots[head_seq]

    def _check_second_boot(self, head_seq: int) -> None:
        """I11: what was appended after the cut is there, and opening again finds the same."""
        opened = _Opened(self._storage)
        try:
            assert opened.head.seq == head_seq, "what was appended after the cut is lost"
            again = opened.report.recovered and not self.expected.recovers
            assert not again, f"the second boot recovers: {opened.report.recovered} (I11)"
        finally:
            opened.close()

    def _live_on(self, head_seq: int) -> None:
        """Once for each head, or for some of them."""
        if head_seq in self._lived:
            return
        is_due = not len(self._lived) % self.live_on_every
        self._lived.add(head_seq)
        if is_due:
            check_life_after(self.expected.rows[:head_seq], self._states[head_seq])


@contextmanager
def remembered_checksums() -> Iterator[None]:
    """The states of one recording share nearly all frames of their WALs: each is summed once. What is found is the same."""
    plain = wal.checksum
    wal.checksum = lru_cache(maxsize=REMEMBERED)(plain)
    try:
        yield
    finally:
        wal.checksum = plain


def folds(rows: Sequence[Row]) -> Iterator[StationState]:
    """The states that the rows of a whole log amount to: before the first event, and after each."""
    state = INITIAL
    yield state
    recorded = catalogue_codec().decode_rows(rows)
    for each in recorded:
        event = each.event
        if isinstance(event, OutboxWindowRead):
            owed = [one for one in recorded[event.after_seq : event.to_seq] if isinstance(one.event, TRANSACTIONAL)]
            event = replace(event, entries=tuple(owed[: event.count]))
        state = evolve(state, replace(each, event=event))
        yield state


def rebooted(state: StationState) -> StationUnderTest:
    """The station of this state, booted again after a cut."""
    found = StationUnderTest(description=state.description or DESCRIPTION, state=state, at_ms=state.at_ms + PROGRESS_MS)
    found.boots = state.clock.boot
    return found.boot(orderly=False)


def check_life_after(rows: Sequence[Row], state: StationState) -> None:
    """I4, I7, I8, I12: with a healthy CSMS everything that is in the log is told and closed. Raises AssertionError."""
    found = rebooted(state)
    if found.state.described.power_loss_policy == "stop":
        ended = found.events(TransactionStopped)
        running = {item.number: item for item in state.transactions.running()}
        assert {event.number for event in ended} == set(running), "(I12)"
        for event in ended:  # for the reason that was given before the cut, if the vehicle was asked to let go then
            ending = running[event.number].ending
            reasons = ("PowerLoss", "Reboot") if ending is None else (ending.reason,)
            assert event.reason in reasons, f"{event.reason} (I12)"
        assert all(event.stopped.at_ms <= state.at_ms for event in ended), "stopped later than the log proves (I12)"
    found.connect()
    found.advance(900)
    assert not found.state.transactions.by_number, f"open for ever: {found.state.transactions.by_number} (I12)"
    assert found.state.outbox.pending == 0, f"owed for ever: {found.state.outbox} (I7)"
    kinds = {kind.NAME for kind in TRANSACTIONAL}
    new = [recorded for recorded in found.log if isinstance(recorded.event, (*TRANSACTIONAL, CallSettled))]
    owed = {row.seq for row in rows if row.type in kinds}
    owed |= {recorded.seq for recorded in new if isinstance(recorded.event, TRANSACTIONAL)}
    settled = _settled(rows)
    settled |= {each.event.owed_seq for each in new if isinstance(each.event, CallSettled) and each.event.ends_entry}
    assert owed <= settled, f"events {sorted(owed - settled)} were never told (I4, I7)"
    sent = [delivery.owed_seq for delivery in found.deliveries if delivery.lane == "transaction"]
    assert sent == sorted(sent), "told in another order than recorded (I8)"


async def check_aftermath(directory: Path, told: int, *, may_recover: bool = False) -> StationState:
    """The log of a directory after a fault: whole, with everything that had been told, and good to go on from.

    `may_recover`: it may have been taken for damaged, but nothing of it is lost.

    Raises AssertionError, StorageError. Returns the state that it amounts to.
    """
    log = await EventLog.open(directory, identity=IDENTITY)
    try:
        found = log.boot_report.recovery
        assert found is None or (may_recover and found.lost_events == 0), f"taken for damaged: {found} (I1)"
        rows = await log.read_rows(0, 1_000_000)
        assert verify(EMPTY, rows, (await log.commitments_from(1)).content) == log.head, "the chain is broken (I6)"
        assert log.head.seq >= told, f"the log ends at {log.head.seq}, event {told} had been told (I2)"
        state, _ = await recovery.fold_log(log)
    finally:
        await log.close()
    if state.description is not None:
        check_life_after(rows, state)
    return state


def _settled(rows: Sequence[Row]) -> set[int]:
    payloads = [json.loads(row.payload) for row in rows if row.type == "CallSettled"]
    return {payload["owed_seq"] for payload in payloads if payload["ends_entry"]}
