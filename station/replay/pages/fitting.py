"""Text that fits into so many columns: lines that go on below themselves, tables that become narrower or are turned. No word is broken."""

import os
import re
import textwrap
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import TextIO

GAP = "  "
WIDTH_MIN = 40
"""In fewer columns nothing is readable: text is laid out for so many."""
_CALENDAR = re.compile(r"^ *(?:\d+  )?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}~? +")
_WHOLE = re.compile(r"(?<=\d) (?=(?:m?s|min|h|d|[kM]?W|k?Wh|m?A|V|%)\b)|(?<=\d\d\d\d-\d\d-\d\d) (?=\d\d:)")
"""The space in "9.568 kWh" and "2026-01-01 13:04", where no line ends."""
_SOLID = "\0"
_UNSEEN = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Characters that would command a terminal, or turn the line around: a log may hold any."""
_SEEN = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _UNSEEN}
_MARK = re.compile(r"^ *(?:↳ )?")


def width_of(stream: TextIO) -> int | None:
    """How many columns there are: the terminal's, or those that COLUMNS names; None where a line may be of any length."""
    if not os.environ.get("COLUMNS", "").isdecimal() and not stream.isatty():
        return None
    return max(WIDTH_MIN, get_terminal_size().columns)


def visible(text: str) -> str:
    """The text with what nobody would see written out."""
    return text if text.isprintable() else text.translate(_SEEN)


def wrapped(line: str, width: int | None, indent: int | None = None) -> list[str]:
    """A line as those that it takes; what follows stands `indent` columns in, or where the text of the first one begins."""
    line = visible(line.rstrip())
    if width is None or len(line) <= width:
        return [line]
    if indent is None:
        found = _CALENDAR.match(line) or _MARK.match(line)
        indent = 0 if found is None else found.end()
    lines = textwrap.wrap(
        _WHOLE.sub(_SOLID, line),
        width,
        subsequent_indent=" " * (indent if indent <= width // 2 else 4),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [each.replace(_SOLID, " ") for each in lines]


def named(pairs: Sequence[tuple[str, str]], width: int | None) -> list[str]:
    """Names and values, a pair a line or more."""
    names = max(len(name) for name, _ in pairs)
    return [line for name, value in pairs for line in wrapped(f"{name:<{names}}{GAP}{value}", width, names + len(GAP))]


def tabled(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """A table as aligned text; a column whose name begins with ">" is set flush right.

    One that is too wide gets narrower columns, with their texts on several lines; where the longest words alone are too much, each
    row is turned into lines of its own.
    """
    names = [name.removeprefix(">") for name in columns]
    rows = [[*map(visible, row)] for row in rows]
    grid = [names, *rows]
    widths = [max(len(row[place]) for row in grid) for place in range(len(names))]
    if width is not None and _total(widths) > width:
        least = [max(_longest_word(row[place]) for row in grid) for place in range(len(names))]
        if _total(least) > width:
            return _turned(names, rows, width)
        _narrow(widths, least, width)
    return [line for row in grid for line in _row(columns, row, widths)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _longest_word(text: str) -> int:
    return max(map(len, _WHOLE.sub(_SOLID, text).split()), default=0)


def _narrow(widths: list[int], least: Sequence[int], width: int) -> None:
    """Takes what is too much from the widest column that can give, again and again."""
    while _total(widths) > width:
        place = max((each for each, had in enumerate(widths) if had > least[each]), key=widths.__getitem__)
        widths[place] -= 1


def _row(columns: Sequence[str], row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [wrapped(text, width, 0) for text, width in zip(row, widths, strict=True)]
    lines = []
    for number in range(max(map(len, cells))):
        texts = [cell[number] if number < len(cell) else "" for cell in cells]
        lines.append(GAP.join(map(_cell, columns, texts, widths)))
    return lines


def _cell(column: str, text: str, width: int) -> str:
    return text.rjust(width) if column.startswith(">") else text.ljust(width)


def _turned(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Each row as its names and values, those that have one, with an empty line between rows."""
    lines: list[str] = []
    for row in rows:
        pairs = [(name, text) for name, text in zip(names, row, strict=True) if text]
        lines += ["", *named(pairs, width)] if pairs else []
    return lines[1:]
