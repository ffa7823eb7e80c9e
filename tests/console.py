"""Console sessions in Markdown: ```console blocks of `$ chargebox …` lines, each followed by what it prints.

`replayed` runs them again, so that a document can be compared with the truth, or be written anew from it.
"""

import contextlib
import io
import re
import shlex
from pathlib import Path

from station.cli.main import main
from station.replay.export.tables import PARTITION, TABLES

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_HEAD = re.compile(r" \| head -(\d+)$")


def replayed(markdown: str, directory: Path) -> str:
    """The document with every output as it is now; commands run in `directory`."""
    return _BLOCK.sub(lambda block: f"```console\n{_session(block[1], directory)}```", markdown)


_SCHEMA = re.compile(r"(<!-- schema:.*?-->\n).*?(<!-- /schema -->)", re.DOTALL)


def with_schema(markdown: str) -> str:
    """The document with the tables of an export as they are now."""
    parts = []
    for name, columns in {"every table": PARTITION, **TABLES}.items():
        rows = [f"| `{column.name}` | {column.kind} | {column.doc} |" for column in columns]
        parts.append("\n".join([f"**{name}**", "", "| column | kind | what it is |", "|---|---|---|", *rows, ""]))
    text = "\n".join(parts)
    return _SCHEMA.sub(lambda block: f"{block[1]}\n{text}\n{block[2]}", markdown)


def _session(text: str, directory: Path) -> str:
    commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return "".join(f"$ {command}\n{printed(command, directory)}" for command in commands)


def printed(command: str, directory: Path) -> str:
    """What one `chargebox` command prints, errors included; ` | head -N` cuts it."""
    cut = _HEAD.search(command)
    words = shlex.split(_HEAD.sub("", command))
    assert words[0] == "chargebox", command
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.chdir(directory), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        main(words[1:])
    out.seek(0)
    lines = out.read().splitlines(keepends=True)
    return "".join(lines if cut is None else lines[: int(cut[1])])
