"""The report of a run: a row for each log, kept as it comes, so that a run that was cut off goes on where it was.

The file is JSON Lines, only ever appended to; the last row of a log counts. A row counts as done while the log has not changed since
and the same was asked; a last line that was cut in half is passed over.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import orjson

from eventstore.structure import to_plain
from station.fleet.copies import COPY_OF, PARTS_FROM, counted
from station.fleet.one_log import OK, Row, Task
from station.replay.opening.errors import BadQuestion
from station.replay.pages.page import Page, facts, table
from station.telling.amounts import energy, plural

SHOWN_MAX = 60


def asked_of(task: Task) -> str:
    """What was asked, apart from the log, as a short text that is the same only for the same question."""
    plain: dict[str, Any] = to_plain({**_facts(task), "redact_key": sha256(task.redact_key).hexdigest()})
    return sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _facts(task: Task) -> dict[str, Any]:
    return {
        "command": task.command,
        "level": task.level,
        "directory": task.directory,
        "tables": task.tables,
        "form": task.form,
        "redact": task.redact,
        "keys": task.keys,
    }


class Report:
    """The rows of a run, and the file that keeps them, if any; use it with `with`."""

    def __init__(self, file: Path | None, *, again: bool = False) -> None:
        """Reads what is there, unless everything is to be done `again`. Raises BadQuestion."""
        self._file = file
        self._stream: IO[bytes] | None = None
        self.rows: dict[str, Row] = {}
        if file is not None:
            self._open(file, again=again)

    def _open(self, file: Path, *, again: bool) -> None:
        try:
            known = file.read_bytes() if file.exists() else b""
            for line in known.splitlines():
                row = _row(line)
                if row is not None and not again:
                    self.rows[row["log"]] = row
            file.parent.mkdir(parents=True, exist_ok=True)
            self._stream = file.open("ab")
            if known and not known.endswith(b"\n"):
                self._stream.write(b"\n")
        except OSError as error:
            raise BadQuestion(f"{file}: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def open_tasks(self, tasks: Iterable[Task]) -> list[Task]:
        """Those that are not done yet."""
        return [task for task in tasks if not self._is_done(task)]

    def _is_done(self, task: Task) -> bool:
        row = self.rows.get(task.name)
        return row is not None and row.get("mark") == task.mark and row.get("asked") == asked_of(task)

    def add(self, row: Row, asked: str) -> None:
        """One more row; it stands in the file when this returns."""
        kept = {**row, "asked": asked}
        self.rows[row["log"]] = kept
        if self._stream is not None:
            self._stream.write(orjson.dumps(kept, option=orjson.OPT_APPEND_NEWLINE))
            self._stream.flush()

    def of(self, tasks: Iterable[Task]) -> list[Row]:
        """The rows of these tasks, sorted by log."""
        wanted = {task.name for task in tasks}
        return sorted((row for row in self.rows.values() if row["log"] in wanted), key=lambda row: str(row["log"]))


def _row(line: bytes) -> Row | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("log"), str) else None


def page(rows: Sequence[Row], command: str) -> Page:
    """The report for people: totals, and the logs one by one, or only those with something wrong where there are many."""
    counts = Counter(str(row["status"]) for row in rows)
    once = counted(rows)
    copies = (
        f", {len(rows) - len(once)} of them copies of others, which count for nothing" if len(once) < len(rows) else ""
    )
    shown = Page().add(
        f"{plural(len(rows), 'log')}: {', '.join(f'{count} {name}' for name, count in sorted(counts.items()))}{copies}",
        facts(
            ("events", sum(row.get("events") or 0 for row in once) or ""),
            ("transactions", sum(row.get("transactions") or 0 for row in once) or ""),
            ("energy", energy(sum(row.get("energy_wh") or 0 for row in once)) if command == "summary" else ""),
            ("messages given up", sum(row.get("messages_given_up") or 0 for row in once) or ""),
            ("rows written", _written(rows)),
        ),
    )
    for name, title in ((COPY_OF, "Copies"), (PARTS_FROM, "Other histories of the same station")):
        pairs = [(str(row["log"]), str(row[name])) for row in rows if row.get(name)]
        shown.add(title, table(("log", "of" if name == COPY_OF else "than that of"), pairs[:SHOWN_MAX]))
    listed = [row for row in rows if len(rows) <= SHOWN_MAX or row["status"] != OK]
    title = "Logs" if len(rows) <= SHOWN_MAX else "Logs that are not in order"
    columns = {"summary": _SUMMARY, "verify": _VERIFY, "export": _EXPORT}[command]
    cells = [tuple(_cell(row.get(name)) for _, name in columns) for row in listed]
    return shown.add(title, table([heading for heading, _ in columns], cells))


_SUMMARY = (
    ("log", "log"),
    ("status", "status"),
    ("station", "identity"),
    (">events", "events"),
    (">boots", "boot_count"),
    (">power cuts", "power_cuts"),
    (">transactions", "transactions"),
    (">Wh", "energy_wh"),
    (">given up", "messages_given_up"),
    (">outages", "outages"),
    (">faults", "faults"),
    ("error", "error"),
)
_VERIFY = (
    ("log", "log"),
    ("status", "status"),
    ("station", "identity"),
    (">events", "events"),
    (">anchored to", "anchored_seq"),
    (">findings", "findings"),
    (">first at", "first_seq"),
    ("what", "error"),
)
_EXPORT = (("log", "log"), ("status", "status"), ("station", "identity"), (">files", "files"), ("error", "error"))


def _written(rows: Sequence[Row]) -> str:
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row.get("rows") or {})
    return ", ".join(f"{name} {count}" for name, count in total.items())


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
