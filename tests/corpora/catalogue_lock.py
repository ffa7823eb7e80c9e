"""The lock of the event catalogue: every field of every version of every event, in catalogue.lock.json beside this file.

A log is read for ever. So an event whose fields change gets a new VERSION and an upcaster (migrations/README.md), and the lock
gains an entry; the entries of versions that were ever released stay as they are. After such a change, or for a new event:

    python -m tests.corpora.catalogue_lock

It refuses to alter an entry that is there. Before the first release, when there is no log to be read yet:

    python -m tests.corpora.catalogue_lock --before-release
"""

import json
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from eventstore.catalogue import ALL
from eventstore.event import Event, Observation
from eventstore.value import Value

LOCK = Path(__file__).with_name("catalogue.lock.json")

Entries = dict[str, dict[str, Any]]


def describe_type(hint: Any) -> Any:
    """A type as JSON: the fields of a nested structure, else its name."""
    if isinstance(hint, type) and issubclass(hint, Value) and hint is not Event:
        return describe_fields(hint)
    arguments = typing.get_args(hint)
    if not arguments:
        return "None" if hint is type(None) else getattr(hint, "__name__", str(hint))
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    origin = "Union" if union else typing.get_origin(hint).__name__
    return {origin: [describe_type(argument) if argument is not Ellipsis else "..." for argument in arguments]}


def describe_fields(structure: type[Any]) -> dict[str, Any]:
    """The logged fields of an event or of a structure in one, and whether a field may be absent in a log."""
    hints = typing.get_type_hints(structure)
    fields = [field for field in structs.fields(structure) if field.name not in getattr(structure, "UNLOGGED", ())]
    return {field.name + ("" if field.required else "?"): describe_type(hints[field.name]) for field in fields}


def describe(event_type: type[Event]) -> dict[str, Any]:
    """The entry of an event as its class is now."""
    kind = "observation" if issubclass(event_type, Observation) else "decision"
    return {"kind": kind, "fields": describe_fields(event_type)}


def present() -> Entries:
    """What the catalogue is now, by "name/version"."""
    return {f"{event_type.NAME}/{event_type.VERSION}": describe(event_type) for event_type in ALL}


def locked() -> Entries:
    """What the lock says."""
    found: Entries = json.loads(LOCK.read_text())
    return found


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What stands against `now` as the continuation of `before`: a sentence each."""
    found = [
        f"{name} has changed: raise VERSION and add an upcaster"
        for name in sorted(now.keys() & before.keys())
        if now[name] != before[name]
    ]
    found += [f"{name} is not locked yet" for name in sorted(now.keys() - before.keys())]
    kept = {name.split("/")[0] for name in now}
    gone = sorted({name.split("/")[0] for name in before} - kept)
    return found + [f"{name} is gone: logs that hold it could not be read any more" for name in gone]


def main(arguments: list[str]) -> int:
    """Writes the lock; returns 1 and leaves it alone if an entry that is there would change."""
    before = locked() if LOCK.exists() else {}
    now = present()
    changed = [said for said in differences(before, now) if not said.endswith("not locked yet")]
    if changed and arguments != ["--before-release"]:
        print("\n".join(changed), file=sys.stderr)
        return 1
    entries = now if arguments == ["--before-release"] else {**before, **now}
    LOCK.write_text(json.dumps(dict(sorted(entries.items())), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
