"""The view *Configuration*: every configuration key with its meaning, its value and where that came from."""

from collections.abc import Mapping
from typing import Any

from projections.station import StationState
from station.core.config_keys import Access, ConfigKey
from station.views.saying import Json

CSMS, SETTINGS, FACTORY = "csms", "settings", "factory"
"""Where a value came from; FACTORY: nobody set one."""


def configuration_view(state: StationState, keys: Mapping[str, ConfigKey[Any]], changed: Mapping[str, int]) -> Json:
    """The keys of this station by name; one that may not be read has no value.

    `changed` is when the CSMS set a key, as far as that is known.
    """
    present = [key for _, key in sorted(keys.items()) if key.is_present(state)]
    return {"seq": state.seq, "keys": [_key(state, key, changed.get(key.name)) for key in present]}


def _key(state: StationState, key: ConfigKey[Any], changed_ms: int | None) -> Json:
    access = key.access_in(state)
    return {
        "name": key.name,
        "meaning": key.doc,
        "clause": key.clause,
        "unit": key.unit,
        "type": key.kind.name,
        "value": None if access is Access.WRITE_ONLY else key.text_of(state),
        "factory": None if access is Access.WRITE_ONLY else key.kind.canonical(key.default_of(state)),
        "source": _source(state, key.name),
        "set_at": changed_ms,
        "writable": access is not Access.READ_ONLY,
        "reboot": key.reboot_required,
    }


def _source(state: StationState, name: str) -> str:
    if name in state.configuration.overrides:
        return CSMS
    return SETTINGS if name in state.configuration.factory else FACTORY
