"""A settings file as text, for stations that a program provisions."""

import json
from collections.abc import Iterator, Mapping


def toml(tables: Mapping[str, Mapping[str, object]]) -> str:
    """The TOML of tables of numbers, booleans and texts; a table without keys is left out."""
    return "\n".join(_lines(tables))


def _lines(tables: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    for table, keys in tables.items():
        if keys:
            yield f"[{table}]"
            yield from (f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items())
            yield ""
