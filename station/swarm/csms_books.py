"""What the CSMS itself says of the sessions of a swarm: a CSV of its transactions, as a file or as what a command prints."""

import csv
import io
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from eventstore.value import Value
from station.wire.instants import parse_utc_ms

COLUMNS = (
    "station",
    "connector_id",
    "transaction_id",
    "id_tag",
    "started",
    "stopped",
    "meter_start_wh",
    "meter_stop_wh",
)
REQUIRED = COLUMNS[:5]
STATUS_COLUMNS = ("station", "connector_id", "status")
COMMAND_S = 600
BYTES_MAX = 1 << 30


class BooksError(Exception):
    """The CSMS's books cannot be read; the text says where and why."""


class Booked(Value, frozen=True, kw_only=True):
    """One transaction as the CSMS has it, and the line that says so. Times are UTC milliseconds; None: the CSMS does not say."""

    line: int
    station: str
    connector_id: int
    transaction_id: int
    id_tag: str
    started_utc_ms: int
    stopped_utc_ms: int | None = None
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None


def read_books(source: str) -> dict[str, tuple[Booked, ...]]:
    """The transactions by station, in the order of the CSV. `source` is its file, or a command behind "!". Raises BooksError."""
    text = _printed(source[1:]) if source.startswith("!") else _read(Path(source))
    found: dict[str, list[Booked]] = {}
    for booked in _rows(source, io.StringIO(text, newline="")):
        found.setdefault(booked.station, []).append(booked)
    return {station: tuple(rows) for station, rows in found.items()}


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > BYTES_MAX:
            raise BooksError(f"{file}: is larger than {BYTES_MAX} bytes")
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BooksError(f"{file}: cannot be read: {error}") from error


def _printed(command: str) -> str:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, check=False, timeout=COMMAND_S)  # noqa: S603
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise BooksError(f"{command}: ended with status {done.returncode}: {last}")
        return done.stdout.decode("utf-8-sig")
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise BooksError(f"{command}: {error}") from error


def _rows(source: str, stream: Iterable[str]) -> Iterator[Booked]:
    reader = csv.DictReader(stream)
    missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        raise BooksError(f"{source}: its first line must name the columns; missing: {', '.join(missing)}")
    try:
        for row in reader:
            yield _booked(source, reader.line_num, row)
    except csv.Error as error:
        raise BooksError(f"{source}:{reader.line_num}: {error}") from error


def _booked(source: str, line: int, row: Mapping[str, str | None]) -> Booked:
    def say(name: str) -> str:
        return (row.get(name) or "").strip()

    def whole(name: str) -> int | None:
        return int(say(name)) if say(name) else None

    def instant(name: str) -> int | None:
        return parse_utc_ms(say(name)) if say(name) else None

    try:
        started = instant("started")
        if started is None:
            raise ValueError("started is required")
        return Booked(
            line=line,
            station=say("station"),
            connector_id=int(say("connector_id")),
            transaction_id=int(say("transaction_id")),
            id_tag=say("id_tag"),
            started_utc_ms=started,
            stopped_utc_ms=instant("stopped"),
            meter_start_wh=whole("meter_start_wh"),
            meter_stop_wh=whole("meter_stop_wh"),
        )
    except ValueError as error:
        raise BooksError(f"{source}:{line}: {error}") from error


def read_statuses(source: str) -> dict[str, dict[int, str]]:
    """The status of each connector that the CSMS shows, by station: a CSV with station, connector_id, status. Raises BooksError."""
    text = _printed(source[1:]) if source.startswith("!") else _read(Path(source))
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in STATUS_COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise BooksError(f"{source}: its first line must name the columns; missing: {', '.join(missing)}")
    found: dict[str, dict[int, str]] = {}
    try:
        for row in reader:
            connector_id = int(row["connector_id"] or "")
            found.setdefault((row["station"] or "").strip(), {})[connector_id] = (row["status"] or "").strip()
    except (ValueError, csv.Error) as error:
        raise BooksError(f"{source}:{reader.line_num}: {error}") from error
    return found
