"""Where in a TOML text a table or key stands, so that a message can name the line.

The standard library's parser keeps no positions. This index reads headers and the beginnings of `key = value`
lines only; whatever it does not see (a key inside an inline table) is found at the nearest line above it in the path.
"""

import re
from collections.abc import Mapping

TomlPath = tuple[str, ...]

_PIECE = r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'"""
_DOTTED = rf"(?:{_PIECE})(?:\s*\.\s*(?:{_PIECE}))*"
_HEADER = re.compile(rf"\[\[?\s*({_DOTTED})\s*\]\]?")
_KEY = re.compile(rf"({_DOTTED})\s*=(.*)")
_FENCES = ('"""', "'''")


def index_lines(text: str) -> dict[TomlPath, int]:
    """The number of the first line of each table and key, by path; the text must be valid TOML."""
    index: dict[TomlPath, int] = {}
    table: TomlPath = ()
    fence = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if fence:
            fence = "" if fence in line else fence
            continue
        stripped = line.strip()
        if header := _HEADER.match(stripped):
            table = _split(header[1])
            index.setdefault(table, number)
        elif key := _KEY.match(stripped):
            index.setdefault(table + _split(key[1]), number)
            fence = next((mark for mark in _FENCES if key[2].count(mark) % 2), "")
    return index


def find_line(index: Mapping[TomlPath, int], path: TomlPath) -> int | None:
    """The line of the path, else of the nearest path above it, else None."""
    for length in range(len(path), 0, -1):
        if path[:length] in index:
            return index[path[:length]]
    return None


def _split(dotted: str) -> TomlPath:
    return tuple(piece.strip("\"'") for piece in re.findall(_PIECE, dotted))
