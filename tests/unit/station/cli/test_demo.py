import argparse
import io
import os
import signal

import pytest

from station.cli.demo import ColourScreen, PlainScreen, TerminalScreen, add_arguments, make_screen
from station.demo.screen import Speaker


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def never(number: signal.Signals) -> None:
    raise AssertionError(f"ended by {number}")


def test_a_file_gets_lines_and_nothing_else() -> None:
    stream = io.StringIO()
    screen = make_screen(stream, never)
    screen.live("charging")
    screen.line(Speaker.STORY, "A car.")
    assert stream.getvalue() == "A car.\n"


def test_a_terminal_gets_colours_where_rich_is_installed() -> None:
    assert isinstance(make_screen(Terminal(), never), ColourScreen)
    assert type(make_screen(io.StringIO(), never)) is PlainScreen


def test_the_living_line_gives_way_to_one_that_stays() -> None:
    stream = Terminal()
    screen = TerminalScreen(stream, never)
    screen.live("22.1 kW")
    screen.line(Speaker.STORY, "Cut.")
    screen.live("")
    assert stream.getvalue() == "\r\x1b[2K22.1 kW\r\x1b[2KCut.\n"


def test_the_living_line_is_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    stream = Terminal()
    TerminalScreen(stream, never).live("0123456789abc")
    assert stream.getvalue() == "\r\x1b[2K012345678"


def test_a_line_in_colours_keeps_its_text() -> None:
    stream = Terminal()
    ColourScreen(stream, never).line(Speaker.CSMS, "CSMS ← [1] :smile: 16 A")
    assert "CSMS ← [1] :smile: 16 A" in stream.getvalue()


def test_a_pipe_that_nobody_reads_ends_the_demonstration() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended: list[signal.Signals] = []
    with os.fdopen(writing, "w") as stream:
        PlainScreen(stream, ended.append).line(Speaker.STORY, "Hello?")
    assert ended == [signal.SIGPIPE]


@pytest.mark.parametrize("pace", ["fast", "-1", "11", "nan"])
def test_a_pace_that_makes_no_sense_is_wrong_usage(pace: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--pace", pace])
    assert ended.value.code == 2
    assert "--pace" in capsys.readouterr().err
