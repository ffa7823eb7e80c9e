"""What the process writes to stderr: log records as lines, by a thread of its own, so that a reader that hangs holds up nothing.

Under systemd, which says by JOURNAL_STREAM that stderr is its journal, each line begins with its priority as `<N>`
(sd-daemon(3)); elsewhere with the name of its level. With `format = "json"` each record is one JSON object in one line.
Whatever a record holds, it is one line without control characters, and no URL in it shows a password or a query.

At most `WAITING_MAX` lines wait for the reader. What is more is dropped, and how many were is said in their place.
"""

import logging
import os
import re
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson

from station.settings.loading import WITHHELD, LoggingSettings
from station.telling.masking import without_credentials

NAME = "chargebox"
WAITING_MAX = 1_000
LINE_MAX = 4_000
NOISY = ("aiosqlite", "websockets", "httpx2", "httpcore2", "uvicorn", "asyncio")
FLUSH_S = 1.0
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7
_MEMBERS = "members"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUERY = re.compile(r"(\w://[^\s?\"']*)\?[^\s\"')]+")

Write = Callable[[bytes], None]


def is_journal(fd: int, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the descriptor is systemd's journal: JOURNAL_STREAM names its device and inode (systemd.exec(5))."""
    named = environment.get("JOURNAL_STREAM", "")
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return named == f"{found.st_dev}:{found.st_ino}"


def priority(level: int) -> int:
    """The priority of syslog(3) for a level of logging."""
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG)


def in_one_line(text: str) -> str:
    """The text without control characters, without what a URL may hide, and not longer than `LINE_MAX`."""
    if "://" in text:
        text = _QUERY.sub(rf"\1?{WITHHELD}", without_credentials(text))
    if len(text) > LINE_MAX:
        text = f"{text[:LINE_MAX]}…"
    return _CONTROL.sub(lambda found: repr(found.group())[1:-1], text)


class LineFormatter(logging.Formatter):
    """Lines for people: `<6>` or `INFO` first; then the module, unless it is a line of the station itself."""

    def __init__(self, *, with_priority: bool) -> None:
        super().__init__()
        self._with_priority = with_priority

    def format(self, record: logging.LogRecord) -> str:
        """A line, and one for each of a stack trace; without the last line end."""
        lines = [in_one_line(record.getMessage())]
        if record.exc_info:
            lines += [in_one_line(line) for line in self.formatException(record.exc_info).splitlines()]
        if self._with_priority:
            mark = f"<{priority(record.levelno)}>" + ("" if record.name == NAME else f"{record.name}: ")
        else:
            mark = f"{record.levelname} {record.name}: "
        return "\n".join(f"{mark}{line}" for line in lines)


class JsonFormatter(logging.Formatter):
    """A JSON object in one line: `time`, `level`, `logger`, `message`, `exception`, and what an event has of its own."""

    def __init__(self, *, with_priority: bool) -> None:
        super().__init__()
        self._with_priority = with_priority

    def format(self, record: logging.LogRecord) -> str:
        """The object's text."""
        moment = datetime.fromtimestamp(record.created, UTC)
        plain: dict[str, Any] = {
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": in_one_line(record.getMessage()),
            **getattr(record, _MEMBERS, {}),
        }
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            plain["exception"] = "\n".join(in_one_line(line) for line in trace)
        mark = f"<{priority(record.levelno)}>" if self._with_priority else ""
        return mark + orjson.dumps(plain).decode()


class JournalHandler(logging.Handler):
    """Takes records without ever waiting, and has a thread of its own write them."""

    def __init__(self, write: Write, *, with_priority: bool = False) -> None:
        super().__init__()
        self.with_priority = with_priority
        self.dropped = 0
        self._write = write
        self._lines: deque[str] = deque()
        self._left_out = 0
        self._is_closing = False
        self._is_writing = False
        self._changed = threading.Condition()
        self.setFormatter(LineFormatter(with_priority=with_priority))
        threading.Thread(target=self._run, name="journal", daemon=True).start()

    def use(self, settings: LoggingSettings, *, verbose: bool = False) -> None:
        """The format and the level from now on; `verbose` outranks the level."""
        kind = JsonFormatter if settings.format == "json" else LineFormatter
        self.setFormatter(kind(with_priority=self.with_priority))
        logging.getLogger().setLevel(logging.DEBUG if verbose else LEVELS[settings.level])

    def emit(self, record: logging.LogRecord) -> None:
        """Puts the record's text behind what waits already."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  # a record that cannot be made a text must not end the station
            text = f"ERROR {NAME}: a record of {record.name} cannot be logged: {record.msg!r:.200}"
        self.put(text)

    def put(self, text: str, *, must: bool = False) -> None:
        """Queues a text; with `must` even if too much waits."""
        with self._changed:
            if len(self._lines) >= WAITING_MAX and not must:
                self._left_out += 1
                self.dropped += 1
                return
            if self._left_out:
                self._lines.append(self._gap())
                self._left_out = 0
            self._lines.append(text)
            self._changed.notify_all()

    def say(self, text: str, level: int) -> None:
        """A text of the process itself; of several lines each is logged as one."""
        if isinstance(self.formatter, JsonFormatter):
            self.put(self.format(_record(level, text)), must=True)
            return
        mark = f"<{priority(level)}>" if self.with_priority else ""
        lines = f"{NAME}: {text}".splitlines()
        self.put("\n".join(mark + in_one_line(line) for line in lines), must=True)

    def _gap(self) -> str:
        text = f"{self._left_out} lines are left out here: nobody took them in time"
        return self.format(_record(logging.WARNING, text))

    def flush_within(self, seconds: float) -> bool:
        """Wait until everything is written, or for this time; returns whether it is. A reader that hangs costs no more than that."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lines and not self._is_writing, seconds)

    def close(self) -> None:
        """Writes what waits, if anybody takes it, and ends the thread; from then on this is no journal any more."""
        logging.getLogger().removeHandler(self)
        logging.captureWarnings(capture=False)
        self.flush_within(FLUSH_S)
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        super().close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                if not self._lines and self._left_out:
                    self._lines.append(self._gap())
                    self._left_out = 0
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._lines or self._is_closing)
                if not self._lines:
                    return
                text = self._lines.popleft()
                self._is_writing = True
            with suppress(OSError, ValueError):  # nobody reads any more: there is nobody to tell
                self._write(f"{text}\n".encode(errors="replace"))


def _record(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord(NAME, level, __file__, 0, text, None, None)


def writer(fd: int) -> Write:
    """Writes all of it to the descriptor, however long that takes, whether it blocks or not."""

    def write(data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(fd, rest) :]
            except BlockingIOError:
                select.select([], [fd], [])

    return write


def _to_stream(data: bytes) -> None:
    sys.stderr.write(data.decode(errors="replace"))
    sys.stderr.flush()


def begin() -> JournalHandler:
    """Makes stderr the journal of this process, as text and from INFO on; `use` and `close` are for the caller."""
    try:
        fd = sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        handler = JournalHandler(_to_stream)
    else:
        handler = JournalHandler(writer(fd), with_priority=is_journal(fd))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return handler


def the_handler() -> JournalHandler | None:
    """The journal of this process, if it has one."""
    return next((each for each in logging.getLogger().handlers if isinstance(each, JournalHandler)), None)


def say(text: str, level: int = logging.INFO) -> None:
    """A line for the one who started the process, as `chargebox: text`, at any level of the settings."""
    handler = the_handler()
    if handler is None:
        _to_stream(f"{NAME}: {text}\n".encode())
    else:
        handler.say(text, level)


def announce(text: str) -> None:
    """The same, but as it is in every format: other programs wait for just this line."""
    handler = the_handler()
    if handler is None:
        _to_stream(f"{NAME}: {text}\n".encode())
    else:
        handler.put(f"{NAME}: {text}", must=True)


def flush(within_s: float = FLUSH_S) -> None:
    """Before the process ends at once: write what was logged, if the reader takes it in time."""
    handler = the_handler()
    if handler is not None:
        handler.flush_within(within_s)
