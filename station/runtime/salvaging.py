"""Salvaging a log by hand: everything the daemon does at a start, and the checks that it does only later, in one go.

What is damaged in the live segment is salvaged: each row is read and verified, the whole prefix of the chain goes on in a fresh
log whose next event names the old head and the gap, and the originals lie in quarantine. Closed segments are looked through
and left as they are: what can be read of a damaged one is read where it lies.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from eventstore.again import found_again
from eventstore.beside import missing_beside
from eventstore.chain import ChainBrokenError, Head, Row, verify
from eventstore.database import DATABASE_NAME, has_table, open_reader, read_base, read_head
from eventstore.directory import IDENTITY_NAME, StorageDirectory
from eventstore.errors import LogCorrupt, LogTooNew, StorageError, UnknownEventType
from eventstore.event import Observation, Recorded
from eventstore.inspection import WAL_NAME, inspect, is_damage
from eventstore.inventory import damage_of, missing
from eventstore.log import EventLog
from eventstore.rows import SELECT_ROWS
from eventstore.salting import read_commitments
from eventstore.salvage import SALVAGED_NAME, Recovery, pending_recovery
from eventstore.segments import PastSegment, past_segments
from eventstore.strays import STRAYS_NAME
from eventstore.value import Value
from projections.station import StationState
from station.core.kernel import step
from station.features import registry_for
from station.runtime.recovery import find_recovered, fold_log, salvage_events

EXIT_DONE, EXIT_FAILED, EXIT_LOG = 0, 1, 3
LOGGER = logging.getLogger(__name__)


class Salvage(Value, frozen=True, kw_only=True):
    """What was found and done. `recovery` is None when the live segment was whole; `closed` are findings in closed ones.

    `missing` says what of the history before the live segment has vanished.
    """

    recovery: Recovery | None
    head: Head
    closed: tuple[str, ...]
    missing: tuple[str, ...] = ()


Tell = Callable[[str], None]


def salvage_and_tell(directory: Path, tell: Tell, complain: Tell) -> int:
    """Salvage the log in this directory, and tell what was found and done; the exit status."""
    try:
        if not directory.is_dir() or not holds_log(directory):
            complain(f"chargebox: {directory} holds no log")
            return EXIT_FAILED
        found = asyncio.run(salvage(directory))
    except (StorageError, sqlite3.Error, OSError) as error:
        complain(f"chargebox: {error}")
        return EXIT_LOG
    for line in _account(directory, found):
        tell(line)
    return EXIT_FAILED if found.closed or found.missing else EXIT_DONE


def _account(directory: Path, found: Salvage) -> Iterator[str]:
    recovery = found.recovery
    if recovery is None:
        what = "the live segment" if found.closed or found.missing else "the log"
        yield f"{what} is whole up to event {found.head.seq}, digest {found.head.digest.hex()}"
    else:
        yield from (f"found: {finding}" for finding in recovery.findings)
        yield f"kept: the events up to {recovery.kept_seq}, proven by their chain"
        if recovery.lost_events:
            yield f"missing: events {recovery.kept_seq + 1} to {recovery.known_seq}, digest {recovery.known_digest}"
        if recovery.stray_events:
            where = directory / recovery.quarantine / STRAYS_NAME
            yield f"readable behind the damage: {recovery.stray_events} events, in {where}"
        yield f"originals: {directory / recovery.quarantine}"
        yield f"the fresh log ends with event {found.head.seq}, digest {found.head.digest.hex()}"
    yield from (f"damaged, and left as it is: {finding}" for finding in found.closed)
    yield from (f"missing: {finding}" for finding in found.missing)


def holds_log(directory: Path) -> bool:
    """Whether there is anything of a log in the directory."""
    names = (DATABASE_NAME, WAL_NAME, IDENTITY_NAME, SALVAGED_NAME)
    return any((directory / name).exists() for name in names) or bool(past_segments(directory))


async def salvage(directory: Path) -> Salvage:
    """Check the log in this directory whole, and salvage it if need be.

    Raises LogLocked, LogTooNew, NotWritable, StorageFailed; nothing has changed then.
    """
    storage = StorageDirectory(directory)
    storage.acquire()
    try:
        is_due = storage.exists(SALVAGED_NAME) or pending_recovery(storage) is not None
        findings = () if is_due else inspect(storage) or _checked(directory)
        if findings:
            storage.condemn(findings)
        past = past_segments(directory)
        closed = tuple(finding for segment in past for finding in damage_of(segment))
        identity = storage.identity()
        if not is_due and not findings:
            return Salvage(recovery=None, head=_head(directory), closed=closed, missing=_missing(directory, past))
    finally:
        storage.close()
    log = await EventLog.open(directory, identity=identity)
    try:
        recovery = log.boot_report.recovery
        await _name_the_gap(log)
        return Salvage(recovery=recovery, head=log.head, closed=closed, missing=_missing(directory, past))
    finally:
        await log.close()


def _checked(directory: Path) -> tuple[str, ...]:
    """The whole chain of the live segment, and the structure of its file; found twice before it is reported."""
    if not (directory / DATABASE_NAME).exists():
        return ()
    return found_again(partial(_look_through, directory / DATABASE_NAME))


def _look_through(database: Path) -> tuple[str, ...]:
    try:
        with closing(open_reader(database)) as connection:
            if not has_table(connection, "event"):
                return ()
            rows = connection.execute(f"{SELECT_ROWS} ORDER BY seq")
            commitments, _ = read_commitments(connection)  # what is damaged of them does not fit
            verify(read_base(connection), (Row._make(row) for row in rows), commitments.content)
            quick = connection.execute("PRAGMA quick_check(10)").fetchall()
    except ChainBrokenError as broken:
        return (str(broken),)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return (f"{DATABASE_NAME}: {error}",)
    return tuple(f"quick_check: {row[0]}" for row in quick if row[0] != "ok")


def _missing(directory: Path, past: Sequence[PastSegment]) -> tuple[str, ...]:
    """What has vanished from before the live segment."""
    if not (directory / DATABASE_NAME).exists():
        return ()
    with closing(open_reader(directory / DATABASE_NAME)) as connection:
        if not has_table(connection, "event"):
            return ()
        beside = missing_beside(StorageDirectory(directory), connection)
        return (*missing(connection, past, read_base(connection).seq), *beside)


def _head(directory: Path) -> Head:
    with closing(open_reader(directory / DATABASE_NAME)) as connection:
        return read_head(connection)


async def _name_the_gap(log: EventLog) -> None:
    """The next event of the fresh log is LogSalvaged; where it cannot be decided on, the daemon's next start records it."""
    try:
        state, _ = await fold_log(log)
    except (LogCorrupt, LogTooNew, UnknownEventType) as error:
        LOGGER.warning("the gap will be named at the daemon's next start: %s", error)
        return
    batch: list[Recorded] = []
    found = await find_recovered(log, state)
    for event in salvage_events(log, state, found):
        state, events = _stepped(state, event, found.at_ms)
        batch.extend(events)
    await log.append(batch)
    await log.witness()
    await log.acknowledge_recovery()


def _stepped(state: StationState, event: Observation, at_ms: int) -> tuple[StationState, tuple[Recorded, ...]]:
    """As the station itself would record it, at the last moment that the log knows."""
    off = () if state.description is None else state.description.profiles_off
    return step(state, event, max(state.at_ms, at_ms), registry_for(off))
