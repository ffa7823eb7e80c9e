"""Typed values to canonical JSON and back, by type hints alone: for events, for snapshots of projections, for small files.

Reading is strict: a wrong JSON type, an unknown or a missing member (without a default) raises ValueError, which says what and
where. Hints are made of str, int, bool, None, tuple, frozenset, StrEnum, Literal, `Value`, Mapping[str, V] and
Map[K, V]; there are no floats, on purpose.
"""

from collections.abc import Callable
from typing import Any, get_args, get_origin

import msgspec

from eventstore.persistent import Map

__all__ = [
    "StructureError",
    "decoder",
    "from_plain",
    "join_members",
    "plain_from",
    "split_members",
    "to_json",
    "to_plain",
]

plain_from: Callable[[bytes | str], Any] = msgspec.json.Decoder().decode
"""What JSON text holds: dicts, lists, str, int, float, bool, None. Raises ValueError."""
split_members: Callable[[bytes | str], dict[str, Any]] = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
"""The members of a JSON object in their order, each value as it is written; of two of one name the last. Raises ValueError."""
join_members: Callable[[Any], bytes] = msgspec.json.Encoder().encode
"""The object of such members; a text in place of a value is written as one."""


class StructureError(ValueError):
    """A value that JSON cannot hold."""


def to_json(value: Any) -> bytes:
    """Canonical JSON: no white space, members sorted by name, text as UTF-8 with only the necessary escapes.

    Raises StructureError for what JSON cannot hold (lone surrogates, foreign objects).
    """
    try:
        return _encode(value)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise StructureError(f"{type(value).__name__} cannot be written as JSON: {error}") from error


def to_plain(value: Any) -> Any:
    """The value as JSON would give it back."""
    return plain_from(to_json(value))


def decoder(hint: Any) -> Callable[[bytes | str], Any]:
    """A function from JSON text to a value of type `hint`; it raises ValueError."""
    return msgspec.json.Decoder(hint, dec_hook=_read).decode


def from_plain(hint: Any, plain: Any) -> Any:
    """The value of type `hint` that JSON gave as `plain`; what is such a value already stays as it is. Raises ValueError."""
    return msgspec.convert(plain, hint, str_keys=True, dec_hook=_read)


def _read(hint: Any, plain: Any) -> Any:
    """What msgspec asks for whatever it does not read itself."""
    if get_origin(hint) is not Map:
        raise ValueError(f"{getattr(hint, '__name__', hint)} is never read")
    try:
        return Map(from_plain(dict.__class_getitem__(get_args(hint)), plain))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None  # so that the way to the map is added


def _written(value: Any) -> Any:
    """What msgspec asks for whatever it does not write itself."""
    if isinstance(value, Map):
        return {str(name): item for name, item in value.items()}
    if isinstance(value, int):  # of a class of its own
        return int(value)
    raise NotImplementedError(f"{type(value).__name__} has no place in JSON")


_encode = msgspec.json.Encoder(order="sorted", enc_hook=_written).encode
