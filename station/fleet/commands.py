"""The commands of `chargebox fleet DIR|GLOB COMMAND`."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

from station.fleet.copies import name_copies
from station.fleet.finding_logs import find_logs
from station.fleet.one_log import OK, UNCHECKED, Row, Task
from station.fleet.report import Report, asked_of, page
from station.fleet.running import in_processes, on_cluster
from station.replay.export.writing import check_request
from station.replay.opening.errors import BadQuestion, LibraryMissing
from station.replay.opening.progress import bar
from station.replay.pages.page import json_line, show
from station.replay.proof.statement import raw_public_key
from station.replay.question import redaction_key

DONE, FAILED, NOT_CHECKED = 0, 1, 4
_PUBLIC = "-public"


def answer(options: Namespace) -> int:
    """Runs the command over all logs; status 1 when any of them is not in order, 4 when any could not be checked. Raises ReplayError."""
    tasks = list(_tasks(options))
    with Report(options.report, again=options.again) as report, bar(options.question) as progress:
        rest = report.open_tasks(tasks)
        done = len(tasks) - len(rest)
        progress(done, len(tasks))
        asked = asked_of(tasks[0])
        for row in _rows(rest, options):
            report.add(row, asked)
            done += 1
            progress(done, len(tasks))
        rows = name_copies(report.of(tasks))
    if options.json:
        sys.stdout.writelines(json_line(row) for row in rows)
    else:
        show(page(rows, options.question))
    statuses = {str(row["status"]) for row in rows}
    return DONE if statuses <= {OK} else NOT_CHECKED if statuses <= {OK, UNCHECKED} else FAILED


def _tasks(options: Namespace) -> Iterator[Task]:
    exports = options.question == "export"
    tables = check_request(options.table or ["all"], options.format) if exports else ()
    if exports and options.redact and options.redact_key is None:
        raise BadQuestion("redacting many logs needs --redact-key: without it every station would get the same name")
    if exports:
        _prepare(options.output, options.format)
    keys = _keys(options.public_key) if options.question == "verify" and options.public_key else ()
    for log in find_logs(options.logs):
        yield Task(
            path=log.path,
            mark=log.mark,
            size=log.size,
            command=options.question,
            level=options.level if options.question == "verify" else "",
            directory=str(options.output.absolute()) if exports else "",
            tables=tables,
            form=options.format if exports else "",
            redact=exports and options.redact,
            redact_key=redaction_key(options.redact_key) if exports else b"",
            keys=keys,
        )


def _keys(text: str) -> tuple[tuple[str, str], ...]:
    """The public keys by the station that each is of. One key is of all; in a directory each is of the station that its file is named after.

    Raises BadQuestion.
    """
    directory = Path(text)
    if not directory.is_dir():
        return (("", raw_public_key(text).hex()),)
    files = sorted(directory.glob("*.pem"))
    if not files:
        raise BadQuestion(
            f"{directory} holds no public keys: a file IDENTITY.pem or IDENTITY{_PUBLIC}.pem for each station"
        )
    return tuple((unquote(file.stem.removesuffix(_PUBLIC)), raw_public_key(str(file)).hex()) for file in files)


def _prepare(output: Path, form: str) -> None:
    """What would fail for every log alike is reported at once. Raises BadQuestion, LibraryMissing."""
    if form == "parquet" and find_spec("pyarrow") is None:
        raise LibraryMissing("writing Parquet", "pyarrow")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadQuestion(f"{output} cannot be written: {error.strerror or error}") from error


def _rows(tasks: list[Task], options: Namespace) -> Iterator[Row]:
    if not tasks:
        return iter(())
    if options.scheduler is not None:
        return on_cluster(tasks, options.scheduler)
    return in_processes(tasks, options.workers)
