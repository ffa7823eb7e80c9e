"""A state as bytes and back, its digest, and the fingerprint of the code that folds.

Snapshots are a cache: they are used only while the fold's code is the same to the byte, and can be dropped at any time.
"""

import hashlib
from functools import lru_cache
from importlib import resources

import orjson

from eventstore.structure import compile_decoder, to_json
from projections.station import StationState

_FOLDED_BY = ("projections", "eventstore.catalogue")


def state_bytes(state: StationState) -> bytes:
    """The canonical bytes of a state."""
    return to_json(state)


def state_from(data: bytes) -> StationState:
    """The state of such bytes; raises StructureError, KeyError or ValueError for what is none."""
    state: StationState = compile_decoder(StationState)(orjson.loads(data))
    return state


def digest(state: StationState) -> str:
    """SHA-256 of the canonical bytes, hexadecimal."""
    return hashlib.sha256(state_bytes(state)).hexdigest()


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """What the folding code is: SHA-256 over the sources of projections and catalogue, hexadecimal."""
    total = hashlib.sha256()
    for package in _FOLDED_BY:
        sources = sorted(
            (item for item in resources.files(package).iterdir() if item.name.endswith(".py")),
            key=lambda item: item.name,
        )
        for source in sources:
            total.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return total.hexdigest()
