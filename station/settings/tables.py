"""Every table of the settings file by its name, those inside others too."""

from collections.abc import Iterator
from typing import Any

from devices.kinds import SubTable, TableKey, keys_of
from station.settings.sections import SECTIONS


def tables() -> Iterator[tuple[str, type[Any]]]:
    """Every table of the file with its name, those inside others behind them: "limits", "limits.api"."""
    for name, section in SECTIONS.items():
        yield name, section
        for key, declared in keys_of(section).items():
            if isinstance(declared.kind, SubTable):
                yield f"{name}.{key}", declared.kind.section


def own_keys(section: type[Any]) -> dict[str, TableKey]:
    """The keys of a table that are no tables."""
    return {name: key for name, key in keys_of(section).items() if not isinstance(key.kind, SubTable)}
