"""Small events of the tests' own, and logs made of them."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from eventstore.database import DATABASE_NAME
from eventstore.event import Decision, Event, Observation, Recorded
from eventstore.log import EventLog


class DoorMoved(Observation, frozen=True, kw_only=True):
    """An observation of a connector."""

    NAME = "DoorMoved"

    connector_id: int | None
    text: str
    is_open: bool = False


class BellRung(Decision, frozen=True, kw_only=True):
    """A decision without a connector."""

    NAME = "BellRung"

    times: int


CATALOGUE: dict[str, type[Event]] = {DoorMoved.NAME: DoorMoved, BellRung.NAME: BellRung}


def door(seq: int, text: str = "") -> Recorded:
    """An observation with this seq."""
    event = DoorMoved(connector_id=1 + seq % 2, text=text or f"door {seq}")
    return Recorded(seq=seq, cause=seq, at_ms=seq * 10, utc_ms=1_767_225_600_000 + seq * 10, event=event)


def pair(seq: int) -> list[Recorded]:
    """A batch of two: an observation and the decision that it caused."""
    first = door(seq)
    event = BellRung(times=seq)
    return [first, Recorded(seq=seq + 1, cause=seq, at_ms=first.at_ms, utc_ms=first.utc_ms, event=event)]


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[EventLog]:
    """A log of the tests' catalogue, closed in the end."""
    log = await EventLog.open(directory, identity="CB-TEST", catalogue=CATALOGUE)
    try:
        yield log
    finally:
        await log.close()


async def fill(log: EventLog, events: int) -> None:
    """Append so many observations, each with a commit of its own."""
    for _ in range(events):
        await log.append([door(log.head.seq + 1)])


async def fill_at_once(log: EventLog, events: int) -> None:
    """Append so many observations with one commit: quicker where commits do not matter."""
    await log.append([door(log.head.seq + 1 + offset) for offset in range(events)])


def crash_copy(source: Path, target: Path) -> Path:
    """The files as a process killed this instant leaves them: what SQLite wrote, without what closing would do."""
    target.mkdir()
    for file in source.iterdir():
        if file.is_file() and not file.name.endswith("-shm"):
            (target / file.name).write_bytes(file.read_bytes())
    return target


def execute_behind_its_back(directory: Path, *statements: str) -> None:
    """Change a closed log with plain SQL, as a vandal would: without triggers."""
    connection = sqlite3.connect(directory / DATABASE_NAME, isolation_level=None)
    for trigger in ("event_is_never_changed", "event_is_never_deleted"):
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def overwrite(path: Path, offset: int, content: bytes) -> None:
    """Damage a file in place."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


async def close_segment(log: EventLog, state: bytes = b'{"state":1}', *, layout: int = 1, owed_seq: int = 0) -> bool:
    """End the live segment at its head, in this state."""
    return await log.close_segment(
        state=state, layout=layout, fingerprint="f", owed_seq=owed_seq or log.opening.head.seq + 1
    )


async def at_once() -> None:
    """A pause that takes no time."""


async def compress_all(log: EventLog) -> None:
    """Make the archives of all closed segments."""
    for segment in log.archives.waiting:
        await log.archives.compress(segment, at_once)


async def segmented(directory: Path, *sizes: int, live: int = 5) -> Path:
    """A closed log of archives with so many events each, and a live segment."""
    async with opened(directory) as log:
        for size in sizes:
            await fill_at_once(log, size)
            await close_segment(log, b'{"at":%d}' % log.head.seq)
        await compress_all(log)
        await fill_at_once(log, live)
        await log.witness()
    return directory
