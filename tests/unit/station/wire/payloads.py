"""Payloads that nearly are what a message declares."""

from enum import EnumMeta
from typing import Any

from hypothesis import strategies as st

from eventstore.value import Value
from station.wire.members import Kind, Listed, Nested, members_of

ODD: tuple[Any, ...] = (
    None,
    "",
    "  ",
    "x",
    "x" * 600,
    0,
    1,
    -1,
    5,
    2**63,
    1.0,
    1.5,
    8.15,
    True,
    "2026-01-01T00:00:00Z",
    [],
    {},
    "\udcff",
)


def payloads(message_class: type[Value]) -> st.SearchStrategy[Any]:
    """Objects of the message's members; some are missing, odd or unknown, most fit."""
    members = members_of(message_class)
    required = {member.key: _values(member.kind) for member in members if member.is_required}
    optional = {member.key: _values(member.kind) for member in members if not member.is_required}
    whole = st.fixed_dictionaries(required, optional=optional)
    broken = st.fixed_dictionaries({}, optional={**required, **optional, "bogus": st.just(1)})
    return st.one_of(whole, whole, whole, broken)


def _values(kind: Kind) -> st.SearchStrategy[Any]:
    odd = st.sampled_from(ODD)
    match kind:
        case Nested(message_class=message_class):
            fitting = payloads(message_class)
        case Listed(item=item):
            fitting = st.lists(_values(item), max_size=3)
        case _:
            declared: list[Any] = []
            for part in getattr(kind.read, "args", ()):
                declared += list(part) if isinstance(part, EnumMeta) else []
            fitting = st.sampled_from([*declared, *(() if declared else ("x", 7, 16.1, True, "2026-01-01T00:00:00Z"))])
    return st.one_of(fitting, fitting, fitting, fitting, fitting, odd)
