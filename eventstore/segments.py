"""Segments: the live one is `chargebox.db`; those before it are closed, and lie compressed in `archive/`.

Theory of operation. A segment is closed between two appends. A fresh database that begins where the live one ends is made
beside it, whole, and synced. The live one is checkpointed and closed, so that no WAL is left that could be laid over another
file. Then it gets a second name, `closed-<first>-<last>.db`, and when that name is durable, the fresh one is renamed into its
place. At every moment `chargebox.db` is a whole log, and every event stands in a file:

    cut before the rename     the live segment goes on; what was made beside it is removed at the next start
    cut after the rename      the next segment is live; the closed one waits to be compressed

Compressing reads the closed file, writes an archive beside the others, syncs it, reads all of it back and compares; only then
the name `<first>-<last>.cbz` appears, and only when that is durable the closed file goes. Both may stand there after a cut: then
the work is done again.
"""

import errno
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from eventstore.again import again
from eventstore.archive import SUFFIX, ArchiveReader
from eventstore.archive_writing import write_archive
from eventstore.beside import WITNESSED
from eventstore.bounds import SEQ_MAX
from eventstore.chain import ChainBrokenError, Head
from eventstore.commitments import Commitments
from eventstore.database import DATABASE_NAME, migrate, open_reader, read_base, read_head
from eventstore.directory import TEMPORARY_SUFFIX, StorageDirectory, sync_directory
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.opening import FIRST, Opening, read_opening, write_opening
from eventstore.salting import begin_commitments, read_commitments
from eventstore.value import Value
from migrations import MIGRATIONS, Migration

ARCHIVE_DIRECTORY = "archive"
NEXT_NAME = f"next{TEMPORARY_SUFFIX}"
SEGMENTED_MIN_READER = 2
"""Who does not know migration 2 would take a later segment for a log that lost its beginning."""
_CLOSED = re.compile(r"closed-(\d+)-(\d+)\.db")
_ARCHIVED = re.compile(rf"(\d+)-(\d+){re.escape(SUFFIX)}")
_THINNED = re.compile(rf"(\d+)-(\d+)\.thin{re.escape(SUFFIX)}")
_DIRECTORY_MODE = 0o700
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class PastSegment(Value, frozen=True, kw_only=True):
    """A segment before the live one: events `first_seq` to `last_seq`, compressed or waiting for that; `is_thinned`: without chatter."""

    first_seq: int
    last_seq: int
    path: Path
    is_archive: bool
    is_thinned: bool = False


def past_segments(directory: Path) -> list[PastSegment]:
    """The segments before the live one, oldest first.

    An archive stands for the closed file that it was made of, and for the thinned one that is made of it.
    """
    found = {
        (segment.first_seq, segment.last_seq): segment
        for segment in (*closed_segments(directory), *archives(directory))
    }
    return [found[key] for key in sorted(found)]


def closed_segments(directory: Path) -> list[PastSegment]:
    """Those that wait to be compressed, oldest first."""
    return _named(directory, _CLOSED, is_archive=False)


def archives(directory: Path) -> list[PastSegment]:
    """Those that are compressed, oldest first; of two of the same events the whole one last."""
    folder = directory / ARCHIVE_DIRECTORY
    found = (
        *_named(folder, _THINNED, is_archive=True, is_thinned=True),
        *_named(folder, _ARCHIVED, is_archive=True),
    )
    return sorted(found, key=lambda segment: (segment.first_seq, segment.last_seq, not segment.is_thinned))


def _named(
    directory: Path, pattern: re.Pattern[str], *, is_archive: bool, is_thinned: bool = False
) -> list[PastSegment]:
    try:
        names = again(partial(os.listdir, directory))  # names are all that is wanted, of thousands maybe
    except (FileNotFoundError, NotADirectoryError):  # what should be there is missed by whoever knows of it
        return []
    found = [
        PastSegment(
            first_seq=int(match[1]),
            last_seq=int(match[2]),
            path=directory / name,
            is_archive=is_archive,
            is_thinned=is_thinned,
        )
        for name in names
        if (match := pattern.fullmatch(name)) and int(match[1]) <= int(match[2]) <= SEQ_MAX
    ]
    return sorted(found, key=lambda segment: (segment.first_seq, segment.last_seq))


def closed_name(first_seq: int, last_seq: int) -> str:
    """The name of a segment that waits to be compressed."""
    return f"closed-{first_seq}-{last_seq}.db"


def archive_name(first_seq: int, last_seq: int, *, is_thinned: bool = False) -> str:
    """The name of an archive; names sort as the segments do. A thinned one has its own, so that no copy is made poorer by it."""
    return f"{first_seq:012d}-{last_seq:012d}{'.thin' if is_thinned else ''}{SUFFIX}"


def prepare_next(
    directory: StorageDirectory, opening: Opening, identity: str, migrations: Sequence[Migration] = MIGRATIONS
) -> Commitments:
    """Make the next segment beside the live one, whole and durable; what its digests are to cover.

    Raises sqlite3.Error, OSError; nothing is left then.
    """
    directory.check_place()
    path = directory.path / NEXT_NAME
    path.unlink(missing_ok=True)
    try:
        # Nobody sees it before it is synced, so that nothing of it needs a journal.
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = off").fetchall()
            connection.execute("PRAGMA synchronous = off")
            lay_out(connection, opening, migrations)
            connection.execute("INSERT INTO meta VALUES ('identity', ?), (?, 'kept')", (identity, WITNESSED))
            commitments = begin_commitments(connection, opening.head.seq + 1)
        path.chmod(0o600)
        sync_file(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return commitments


def commitments_of(segment: PastSegment) -> Commitments:
    """What the digests of a segment cover. Raises LogCorrupt, LogTooNew, sqlite3.Error, OSError."""
    if segment.is_archive:
        with ArchiveReader(segment.path) as reader:
            return reader.commitments
    with closing(open_reader(segment.path, immutable=True)) as connection:
        return read_commitments(connection)[0]


def lay_out(connection: sqlite3.Connection, opening: Opening, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """The schema of a fresh file that begins here. Raises sqlite3.Error."""
    migrate(connection, migrations)
    if opening.head.seq:
        write_opening(connection, opening)
        connection.execute(
            "UPDATE migration SET min_reader = max(min_reader, ?1) WHERE number = ?1", (SEGMENTED_MIN_READER,)
        )


def switch(directory: StorageDirectory) -> bool:
    """Have the next segment take the place of the live one, which nobody has open any more.

    False where the file system gives no file a second name: the live segment goes on then. Raises OSError. Asserts that the
    live one was left without a WAL: laid over the next one, it would destroy it.
    """
    live, path = directory.path / DATABASE_NAME, directory.path
    assert not directory.size_of(f"{DATABASE_NAME}-wal"), "a segment is closed only when its WAL is empty"
    for name in (f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm"):
        (path / name).unlink(missing_ok=True)
    with closing(open_reader(live, immutable=True)) as connection:
        first_seq, last_seq = read_base(connection).seq + 1, read_head(connection).seq
    closed = path / closed_name(first_seq, last_seq)
    closed.unlink(missing_ok=True)
    try:
        closed.hardlink_to(live)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        (path / NEXT_NAME).unlink()
        return False
    directory.sync()
    (path / NEXT_NAME).rename(live)
    directory.sync()
    return True


def finish_switch(directory: StorageDirectory) -> None:
    """At a start: take away the second name of a segment that is live still, and what compressing or thinning left half done.

    Leaves everything as it is when the live segment cannot be read: whoever salvages it may need the other name.
    """
    for left in (directory.path / ARCHIVE_DIRECTORY).glob(f"*{TEMPORARY_SUFFIX}"):
        left.unlink()
    found = archives(directory.path)
    whole = {(each.first_seq, each.last_seq) for each in found if not each.is_thinned}
    for segment in found:
        if segment.is_thinned and (segment.first_seq, segment.last_seq) in whole:  # thinning was cut at its end
            segment.path.unlink()
            sync_directory(segment.path.parent)
    closed = closed_segments(directory.path)
    if not closed or not directory.size_of(DATABASE_NAME):
        return
    try:
        with closing(open_reader(directory.path / DATABASE_NAME)) as connection:
            base, head = read_base(connection), read_head(connection)
    except sqlite3.Error:
        return
    for segment in closed:
        if base.seq < segment.first_seq and segment.last_seq <= head.seq:
            segment.path.unlink()
            directory.sync()


def past_head(directory: Path) -> Head | None:
    """The end of the newest segment before the live one that can be read; None if there is none."""
    for segment in reversed(past_segments(directory)):
        try:
            return again(partial(head_of, segment))
        except (sqlite3.Error, OSError, LogCorrupt):  # reported when all of them are read
            continue
    return None


def head_of(segment: PastSegment) -> Head:
    """The last event of a segment. Raises LogCorrupt, LogTooNew, sqlite3.Error, OSError."""
    if segment.is_archive:
        with ArchiveReader(segment.path) as reader:
            return reader.head
    with closing(open_reader(segment.path, immutable=True)) as connection:
        return read_head(connection)


def past_end(directory: Path) -> Opening:
    """What the newest readable segment before the live one ends in; FIRST if there is none, no state if that is lost."""
    head = past_head(directory)
    if head is None:
        return FIRST
    for segment in archives(directory):
        if segment.last_seq == head.seq:
            with suppress(OSError, LogCorrupt), again(partial(ArchiveReader, segment.path)) as reader:
                return reader.opening()
    return Opening(head=head)


def base_of(segment: PastSegment) -> Head:
    """What the first event of a segment continues. Raises LogCorrupt, LogTooNew, sqlite3.Error, OSError."""
    if segment.is_archive:
        with ArchiveReader(segment.path) as reader:
            return reader.before
    with closing(open_reader(segment.path, immutable=True)) as connection:
        return read_base(connection)


def end_of(directory: Path, segment: PastSegment, live: Opening) -> Opening:
    """What a closed segment ends in, as the segment behind it tells; that one lost or damaged, its own last event does.

    Raises sqlite3.Error, OSError.
    """
    if segment.last_seq == live.head.seq:
        return live
    behind = next((each for each in past_segments(directory) if each.first_seq == segment.last_seq + 1), None)
    if behind is not None:
        with suppress(LogCorrupt, LogTooNew, sqlite3.Error, OSError):
            return again(partial(_opening_of, behind))
    return Opening(head=head_of(segment))


def _opening_of(segment: PastSegment) -> Opening:
    if segment.is_archive:
        with ArchiveReader(segment.path) as reader:
            return Opening(head=reader.before)
    with closing(open_reader(segment.path, immutable=True)) as connection:
        opening, is_intact = read_opening(connection)
    if not is_intact:
        raise LogCorrupt(f"where {segment.path.name} begins is damaged")
    return opening


def compress(directory: StorageDirectory, segment: PastSegment, after: Opening) -> Iterator[None]:
    """Make the archive of a closed segment, which ends in `after`, and delete the closed file. Yields between two slices.

    Raises LogCorrupt, ChainBrokenError, sqlite3.Error or OSError; the closed file stays then, and half an archive is removed.
    """
    folder = directory.path / ARCHIVE_DIRECTORY
    if not folder.is_dir():
        folder.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        directory.sync()
    target = folder / archive_name(segment.first_seq, segment.last_seq)
    fresh = target.with_name(f"{target.name}{TEMPORARY_SUFFIX}")
    try:
        with closing(open_reader(segment.path, immutable=True)) as source, fresh.open("wb") as file:
            opening, _ = read_opening(source)  # if that is damaged, the chain will not fit
            identity = source.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()
            for _ in write_archive(
                source, file, identity=identity[0] if identity else "", before=opening.head, after=after
            ):
                yield
            fresh.chmod(0o600)
            file.flush()
            os.fsync(file.fileno())
        yield from read_back(fresh)
        fresh.rename(target)
    except (TypeError, ValueError) as error:  # what a damaged page holds may be of any type
        fresh.unlink(missing_ok=True)
        if isinstance(error, ChainBrokenError):
            raise
        raise LogCorrupt(f"what it holds is no event: {error}") from error
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_directory(folder)
    segment.path.unlink()
    directory.sync()


def read_back(path: Path) -> Iterator[None]:
    """Read all of an archive that was written just now. Raises LogCorrupt, OSError."""
    with ArchiveReader(path) as reader:
        for number in range(len(reader.index.frames)):
            reader.frame(number)
            yield
        reader.opening()


def sync_file(path: Path) -> None:
    """fsync a file that nobody has open."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
