"""A table of the HTML reports that people get: every cell is text, whatever it holds."""

from collections.abc import Iterable, Sequence
from html import escape


def html_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A column whose name begins with ">" stands to the right; a cell of None is empty. Without names no line of them; without rows: "None."."""
    sides = ["n" if column.startswith(">") else "" for column in columns]
    head = "".join(
        f"<th class='{side}'>{escape(column.removeprefix('>'))}</th>"
        for column, side in zip(columns, sides, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td class='{side}'>{'' if cell is None else escape(str(cell))}</td>"
            for cell, side in zip(row, sides, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    line = f"<tr>{head}</tr>" if any(columns) else ""
    return f"<table>{line}{body}</table>" if body else "<p>None.</p>"
