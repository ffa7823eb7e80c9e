"""The crash-state engine: from a recorded run to every directory that a power cut may have left, and a verdict on each.

A scenario is a plug-in: it says what lies in the directory before, and runs the real process under the recorder. States
that are the same to the byte are judged once, against what had been told by the last moment at which they are possible.
"""

import asyncio
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eventstore.archive import SUFFIX as ARCHIVE_SUFFIX
from eventstore.chain import Row
from eventstore.database import DATABASE_NAME
from eventstore.log import EventLog
from tests.reliability.disk import Cut, Disk, Effort, Tree, read_tree, write_tree
from tests.reliability.interposer import Op, Record, environment, read_trace
from tests.reliability.oracle import IDENTITY, Expectation, Oracle, remembered_checksums
from tests.reliability.outside import outside

SHARED_MEMORY = "-shm"
"""What SQLite makes anew at each start; it is written past every system call, so it is not compared."""

SMALL_EFFORT = Effort()
LIVE_ON_EVERY = 3
"""In a sample; to live on from a head takes longer than all else about it."""
DRAWN_FOR_EACH = 4
"""Many cuts leave the same state: so many are drawn for each state of a sample."""

Run = Callable[[Path, dict[str, str]], None]
"""Runs the process on a storage directory in an environment, to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`prepare` makes the directory as it is before; `recovers` if that is damaged, so that it must be salvaged.

    `inside` is where in the directory the storage lies; `witnesses` as in `Expectation`. A `variant` of another scenario is
    judged in the long run only.
    """

    name: str
    run: Run
    prepare: Callable[[Path], None] = lambda root: None
    recovers: bool = False
    inside: str = ""
    witnesses: bool = True
    variant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a run of a scenario left: the directory before, the trace, the directory after."""

    before: Tree
    records: Sequence[Record]
    after: Tree
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How many cuts there are, how many different states of theirs were judged, and what was wrong."""

    cuts: int
    checked: int
    heads: int
    violations: Sequence[str]

    def __str__(self) -> str:
        return f"{self.checked} states of {self.cuts} cuts, {self.heads} heads, {len(self.violations)} violations"


def record(scenario: Scenario, library: Path, base: Path) -> Recording:
    """Runs the scenario once, under the recorder."""
    root, trace = base / "storage", base / "trace"
    root.mkdir()
    scenario.prepare(root)
    before = read_tree(root)
    scenario.run(root, environment(library, root, trace=trace))
    after, records = _compared(read_tree(root)), read_trace(trace)
    write_tree(after, base / "copy")
    rows = {row.seq: row for tree in _before_archives_go(before, records) for row in rows_in(tree, scenario.inside)}
    rows |= {row.seq: row for row in asyncio.run(_rows(base / "copy" / scenario.inside))}
    return Recording(before=before, records=records, after=after, rows=[rows[seq] for seq in sorted(rows)])


def _before_archives_go(before: Tree, records: Sequence[Record]) -> Iterator[Tree]:
    """The directory each time that an archive is about to be dropped, with events that will be gone."""
    disk = Disk.holding(before)
    for each in records:
        if each.op is Op.UNLINK and each.path.endswith(ARCHIVE_SUFFIX):
            yield disk.everything()
        disk.apply(each)


def rows_in(tree: Tree, inside: str = "") -> list[Row]:
    """The events of the log in a directory."""
    with tempfile.TemporaryDirectory() as base:
        write_tree(tree, Path(base) / "storage")
        return asyncio.run(_rows(Path(base) / "storage" / inside))


async def _rows(directory: Path) -> list[Row]:
    log = await EventLog.open(directory, identity=IDENTITY)
    try:
        return await log.read_rows(0, 1_000_000)
    finally:
        await log.close()


def modelled(recording: Recording) -> Tree:
    """What the model says the directory holds in the end."""
    disk = Disk.holding(recording.before)
    for each in recording.records:
        disk.apply(each)
    return _compared(disk.everything())


def _compared(tree: Tree) -> Tree:
    return {name: content for name, content in tree.items() if not name.endswith(SHARED_MEMORY)}


def _moments(recording: Recording) -> Iterator[tuple[int, Disk]]:
    """The disk before the end of each sync, and after the last one, with the record of the trace that comes next."""
    disk = Disk.holding(recording.before)
    for at, each in enumerate(recording.records):
        if each.op is Op.SYNC_END:
            yield at, disk
        disk.apply(each)
    yield len(recording.records), disk


def crash_cuts(recording: Recording, effort: Effort) -> Iterator[tuple[int, Disk, Cut]]:
    """Each cut that is possible at each of these moments; the same again at each call."""
    chance = random.Random("crash states")
    for at, disk in _moments(recording):
        for cut in disk.cuts(chance, effort):
            yield at, disk, cut


def _key(tree: Tree) -> int:
    """The same for the same content: the bytes of a file that has not changed remember their own hash."""
    return hash(tuple((name, tree[name]) for name in sorted(tree) if not name.endswith(SHARED_MEMORY)))


def expectation(scenario: Scenario, recording: Recording) -> Expectation:
    """What every state of the recording is held to."""
    known = 0 if scenario.recovers or not recording.before else _head(recording.before)
    kept = 0
    if scenario.recovers:
        salvaged = next(row for row in recording.rows if row.type == "LogSalvaged")
        kept = int(json.loads(salvaged.payload)["kept_seq"])
    return Expectation(
        rows=recording.rows,
        outside=outside(recording.records),
        known_before=known,
        recovers=scenario.recovers,
        kept_seq=kept,
        inside=scenario.inside,
        witnesses=scenario.witnesses,
        evidence=_damaged_log(recording.before) if scenario.recovers else b"",
    )


def _damaged_log(tree: Tree) -> bytes:
    """The database that was damaged: where it was, or already in quarantine."""
    return next(tree[name] for name in sorted(tree, reverse=True) if Path(name).name == DATABASE_NAME)


def _head(tree: Tree) -> int:
    """The last event in a directory that nothing is wrong with."""
    rows = rows_in(tree)
    return rows[-1].seq if rows else 0


def judge(
    scenario: Scenario,
    recording: Recording,
    directory: Path,
    *,
    at_most: int | None = None,
    effort: Effort = SMALL_EFFORT,
) -> Verdict:
    """The verdict on a sample of `at_most` states of the recording, spread over all of it; None: on every one."""
    every = 1 if at_most is None else LIVE_ON_EVERY
    oracle = Oracle(expectation(scenario, recording), directory, live_on_every=every)
    with asyncio.Runner() as runner, remembered_checksums():
        if at_most is None:
            cuts = _judge_all(recording, effort, oracle, runner)
        else:
            cuts = _judge_some(recording, effort, oracle, runner, at_most)
    return Verdict(cuts=cuts, checked=oracle.checked, heads=len(oracle.heads), violations=tuple(oracle.violations))


def _judge_all(recording: Recording, effort: Effort, oracle: Oracle, runner: asyncio.Runner) -> int:
    cuts, moments = 0, dict[int, tuple[int, int]]()
    for at, disk, cut in crash_cuts(recording, effort):
        key = _key(disk.tree(cut))
        moments[key] = (moments.get(key, (at, at))[0], at)
        cuts += 1
    for _, disk, cut in crash_cuts(recording, effort):
        tree = disk.tree(cut)
        moment = moments.pop(_key(tree), None)
        if moment is not None:
            oracle.check(tree, *moment, runner)
    return cuts


def _judge_some(recording: Recording, effort: Effort, oracle: Oracle, runner: asyncio.Runner, at_most: int) -> int:
    """Different states of cuts drawn from all of them, each at the last moment at which it was drawn.

    What many cuts lead to, such as a directory that is not there, is hardly ever left out.
    """
    chance = random.Random("sample")
    cuts = sum(1 for _ in crash_cuts(recording, effort))
    drawn = chance.sample(range(cuts), min(cuts, DRAWN_FOR_EACH * at_most))
    keys = {number: _key(disk.tree(cut)) for number, _, disk, cut in _numbered(recording, effort, set(drawn))}
    last = {key: number for number, key in keys.items()}
    chosen = list(dict.fromkeys(last[keys[number]] for number in drawn))[:at_most]
    for _, at, disk, cut in _numbered(recording, effort, set(chosen)):
        oracle.check(disk.tree(cut), at, at, runner)
    return cuts


def _numbered(recording: Recording, effort: Effort, wanted: set[int]) -> Iterator[tuple[int, int, Disk, Cut]]:
    for number, (at, disk, cut) in enumerate(crash_cuts(recording, effort)):
        if number in wanted:
            yield number, at, disk, cut
