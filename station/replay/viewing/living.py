"""The past of a running station, in a process of its own: `python -m station.replay.viewing.living DIRECTORY`.

Questions come on the standard input, answers leave on the standard output, one after the other:

    {"path": "/api/view/now", "query": {"at": "300"}, "head_seq": 512, "now_s": 17.5}
    {"status": 200, "headers": {...}, "length": 1234}, a line feed, and so many bytes

The log is read from a private copy, which is made anew when something behind its end is asked for. Nothing is written to the station's
directory. The process gives way to all others, takes so much memory at most, and ends with its standard input.
"""

import os
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import IO

import orjson

from station.replay.opening.errors import BadQuestion, ReplayError
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.viewing.moments import LogMoments
from station.replay.viewing.server import HttpAnswer, answered, in_json
from station.replay.viewing.views import whole

MEMORY_BYTES = 160 << 20
AT_HAND = 16
ANEW_S = 10.0
"""How old a copy is that gives way to a new one because time has gone by, not because an event behind its end was named."""
NICE = 19


class LivingPast:
    """The moments of the log in `directory`, which a station writes to."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held = ExitStack()
        self._opened: tuple[LogReader, LogMoments] | None = None
        self._opened_s = 0.0

    def close(self) -> None:
        """Let go of the copy."""
        self._opened = None
        self._held.close()

    def answer(self, path: str, query: Mapping[str, str], head_seq: int, now_s: float) -> HttpAnswer:
        """The answer to a question when the station's log ended with event `head_seq`; `now_s` is of a clock that goes on."""
        try:
            moments = self._fresh(query, head_seq, now_s)
        except ReplayError as error:
            self.close()
            return in_json(400 if isinstance(error, BadQuestion) else 503, {"error": str(error)})
        return answered(lambda path, query: moments.answer(None, path, query), path, query)

    def _fresh(self, query: Mapping[str, str], head_seq: int, now_s: float) -> LogMoments:
        """The moments of a copy that holds what is asked for."""
        found = self._opened
        if found is not None and found[0].head.seq < head_seq and self._is_behind(found[0], query, now_s):
            self.close()
            found = None
        if found is None:
            reader = self._held.enter_context(open_log(self._directory))
            moments = LogMoments(reader, calendar_of(reader), None, None, at_hand=AT_HAND, as_station=True)
            found = self._opened = reader, moments
            self._opened_s = now_s
        return found[1]

    def _is_behind(self, reader: LogReader, query: Mapping[str, str], now_s: float) -> bool:
        at = whole(query, "at", None)
        if at is not None:
            return bool(at > reader.head.seq)
        return now_s - self._opened_s > ANEW_S


def serve(past: LivingPast, questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until there are no more questions."""
    for line in questions:
        asked = orjson.loads(line)
        status, headers, content = past.answer(asked["path"], asked["query"], asked["head_seq"], asked["now_s"])
        answers.write(orjson.dumps({"status": status, "headers": headers, "length": len(content)}) + b"\n" + content)
        answers.flush()


def step_back() -> None:
    """Behind all other processes, within bounds, and the first to go where memory runs out; as far as that is allowed."""
    with suppress(OSError):
        os.nice(NICE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _end(number: int, frame: FrameType | None) -> None:
    """By way of whoever has a copy to remove."""
    sys.exit(0)


def main(arguments: list[str]) -> int:
    """The process."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the station's affair
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed must not stand among the answers
    step_back()
    past = LivingPast(Path(arguments[0]))
    try:
        serve(past, sys.stdin.buffer, answers)
    except BrokenPipeError:  # the station is gone, and with it whoever asked
        with suppress(BrokenPipeError):
            answers.close()
    finally:
        past.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
