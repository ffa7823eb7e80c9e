"""The lock of the state's layout: every field of everything that a state consists of, in state.lock.json beside this file.

The state that a closed segment ends in is read by every later version (`projections/digest.py`). So a state that consists of
something else needs a layout of its own, and a step up from the one before. After such a change:

    python -m tests.corpora.state_lock

It writes what the present layout is, and refuses to once the version that brought that layout is released.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from projections.digest import STATE_LAYOUT
from projections.station import StationState
from tests.corpora.catalogue_lock import describe_fields
from tests.corpora.released import is_released

LOCK = Path(__file__).with_name("state.lock.json")
COMMAND = "python -m tests.corpora.state_lock"

Layouts = dict[str, dict[str, Any]]


def present() -> dict[str, Any]:
    """What a state consists of now."""
    return describe_fields(StationState)


def locked() -> Layouts:
    """What the lock says: by layout, since which version there is it and what a state of it consists of."""
    found: Layouts = json.loads(LOCK.read_text()) if LOCK.exists() else {}
    return found


def changed(before: Any, now: Any, where: str = "") -> Iterator[str]:
    """The members that are not the same, by their way from the state; a member that may be absent ends in a question mark."""
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        if before != now:
            yield f"{where} is another type"
        return
    for name in sorted(now.keys() | before.keys()):
        way = f"{where}.{name}" if where else name
        if name not in before:
            yield f"{way} is new"
        elif name not in now:
            yield f"{way} is gone"
        else:
            yield from changed(_inner(before[name]), _inner(now[name]), way)


def _inner(described: Any) -> Any:
    """The members of a list as a table, so that a change deep inside is named by its way."""
    return {str(number): each for number, each in enumerate(described)} if isinstance(described, list) else described


def advice(layouts: Layouts, layout: int, now: Mapping[str, Any]) -> str:
    """What stands against the present state and what to do about it; empty if it is as locked."""
    entry = layouts.get(str(layout))
    if entry is None:
        return f"layout {layout} is not locked yet: see that LAYOUT_STEPS leads to it, then {COMMAND}"
    found = "; ".join(changed(entry["state"], now))
    if not found:
        return ""
    if is_released(entry["since"]):
        return (
            f"the state is another one than that of layout {layout}, which version {entry['since']} has written: {found}. "
            f"Raise STATE_LAYOUT in projections/digest.py and add the step from {layout} to LAYOUT_STEPS, then {COMMAND}"
        )
    return (
        f"layout {layout}, which no release has written yet, is another one now: {found}. See that the step to it makes this "
        f"of an old state (a default that is the truth for it needs nothing), then {COMMAND} and "
        "python -m tests.corpora.released --expect"
    )


def main() -> int:
    """Writes the lock; returns 1 and leaves it alone if a released layout would change."""
    layouts, now = locked(), present()
    entry = layouts.get(str(STATE_LAYOUT), {"since": metadata.version("chargebox")})
    if "state" in entry and entry["state"] != now and is_released(entry["since"]):
        print(advice(layouts, STATE_LAYOUT, now), file=sys.stderr)
        return 1
    layouts[str(STATE_LAYOUT)] = {**entry, "state": now}
    LOCK.write_text(json.dumps(layouts, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
