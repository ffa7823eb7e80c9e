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

from eventstore.chain import Row
from eventstore.log import EventLog
from tests.reliability.disk import Disk, Tree, read_tree, write_tree
from tests.reliability.interposer import Op, Record, environment, read_trace
from tests.reliability.oracle import IDENTITY, Expectation, Oracle
from tests.reliability.outside import outside

SHARED_MEMORY = "-shm"
"""What SQLite makes anew at each start; it is written past every system call, so it is not compared."""

Run = Callable[[Path, dict[str, str]], None]
"""Runs the process on a storage directory in an environment, to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`prepare` makes the directory as it is before; `recovers` if that is damaged, so that it must be salvaged.

    `inside` is where in the directory the storage lies; `witnesses` as in `Expectation`.
    """

    name: str
    run: Run
    prepare: Callable[[Path], None] = lambda root: None
    recovers: bool = False
    inside: str = ""
    witnesses: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a run of a scenario left: the directory before, the trace, the directory after."""

    before: Tree
    records: Sequence[Record]
    after: Tree
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How many states there are, how many were judged, and what was wrong."""

    states: int
    checked: int
    heads: int
    violations: Sequence[str]

    def __str__(self) -> str:
        return f"{self.checked} of {self.states} crash states, {self.heads} heads, {len(self.violations)} violations"


def record(scenario: Scenario, library: Path, base: Path) -> Recording:
    """Runs the scenario once, under the recorder."""
    root, trace = base / "storage", base / "trace"
    root.mkdir()
    scenario.prepare(root)
    before = read_tree(root)
    scenario.run(root, environment(library, root, trace=trace))
    after = _compared(read_tree(root))
    copy = base / "copy"
    write_tree(after, copy)
    return Recording(
        before=before, records=read_trace(trace), after=after, rows=asyncio.run(_rows(copy / scenario.inside))
    )


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


def _states(recording: Recording, subsets: int) -> Iterator[tuple[int, Tree]]:
    """Each state that is possible before the end of a sync, and after the last one; the same again at each call."""
    disk, chance = Disk.holding(recording.before), random.Random("crash states")
    for at, each in enumerate(recording.records):
        if each.op is Op.SYNC_END:
            for tree in disk.crash_states(chance, subsets):
                yield at, tree
        disk.apply(each)
    for tree in disk.crash_states(chance, subsets):
        yield len(recording.records), tree


def _key(tree: Tree) -> int:
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
        evidence=recording.before.get("chargebox.db", b"") if scenario.recovers else b"",
    )


def _head(tree: Tree) -> int:
    """The last event in a directory that nothing is wrong with."""
    with tempfile.TemporaryDirectory() as base:
        write_tree(tree, Path(base) / "storage")
        rows = asyncio.run(_rows(Path(base) / "storage"))
    return rows[-1].seq if rows else 0


def judge(
    scenario: Scenario, recording: Recording, directory: Path, *, at_most: int | None = None, subsets: int = 3
) -> Verdict:
    """The verdict on a sample of `at_most` states of the recording, spread over all of it; None: on every one."""
    moments: dict[int, tuple[int, int]] = {}
    for at, tree in _states(recording, subsets):
        key = _key(tree)
        moments[key] = (moments.get(key, (at, at))[0], at)
    chosen = set(moments)
    if at_most is not None and at_most < len(moments):
        chosen = set(random.Random("sample").sample(list(moments), at_most))  # by their order: keys differ in each run
    oracle = Oracle(expectation(scenario, recording), directory)
    with asyncio.Runner() as runner:
        for _, tree in _states(recording, subsets):
            key = _key(tree)
            if key in chosen:
                chosen.discard(key)
                oracle.check(tree, *moments[key], runner)
    return Verdict(
        states=len(moments), checked=oracle.checked, heads=len(oracle.heads), violations=tuple(oracle.violations)
    )
