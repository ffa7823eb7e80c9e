"""How a case says that the station did not do what it must: with what was expected, and what was seen."""

from collections.abc import Collection
from typing import Any


class CaseFailed(AssertionError):  # noqa: N818  # it says what is the case
    """The station did not do what the case asks for."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected {expected}, seen: {seen}")
        self.expected = expected
        self.seen = seen


class CannotBeDone(Exception):  # noqa: N818  # it says what is the case
    """What a case needs done cannot be done here; the text says why."""


class RunEnded(Exception):  # noqa: N818  # it says what is the case
    """The run cannot go on; the text says why."""


class DoneWrongly(Exception):  # noqa: N818  # it says what is the case
    """Something else was done to the station than what the case asks for; the text says what. The case begins anew."""


def equal(what: str, seen: Any, wanted: Any) -> None:
    """Raises CaseFailed unless what was seen is what is wanted."""
    if seen != wanted:
        raise CaseFailed(f"{what}: {_shown(wanted)}", _shown(seen))


def one_of(what: str, seen: Any, wanted: Collection[Any]) -> None:
    """Raises CaseFailed unless what was seen is one of those."""
    if seen not in wanted:
        raise CaseFailed(f"{what}: one of {', '.join(sorted(map(_shown, wanted)))}", _shown(seen))


def near(what: str, seen: float, wanted: float, *, within: float) -> None:
    """Raises CaseFailed unless the number is that one, give or take."""
    if abs(seen - wanted) > within:
        raise CaseFailed(f"{what}: {wanted:g}, give or take {within:g}", f"{seen:g}")


def holds(what: str, condition: object, seen: Any) -> None:
    """Raises CaseFailed unless the condition holds; `what` says it in words."""
    if not condition:
        raise CaseFailed(what, _shown(seen))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) and value else repr(value)
    return text if len(text) <= 2_000 else f"{text[:2_000]}…"
