"""What a command has to say, as headings, facts and tables; printed plainly, or through rich where a terminal is there."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

import orjson

from eventstore.structure import to_plain
from eventstore.value import Value

GAP = "  "
_LAST_MIN = 20
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
    """Lines as they are; `style` is rich's, for terminals only."""

    lines: tuple[str, ...]
    style: str = ""


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


def plain(page: Page) -> str:
    """The page as text without colours."""
    parts = []
    for section in page.sections:
        lines = [section.title, "-" * len(section.title)] if section.title else []
        for block in section.blocks:
            lines += _block_lines(block)
        parts.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(parts) + "\n" if parts else ""


def _block_lines(block: Facts | Table | Paragraph) -> list[str]:
    match block:
        case Facts(pairs=pairs):
            width = max(len(name) for name, _ in pairs)
            return [f"{name:<{width}}{GAP}{value}" for name, value in pairs]
        case Paragraph(lines=lines):
            return list(lines)
        case Table():
            return table_lines(block)


def table_lines(table: Table) -> list[str]:
    """A table as aligned text."""
    names = [name.removeprefix(">") for name in table.columns]
    rows = [names, *table.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(names))]
    return [
        GAP.join(_cell(table.columns[place], row[place], widths[place]) for place in range(len(names))) for row in rows
    ]


def _cell(column: str, text: str, width: int) -> str:
    return text.rjust(width) if column.startswith(">") else text.ljust(width)


def show(page: Page, stream: TextIO | None = None) -> None:
    """Prints a page: through rich on a terminal, if it is installed; else plainly."""
    out = sys.stdout if stream is None else stream
    if not out.isatty() or not _show_rich(page, out):
        out.write(plain(page))


def _show_rich(page: Page, out: TextIO) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text as RichText
    except ImportError:
        return False
    console = Console(file=out, highlight=False)
    for number, section in enumerate(page.sections):
        if number:
            console.print()
        if section.title:
            console.print(RichText(section.title, style="bold cyan"))
        for block in section.blocks:
            if not isinstance(block, Table):
                style = block.style if isinstance(block, Paragraph) else ""
                console.print(RichText("\n".join(_block_lines(block)), style=style), soft_wrap=True)
                continue
            if _width_of(block) > console.width:  # cut to fit, nobody could read it
                console.print(RichText("\n".join(line.rstrip() for line in table_lines(block))), soft_wrap=True)
                continue
            shown = RichTable(box=None, pad_edge=False, header_style="bold")
            for name in block.columns:
                is_last = name == block.columns[-1]  # the longest texts stand there: they may take several lines
                justify: Literal["left", "right"] = "right" if name.startswith(">") else "left"
                shown.add_column(name.removeprefix(">"), justify=justify, no_wrap=not is_last, overflow="fold")
            for row in block.rows:
                shown.add_row(*(RichText(cell) for cell in row))
            console.print(shown)
    return True


def _width_of(block: Table) -> int:
    """The narrowest that a table can be with all but its last column on one line."""
    widths = [max(len(row[place]) for row in (block.columns, *block.rows)) for place in range(len(block.columns))]
    return sum(widths[:-1]) + min(widths[-1], _LAST_MIN) + len(GAP) * (len(widths) - 1)


def line_writer(stream: TextIO | None = None) -> Callable[[str], None]:
    """Writes lines of a story: on a terminal, if rich is installed, with what is written in CAPITALS standing out; else plainly."""
    out = sys.stdout if stream is None else stream
    if out.isatty():
        try:
            from rich.console import Console
            from rich.text import Text as RichText
        except ImportError:
            pass
        else:
            console = Console(file=out, highlight=False, soft_wrap=True)

            def coloured(line: str) -> None:
                text = RichText(line)
                text.highlight_regex(_LOUD, "bold red")
                text.highlight_regex(_TIME, "cyan")
                console.print(text)

            return coloured

    def bare(line: str) -> None:
        out.write(f"{line.rstrip()}\n")

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
