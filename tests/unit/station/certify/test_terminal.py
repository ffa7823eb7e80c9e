"""A person at a terminal."""

import asyncio
import io
import os
from collections.abc import Iterator

import pytest

from station.certify.terminal import Terminal

pytestmark = pytest.mark.asyncio


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


async def test_lines_come_without_their_ends_however_they_are_cut(pipe: tuple[int, int]) -> None:
    terminal = Terminal(pipe[0], io.StringIO())
    terminal.begin()
    os.write(pipe[1], b"N")
    assert await terminal.line(0.01) is None
    os.write(pipe[1], b" \r\nr\n")
    assert [await terminal.line(60), await terminal.line(60)] == ["n", "r"]
    terminal.end()
    os.close(pipe[1])


async def test_what_was_typed_before_is_no_answer(pipe: tuple[int, int]) -> None:
    terminal = Terminal(pipe[0], io.StringIO())
    terminal.begin()
    os.write(pipe[1], b"n\n")
    assert await terminal.line(60) == "n"
    os.write(pipe[1], b"n\n")
    await asyncio.sleep(0)
    await asyncio.sleep(0.02)
    terminal.forget()
    assert await terminal.line(0.01) is None
    terminal.end()
    os.close(pipe[1])


async def test_a_terminal_that_is_gone_says_nothing_more(pipe: tuple[int, int]) -> None:
    told = io.StringIO()
    terminal = Terminal(pipe[0], told)
    terminal.begin()
    os.close(pipe[1])
    assert await terminal.line(0.05) is None
    terminal.say("said all the same")
    assert told.getvalue() == "said all the same\n"
