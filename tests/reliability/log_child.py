"""A process that writes a log, to be watched while it does: python -m tests.reliability.log_child WHAT DIRECTORY

It says "acked N" on its standard output once event N is durable, as far as it was told.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from eventstore.catalogue.transactions import TransactionStarted, TransactionStopped
from eventstore.event import Recorded
from eventstore.log import EventLog
from projections.digest import fingerprint, state_bytes
from projections.station import INITIAL, StationState, evolve
from station.runtime import recovery
from tests.given import StationUnderTest, charging

IDENTITY = "CB-0001"
BATCH = 3
SESSIONS = 6
CRITICAL = (TransactionStarted, TransactionStopped)


def history() -> StationUnderTest:
    """Some sessions, one of them without the CSMS."""
    found = charging()
    for _ in range(2):
        found.advance(50)
        found.charge(300)
        found.advance(11)
    found.swipe()
    found.unplug()
    found.disconnect()
    found.plug()
    found.swipe()
    for _ in range(2):
        found.advance(50)
        found.charge(300)
    found.advance(30)
    found.unplug()
    found.connect()
    found.advance(400)
    return found


def batches(events: Sequence[Recorded]) -> list[Sequence[Recorded]]:
    """The events in small batches."""
    return [events[at : at + BATCH] for at in range(0, len(events), BATCH)]


def say(seq: int) -> None:
    """To whoever watches."""
    os.write(1, f"acked {seq}\n".encode())


async def _append(log: EventLog, events: Sequence[Recorded]) -> None:
    for batch in batches(events):
        await log.append(batch)
        if any(isinstance(recorded.event, CRITICAL) for recorded in batch):
            await log.witness()
        say(batch[-1].seq)


@asynccontextmanager
async def _opened(directory: Path) -> AsyncIterator[EventLog]:
    log = await EventLog.open(directory, identity=IDENTITY)
    try:
        yield log
    finally:
        await log.close()


async def create(directory: Path) -> None:
    """A log is made, filled, and closed."""
    async with _opened(directory) as log:
        await _append(log, history().log)


async def die(directory: Path) -> None:
    """A log is made and filled, and its process killed."""
    async with _opened(directory) as log:
        await _append(log, history().log)
        os.kill(os.getpid(), signal.SIGKILL)


async def go_on(directory: Path) -> None:
    """A log is opened, whatever it takes, and goes on where it ends."""
    async with _opened(directory) as log:
        if log.head.seq:
            say(log.head.seq)
        state, _ = await recovery.fold_log(log)
        found = StationUnderTest(state=state, at_ms=state.at_ms + 1_000, boots=state.clock.boot)
        found.boot()
        found.observe(*recovery.salvage_events(log, state))
        found.connect()
        if log.boot_report.recovery is not None:
            await log.append(found.log)
            await log.acknowledge_recovery()
            say(log.head.seq)
        else:
            await _append(log, found.log)


async def grow(directory: Path) -> None:
    """A log goes on through session after session, and many checkpoints."""
    async with _opened(directory) as log:
        say(log.head.seq)
        state, _ = await recovery.fold_log(log)
        found = StationUnderTest(state=state, at_ms=state.at_ms + 1_000, boots=state.clock.boot)
        found.boot()
        found.connect()
        for _ in range(SESSIONS):
            found.plug()
            found.swipe()
            for _ in range(4):
                found.advance(50)
                found.charge(300)
                found.advance(11)
            found.unplug()
        await _append(log, found.log)


async def keep_snapshots(directory: Path) -> None:
    """Snapshots are kept while the log grows, more than are kept at a time."""
    events, state = history().log, INITIAL
    async with _opened(directory) as log:
        for number, batch in enumerate(batches(events)):
            await log.append(batch)
            say(batch[-1].seq)
            state = _folded(state, batch)
            if number % 12 == 11:
                await log.save_snapshot(state.seq, fingerprint(), state_bytes(state))


def _folded(state: StationState, batch: Sequence[Recorded]) -> StationState:
    for recorded in batch:
        state = evolve(state, recorded)
    return state


CHILDREN: Mapping[str, Callable[[Path], Coroutine[Any, Any, None]]] = {
    "create": create,
    "die": die,
    "go_on": go_on,
    "grow": grow,
    "keep_snapshots": keep_snapshots,
}


if __name__ == "__main__":
    asyncio.run(CHILDREN[sys.argv[1]](Path(sys.argv[2])))
