"""The persistent mapping of states and events: `Map`, by the library `immutables`.

A `Map[K, V]` is a `Mapping` that never changes: `set`, `delete` and `update` return another one that shares nearly all of its memory with
the first, in O(log32 n). It is hashable, and equal to another with the same items. The order of its items is not defined. All of ours
take it from here, so that one module knows which library it is.
"""

from immutables import Map

__all__ = ["Map"]
