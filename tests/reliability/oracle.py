"""What must hold of every state that a power cut may leave: the station opens it by itself, and lost nothing that counts.

I1 to I15 are the invariants of docs/reliability.md.
"""

import asyncio
import bisect
import json
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from eventstore.catalogue.link import CallSettled
from eventstore.chain import EMPTY, Row, verify
from eventstore.database import DATABASE_NAME
from eventstore.errors import StorageError
from eventstore.event import Recorded
from eventstore.integrity import CheckProgress
from eventstore.log import EventLog
from projections.outbox import TRANSACTIONAL
from projections.station import StationState
from station.runtime import recovery
from tests.given import DESCRIPTION, StationUnderTest
from tests.reliability.disk import Tree, write_tree
from tests.reliability.outside import Outside, obligations, permissions

OPEN_WITHIN_S = 20.0
IDENTITY = "CB-0001"
PROGRESS_MS = 1_000
SECOND_BOOT_EVERY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a scenario's trace allows. `rows` is its log in the end; `known_before` the head when the trace began.

    `recovers` says that the log was damaged on purpose: then events up to `kept_seq` survive, and what was there stays in
    quarantine (`evidence`).
    """

    rows: Sequence[Row]
    outside: Outside
    known_before: int = 0
    recovers: bool = False
    kept_seq: int = 0
    evidence: bytes = b""


@dataclass
class Oracle:
    """Judges the states of one scenario."""

    expected: Expectation
    directory: Path
    checked: int = 0
    violations: list[str] = field(default_factory=list)
    heads: set[int] = field(default_factory=set)
    _folded: dict[int, StationState] = field(default_factory=dict)
    _lived: set[int] = field(default_factory=set)
    _boots: dict[int, list[Recorded]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        owed = obligations(self.expected.outside.told, self.expected.rows)
        self._owed_at = [at for at, _, _ in owed]
        self._owed_seq = list(accumulate((seq for _, seq, _ in owed), max))
        allowed = permissions(self.expected.outside.replies, self.expected.rows, self.expected.known_before)
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
        try:
            head_seq = runner.run(asyncio.wait_for(self._check(), OPEN_WITHIN_S))
            self._check_head(head_seq, first_at, last_at)
            self.heads.add(head_seq)
        except (AssertionError, StorageError, sqlite3.Error, OSError, TimeoutError) as error:
            self.violations.append(f"before record {last_at}: {type(error).__name__}: {error}"[:400])

    def _check_head(self, head_seq: int, first_at: int, last_at: int) -> None:
        required = self.required(last_at)
        assert head_seq >= required, f"the log ends at {head_seq}, event {required} had been told (I2, I3)"
        assert self.earliest(head_seq) < first_at, f"event {head_seq} is settled by a reply that had not come (I5)"

    async def _check(self) -> int:
        log = await EventLog.open(self.directory, identity=IDENTITY)  # I1, I14
        try:
            head_seq = log.head.seq
            rows = await log.read_rows(0, 1_000_000)
            self._check_rows(rows, head_seq)
            self._check_report(log)
            progress = await log.check_slice(CheckProgress(verified=log.head))
            assert not progress.findings, f"{progress.findings} (I1)"
            state = await self._fold(log)
            boot = self._boot(state)
            await log.append(boot)
            if log.boot_report.recovery is not None:
                await log.acknowledge_recovery()
        finally:
            await log.close()
        if self.checked % SECOND_BOOT_EVERY == 0:
            await self._check_second_boot(head_seq + len(boot))
        self._live_on(head_seq, rows, state)
        return head_seq

    def _check_rows(self, rows: Sequence[Row], head_seq: int) -> None:
        """I6: a clean beginning of the log that was, byte for byte."""
        assert len(rows) == head_seq, f"{len(rows)} events, the head is {head_seq} (I6)"
        assert rows == list(self.expected.rows[:head_seq]), "another history (I6)"

    def _check_report(self, log: EventLog) -> None:
        findings = log.boot_report.recovered
        if not self.expected.recovers:
            assert not findings, f"taken for damaged: {findings} (I1)"
            return
        told = any(row.type == "LogSalvaged" for row in self.expected.rows[: log.head.seq])
        assert findings or told, "the damage is forgotten (I11)"
        assert log.head.seq >= self.expected.kept_seq, f"{log.head.seq} events kept of {self.expected.kept_seq} (I11)"
        copies = [path for path in self.directory.rglob(DATABASE_NAME) if path.read_bytes() == self.expected.evidence]
        assert copies, "the damaged file is gone"

    async def _fold(self, log: EventLog) -> StationState:
        """I10, I11: from whatever snapshot, the same state."""
        state, _ = await recovery.fold_log(log)
        known = self._folded.setdefault(log.head.seq, state)
        assert state == known, f"another state at event {log.head.seq} (I10, I11)"
        return state

    def _boot(self, state: StationState) -> list[Recorded]:
        if state.seq not in self._boots:
            self._boots[state.seq] = rebooted(state).log
        return self._boots[state.seq]

    async def _check_second_boot(self, head_seq: int) -> None:
        """I11: what was appended after the cut is there, and opening again finds the same."""
        log = await EventLog.open(self.directory, identity=IDENTITY)
        try:
            assert log.head.seq == head_seq, "what was appended after the cut is lost"
            assert not log.boot_report.recovered, f"the second boot recovers: {log.boot_report.recovered} (I11)"
        finally:
            await log.close()

    def _live_on(self, head_seq: int, rows: Sequence[Row], state: StationState) -> None:
        """Once for each head."""
        if head_seq not in self._lived:
            self._lived.add(head_seq)
            check_life_after(rows, state)


def rebooted(state: StationState) -> StationUnderTest:
    """The station of this state, booted again after a cut."""
    found = StationUnderTest(description=state.description or DESCRIPTION, state=state, at_ms=state.at_ms + PROGRESS_MS)
    found.boots = state.clock.boot
    return found.boot(orderly=False)


def check_life_after(rows: Sequence[Row], state: StationState) -> None:
    """I4, I7, I8, I12: with a healthy CSMS everything that is in the log is told and closed. Raises AssertionError."""
    found = rebooted(state)
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


async def check_aftermath(directory: Path, told: int) -> str:
    """The log of a directory after a fault: whole, with everything that had been told, and good to go on from.

    Raises AssertionError, StorageError. Returns the station's last event.
    """
    log = await EventLog.open(directory, identity=IDENTITY)
    try:
        assert not log.boot_report.recovered, f"taken for damaged: {log.boot_report.recovered} (I1)"
        rows = await log.read_rows(0, 1_000_000)
        assert verify(EMPTY, rows) == log.head, "the chain is broken (I6)"
        assert log.head.seq >= told, f"the log ends at {log.head.seq}, event {told} had been told (I2)"
        state, _ = await recovery.fold_log(log)
    finally:
        await log.close()
    if state.description is not None:
        check_life_after(rows, state)
    return rows[-1].type if rows else ""


def _settled(rows: Sequence[Row]) -> set[int]:
    payloads = [json.loads(row.payload) for row in rows if row.type == "CallSettled"]
    return {payload["owed_seq"] for payload in payloads if payload["ends_entry"]}
