"""The files of a log: their structure, and that they hold what a station puts into them and nothing else.

Whoever can write a file can add an index or a trigger to it, a column or a row to a small table; no digest covers those. None of them
changes what this tool answers, for its queries go by no index; but what a station did not make is a finding.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from eventstore.database import DATABASE_NAME, open_reader
from eventstore.layout import oddities
from station.replay.proof.findings import DAMAGED, FOREIGN
from station.replay.proof.versions import is_newer
from station.replay.proof.work import Work


def check_files(work: Work) -> None:
    """The live segment, and those that wait to be compressed; archives are proven as they are read."""
    reader = work.reader
    if reader.origin.damage is None:  # else it was laid out anew by the salvage
        name = DATABASE_NAME if reader.origin.directory is not None else "the file"
        _check(work, reader.scratch / DATABASE_NAME, name, (work.first_seq, reader.head.seq))
    for segment in () if reader.origin.past is None else reader.origin.past.segments:
        if not segment.is_archive:
            _check(work, segment.path, segment.path.name, (segment.first_seq, segment.last_seq), is_closed=True)


def _check(work: Work, path: Path, name: str, span: tuple[int, int], *, is_closed: bool = False) -> None:
    first, last = span
    try:
        with closing(open_reader(path, immutable=is_closed)) as connection:
            told = [str(row[0]) for row in connection.execute("PRAGMA quick_check(10)") if row[0] != "ok"]
            found = oddities(connection)
            (count,) = connection.execute("SELECT count(*) FROM event NOT INDEXED").fetchone()
    except (sqlite3.Error, OSError) as error:
        told, found, count = [str(error)], None, 0
    if told:
        work.is_structure_damaged = work.is_structure_damaged or not is_closed
        work.add(DAMAGED, first, f"{name}: its structure is damaged: {'; '.join(told)}", last)
    if found is None:
        return
    guards = [part for part in found.missing if part.startswith("the trigger ")]
    if guards:
        work.add(DAMAGED, first, f"{name}: its guards against change were removed: {', '.join(guards)}", last)
    if len(guards) < len(found.missing):
        others = [part for part in found.missing if part not in guards]
        work.add(DAMAGED, first, f"{name} lacks {', '.join(others)}, which each log has", last)
    if found.foreign:
        work.add(FOREIGN, first, f"{name} has what no station puts into it: {', '.join(found.foreign)}", last)
    if found.unknown and is_newer(work):
        work.skip(f"{name}: whether it is laid out as it should be; it went through {', '.join(found.unknown)}")
    elif found.unknown:
        work.add(
            FOREIGN,
            first,
            f"{name} went through {', '.join(found.unknown)}, which no version named in the log has",
            last,
        )
    if is_closed and count > last - first + 1:
        work.add(FOREIGN, first, f"{name} has {count} events in place of {last - first + 1}", last)
