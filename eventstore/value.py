"""What events, states and messages are made of: frozen values, made, copied, compared and written by msgspec.

A value is a class with typed fields and nothing else to say: `class Moment(Value, frozen=True, kw_only=True)`. `replace` copies one
with some fields changed; pattern matching, `pickle`, `copy` and `hash` work as with a frozen dataclass. Read from JSON, unknown
members are refused. Values refer to each other without ever forming a circle, so the garbage collector need not look at
them.
"""

from msgspec import Struct, field
from msgspec.structs import replace

__all__ = ["Value", "field", "replace"]


class Value(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A frozen value. Setting a field raises AttributeError, an unknown or a missing argument TypeError."""
