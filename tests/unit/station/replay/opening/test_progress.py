"""A progress bar: on a terminal, and only for what takes a while."""

import io
import sys

import pytest

from station.replay.opening.progress import bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    found = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", found)
    return found


def test_what_takes_a_while_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    with bar("reading", quiet_steps=1) as tell:
        tell(1, 4)
        tell(2, 4)
        tell.stop()
        shown = terminal.getvalue()
        tell(3, 4)
    assert "reading" in shown
    assert "2/4" in shown
    assert terminal.getvalue() == shown


def test_what_is_done_at_once_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    with bar("reading", quiet_steps=1) as tell:
        tell(4, 4)
    assert terminal.getvalue() == ""


def test_without_a_terminal_or_a_wish_for_it_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    with bar("reading", wanted=False) as tell:
        tell(1, 2)
    assert terminal.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with bar("reading") as tell:
        tell(1, 2)
    assert isinstance(sys.stderr, io.StringIO)
    assert sys.stderr.getvalue() == ""
