"""Export: the tables of a log as JSON Lines, CSV or Parquet; one file of one table, or a directory partitioned by station and day.

A partitioned export lies at DIR/TABLE/station=ID/day=YYYY-MM-DD/part-LOG.FORMAT, which DuckDB, Spark and Arrow read as one table. LOG
follows from the log's first event: exporting a log again replaces its files, and never those of another log. Every file is written
beside and renamed when it is whole.
"""

import csv
import re
import sys
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self
from urllib.parse import quote

import orjson

from eventstore.catalogue.lifecycle import StationDescribed
from eventstore.chain import Row
from eventstore.value import Value
from station.replay.export.redaction import Redaction, RedactionRules
from station.replay.export.tables import (
    BOOLEAN,
    INTEGER,
    JSON,
    NUMBER,
    PARTITION,
    TABLES,
    TEXT,
    Column,
    RowOut,
    rows_of,
)
from station.replay.opening.errors import BadQuestion, LibraryMissing
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar

FORMATS = ("jsonl", "csv", "parquet")
ROW_GROUP = 2_000
PAGE_BYTES = 65_536
OPEN_MAX = {"parquet": 2, "csv": 8, "jsonl": 8}
"""How many partitions are written to at once: days follow each other, but a transaction's messages may come days later."""
_TEMPORARY = ".tmp"
_MAY_NAME_TAG = re.compile(r"id_?tag|\\\\u", re.IGNORECASE)
"""Any name of a tag, or escaped letters that may be one."""


class Writer(Protocol):
    """Writes rows to one file; the file appears under its name when the writer is closed."""

    def write(self, row: RowOut) -> None:
        """One more row."""
        ...

    def close(self) -> None:
        """The file is whole."""
        ...


class _LinesWriter:
    def __init__(self, columns: Sequence[Column], stream: IO[bytes]) -> None:
        self._json = [column.name for column in columns if column.kind == JSON]
        self._names = [column.name for column in columns]
        self._stream = stream

    def write(self, row: RowOut) -> None:
        values = {name: row[name] for name in self._names}
        for name in self._json:
            # Spliced in as it is stored, so that no reading and writing of it can change a byte.
            values[name] = None if values[name] is None else orjson.Fragment(values[name])
        self._stream.write(orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        self._stream.flush()


class _CsvWriter:
    def __init__(self, columns: Sequence[Column], stream: IO[str]) -> None:
        self._names = [column.name for column in columns]
        self._stream = stream
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(self._names)

    def write(self, row: RowOut) -> None:
        values = [row[name] for name in self._names]
        self._writer.writerow(["true" if v is True else "false" if v is False else v for v in values])

    def close(self) -> None:
        self._stream.flush()


class _ParquetWriter:
    def __init__(self, columns: Sequence[Column], file: Path) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise LibraryMissing("writing Parquet", "pyarrow") from error
        # One thread and the allocator of the process: pools of their own keep 40 MiB for the next batch.
        pa.set_memory_pool(pa.system_memory_pool())
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        kinds = {INTEGER: pa.int64(), TEXT: pa.string(), BOOLEAN: pa.bool_(), NUMBER: pa.float64(), JSON: pa.string()}
        self._schema = pa.schema([(column.name, kinds[column.kind]) for column in columns])
        self._batch = pa.RecordBatch
        self._columns: dict[str, list[Any]] = {column.name: [] for column in columns}
        self._count = 0
        self._writer = parquet.ParquetWriter(
            file, self._schema, compression="zstd", use_dictionary=False, data_page_size=PAGE_BYTES
        )

    def write(self, row: RowOut) -> None:
        for name, values in self._columns.items():
            values.append(row[name])
        self._count += 1
        if self._count >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_batch(self._batch.from_pydict(self._columns, schema=self._schema))
        for values in self._columns.values():
            values.clear()
        self._count = 0

    def close(self) -> None:
        if self._count:
            self._flush()
        self._writer.close()


class _File:
    """A file under way: written under another name, renamed once it is whole."""

    def __init__(self, file: Path, form: str, columns: Sequence[Column]) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._fresh = file, file.with_name(f"{file.name}{_TEMPORARY}")
        self._stream: IO[Any] | None = None
        self._writer: Writer
        if form == "parquet":
            self._writer = _ParquetWriter(columns, self._fresh)
        elif form == "csv":
            self._stream = self._fresh.open("w", encoding="utf-8", newline="")
            self._writer = _CsvWriter(columns, self._stream)
        else:
            self._stream = self._fresh.open("wb")
            self._writer = _LinesWriter(columns, self._stream)
        self.write = self._writer.write

    def close(self) -> None:
        """The file appears."""
        self._writer.close()
        if self._stream is not None:
            self._stream.close()
        self._fresh.replace(self._file)

    def abandon(self) -> None:
        """Nothing of it stays."""
        with suppress(Exception):
            self._writer.close()
        if self._stream is not None:
            self._stream.close()
        self._fresh.unlink(missing_ok=True)


class _Partitions:
    """The files of one table; the least recently used are kept closed, and are continued in a further part."""

    def __init__(self, directory: Path, form: str, table: str, name: str) -> None:
        self._directory, self._form, self._name = directory / table, form, name
        self._columns = TABLES[table]
        self._open: OrderedDict[tuple[str, str], _File] = OrderedDict()
        self._parts: dict[tuple[str, str], int] = {}
        self.files: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._open.values():
            if kind is None:
                file.close()
            else:
                file.abandon()

    def write(self, row: RowOut) -> None:
        """One row, to where it belongs."""
        key = (row["station"], row["day"])
        file = self._open.get(key)
        if file is None:
            file = self._opened(key)
        else:
            self._open.move_to_end(key)
        file.write(row)

    def _opened(self, key: tuple[str, str]) -> _File:
        if len(self._open) >= OPEN_MAX[self._form]:
            self._open.popitem(last=False)[1].close()
        part = self._parts[key] = self._parts.get(key, 0) + 1
        suffix = "" if part == 1 else f"-{part}"
        folder = self._directory / f"station={quote(key[0], safe='')}" / f"day={key[1]}"
        path = folder / f"part-{self._name}{suffix}.{self._form}"
        self.files.append(str(path))
        file = self._open[key] = _File(path, self._form, self._columns)
        return file


class Exported(Value, frozen=True, kw_only=True):
    """What came of an export: rows by table, and the files."""

    rows: dict[str, int]
    files: tuple[str, ...]


class ExportRequest(Value, frozen=True, kw_only=True):
    """What is exported: which tables, in which form, from behind `after_seq` up to `to_seq`."""

    tables: tuple[str, ...] = ("events",)
    form: str = "jsonl"
    rules: RedactionRules = RedactionRules()
    after_seq: int = 0
    to_seq: int | None = None


def check_request(tables: Iterable[str], form: str) -> tuple[str, ...]:
    """The tables, "all" meaning every one. Raises BadQuestion for a table or form that there is not."""
    asked = list(dict.fromkeys(name for each in tables for name in (TABLES if each == "all" else (each,))))
    for name in asked:
        if name not in TABLES:
            raise BadQuestion(f"there is no table {name!r}: there are {', '.join(TABLES)}")
    if form not in FORMATS:
        raise BadQuestion(f"there is no format {form!r}: there are {', '.join(FORMATS)}")
    return tuple(asked)


def redaction_of(reader: LogReader, rules: RedactionRules) -> Redaction:
    """The redaction of this log: it knows the log's own identities and serial numbers, and every tag that is named as one in it."""
    identity, texts = "", {reader.identity()}
    for recorded in reader.recorded(kinds=(StationDescribed,)) if rules.is_on else ():
        if isinstance(recorded.event, StationDescribed):
            identity = identity or recorded.event.identity
            texts |= {recorded.event.identity, recorded.event.serial}
    redaction = Redaction(rules, identity=identity or _identity(reader), identities=texts)
    if rules.tags:
        for rows in reader.rows():
            for row in rows:
                if _MAY_NAME_TAG.search(row.payload) is not None:
                    redaction.learn(row.payload)
    return redaction


def _identity(reader: LogReader) -> str:
    for recorded in reader.recorded(kinds=(StationDescribed,)):
        if isinstance(recorded.event, StationDescribed):
            return recorded.event.identity
    return reader.identity()


def export_directory(reader: LogReader, calendar: Calendar, request: ExportRequest, directory: Path) -> Exported:
    """A partitioned export. Raises LibraryMissing, OSError; files under way are removed then."""
    redaction = redaction_of(reader, request.rules)
    first = reader.row(reader.first_seq)
    name = "empty" if first is None else _file_name(first, is_redacted=request.rules.is_on)
    counts, files = {}, []
    for table in request.tables:
        count = 0
        with _Partitions(directory, request.form, table, name) as partitions:
            found = rows_of(table, reader, calendar, redaction, after_seq=request.after_seq, to_seq=request.to_seq)
            for row in found:
                partitions.write(row)
                count += 1
        counts[table] = count
        files += partitions.files
    return Exported(rows=counts, files=tuple(dict.fromkeys(files)))


def _file_name(first: Row, *, is_redacted: bool) -> str:
    """Of this log and no other, without telling the digest of its first event where that may be withheld."""
    facts = (first.seq, first.at_ms, first.utc_ms, first.type)
    return sha256(orjson.dumps(facts)).hexdigest()[:12] if is_redacted else first.digest.hex()[:12]


def export_file(reader: LogReader, calendar: Calendar, request: ExportRequest, file: Path | None) -> Exported:
    """One table in one file, or to the standard output (None; never Parquet). Raises BadQuestion, LibraryMissing, OSError."""
    (table,) = request.tables
    columns = (*PARTITION, *TABLES[table])
    redaction = redaction_of(reader, request.rules)
    found = rows_of(table, reader, calendar, redaction, after_seq=request.after_seq, to_seq=request.to_seq)
    if file is None:
        if request.form == "parquet":
            raise BadQuestion("Parquet is not for reading on the screen: name a file or directory with --output")
        sink: Writer = (
            _CsvWriter(columns, sys.stdout) if request.form == "csv" else _LinesWriter(columns, sys.stdout.buffer)
        )
        count = _write_all(sink, found)
        sink.close()
        return Exported(rows={table: count}, files=())
    target = _File(file, request.form, columns)
    try:
        count = _write_all(target, found)
    except BaseException:
        target.abandon()
        raise
    target.close()
    return Exported(rows={table: count}, files=(str(file),))


def _write_all(sink: "Writer | _File", rows: Iterable[RowOut]) -> int:
    count = 0
    for row in rows:
        sink.write(row)
        count += 1
    return count
