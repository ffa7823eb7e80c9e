"""What is written to stderr: lines with their priority, JSON records, never a secret, and never a wait."""

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from station.runtime import journal
from station.runtime.journal import WAITING_MAX, JournalHandler, in_one_line, is_journal, priority, writer
from station.settings.loading import LoggingSettings

JSON = LoggingSettings(format="json")


class Paper:
    """Takes what is written; `block` makes it hang until `let_go`."""

    def __init__(self) -> None:
        self.written = b""
        self._free = threading.Event()
        self._free.set()
        self.is_asked = threading.Event()

    def block(self) -> None:
        self._free.clear()

    def let_go(self) -> None:
        self._free.set()

    def write(self, data: bytes) -> None:
        self.is_asked.set()
        self._free.wait(30)
        self.written += data

    def lines(self) -> list[str]:
        return self.written.decode().splitlines()


Make = Callable[..., JournalHandler]


@pytest.fixture
def paper() -> Iterator[Paper]:
    found = Paper()
    yield found
    found.let_go()


@pytest.fixture
def make(paper: Paper) -> Iterator[Make]:
    made: list[JournalHandler] = []

    def handler(*, with_priority: bool = False, settings: LoggingSettings | None = None) -> JournalHandler:
        made.append(JournalHandler(paper.write, with_priority=with_priority))
        if settings is not None:
            made[-1].use(settings)
        return made[-1]

    level = logging.getLogger().level
    yield handler
    paper.let_go()
    for each in made:
        each.close()
    logging.getLogger().setLevel(level)


def record(text: str, level: int = logging.INFO, name: str = "chargebox", **extra: object) -> logging.LogRecord:
    made = logging.LogRecord(name, level, __file__, 1, text, None, None)
    vars(made).update(extra)
    return made


def written(handler: JournalHandler, paper: Paper, *records: logging.LogRecord) -> list[str]:
    for each in records:
        handler.handle(each)
    assert handler.flush_within(10)
    return paper.lines()


def test_without_systemd_lines_begin_with_the_name_of_their_level(make: Make, paper: Paper) -> None:
    assert written(
        make(),
        paper,
        record("Connected"),
        record("lost", logging.WARNING),
        record("cannot be verified", logging.ERROR, "station.runtime.archivist"),
    ) == [
        "INFO chargebox: Connected",
        "WARNING chargebox: lost",
        "ERROR station.runtime.archivist: cannot be verified",
    ]


def test_under_systemd_they_begin_with_their_priority(make: Make, paper: Paper) -> None:
    levels = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
    found = written(make(with_priority=True), paper, *(record("said", level) for level in levels))
    assert found == ["<7>said", "<6>said", "<4>said", "<3>said", "<2>said"]
    assert written(make(with_priority=True), paper, record("said", name="station.runtime.link"))[-1] == (
        "<6>station.runtime.link: said"
    )


def test_a_level_between_two_has_the_lower_ones_priority() -> None:
    assert [priority(level) for level in (0, 15, 25, 35, 99)] == [7, 7, 6, 4, 2]


def test_each_line_of_a_stack_trace_has_its_priority(make: Make, paper: Paper) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        failed = logging.LogRecord("chargebox", logging.ERROR, __file__, 1, "a bug", None, sys.exc_info())
    found = written(make(with_priority=True), paper, failed)
    assert found[0] == "<3>a bug"
    assert len(found) > 3
    assert all(line.startswith("<3>") for line in found)


def test_a_json_record_is_one_object_in_one_line(make: Make, paper: Paper) -> None:
    members = {"seq": 7, "type": "TransactionStarted", "connector_id": 1, "transaction_number": 3}
    (line,) = written(make(settings=JSON), paper, record("Transaction 3\nstarted", members=members))
    found = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert found == {"level": "info", "logger": "chargebox", "message": "Transaction 3\\nstarted", **members}


def test_a_json_record_under_systemd_has_its_priority_too(make: Make, paper: Paper) -> None:
    (line,) = written(make(with_priority=True, settings=JSON), paper, record("lost", logging.WARNING))
    assert line.startswith('<4>{"time":')


def test_a_json_record_of_a_failure_holds_its_stack_trace(make: Make, paper: Paper) -> None:
    try:
        raise ValueError("here")
    except ValueError:
        failed = logging.LogRecord("chargebox", logging.ERROR, __file__, 1, "a bug", None, sys.exc_info())
    (line,) = written(make(settings=JSON), paper, failed)
    assert json.loads(line)["exception"].endswith("ValueError: here")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ftp://user:pass@host/x", "ftp://host/x"),
        ("from https://user@host:21/a?token=abc&x=1 on", "from https://host:21/a?(withheld) on"),
        ("'ws://host/ocpp?key=1'", "'ws://host/ocpp?(withheld)'"),
        ("ask me?yes", "ask me?yes"),
        ("a\nERROR chargebox: forged", "a\\nERROR chargebox: forged"),
        ("\x1b[31mred\x00\u2028", "\\x1b[31mred\\x00\\u2028"),
        ("half \ud800 a letter", "half \\ud800 a letter"),
        ("ümlaut …", "ümlaut …"),
    ],
)
def test_what_others_say_is_one_line_without_secrets(text: str, shown: str) -> None:
    assert in_one_line(text) == shown


def test_a_line_has_an_end() -> None:
    assert len(in_one_line("x" * 1_000_000)) < 5_000


def test_a_reader_that_hangs_holds_nothing_up_and_what_was_left_out_is_said(make: Make, paper: Paper) -> None:
    handler = make()
    paper.block()
    handler.handle(record("first"))
    assert paper.is_asked.wait(10)
    for number in range(WAITING_MAX + 500):
        handler.handle(record(f"line {number}"))
    assert not handler.flush_within(0.01)
    assert handler.dropped == 500
    paper.let_go()
    assert handler.flush_within(30)
    handler.handle(record("last"))
    assert handler.flush_within(10)
    found = paper.lines()
    assert found[:2] == ["INFO chargebox: first", "INFO chargebox: line 0"]
    assert found[-2:] == [
        "WARNING chargebox: 500 lines are left out here: nobody took them in time",
        "INFO chargebox: last",
    ]
    assert len(found) == 1 + WAITING_MAX + 2


def test_what_other_programs_wait_for_is_never_left_out(make: Make, paper: Paper) -> None:
    handler = make()
    paper.block()
    for number in range(WAITING_MAX + 10):
        handler.handle(record(f"line {number}"))
    handler.put("chargebox: ready", must=True)
    paper.let_go()
    assert handler.flush_within(30)
    assert "chargebox: ready" in paper.lines()


def test_a_record_that_cannot_be_told_ends_nothing(make: Make, paper: Paper) -> None:
    broken = logging.LogRecord("chargebox", logging.INFO, __file__, 1, "%d of %d", ("many",), None)
    found = written(make(), paper, broken, record("said"))
    assert found == ["ERROR chargebox: a record of chargebox cannot be logged: '%d of %d'", "INFO chargebox: said"]


def test_a_reader_that_is_gone_ends_nothing() -> None:
    reading, writing = os.pipe()
    handler = JournalHandler(writer(writing))
    os.close(reading)
    handler.handle(record("to nobody"))
    assert handler.flush_within(10)
    handler.close()
    os.close(writing)


def test_a_descriptor_that_does_not_block_takes_all_of_a_long_line() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    handler = JournalHandler(writer(writing))
    handler.put("x" * 200_000)
    got = b""
    while len(got) < 200_001:
        got += os.read(reading, 65_536)
    assert got == b"x" * 200_000 + b"\n"
    handler.close()
    os.close(reading)
    os.close(writing)


def test_the_process_speaks_under_its_name_and_json_stays_json(make: Make, paper: Paper) -> None:
    make().say("the address is taken\nsecond line", logging.ERROR)
    make(with_priority=True).say("the address is taken\nsecond line", logging.ERROR)
    handler = make(settings=JSON)
    handler.say("the address is taken", logging.ERROR)
    for _ in range(1):
        assert handler.flush_within(10)
    found = set(paper.lines()[:-1] if paper.lines()[-1].startswith("{") else paper.lines())
    assert {
        "chargebox: the address is taken",
        "second line",
        "<3>chargebox: the address is taken",
        "<3>second line",
    } >= {line for line in found if not line.startswith("{")}
    spoken = [json.loads(line) for line in paper.lines() if line.startswith("{")]
    assert [(each["level"], each["message"]) for each in spoken] == [("error", "the address is taken")]


def test_the_journal_is_known_by_device_and_inode(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w") as file:
        found = os.fstat(file.fileno())
        named = f"{found.st_dev}:{found.st_ino}"
        assert is_journal(file.fileno(), {"JOURNAL_STREAM": named})
        assert not is_journal(file.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not is_journal(file.fileno(), {"JOURNAL_STREAM": "nonsense"})
        assert not is_journal(file.fileno(), {})
    assert not is_journal(1_000_000, {"JOURNAL_STREAM": named})


@pytest.mark.parametrize(("level", "number"), [("debug", 10), ("info", 20), ("warning", 30), ("error", 40)])
def test_the_settings_say_how_much_is_told(make: Make, level: str, number: int) -> None:
    make(settings=LoggingSettings(level=level))
    assert logging.getLogger().level == number


def test_verbose_outranks_the_settings(make: Make) -> None:
    make().use(LoggingSettings(level="error"), verbose=True)
    assert logging.getLogger().level == logging.DEBUG


def test_without_a_journal_the_process_speaks_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert journal.the_handler() is None
    journal.say("here", logging.ERROR)
    journal.announce("ready")
    journal.flush()
    assert capsys.readouterr().err == "chargebox: here\nchargebox: ready\n"


def test_the_journal_of_a_process_begins_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    level = root.level
    handler = journal.begin()
    try:
        assert journal.the_handler() is handler
        logging.getLogger("chargebox").info("told")
        logging.getLogger("httpx2").info("not told")
        journal.announce("ready")
    finally:
        handler.close()
        root.setLevel(level)
        logging.captureWarnings(capture=False)
    assert journal.the_handler() is None
    assert capsys.readouterr().err == "INFO chargebox: told\nchargebox: ready\n"
