"""The check of the whole log while the station runs, a slice at a time. Pure: the log reads, this judges.

The chain is verified from its first event to the head; then SQLite's quick_check looks at the structure of the file. Whoever
runs it decides on the pauses between slices.
"""

from collections.abc import Sequence
from typing import Any

from eventstore.chain import EMPTY, ChainBrokenError, Head, Row, verify
from eventstore.commitments import Content, whole_row
from eventstore.rows import SELECT_ROWS
from eventstore.value import Value, replace


class CheckProgress(Value, frozen=True, kw_only=True):
    """How far a check has come. A check that found something is done."""

    verified: Head = EMPTY
    done: bool = False
    findings: tuple[str, ...] = ()


def question(progress: CheckProgress, head: Head, events: int) -> tuple[str, tuple[int, ...]]:
    """What is asked of the file next, at most so many events up to `head`: the query and its parameters."""
    left = head.seq - progress.verified.seq
    if left > 0:
        return f"{SELECT_ROWS} WHERE seq > ? ORDER BY seq LIMIT ?", (progress.verified.seq, min(events, left))
    return "PRAGMA quick_check(10)", ()


def judge(
    progress: CheckProgress, head: Head, rows: Sequence[tuple[Any, ...]], content: Content = whole_row
) -> CheckProgress:
    """The progress after the answer to `question`; `content` tells what digests cover."""
    return check_rows(progress, rows, content) if progress.verified.seq < head.seq else quick_check(progress, rows)


def check_rows(progress: CheckProgress, rows: Sequence[tuple[Any, ...]], content: Content = whole_row) -> CheckProgress:
    """The progress after the next rows of the chain; no rows at all are a finding."""
    try:
        if not rows:
            raise ChainBrokenError(progress.verified, f"event {progress.verified.seq + 1} is missing")
        return replace(progress, verified=verify(progress.verified, [Row._make(row) for row in rows], content))
    except ChainBrokenError as broken:
        return replace(progress, verified=broken.head, done=True, findings=(str(broken),))


def quick_check(progress: CheckProgress, rows: Sequence[tuple[Any, ...]]) -> CheckProgress:
    """The progress after SQLite's quick_check answered with these rows: done either way."""
    findings = tuple(f"quick_check: {row[0]}" for row in rows if row[0] != "ok")
    return replace(progress, done=True, findings=findings)
