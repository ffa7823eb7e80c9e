"""A paper as one page of HTML that needs nothing else, and that a browser prints well: as PDF, where one is wanted."""

import re
from collections.abc import Iterable, Iterator
from html import escape

from station.certify.papers.paper import Paper, Part
from station.replay.pages.fitting import visible
from station.replay.pages.page import Facts, Paragraph, Table

_ODD = re.compile(r"[^\w.]", re.ASCII)
_WORD_MAX = 40
"""A longer word, such as a digest, may be broken anywhere."""
_STYLE = """
body { font: 15px/1.5 sans-serif; color: #111; max-width: 70em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #999; } h3, h4 { font-size: 1em; margin: 1.5em 0 .3em; }
table { border-collapse: collapse; width: 100%; margin: .5em 0; }
th, td { text-align: left; vertical-align: top; padding: .15em .6em .15em 0; border-bottom: 1px solid #ddd; }
th { font-weight: 600; } .n { text-align: right; } .n, th { white-space: nowrap; } .long { overflow-wrap: anywhere; }
pre { font-size: .8em; line-height: 1.35; white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f6f6; padding: .5em; }
a { color: inherit; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } h2, h3, h4 { break-after: avoid; } tr { break-inside: avoid; }
 thead { display: table-header-group; } pre { background: none; border: 1px solid #ccc; } a { text-decoration: none; } }
"""


def html(paper: Paper) -> str:
    """The page."""
    anchors = frozenset(part.anchor for part in paper.parts if part.anchor)
    body = "\n".join(line for part in paper.parts for line in _part(part, anchors))
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_text(paper.title)}</title>'
    )
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'
    )


def _part(part: Part, anchors: frozenset[str]) -> Iterator[str]:
    place = f' id="{_place(part.anchor)}"' if part.anchor else ""
    yield f"<h{part.level}{place}>{_text(part.title)}</h{part.level}>"
    for block in part.blocks:
        match block:
            case Facts(pairs=pairs):
                rows = "".join(
                    f"<tr><th>{_text(name)}</th><td>{_cell(says, anchors)}</td></tr>" for name, says in pairs
                )
                yield f"<table>{rows}</table>"
            case Table(columns=columns, rows=rows):
                yield _table(columns, rows, anchors)
            case Paragraph(lines=lines, is_drawn=True):
                yield f"<pre>{_text(chr(10).join(visible(line) for line in lines))}</pre>"
            case Paragraph(lines=lines):
                yield "\n".join(f"<p>{_text(line)}</p>" for line in lines)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], anchors: frozenset[str]) -> str:
    kinds = tuple(" class=n" if column.startswith(">") else "" for column in columns)
    head = "".join(
        f"<th{kind}>{_text(column.removeprefix('>'))}</th>" for kind, column in zip(kinds, columns, strict=True)
    )
    lines = (
        "".join(f"<td{kind}>{_cell(cell, anchors)}</td>" for kind, cell in zip(kinds, row, strict=True)) for row in rows
    )
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table>"
    )


def _cell(text: str, anchors: frozenset[str]) -> str:
    if text in anchors:
        return f'<a href="#{_place(text)}">{_text(text)}</a>'
    is_long = any(len(word) > _WORD_MAX for word in text.split())
    return f"<span class=long>{_text(text)}</span>" if is_long else _text(text)


def _place(anchor: str) -> str:
    """The anchor as HTML has one: without white space, and nothing in it that a URL would have to escape."""
    return _ODD.sub(lambda found: f"-{ord(found[0]):x}" if found[0] != " " else "_", anchor)


def _text(text: str) -> str:
    return escape(text)
