"""A paper as Markdown: CommonMark, with tables as GitHub has them."""

import re
from collections.abc import Iterable, Iterator

from station.certify.papers.paper import Paper, Part
from station.replay.pages.fitting import visible
from station.replay.pages.page import Facts, Paragraph, Table

_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")
_WITHIN_A_WORD = re.compile(r"(?<=\w)\\_(?=\w)")
_FENCE = "```"


def markdown(paper: Paper) -> str:
    """The paper as text that ends with a line break."""
    return "\n\n".join(block for part in paper.parts for block in _part(part)) + "\n"


def _part(part: Part) -> Iterator[str]:
    yield f"{'#' * part.level} {escaped(part.title)}"
    for block in part.blocks:
        match block:
            case Facts(pairs=pairs):
                yield "\n".join(_table(("", ""), pairs))
            case Table(columns=columns, rows=rows):
                yield "\n".join(_table(columns, rows))
            case Paragraph(lines=lines, is_drawn=True):
                fence = _fence(lines)
                yield "\n".join((fence, *(visible(line) for line in lines), fence))
            case Paragraph(lines=lines):
                yield "\n\n".join(escaped(line) for line in lines)


def _fence(lines: tuple[str, ...]) -> str:
    """One that no line of them closes."""
    longest = max((len(line) - len(line.lstrip("`")) for line in (each.lstrip() for each in lines)), default=0)
    return "`" * max(longest + 1, len(_FENCE))


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(column.removeprefix(">") for column in columns)
    yield "|" + "|".join("--:" if column.startswith(">") else "---" for column in columns) + "|"
    for row in rows:
        yield _row(row)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def escaped(text: str) -> str:
    """The text in one line, with nothing in it that is markup."""
    return _WITHIN_A_WORD.sub("_", _MARKUP.sub(r"\\\1", visible(" ".join(text.split()))))
