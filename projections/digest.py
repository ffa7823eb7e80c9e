"""A state as bytes and back, its layout, its digest, and the fingerprint of the code that folds.

Snapshots are a cache: they are used only while the fold's code is the same to the byte, and can be dropped at any time.
The state that a closed segment ends in is not a cache: it is read by every later version. So its layout has a number. Whoever
changes what a state consists of raises it and adds the step up from the one before to `LAYOUT_STEPS`; a field that has a
default, and whose default is the truth for an old state, needs a step that does nothing. `tests/corpora/state_lock.py` holds
the state to it.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from eventstore.structure import from_plain, plain_from, to_json
from projections.credentials import AUTHORIZATION_KEY
from projections.outbox import owed_from
from projections.plugs import OVER
from projections.security import EXTENSION
from projections.station import StationState

STATE_LAYOUT = 2


def _to_2(plain: dict[str, Any]) -> dict[str, Any]:
    """Version 0.2.0: what is believed of a register is one thing; an AuthorizationKey that was set goes first, and nothing tells
    whether a connection was ever opened with it; there was no security extension, and the settings alone said the security profile; a plug with which a session was begun is used up; other new fields have the truth of an
    old state as default."""
    key = plain["configuration"].get("overrides", {}).get(AUTHORIZATION_KEY)
    if key is not None:
        plain["credentials"] = {"first": key, "on_trial": True}
    connectors, described = plain["connectors"], plain["description"]
    if described is not None:
        plain["security_profile"] = {"settings": described["security_profile"]}
        described["profiles_off"] = [*described["profiles_off"], EXTENSION]
        described["keeps_power"] = described["board"] == "gpio"
        connectors["max_power_mw"] = described["phases"] * described["voltage_v"] * described["max_current_ma"]
    for connector in connectors["by_id"]:
        if "register" in connector:  # nothing to add
            continue
        offset_wh, before = connector.pop("register_offset_wh"), connector.pop("reading_before")
        reading = connector["reading"]
        connector["register"] = {"offset_wh": offset_wh}
        if reading is not None:
            connector["register"] |= {
                "believed_wh": reading["energy_wh"],
                "raw_wh": reading["energy_wh"] - offset_wh,
                "at_ms": reading["at_ms"],
                "unread": before is not None,
                "told": True,
            }
    plain["plugs"] = {"by_id": _plugs(connectors["by_id"])}
    return plain


def _plugs(connectors: list[dict[str, Any]]) -> dict[str, Any]:
    found = {}
    for connector in connectors[1:]:
        is_connected = connector["pilot_state"] in ("B", "C", "D")
        is_over = connector["transaction_number"] is not None or (connector["finishing"] and is_connected)
        if is_connected or is_over:
            found[str(connector["connector_id"])] = {"connected": is_connected, "stage": OVER if is_over else ""}
    return found


LAYOUT_STEPS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _to_2}
"""The plain members of a state of this layout to those of the next one."""

_FOLDED_BY = ("projections", "eventstore.catalogue")


def state_bytes(state: StationState) -> bytes:
    """The canonical bytes of a state."""
    return to_json(state)


def state_from(data: bytes, layout: int = STATE_LAYOUT) -> StationState:
    """The state of such bytes of that layout; raises KeyError or ValueError for what is none of ours."""
    plain = plain_from(data)
    if not 1 <= layout <= STATE_LAYOUT:
        raise ValueError(f"a state of layout {layout}, this version knows layouts up to {STATE_LAYOUT}")
    try:
        for step in range(layout, STATE_LAYOUT):
            plain = LAYOUT_STEPS[step](plain)
        for entries in ("calls", "window"):
            plain["outbox"][entries] = [owed_from(entry) for entry in plain["outbox"][entries]]
    except (TypeError, AttributeError) as error:
        raise ValueError(f"no state of layout {layout}: {error}") from error
    state: StationState = from_plain(StationState, plain)
    return state


def digest(state: StationState) -> str:
    """SHA-256 of the canonical bytes, hexadecimal."""
    return hashlib.sha256(state_bytes(state)).hexdigest()


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """What the folding code is: SHA-256 over the sources of projections and catalogue, hexadecimal."""
    from importlib import resources  # here: a start without a snapshot needs none

    total = hashlib.sha256()
    for package in _FOLDED_BY:
        sources = sorted(
            (item for item in resources.files(package).iterdir() if item.name.endswith(".py")),
            key=lambda item: item.name,
        )
        for source in sources:
            total.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return total.hexdigest()
