"""What a paper consists of, before it is Markdown or HTML: parts with a heading, each of facts, tables, prose and drawings."""

from collections.abc import Iterable

from eventstore.value import Value
from station.replay.pages.page import Facts, Paragraph, Table


class Part(Value, frozen=True, kw_only=True):
    """A heading of `level` 1 to 4 and what stands under it; a cell of a table that is just `anchor` leads here."""

    title: str
    blocks: tuple[Facts | Table | Paragraph, ...] = ()
    level: int = 2
    anchor: str = ""


class Paper(Value, frozen=True, kw_only=True):
    """The whole; the first part is its title."""

    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        """What a browser shows above it."""
        return self.parts[0].title


def prose(*sentences: str) -> Paragraph:
    """Sentences, a paragraph each."""
    return Paragraph(lines=sentences, is_prose=True)


def drawing(lines: Iterable[str]) -> Paragraph:
    """Lines that stay as they are, in letters of one width."""
    return Paragraph(lines=tuple(lines), is_drawn=True)
