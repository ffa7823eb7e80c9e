"""Logs of one station among those of a fleet: copies, of which one counts, and histories that part.

A log is a copy of another where the other one has its last event, digest and all: whatever it has, the other has too. Two logs of one
station of which neither has the other's end tell two histories: a card that was changed, or one of them was made anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from station.fleet.one_log import BROKEN, Row
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log

COPY_OF, PARTS_FROM = "copy_of", "parts_from"


def name_copies(rows: Sequence[Row]) -> list[Row]:
    """The rows, those of copies with the log that they are copies of (`copy_of`), or whose history parts from it (`parts_from`)."""
    stations: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("identity") and row.get("last_seq") and row["status"] != BROKEN:
            stations[row["identity"]].append(row)
    named: dict[str, Row] = {}
    for logs in stations.values():
        if len(logs) > 1:
            named |= _named(sorted(logs, key=lambda row: (-int(row["last_seq"]), str(row["log"]))))
    return [row | named.get(str(row["log"]), {}) for row in rows]


def counted(rows: Iterable[Row]) -> list[Row]:
    """Those that are no copies."""
    return [row for row in rows if not row.get(COPY_OF)]


def _named(logs: Sequence[Row]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    originals: list[Row] = []
    for row in logs:
        original = next((each for each in originals if _has_end_of(each, row)), None)
        if original is not None:
            found[str(row["log"])] = {COPY_OF: original["log"]}
        elif originals:
            found[str(row["log"])] = {PARTS_FROM: originals[0]["log"]}
        originals += [row] if original is None else []
    return found


def _has_end_of(longer: Row, row: Row) -> bool:
    if longer["last_seq"] == row["last_seq"]:
        return bool(longer["head_digest"] == row["head_digest"])
    try:
        with open_log(Path(str(longer["log"]))) as reader:
            return _digest(reader, int(row["last_seq"])) == str(row["head_digest"])
    except Exception:  # noqa: BLE001  # one log must never end the run: it changed since its row was made
        return False


def _digest(reader: LogReader, seq: int) -> str:
    found = reader.digest_at(seq)
    return "" if found is None else found.hex()
