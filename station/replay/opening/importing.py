"""Events that left a station or this tool in another shape, laid back into a database: diagnostics files and exports.

They may come from anyone: a line, and all that a diagnostics file unpacks to, has a bound (docs/replay.md).

An exported event is a line (or row) with seq, cause, at_ms, utc or utc_ms, type, version, connector_id, payload, digest, and with what
proves it if its digest covers commitments (`proof`). Where a redacted one would tell what was redacted, its digest is left out. A payload comes as JSON or as the JSON's text; either way it is written canonically again, so an unchanged event keeps its digest.
"""

import csv
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from eventstore.bounds import MIB, PAYLOAD_CHARS_MAX, SEQ_MAX, load_json, open_regular
from eventstore.chain import GENESIS_DIGEST, Head, Row
from eventstore.commitments import Disclosure
from eventstore.database import DATABASE_NAME, migrate
from eventstore.rows import are_sound
from eventstore.statements import STATEMENTS_DIRECTORY, statement_name
from eventstore.structure import from_plain
from station.replay.opening.bundle import (
    LOG_BYTES_MAX,
    LOG_NAME,
    BundleDamaged,
    open_bundle,
    open_member,
    read_about,
    read_statement,
)
from station.replay.opening.disclosed import Disclosed
from station.replay.opening.errors import LibraryMissing, LogUnreadable
from station.replay.opening.origin import Anchor, Origin
from station.wire.instants import parse_utc_ms

LINE_BYTES_MAX = 4 * PAYLOAD_CHARS_MAX
PARQUET_ROWS, PARQUET_GROUPS_MAX = 16, 10_000
"""How many rows are unpacked at once: each may have a payload of PAYLOAD_CHARS_MAX."""
GROUP_BYTES_MAX = 1024 * MIB
"""Of a row group, unpacked. They are read a page after the other."""
_NAME_BYTES_MAX = 64
_INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REDACTION_MARKS = ('"(withheld)"', '"tag-', '"station-')
_COLUMNS = ("seq", "cause", "at_ms", "type", "version", "connector_id", "payload", "digest")
_NUMBERS = ("seq", "cause", "at_ms", "version", "connector_id", "utc_ms")


class Told(NamedTuple):
    """An event as it came: its row, what proves it if its digest covers commitments, whether its digest came with it, and of one that is
    withheld as a whole, what its digest covers."""

    row: Row
    disclosure: Disclosure | None
    has_digest: bool
    content: bytes | None = None


def take_bundle(path: Path, scratch: Path) -> Origin:
    """The events of a diagnostics file. Raises LogUnreadable."""
    try:
        with open_bundle(path) as bundle:
            if LOG_NAME not in bundle.namelist():
                raise LogUnreadable(f"{path} is no diagnostics file: it holds no {LOG_NAME}")
            about = read_about(bundle)
            _lay_statement(scratch, read_statement(bundle))
            with open_member(bundle, LOG_NAME) as stream:
                _, disclosed = lay(path, scratch, _from_lines(stream, LOG_BYTES_MAX))
    except BundleDamaged as error:
        raise LogUnreadable(f"{path} is damaged: {error}") from error
    # Whatever left the station in one went through its redaction, which may have found nothing to redact.
    return Origin(
        kind="diagnostics file",
        excerpt=_is_excerpt(about),
        redacted=True,
        anchors=_anchors(about),
        cut_out=_cut_out(about),
        disclosed=disclosed,
    )


def _cut_out(about: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    """What the station had dropped for room within these events; the record of that may lie behind them."""
    gaps = about.get("dropped")
    found = []
    for gap in gaps if isinstance(gaps, list) else ():
        match gap:
            case [int() as first, int() as last] if 0 < first <= last <= SEQ_MAX:
                found.append((first, last))
    return tuple(found)


def _lay_statement(scratch: Path, content: bytes) -> None:
    """The statement, where those of a storage directory are found; one that says no range is none."""
    try:
        plain = load_json(content)
        name = statement_name(int(plain["from_seq"]), int(plain["to_seq"]))
    except (ValueError, TypeError, KeyError, OverflowError):
        return
    (scratch / STATEMENTS_DIRECTORY).mkdir()
    if len(name) < _NAME_BYTES_MAX:
        (scratch / STATEMENTS_DIRECTORY / name).write_bytes(content)


def _is_excerpt(about: Mapping[str, Any]) -> bool:
    head = about.get("log_head")
    return about.get("first_seq") != 1 or not isinstance(head, dict) or about.get("last_seq") != head.get("seq")


def _anchors(about: Mapping[str, Any]) -> tuple[Anchor, ...]:
    head = about.get("log_head")
    try:
        assert isinstance(head, dict)
        found = Head(seq=int(head["seq"]), digest=bytes.fromhex(head["digest"]))
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError):
        return ()
    is_head = 0 <= found.seq <= SEQ_MAX and len(found.digest) == len(GENESIS_DIGEST)
    return (Anchor(what="diagnostics file", head=found),) if is_head else ()


def take_export(path: Path, scratch: Path) -> Origin:
    """The events of an exported file. Raises LogUnreadable, LibraryMissing."""
    return _take_files([path], path, scratch)


def _take_files(files: Sequence[Path], path: Path, scratch: Path) -> Origin:
    count = 0

    def counted() -> Iterator[Told]:
        nonlocal count
        for file in files:
            for told in read_events(file):
                count += 1
                yield told

    try:
        redacted, disclosed = lay(path, scratch, counted())
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise LogUnreadable(f"{path} cannot be read: {error}") from error
    if not count:
        disclosed.close()
        raise LogUnreadable(f"{path} holds no events")
    return Origin(kind="exported events", redacted=redacted, disclosed=disclosed)


def read_events(path: Path) -> Iterator[Told]:
    """The rows of an exported table of events, in the file's order. Raises LogUnreadable, LibraryMissing, OSError."""
    return EVENT_FORMATS[path.suffix](path)


def is_partitioned(path: Path) -> bool:
    """Is this a directory that a partitioned export was written to, or the part of it that holds events?"""
    return path.is_dir() and any(_stations(path))


def take_partitioned(path: Path, scratch: Path) -> Origin:
    """The events of one station from a partitioned export. Raises LogUnreadable, LibraryMissing."""
    stations = sorted(_stations(path))
    if len(stations) > 1:
        some = ", ".join(str(each) for each in stations[:3])
        raise LogUnreadable(f"{path} holds the events of {len(stations)} stations: name one of them, e.g. {some}")
    files = sorted(file for file in stations[0].glob("day=*/part-*") if file.suffix in EVENT_FORMATS)
    return _take_files(files, path, scratch)


def _stations(path: Path) -> list[Path]:
    if path.name.startswith("station="):
        return [path] if any(path.glob("day=*/part-*")) else []
    return [each for each in (*path.glob("events/station=*"), *path.glob("station=*")) if each.is_dir()]


def _read_jsonl(path: Path) -> Iterator[Told]:
    with open_regular(path) as stream:
        yield from _from_lines(stream)


def _read_csv(path: Path) -> Iterator[Told]:
    with open_regular(path) as stream:
        csv.field_size_limit(LINE_BYTES_MAX)
        reader = csv.DictReader(line.decode() for line in lines_of(stream))
        if missing := [name for name in _COLUMNS if name not in (reader.fieldnames or ())]:
            raise LogUnreadable(f"its first line names no column {', '.join(missing)}: it is no table of events")
        for number, values in enumerate(reader, 2):
            try:
                numbers = {name: int(values[name]) if values.get(name) else None for name in _NUMBERS}
            except ValueError as error:
                raise LogUnreadable(f"line {number} is no event: {error}") from error
            yield told_of({**values, **numbers}, number)


def _read_parquet(path: Path) -> Iterator[Told]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise LibraryMissing("reading Parquet", "pyarrow") from error
    number = 0
    try:
        open_regular(path).close()
        with closing(parquet.ParquetFile(path)) as file:
            _check_parquet(file.metadata)
            for batch in file.iter_batches(batch_size=PARQUET_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield told_of(values, number)
    except (ArrowException, UnicodeDecodeError) as error:
        raise LogUnreadable(f"it is no Parquet file, or damaged: {error}") from error


def _check_parquet(metadata: Any) -> None:
    """Raises LogUnreadable for a part of it that has more than a table of events can have."""
    if metadata.num_row_groups > PARQUET_GROUPS_MAX:
        raise LogUnreadable(f"it has {metadata.num_row_groups} row groups, more than {PARQUET_GROUPS_MAX}")
    for number in range(metadata.num_row_groups):
        size = metadata.row_group(number).total_byte_size
        if size > GROUP_BYTES_MAX:
            raise LogUnreadable(f"its row group {number} has {size >> 20} MiB, more than {GROUP_BYTES_MAX >> 20}")


EVENT_FORMATS: Mapping[str, Callable[[Path], Iterator[Told]]] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}


def lines_of(stream: IO[bytes], most: int | None = None) -> Iterator[bytes]:
    """The lines of a stream. Raises LogUnreadable at a line that is too long for an event, or behind `most` bytes."""
    number, size = 0, 0
    while line := stream.readline(LINE_BYTES_MAX + 1):
        number, size = number + 1, size + len(line)
        if len(line) > LINE_BYTES_MAX:
            raise LogUnreadable(f"line {number} has more than {LINE_BYTES_MAX >> 20} MiB: it is no event")
        if most is not None and size > most:
            raise LogUnreadable(f"it holds more than {most >> 20} MiB of events")
        yield line


def _from_lines(stream: IO[bytes], most: int | None = None) -> Iterator[Told]:
    for number, line in enumerate(lines_of(stream, most), 1):
        if not line.strip():
            continue
        try:
            values = load_json(line)
        except ValueError as error:
            raise LogUnreadable(f"line {number} is no JSON: {error}") from error
        yield told_of(values, number)


def told_of(values: Any, number: int) -> Told:
    """The event of an exported line. Raises LogUnreadable."""
    try:
        payload, digest = values["payload"], values["digest"]
        plain = orjson.loads(payload) if isinstance(payload, str) else payload
        utc_ms = values.get("utc_ms")
        row = Row(
            seq=values["seq"],
            cause=values["cause"],
            at_ms=values["at_ms"],
            utc_ms=parse_utc_ms(values["utc"]) if utc_ms is None else utc_ms,
            type=values["type"],
            version=values["version"],
            connector_id=values["connector_id"],
            payload=orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode(),
            digest=GENESIS_DIGEST if digest == "" else bytes.fromhex(digest),
        )
        proof = values.get("proof")
        proof = orjson.loads(proof) if isinstance(proof, str) and proof else proof or None
        disclosure: Disclosure | None = None if proof is None else from_plain(Disclosure, proof)
        if not are_sound((row,)):
            raise ValueError("its values are none that a station writes")
    except KeyError as error:
        raise LogUnreadable(f"line {number} is no event: it has no {error.args[0]}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise LogUnreadable(f"line {number} is no event: {error}") from error
    return Told(row=row, disclosure=disclosure, has_digest=bool(digest))


def lay(path: Path, scratch: Path, events: Iterable[Told]) -> tuple[bool, Disclosed]:
    """Writes the rows to the scratch database; whether any was redacted, and what proves them. Raises LogUnreadable."""
    redacted, disclosed = False, Disclosed(scratch)

    def watched() -> Iterator[Row]:
        nonlocal redacted
        for row, disclosure, has_digest, content in events:
            if not has_digest or content is not None or (disclosure is not None and disclosure.commitments):
                redacted = True
            redacted = redacted or any(mark in row.payload for mark in _REDACTION_MARKS)
            disclosed.keep(row.seq, disclosure, has_digest=has_digest, content=content)
            yield row

    try:
        _lay_rows(path, scratch, watched(), disclosed)
    except BaseException:
        disclosed.close()
        raise
    return redacted, disclosed


def _lay_rows(path: Path, scratch: Path, rows: Iterator[Row], disclosed: Disclosed) -> None:
    with closing(sqlite3.connect(scratch / DATABASE_NAME, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        migrate(connection)
        try:
            connection.execute("BEGIN")
            disclosed.begin()
            connection.executemany(_INSERT, rows)
            disclosed.end()
            connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            raise LogUnreadable(f"{path}: its events do not make a log: {error}") from error
        except sqlite3.OperationalError as error:
            raise LogUnreadable(
                f"{path} needs more temporary space: {error}; set TMPDIR to a directory with more"
            ) from error
        except LogUnreadable as error:
            raise LogUnreadable(f"{path}: {error}") from error
