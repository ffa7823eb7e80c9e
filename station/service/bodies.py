"""What a request may say: its members declared by kind, read strictly, every mistake named by the member's path.

Unknown members, missing ones, wrong types and values out of bounds are all reported at once.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from devices.kinds import Kind, shown
from eventstore.value import Value
from station.wire.instants import parse_utc_ms

REQUIRED: Any = object()


class NotJsonError(Exception):
    """The body is no JSON text."""


class InvalidBodyError(Exception):
    """The body, or the query, does not say what it should; the text names each wrong member."""


class BodyMember(Value, frozen=True, kw_only=True):
    """One member: its kind and its default. If the default is None, null means the same."""

    kind: Kind
    default: Any = REQUIRED


class Utc(Value, frozen=True, kw_only=True):
    """ISO 8601 text within these bounds, read as milliseconds of UTC."""

    minimum_ms: int
    maximum_ms: int

    def read(self, value: object) -> object:
        """Raises ValueError for anything else."""
        if not isinstance(value, str):
            raise ValueError(f"must be an ISO 8601 date and time, not {shown(value)}")
        try:
            utc_ms = parse_utc_ms(value)
        except ValueError as error:
            raise ValueError(f"must be an ISO 8601 date and time: {shown(value)} is {error}") from None
        if not self.minimum_ms <= utc_ms <= self.maximum_ms:
            raise ValueError(f"is out of bounds: {shown(value)}")
        return utc_ms

    def describe(self) -> str:
        """For people."""
        return "ISO 8601 date and time"


def parse_body(raw: bytes) -> object:
    """The JSON document of a body; an empty body says nothing, which is an empty object. Raises NotJsonError."""
    if not raw.strip():
        return {}
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NotJsonError(f"the body is not JSON: {error}") from None


def read_members(document: object, members: Mapping[str, BodyMember]) -> dict[str, Any]:
    """The values of all declared members. Raises InvalidBodyError with everything that is wrong."""
    if not isinstance(document, dict):
        raise InvalidBodyError(f"the body must be an object, not {_named(document)}")
    known = ", ".join(members)
    problems = [f"{_path(name)}: is no member here; known are {known}" for name in document if name not in members]
    values: dict[str, Any] = {}
    for name, member in members.items():
        try:
            values[name] = _value(document, name, member)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise InvalidBodyError("; ".join(problems[:8]))
    return values


def _value(document: Mapping[str, object], name: str, member: BodyMember) -> object:
    if name not in document:
        if member.default is REQUIRED:
            raise ValueError("is required")
        return member.default
    if document[name] is None:
        if member.default is None:
            return None
        raise ValueError("must not be null")
    return member.kind.read(document[name])


def _named(value: object) -> str:
    return "null" if value is None else shown(value)


def _path(name: str) -> str:
    return name if len(name) <= 50 else f"{name[:49]}…"


def read_query(pairs: Mapping[str, str], members: Mapping[str, BodyMember]) -> dict[str, Any]:
    """The values of a query; decimal digits are numbers. Raises InvalidBodyError."""
    document = {name: int(text) if _is_whole(text) else text for name, text in pairs.items()}
    return read_members(document, members)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 20
