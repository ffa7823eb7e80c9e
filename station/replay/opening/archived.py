"""What stands before the live segment of a storage directory, and archives by themselves, as the origin of a log."""

import sqlite3
from contextlib import closing
from pathlib import Path

from eventstore.archive import SUFFIX
from eventstore.database import DATABASE_NAME, migrate, open_reader
from eventstore.opening import read_opening
from eventstore.segments import ARCHIVE_DIRECTORY, archives, past_segments
from station.replay.opening.copying import copy_small_files
from station.replay.opening.errors import LogUnreadable
from station.replay.opening.origin import Damage, Origin
from station.replay.opening.past_segments import Past, archive_at
from station.telling.amounts import plural


def with_past(
    directory: Path, scratch: Path, *, live: bool, damage: Damage | None, whole: bool, lost_wal: tuple[str, ...]
) -> Origin:
    """The origin of the live segment in `scratch`, with the segments before it that lie in `directory`, which was given as a `whole`.

    Raises LogUnreadable.
    """
    try:
        with closing(open_reader(scratch / DATABASE_NAME)) as connection:
            opening, is_intact = read_opening(connection)
    except sqlite3.Error as error:
        raise LogUnreadable(f"{directory} cannot be opened: {error}") from error
    found = past_segments(directory)
    past = Past([each for each in found if each.last_seq <= opening.head.seq], directory)
    begins = next((ends.before for ends in past.ends()), None)
    kind = "live log" if live else "log"
    return Origin(
        kind=f"{kind} with {plural(len(past.segments), 'closed segment')}" if past.segments else kind,
        live=live,
        damage=damage,
        base=opening.head if begins is None and opening.head.seq else begins,
        opening=opening if opening.head.seq else None,
        past=past,
        findings=() if is_intact else ("where the live segment begins is damaged",),
        lost_wal=lost_wal,
        directory=directory if whole else None,
        beyond=tuple(each for each in found if each.last_seq > opening.head.seq),
    )


def take_archives(path: Path, scratch: Path) -> Origin:
    """One archive, or a directory of them, without a live segment. Raises LogUnreadable, LogFromTheFuture, OSError.

    A storage directory whose live segment is gone may remember it: what its witness saw is then missing.
    """
    if not path.is_dir():
        found = [archive_at(path)]
    elif path.name == ARCHIVE_DIRECTORY:
        found = archives(path.parent)
    else:
        found = archives(path) or [archive_at(file) for file in path.glob(f"*{SUFFIX}")]
        copy_small_files(path, scratch)
    past = Past(found)
    begins = next((ends.before for ends in past.ends()), None)
    if begins is None:
        raise LogUnreadable(f"{path} cannot be read: {'; '.join(past.findings)}")
    with closing(sqlite3.connect(scratch / DATABASE_NAME, isolation_level=None)) as connection:
        migrate(connection)
    kind = "archive" if len(past.segments) == 1 else f"{len(past.segments)} archives"
    return Origin(kind=kind, excerpt=begins.seq > 0, base=begins, past=past)


def is_archive(path: Path) -> bool:
    """Is this an archive, or a directory that holds some, or a storage directory of which the archives are left?"""
    if path.is_dir():
        return bool(archives(path)) or any(path.glob(f"*{SUFFIX}"))
    return path.is_file() and path.suffix == SUFFIX
