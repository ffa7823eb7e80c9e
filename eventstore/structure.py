"""Typed values from JSON-able ones and back, by type hints alone: for events and for snapshots of projections.

`compile_decoder` turns a type hint into a function once; the function is strict: a wrong JSON type, an unknown or a missing
member (without a default) raises `StructureError`, which names the path. Supported: str, int, bool, None, unions with None or
of scalars, tuple[T, ...], tuple[A, B], frozenset[T], StrEnum, Literal, dataclasses, Mapping[K, V] (as dict) and
Map[K, V] with K a str, int, StrEnum or Literal. There are no floats, on purpose. A class with a static method
`decode_plain` decodes itself; a field with the metadata NOT_LOGGED is left out.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache, partial
from typing import Any, Literal, NoReturn

import orjson

from eventstore.frozen import compiled, dataclass, setters, values_of
from eventstore.persistent import Map

Decoder = Callable[[Any], Any]

_SCALARS: Mapping[Any, type] = {str: str, int: int, bool: bool, None: type(None), type(None): type(None)}
_JSON_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS


class StructureError(ValueError):
    """A value that does not have the structure its type hint asks for. `path` is where, e.g. "samples[3].value_wh"."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path or 'value'}: {reason}")
        self.path = path
        self.reason = reason

    def under(self, step: str) -> "StructureError":
        """The same error seen from one level further out."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        return StructureError(f"{step}{joint}{self.path}", self.reason)


def to_json(value: Any) -> bytes:
    """Canonical JSON: no white space, members sorted by name, text as UTF-8 with only the necessary escapes.

    Raises StructureError for what JSON cannot hold (lone surrogates, integers beyond 64 bits, foreign objects).
    """
    try:
        return orjson.dumps(value, _plain, _JSON_OPTIONS)
    except orjson.JSONEncodeError as error:
        raise StructureError(type(value).__name__, f"cannot be written as JSON: {error}") from error


def members_to_json(value: Any) -> bytes:
    """`to_json` of a dataclass, by a shorter way."""
    cls: Any = type(value)
    names, values = sorted_members(cls)
    try:
        return orjson.dumps(dict(zip(names, values(value))), _plain, _JSON_OPTIONS)  # noqa: B905  # equally long
    except orjson.JSONEncodeError as error:
        raise StructureError(type(value).__name__, f"cannot be written as JSON: {error}") from error


def to_plain(value: Any) -> Any:
    """The value as JSON would give it back: dicts, lists, str, int, bool, None."""
    return orjson.loads(to_json(value))


def compile_decoder(hint: Any) -> Decoder:
    """A function from a JSON-able value to a value of type `hint`; it raises StructureError.

    Raises TypeError for a hint that is not supported.
    """
    return _compiled(hint)


@cache
def _compiled(hint: Any) -> Decoder:
    if hint in _SCALARS:
        return partial(_decode_scalar, frozenset({_SCALARS[hint]}))
    if isinstance(hint, typing.NewType):
        return compile_decoder(hint.__supertype__)
    if isinstance(hint, type) and hasattr(hint, "decode_plain"):
        return typing.cast("Decoder", hint.decode_plain)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _compile_dataclass(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _compile_choice({member.value: member for member in hint})
    return _compile_generic(hint)


def _compile_generic(hint: Any) -> Decoder:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return compile_decoder(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _compile_union(hint, arguments)
    if origin is Literal:
        return _compile_choice({value: value for value in arguments})
    if origin is tuple:
        return _compile_tuple(arguments)
    if origin is frozenset:
        return partial(_decode_sequence, frozenset, compile_decoder(arguments[0]))
    if origin is Map:
        return partial(_decode_mapping, Map, _compile_key(arguments[0]), compile_decoder(arguments[1]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return partial(_decode_mapping, dict, _compile_key(arguments[0]), compile_decoder(arguments[1]))
    raise TypeError(f"no decoder for the type hint {hint!r}")


def _fail(expected: str, raw: Any) -> NoReturn:
    shown = repr(raw)
    raise StructureError("", f"expected {expected}, got {shown if len(shown) <= 60 else shown[:57] + '...'}")


def _decode_scalar(allowed: frozenset[type], raw: Any) -> Any:
    if type(raw) not in allowed:
        _fail(" or ".join(sorted(kind.__name__ for kind in allowed)), raw)
    return raw


def _scalars_of(hint: Any) -> frozenset[type] | None:
    """The JSON types of a scalar hint or a union of scalars; None for anything that needs a decoder."""
    if hint in _SCALARS:
        return frozenset({_SCALARS[hint]})
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = [_scalars_of(part) for part in typing.get_args(hint)]
        return None if None in parts else frozenset().union(*(part for part in parts if part is not None))
    return None


def _compile_union(hint: Any, arguments: tuple[Any, ...]) -> Decoder:
    scalars = _scalars_of(hint)
    if scalars is not None:
        return partial(_decode_scalar, scalars)
    inner = [argument for argument in arguments if argument is not type(None)]
    if len(inner) != 1 or len(inner) == len(arguments):
        raise TypeError(f"no decoder for the union {hint!r}: only X | None and unions of scalars")
    decoder = compile_decoder(inner[0])
    return lambda raw: None if raw is None else decoder(raw)


def _compile_choice(choices: Mapping[Any, Any]) -> Decoder:
    kinds = frozenset(type(key) for key in choices)

    def decode(raw: Any) -> Any:
        if type(raw) not in kinds or raw not in choices:
            _fail("one of " + ", ".join(str(key) for key in choices), raw)
        return choices[raw]

    return decode


def _compile_tuple(arguments: tuple[Any, ...]) -> Decoder:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        scalars = _scalars_of(arguments[0])
        if scalars is not None:
            return partial(_decode_scalars, scalars)
        return partial(_decode_sequence, tuple, compile_decoder(arguments[0]))
    decoders = tuple(compile_decoder(argument) for argument in arguments)

    def decode(raw: Any) -> tuple[Any, ...]:
        if type(raw) is not list or len(raw) != len(decoders):
            _fail(f"an array of {len(decoders)}", raw)
        return tuple(_at(f"[{index}]", decoder, raw[index]) for index, decoder in enumerate(decoders))

    return decode


def _at(step: str, decoder: Decoder, raw: Any) -> Any:
    try:
        return decoder(raw)
    except StructureError as error:
        raise error.under(step) from None


def _decode_scalars(allowed: frozenset[type], raw: Any) -> tuple[Any, ...]:
    if type(raw) is not list or not allowed.issuperset(map(type, raw)):
        sequence: tuple[Any, ...] = _decode_sequence(tuple, partial(_decode_scalar, allowed), raw)
        return sequence
    return tuple(raw)


def _decode_sequence(build: Callable[[list[Any]], Any], decoder: Decoder, raw: Any) -> Any:
    if type(raw) is not list:
        _fail("an array", raw)
    values: list[Any] = []
    try:
        for item in raw:
            values.append(decoder(item))  # noqa: PERF401  # its length tells where it failed
    except StructureError as error:
        raise error.under(f"[{len(values)}]") from None
    return build(values)


def _compile_key(hint: Any) -> Decoder:
    if hint is int:
        return _decode_int_key
    return compile_decoder(hint)


def _decode_int_key(raw: Any) -> int:
    try:
        number = int(raw)
    except ValueError:
        _fail("an integer as member name", raw)
    if str(number) != raw:
        _fail("an integer as member name", raw)
    return number


def _decode_mapping(build: Callable[[dict[Any, Any]], Any], key: Decoder, decoder: Decoder, raw: Any) -> Any:
    if type(raw) is not dict:
        _fail("an object", raw)
    values: dict[Any, Any] = {}
    name = ""
    try:
        for name, item in raw.items():
            values[key(name)] = decoder(item)
    except StructureError as error:
        raise error.under(f"[{name!r}]") from None
    return build(values)


def _written_fields(cls: type) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(cls) if field.init and field.metadata.get("logged", True)]


def _compile_dataclass(cls: type) -> Decoder:
    hints = typing.get_type_hints(cls)
    fields = _written_fields(cls)
    names = frozenset(field.name for field in fields)
    required = frozenset(
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )
    scalars = {name: found for name in names if (found := _scalars_of(hints[name])) is not None}
    nested = {name: compile_decoder(hints[name]) for name in names if name not in scalars}
    shape = _Shape(cls=cls, names=names, required=required, scalars=scalars, nested=nested)
    puts = setters(cls)
    return shape.decode if puts is None or puts.keys() != names else _compile_slots(shape, puts)


def _compile_slots(shape: "_Shape", puts: Mapping[str, Callable[[Any, Any], None]]) -> Decoder:
    """The fast path, for slotted dataclasses with every member there and of its type: long histories pass through here.

    Whatever else comes goes the long way, which tells what is wrong.
    """
    names: dict[str, Any] = {"_new": object.__new__, "_class": shape.cls, "_otherwise": shape.decode}
    names["_wrong"] = (KeyError, StructureError)
    read, checks, fill = [], [f"type(raw) is dict and len(raw) == {len(puts)}"], []
    for at, (name, put) in enumerate(puts.items()):
        names[f"_put{at}"] = put
        read.append(f"   v{at} = raw[{name!r}]")
        if name in shape.nested:
            names[f"_decode{at}"] = shape.nested[name]
            fill.append(f"    _put{at}(value, _decode{at}(v{at}))")
        else:
            names[f"_kinds{at}"] = shape.scalars[name] if len(shape.scalars[name]) > 1 else (*shape.scalars[name],)[0]
            checks.append(f"type(v{at}) {'in' if len(shape.scalars[name]) > 1 else 'is'} _kinds{at}")
            fill.append(f"    _put{at}(value, v{at})")
    lines = [
        " try:",
        f"  if {checks[0]}:",
        *read,
        f"   if {' and '.join(checks[1:]) or 'True'}:",
        "    value = _new(_class)",
    ]
    lines += [*fill, "    return value", " except _wrong:", "  pass", " return _otherwise(raw)"]
    return compiled("decode", "raw", lines, names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What the decoder of one dataclass knows of it; `required` are the members without a default."""

    cls: type
    names: frozenset[str]
    required: frozenset[str]
    scalars: Mapping[str, frozenset[type]]
    nested: Mapping[str, Decoder]

    def decode(self, raw: Any) -> Any:
        if type(raw) is not dict:
            _fail("an object", raw)
        if raw.keys() != self.names:
            self._check_names(raw)
        scalars, nested = self.scalars, self.nested
        values: dict[str, Any] = {}
        name = ""
        try:
            for name, value in raw.items():
                decoder = nested.get(name)
                if decoder is not None:
                    values[name] = decoder(value)
                elif type(value) in scalars[name]:
                    values[name] = value
                else:
                    _decode_scalar(scalars[name], value)
        except StructureError as error:
            raise error.under(name) from None
        return self.cls(**values)

    def _check_names(self, raw: Mapping[str, Any]) -> None:
        """Raises StructureError for a member that is unknown, or missing without a default."""
        for name in raw:
            if name not in self.names:
                raise StructureError(name, "unknown member")
        for name in sorted(self.required):
            if name not in raw:
                raise StructureError(name, "missing")


@cache
def sorted_members(cls: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The field names of a dataclass in sorted order, and a function that gives their values in that order."""
    names = tuple(sorted(field.name for field in _written_fields(cls)))
    return names, values_of(names)


def _plain(value: Any) -> Any:
    """What orjson asks for whatever it does not write itself."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names, values = sorted_members(type(value))
        return dict(zip(names, values(value)))  # noqa: B905  # equally long
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")
