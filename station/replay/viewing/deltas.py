"""The difference between two JSON values, so small that a page which keeps a view for each of a thousand moments stays small.

    {"v": value}                          another value
    {"d": {name: difference}, "x": [..]}  an object: members that differ or are new, and the names of those that are gone
    {"l": {"0": difference}}              a list of as many objects, by their places
    {"s": [drop, keep, [...]]}            a list: `drop` are left out in front, `keep` stay, the others follow

`page_files/kept.js` puts the views together again.
"""

from typing import Any

from station.views.saying import Json

SHIFTS_MAX = 8
"""How many items a list is looked through for that went in front."""


def difference(old: Any, new: Any) -> Json | None:
    """What makes `new` of `old`; None where they are the same."""
    if type(old) is type(new) is dict:
        return _of_objects(old, new)
    if type(old) is type(new) is list:
        return _of_lists(old, new)
    return None if type(old) is type(new) and old == new else {"v": new}


def _of_objects(old: Json, new: Json) -> Json | None:
    found: Json = {}
    members: Json = {}
    for name, value in new.items():
        part = difference(old[name], value) if name in old else {"v": value}
        if part is not None:
            members[name] = part
    gone = [name for name in old if name not in new]
    if members:
        found["d"] = members
    if gone:
        found["x"] = gone
    return found or None


def _of_lists(old: list[Any], new: list[Any]) -> Json | None:
    if len(old) == len(new) and all(type(each) is dict for each in (*old, *new)):
        parts = {str(place): difference(*pair) for place, pair in enumerate(zip(old, new, strict=True))}
        changed = {place: part for place, part in parts.items() if part is not None}
        return {"l": changed} if changed else None
    if len(old) == len(new) and all(difference(*pair) is None for pair in zip(old, new, strict=True)):
        return None
    drop, keep = max(
        ((drop, _alike(old[drop:], new)) for drop in range(min(SHIFTS_MAX, len(old)) + 1)), key=lambda found: found[1]
    )
    return {"s": [drop, keep, new[keep:]]}


def _alike(old: list[Any], new: list[Any]) -> int:
    """How many items from the beginning on are the same."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if difference(one, other) is not None:
            break
        count += 1
    return count


class Series:
    """One view over all moments: as it was at the first, and what changed at each one behind it."""

    def __init__(self) -> None:
        self._steps: list[Json | int] = []
        self._begin = 0
        self._first: Any = None
        self._last: Any = None

    def add(self, moment: int, view: Any) -> None:
        """The view at the moment of this number; those in between are as the one before."""
        if not self._steps:
            self._begin, self._first = moment, view
            self._steps.append(0)
        else:
            self._steps += [0] * (moment - self._begin - len(self._steps))
            self._steps.append(difference(self._last, view) or 0)
        self._last = view

    def kept(self) -> Json:
        """What is written: the number of the first moment, the view there, and a difference or 0 for each moment from the second on."""
        return {"begin": self._begin, "first": self._first, "steps": self._steps[1:]}
