"""Other processes of this machine that read the same log, each for itself: the private copy, and the closed segments where they lie."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

from eventstore.chain import Head
from eventstore.database import DATABASE_NAME, open_reader
from eventstore.opening import Opening
from eventstore.segments import PastSegment
from eventstore.value import Value
from station.replay.opening.origin import Origin
from station.replay.opening.past_segments import Past
from station.replay.opening.reader import LogReader

CANNOT_START = (OSError, NotImplementedError, BrokenProcessPool)
"""What a machine raises on which no processes can work together: without semaphores, room for a socket, or another process."""


class LogCopy(Value, frozen=True, kw_only=True):
    """What another process needs to read a log that is open here, as long as it is open here."""

    scratch: str
    kind: str
    base: Head | None
    opening: Opening | None
    segments: tuple[PastSegment, ...]


def copy_of(reader: LogReader) -> LogCopy | None:
    """The log for other processes; None for one that is damaged, exported, redacted or an excerpt: those are read here alone."""
    origin = reader.origin
    if origin.damage is not None or origin.disclosed is not None or origin.redacted or origin.excerpt:
        return None
    return LogCopy(
        scratch=str(reader.scratch),
        kind=origin.kind,
        base=origin.base,
        opening=origin.opening,
        segments=() if origin.past is None else origin.past.segments,
    )


@contextmanager
def opened(copy: LogCopy) -> Iterator[LogReader]:
    """The log, for this process. Raises LogUnreadable, sqlite3.Error."""
    scratch, past = Path(copy.scratch), Past(copy.segments)
    origin = Origin(kind=copy.kind, base=copy.base, opening=copy.opening, past=past)
    try:
        with closing(open_reader(scratch / DATABASE_NAME)) as connection:
            yield LogReader(connection, origin=origin, scratch=scratch)
    finally:
        past.close()


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool(count: int, preload: Sequence[str]) -> ProcessPoolExecutor:
    """Workers, forked from a process that has imported these modules, and has no threads: the imports are paid for once.

    This, and the first work that is given to it, raises one of CANNOT_START where there can be none.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return ProcessPoolExecutor(count, mp_context=context, initializer=_end_in_order)


def _end_in_order() -> None:
    """A worker that is asked to end removes the copy of the log that it reads; one whose parent is gone has nobody to work for."""

    def end(number: int, frame: object) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Waits for the parent's end, also by SIGKILL: without it, a worker would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
