"""What a command has to say, as headings, facts and tables; printed plainly, or through rich where a terminal is there."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

import orjson

from eventstore.structure import to_plain
from eventstore.value import Value
from station.replay.pages.fitting import named, tabled, visible, width_of, wrapped

_PROSE_COLUMNS = 118
_LOUD = r"(?<![Tt]ag )\b(?!CSMS\b)[A-Z]{4,}(?: [A-Z]{2,})*\b"
_TIME = r"^\s*\d*\s*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}~?"


class Facts(Value, frozen=True, kw_only=True):
    """Names and values, a line each."""

    pairs: tuple[tuple[str, str], ...]


class Table(Value, frozen=True, kw_only=True):
    """Columns and rows; a column whose name begins with ">" is set flush right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Paragraph(Value, frozen=True, kw_only=True):
    """Lines of text; `style` is rich's, for terminals only.

    Those of a drawing (`is_drawn`) stay as they are, those of prose (`is_prose`) are sentences, and laid out as such everywhere.
    """

    lines: tuple[str, ...]
    style: str = ""
    is_drawn: bool = False
    is_prose: bool = False


class Section(Value, frozen=True, kw_only=True):
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Facts | Table | Paragraph, ...]


@dataclass(slots=True)
class Page:
    """A whole answer, section by section."""

    sections: list[Section] = field(default_factory=list)

    def add(self, title: str, *blocks: Facts | Table | Paragraph) -> "Page":
        """One more section, unless nothing stands in it."""
        present = tuple(block for block in blocks if _has_content(block))
        if present:
            self.sections.append(Section(title=title, blocks=present))
        return self


def _has_content(block: Facts | Table | Paragraph) -> bool:
    match block:
        case Facts(pairs=content) | Table(rows=content) | Paragraph(lines=content):
            return bool(content)


def plain(page: Page, width: int | None = None) -> str:
    """The page as text without colours, in so many columns."""
    parts = []
    for section in page.sections:
        title = wrapped(section.title, width) if section.title else []
        lines = [*title, "-" * max(map(len, title))] if title else []
        for block in section.blocks:
            lines += _block_lines(block, width)
        parts.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(parts) + "\n" if parts else ""


def _block_lines(block: Facts | Table | Paragraph, width: int | None = None) -> list[str]:
    match block:
        case Facts(pairs=pairs):
            return named(pairs, width)
        case Paragraph(lines=lines, is_drawn=True):
            return list(lines)
        case Paragraph(lines=lines):
            columns = width or (_PROSE_COLUMNS if block.is_prose else None)
            return [each for line in lines for each in wrapped(line, columns)]
        case Table():
            return tabled(block.columns, block.rows, width)


def show(page: Page, stream: TextIO | None = None) -> None:
    """Prints a page: through rich on a terminal, if it is installed; else plainly. It fits into the columns that there are."""
    out = sys.stdout if stream is None else stream
    if not out.isatty() or not _show_rich(page, out):
        out.write(plain(page, width_of(out)))


def _show_rich(page: Page, out: TextIO) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text as RichText
    except ImportError:
        return False
    console = Console(file=out, highlight=False)
    width = width_of(out)
    for number, section in enumerate(page.sections):
        if number:
            console.print()
        if section.title:
            console.print(RichText("\n".join(wrapped(section.title, width)), style="bold cyan"), soft_wrap=True)
        for block in section.blocks:
            lines = [line.rstrip() for line in _block_lines(block, width)]
            if not isinstance(block, Table) or tabled(block.columns, block.rows, None) != _block_lines(block, width):
                style = block.style if isinstance(block, Paragraph) else ""
                console.print(RichText("\n".join(lines), style=style), soft_wrap=True)
                continue
            shown = RichTable(box=None, pad_edge=False, header_style="bold")
            for name in block.columns:
                justify: Literal["left", "right"] = "right" if name.startswith(">") else "left"
                shown.add_column(name.removeprefix(">"), justify=justify, no_wrap=True)
            for row in block.rows:
                shown.add_row(*(RichText(visible(cell)) for cell in row))
            console.print(shown)
    return True


def line_writer(stream: TextIO | None = None) -> Callable[[str], None]:
    """Writes lines of a story: on a terminal, if rich is installed, with what is written in CAPITALS standing out; else plainly."""
    out = sys.stdout if stream is None else stream
    width = width_of(out)
    if out.isatty():
        try:
            from rich.console import Console
            from rich.text import Text as RichText
        except ImportError:
            pass
        else:
            console = Console(file=out, highlight=False, soft_wrap=True)

            def coloured(line: str) -> None:
                text = RichText("\n".join(wrapped(line, width)))
                text.highlight_regex(_LOUD, "bold red")
                text.highlight_regex(_TIME, "cyan")
                console.print(text)

            return coloured

    def bare(line: str) -> None:
        out.write("".join(f"{each}\n" for each in wrapped(line, width)))

    return bare


def json_text(value: Any) -> str:
    """A dataclass, or anything of plain values, as indented JSON."""
    return orjson.dumps(to_plain(value), option=orjson.OPT_INDENT_2).decode() + "\n"


def json_line(value: Any) -> str:
    """The same in one line."""
    return orjson.dumps(to_plain(value)).decode() + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table of anything that has a text; None is nothing."""
    return Table(columns=tuple(columns), rows=tuple(tuple("" if c is None else str(c) for c in row) for row in rows))


def facts(*pairs: tuple[str, Any]) -> Facts:
    """Facts of anything that has a text; those that are None or "" are left out."""
    return Facts(pairs=tuple((name, str(value)) for name, value in pairs if value is not None and value != ""))
