"""What is done with one log of a fleet: always a row, never an exception, whatever the log is like.

Runs in worker processes, here or elsewhere: tasks and rows are plain data, and everything a task needs stands in it.
"""

import os
from pathlib import Path
from typing import Any

from eventstore.structure import to_plain
from eventstore.value import Value
from station.replay.answers.summary import summarize
from station.replay.export.redaction import RedactionRules
from station.replay.export.writing import ExportRequest, export_directory
from station.replay.opening.errors import TOO_LARGE, ReplayError
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.proof.verify import verify

OK, UNCHECKED, FAULTY, BROKEN = "ok", "unchecked", "faulty", "broken"
_STATUSES = {"whole": OK, "unchecked": UNCHECKED}
ERROR_LENGTH_MAX = 500
_SUMMARY_COUNTS = (
    "identity",
    "events",
    "from_utc",
    "to_utc",
    "boot_count",
    "power_cuts",
    "transactions",
    "transactions_running",
    "transactions_unconfirmed",
    "energy_wh",
    "messages_sent",
    "messages_given_up",
    "calls_unanswered",
)

Row = dict[str, Any]


class Task(Value, frozen=True, kw_only=True):
    """What to do with one log: "summary", "verify" or "export", with that command's options. `size` is the log's, in bytes.

    `keys` are public keys, each with the identity of the station that it is of; "" is of any.
    """

    path: str
    mark: str
    command: str
    level: str = "decide"
    directory: str = ""
    tables: tuple[str, ...] = ()
    form: str = "parquet"
    redact: bool = False
    redact_key: bytes = b""
    size: int = 0
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The path in a text that any JSON can hold, whatever bytes a file's name is made of."""
        return os.fsencode(self.path).decode(errors="backslashreplace")


def run(task: Task) -> Row:
    """The row of one log: `status` is "ok", "unchecked" (nothing is wrong, but something could not be checked), "faulty" (read, and
    something is wrong with it) or "broken" (not readable)."""
    row: Row = {"log": task.name, "mark": task.mark, "command": task.command}
    try:
        row |= _ask(task)
    except ReplayError as error:
        row |= {"status": BROKEN, "error": _told(str(error))}
    except MemoryError:
        row |= {"status": BROKEN, "error": TOO_LARGE}
    except Exception as error:  # noqa: BLE001  # one log must never end the run: what it did to us stands in its row
        row |= {"status": BROKEN, "error": _told(f"{type(error).__name__}: {error}")}
    return row


def _told(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()[:ERROR_LENGTH_MAX]


def _ask(task: Task) -> Row:
    with open_log(Path(task.path)) as reader:
        if task.command == "verify":
            identity = reader.identity()
            keys = [key for name, key in task.keys if name in ("", identity)]
            return _verified(to_plain(verify(reader, level=task.level, keys=keys))) | {"identity": identity}
        calendar = calendar_of(reader)
        if task.command == "summary":
            plain = to_plain(summarize(reader, calendar))
            row = {name: plain[name] for name in _SUMMARY_COUNTS}
            row |= {"last_seq": reader.head.seq, "head_digest": reader.head.digest.hex()}
            row |= {"outages": plain["outages"]["count"], "offline_ms": plain["outages"]["total_ms"]}
            row |= {"faults": sum(plain["faults"].values()), "oddities": plain["oddities"]}
            row |= {"versions": sorted({boot["software_version"] for boot in plain["boots"]})}
            return row | {"status": FAULTY if plain["damage"] else OK, "error": "; ".join(plain["damage"])}
        rules = RedactionRules(tags=task.redact, identity=task.redact, key=task.redact_key)
        request = ExportRequest(tables=task.tables, form=task.form, rules=rules)
        done = export_directory(reader, calendar, request, Path(task.directory))
        damage = "; ".join(reader.damage())
        return {
            "status": FAULTY if damage else OK,
            "error": damage,
            "identity": reader.identity(),
            "rows": done.rows,
            "files": len(done.files),
        }


def _verified(plain: Row) -> Row:
    first = plain["findings"][0] if plain["findings"] else {}
    return {
        "status": _STATUSES.get(plain["verdict"], FAULTY),
        "error": first.get("says", "") or "; ".join(plain["skipped"])[:ERROR_LENGTH_MAX],
        "anchored_seq": plain["anchored_seq"],
        "events": plain["events"],
        "findings": plain["findings_count"],
        "kinds": sorted({finding["kind"] for finding in plain["findings"]}),
        "first_seq": first.get("seq"),
        "other_versions": plain["other_versions_count"],
        "head_digest": plain["head_digest"],
        "last_seq": plain["last_seq"],
        "skipped": plain["skipped"],
    }
