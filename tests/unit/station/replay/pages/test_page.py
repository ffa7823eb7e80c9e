"""What is printed where: capitals stand out on a terminal, and text stays plain everywhere else."""

import io

import pytest

from station.replay.pages.page import Page, facts, line_writer, show, table


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


LINE = "2026-01-01 06:00:00.000   Tag DEADBEEF REFUSED by the CSMS"


def test_a_terminal_shows_what_is_loud_and_when() -> None:
    out = Terminal()
    line_writer(out)(LINE)
    text = out.getvalue()
    assert "REFUSED" in text
    assert text.replace("\x1b[1;31m", "").replace("\x1b[36m", "").replace("\x1b[0m", "") == f"{LINE}\n"


def test_anything_else_gets_the_line_as_it_is() -> None:
    out = io.StringIO()
    line_writer(out)(f"{LINE}   ")
    assert out.getvalue() == f"{LINE}\n"


def test_a_page_on_a_terminal_says_the_same() -> None:
    page = Page().add("Title", facts(("name", "value"), ("", "more")), table(("one", ">two"), [("[a]", 1), (None, 22)]))
    out = Terminal()
    show(page, out)
    for said in ("Title", "name", "value", "[a]", "22"):
        assert said in out.getvalue()


def test_what_does_not_fit_on_a_terminal_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    path = "/a/long/path/that/somebody/may/want/to/copy/from/the/screen"
    out = Terminal()
    show(
        Page().add(
            "Title", facts(("name", path)), table(("when", ">two", "where"), [("2026-01-01 13:04:05", 1, path)])
        ),
        out,
    )
    assert out.getvalue().count(path) == 2
    assert "2026-01-01 13:04:05" in out.getvalue()
