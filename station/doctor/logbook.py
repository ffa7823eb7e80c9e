"""The event log: is it locked, legible and whole? It checks a private copy, as a start of the daemon would."""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from eventstore.archives import facts_of
from eventstore.beside import missing_beside
from eventstore.database import DATABASE_NAME, applied, has_table, open_reader, read_head
from eventstore.directory import IDENTITY_NAME, REPORT_NAME, RESERVE_NAME, StorageDirectory
from eventstore.errors import LogTooNew
from eventstore.inspection import WAL_NAME, inspect
from eventstore.inventory import missing
from eventstore.opening import read_opening
from eventstore.salvage import QUARANTINE_PREFIX
from eventstore.segments import PastSegment, past_segments
from eventstore.witness import read_witness
from station.doctor.findings import Finding, fault, ok, warning
from station.replay.opening.copying import copy_storage, is_live
from station.replay.opening.errors import ReplayError
from station.runtime.archivist import loose_ends
from station.service.views import utc_text

SUBJECT = "log"
WAL_LARGE_BYTES = 16 << 20
AS_DAEMON = "run doctor as the daemon's user"


def is_running(directory: Path) -> bool:
    """Whether a daemon holds the lock of the storage directory; False also where that cannot be seen."""
    return is_live(directory)


def log_findings(directory: Path, identity: str) -> Iterator[Finding]:
    """What there is to say of the log in a storage directory that belongs to a station of this identity."""
    try:
        if not directory.is_dir():
            yield ok(SUBJECT, "there is none yet")
            return
        yield _lock(directory)
        yield from _beside(directory, identity)
    except OSError as error:
        yield warning(SUBJECT, f"{directory} cannot be read: {error.strerror}", AS_DAEMON)
        return
    with tempfile.TemporaryDirectory(prefix="chargebox-doctor-") as copied:
        try:
            before = past_segments(directory)
            is_live_copy = copy_storage(directory / DATABASE_NAME, Path(copied))
            past = _both(before, past_segments(directory))
        except (ReplayError, OSError) as error:
            yield warning(SUBJECT, f"cannot be looked at: {error}", AS_DAEMON)
            return
        yield from _copy_findings(StorageDirectory(Path(copied)), has_own_wal=not is_live_copy)
        yield from _past_findings(Path(copied) / DATABASE_NAME, past)


def _both(before: Sequence[PastSegment], after: Sequence[PastSegment]) -> list[PastSegment]:
    """What was there before the copy was made, or after it: a daemon closes, compresses and drops meanwhile."""
    found = {(each.first_seq, each.last_seq): each for each in (*before, *after)}
    return [found[key] for key in sorted(found)]


def _past_findings(database: Path, past: Sequence[PastSegment]) -> Iterator[Finding]:
    """What lies before the live segment: is it there, does it open, is it one chain? (salvage reads it whole)."""
    try:
        with closing(open_reader(database)) as connection:
            opening, _ = read_opening(connection)
            gone = missing(connection, past, opening.head.seq) if has_table(connection, "event") else ()
            beside = missing_beside(StorageDirectory(database.parent), connection)
    except sqlite3.Error:  # it was damaged, and that is reported already
        return
    facts = [each for segment in past if (each := facts_of(segment)) is not None]
    damaged = [each.segment.path.name for each in facts if each.segment.is_archive and each.header is None]
    told = (*gone, *(f"{name}: its header or index is damaged" for name in damaged), *loose_ends(facts, opening.head))
    yield from (
        fault(SUBJECT, finding, "the next start makes it anew; look who removes files there") for finding in beside
    )
    yield from (fault(SUBJECT, finding, "put a copy back into its place if you have one") for finding in told)


def _lock(directory: Path) -> Finding:
    return ok(SUBJECT, "locked: a daemon is running" if is_live(directory) else "not locked: no daemon is running")


def _beside(directory: Path, identity: str) -> Iterator[Finding]:
    """What lies beside the database."""
    names = {path.name for path in directory.iterdir()}
    if IDENTITY_NAME in names:
        begun_by = (directory / IDENTITY_NAME).read_text(errors="replace").strip()
        if begun_by != identity:
            text = f"it was begun by {begun_by[:60]}, the settings say {identity}"
            yield warning(SUBJECT, text, "a station keeps its log: check [station] identity and [storage] directory")
        if RESERVE_NAME not in names:
            yield warning(SUBJECT, "the disk reserve is gone: the disk was full", "make room; the next start renews it")
    if REPORT_NAME in names:
        yield warning(
            SUBJECT, "the log was salvaged and no daemon has said so yet", "start the station, then replay the log"
        )
    quarantined = sorted(name for name in names if name.startswith(QUARANTINE_PREFIX))
    if quarantined:
        text = f"{len(quarantined)} damaged logs lie in quarantine, the last in {quarantined[-1]}"
        yield warning(SUBJECT, text, "look at them with chargebox replay, keep a copy, then remove them")
    wal = directory / WAL_NAME
    if wal.exists() and wal.stat().st_size > WAL_LARGE_BYTES:
        text = f"{WAL_NAME} has {wal.stat().st_size >> 20} MiB"
        yield warning(SUBJECT, text, "something keeps the log open: end other programs that read it")


def _copy_findings(copied: StorageDirectory, *, has_own_wal: bool) -> Iterator[Finding]:
    try:
        findings = inspect(copied, has_own_wal=has_own_wal)
    except LogTooNew as error:
        yield fault(SUBJECT, str(error), "install the newer version again")
        return
    except (sqlite3.Error, OSError) as error:
        yield fault(SUBJECT, f"cannot be read: {error}", "look at the kernel's log and at the disk")
        return
    if findings:
        advice = "back the storage directory up whole; the next start salvages what can be read and names the gap"
        yield from (fault(SUBJECT, finding, advice) for finding in findings)
    elif not copied.exists(DATABASE_NAME):
        yield ok(SUBJECT, "there is none yet")
    else:
        yield _whole(copied)


def _whole(copied: StorageDirectory) -> Finding:
    connection = open_reader(copied.path / DATABASE_NAME)
    try:
        if not has_table(connection, "event"):
            return ok(SUBJECT, "empty")
        head = read_head(connection)
        row = connection.execute("SELECT utc_ms FROM event WHERE seq = ?", (head.seq,)).fetchone()
        schema = max((number for number, _, _ in applied(connection)), default=0)
    finally:
        connection.close()
    witness = read_witness(copied.path)
    text = f"{head.seq} events, the last of {utc_text(row[0]) if row else 'no time'}, schema {schema}; "
    text += "chain whole since the last snapshot, " + (
        "no witness yet" if witness is None else f"agrees with the witness of event {witness.seq}"
    )
    return ok(SUBJECT, text)
