"""The signed statements in a storage directory: where they lie, and of which events. (What is in one: `station.replay.proof.statement`.)"""

import re
from pathlib import Path

from eventstore.bounds import SEQ_MAX
from eventstore.value import Value

STATEMENTS_DIRECTORY = "statements"
_NAMED = re.compile(r"(\d+)-(\d+)\.json")


class StatementFile(Value, frozen=True, kw_only=True):
    """A statement as it lies in the storage directory: of the events `from_seq` to `to_seq`."""

    from_seq: int
    to_seq: int
    path: Path


def statement_files(storage: Path) -> list[StatementFile]:
    """The statements in a storage directory, that of the newest event last. Raises OSError."""
    try:
        paths = list((storage / STATEMENTS_DIRECTORY).iterdir())
    except FileNotFoundError:
        return []
    found = [
        StatementFile(from_seq=int(match[1]), to_seq=int(match[2]), path=path)
        for path in paths
        if (match := _NAMED.fullmatch(path.name)) and int(match[1]) <= int(match[2]) <= SEQ_MAX
    ]
    return sorted(found, key=lambda each: (each.to_seq, each.from_seq))


def statement_name(from_seq: int, to_seq: int) -> str:
    """Names sort as the ranges do."""
    return f"{from_seq:012d}-{to_seq:012d}.json"
