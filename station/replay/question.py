"""A question to a log, and how it is answered: as a page, as JSON, or as a stream of lines."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from eventstore.value import Value
from station.replay.opening.checkpoints import Checkpoints, default_directory
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import Folded, state_at
from station.replay.opening.progress import Bar
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, LogPlace, Zone, bounds, place_at
from station.replay.pages.page import Page, json_line, json_text, line_writer, show

DONE = 0


class Question(Value, frozen=True, kw_only=True):
    """A log that is open, and how the answer is wanted."""

    reader: LogReader
    calendar: Calendar
    zone: Zone
    as_json: bool
    options: Namespace
    bar: Bar

    def range(self) -> tuple[int, int]:
        """(after_seq, to_seq) of --from and --to."""
        return self.bounds(self.options.from_place, self.options.to_place)

    def bounds(self, from_text: str | None, to_text: str | None) -> tuple[int, int]:
        """(after_seq, to_seq) of a range that is named by its ends."""
        return bounds(self.reader, self.calendar, self.zone, from_text, to_text)

    def place(self, text: str | None) -> LogPlace:
        """The place that --at, or an argument, names."""
        return place_at(self.reader, self.calendar, self.zone, text)

    def folded(self, place: LogPlace) -> Folded:
        """The state there."""
        return state_at(self.reader, place.seq, self.checkpoints)

    @property
    def checkpoints(self) -> Checkpoints | None:
        """The cache of folded states; None if none is to be kept."""
        return None if self.options.no_cache else Checkpoints(default_directory())


def give(asked: Question, value: Any, page: Callable[[], Page]) -> None:
    """One answer: as JSON, or as a page, which is made only when it is wanted."""
    asked.bar.stop()
    if asked.as_json:
        sys.stdout.write(json_text(value))
    else:
        show(page())


def stream(asked: Question, found: Iterable[Any], tell: Callable[[Any], Iterable[str]]) -> int:
    """A stream of answers: a JSON document a line, or lines of text; how many there were."""
    count = 0
    write = line_writer()
    for each in found:
        count += 1
        if asked.as_json:
            sys.stdout.write(json_line(each))
            continue
        for line in tell(each):
            write(line)
    return count


def tell_if_none(count: int) -> None:
    """A word to whoever asked for lines and gets none."""
    if not count:
        print("chargebox: nothing in the log is like that", file=sys.stderr)


def redaction_key(file: Path | None) -> bytes:
    """The secret in a file; nothing without one. Raises BadQuestion."""
    if file is None:
        return b""
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise BadQuestion(f"{file}: {error.strerror or error}") from error
    if not key:
        raise BadQuestion(f"{file} is empty: a redaction key is any secret text")
    return key
