"""`dataclass` and `replace` as the standard library has them, for frozen, slotted classes, made and copied quickly.

The standard decorator compiles six methods for each class while it is imported, half a millisecond a class, and the station has
some hundreds: a good part of the time from power to the first BootNotification. Here only a constructor and a copier are compiled,
each when it is first called; the other methods are shared. Both fill the slots directly, and long histories fold through them.
What comes out is a dataclass: `fields`, `asdict`, `is_dataclass`, pattern matching, `pickle` and `copy` work as ever.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import MISSING, FrozenInstanceError
from functools import partial
from operator import attrgetter
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type], type]:
        """The decorator. Raises TypeError for a class that is not to be frozen and slotted."""
        if not (frozen and slots):
            raise TypeError("frozen and slotted, or the standard library's")
        return partial(_made, kw_only=kw_only)

    def replace(value: Any, /, **changes: Any) -> Any:
        """A copy of a dataclass with these fields changed. Raises TypeError for a field that it has not."""
        cls = type(value)
        return (_COPIERS.get(cls) or _copier(cls))(value, changes)


__all__ = ["compiled", "dataclass", "replace", "setters", "values_of"]

_COPIERS: dict[type, Callable[[Any, dict[str, Any]], Any]] = {}
_MADE_ANEW = object()


def _made(cls: type, kw_only: bool) -> type:
    own = frozenset(vars(cls))
    made: type = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
    for name, method in _methods(made).items():
        if name not in own:
            setattr(made, name, method)
    return made


def _methods(cls: type) -> dict[str, Callable[..., Any]]:
    names = [field.name for field in dataclasses.fields(cls) if field.compare]
    values = values_of(names)

    def constructor(self: Any, *values: Any, **named: Any) -> None:
        cls.__init__ = compiled = _constructor(cls)  # type: ignore[misc]
        compiled(self, *values, **named)

    def equal(self: Any, other: object) -> Any:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or values(self) == values(other)

    def hashed(self: Any) -> int:
        return hash(values(self))

    return {"__init__": constructor, "__eq__": equal, "__hash__": hashed, **_SHARED}


def values_of(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives these members of a value."""
    if len(names) > 1:
        return attrgetter(*names)
    return (lambda value: ()) if not names else lambda value: (getattr(value, names[0]),)


def setters(cls: type) -> dict[str, Callable[[Any, Any], None]] | None:
    """What fills the slots of a new value, by field; None for a class whose constructor does more than to fill them."""
    fields = dataclasses.fields(cls)
    slots = {field.name: getattr(cls, field.name, None) for field in fields}
    if hasattr(cls, "__post_init__") or not all(field.init for field in fields):
        return None
    found = {name: slot.__set__ for name, slot in slots.items() if isinstance(slot, MemberDescriptorType)}
    return found if len(found) == len(fields) else None


def _repr(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_to_set(self: Any, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_SHARED: dict[str, Callable[..., Any]] = {
    "__repr__": _repr,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _restore,
}


def _constructor(cls: type) -> Callable[..., None]:
    """The constructor of a class: its slots are filled one after the other."""
    fields = sorted(dataclasses.fields(cls), key=attrgetter("kw_only"))
    first: list[str] = ["self"]
    parameters: list[str] = []
    lines: list[str] = []
    names: dict[str, Any] = {"_made": _MADE_ANEW}
    for at, field in enumerate(fields):
        made, defaults = field.default_factory is not MISSING, field.default is not MISSING
        if not (field.init or made or defaults):
            continue
        names |= {f"_put{at}": getattr(cls, field.name).__set__, f"_make{at}": field.default_factory}
        names[f"_default{at}"] = _MADE_ANEW if made else field.default
        given = field.name if field.init else f"_default{at}"
        if field.init:
            (parameters if field.kw_only else first).append(f"{given}=_default{at}" if made or defaults else given)
        lines.append(f" _put{at}(self, {f'_make{at}() if {given} is _made else {given}' if made else given})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    signature = ", ".join([*first, *(["*", *parameters] if parameters else [])])
    return compiled("__init__", signature, lines or [" pass"], names)


def _copier(cls: type) -> Callable[[Any, dict[str, Any]], Any]:
    """What copies values of a class: slot by slot, or by the constructor if that does more than to fill them."""
    puts = setters(cls)
    if puts is None:
        return _COPIERS.setdefault(cls, lambda value, changes: dataclasses.replace(value, **changes))
    names = {"new": object.__new__, "cls": cls, "puts": puts} | {
        f"put{at}": put for at, put in enumerate(puts.values())
    }
    lines = [" copy = new(cls)", *(f" put{at}(copy, value.{name})" for at, name in enumerate(puts))]
    lines += [" try:", "  for name in changes: puts[name](copy, changes[name])", " except KeyError:"]
    lines += ["  raise TypeError(f'{cls.__name__} has no field {name!r}') from None", " return copy"]
    return _COPIERS.setdefault(cls, compiled("replace", "value, changes", lines, names))


def compiled(name: str, signature: str, lines: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    """The function of this name, of these lines, each indented, which mean these things by their names."""
    exec(f"def {name}({signature}):\n" + "\n".join(lines), names)  # noqa: S102  # nothing in it is from outside
    found: Callable[..., Any] = names[name]
    return found
