"""What a station had before the run, and how it gets it back: keys, list, profiles, roots and firmware version.

It is read from the station's own log before the first case, and written beside the report, so that a run that was killed can
still put it back (`--resume`).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eventstore.catalogue.authorization import IdTagInfo
from eventstore.catalogue.smart_charging import ChargingProfile
from eventstore.structure import from_plain, to_plain
from eventstore.value import Value
from projections.charging_profiles import Installed
from projections.station import StationState
from station.wire.instants import format_utc_ms

KEPT_FILE = "before.json"


class ListEntry(Value, frozen=True, kw_only=True):
    """An entry of the local authorization list."""

    id_tag: str
    info: IdTagInfo


class Kept(Value, frozen=True, kw_only=True):
    """What is put back. `configuration` are the keys that a CSMS may write, with their values."""

    configuration: Mapping[str, str]
    list_version: int = 0
    local_list: tuple[ListEntry, ...] = ()
    profiles: tuple[Installed, ...] = ()
    firmware_version: str = ""
    inoperative: tuple[int, ...] = ()


def kept_of(state: StationState, configuration: Mapping[str, str]) -> Kept:
    """What a station has at a moment of its log; profiles of transactions go with them."""
    return Kept(
        configuration=dict(configuration),
        list_version=state.authorization.list_version,
        local_list=tuple(
            ListEntry(id_tag=tag, info=info) for tag, info in sorted(state.authorization.local_list.items())
        ),
        profiles=tuple(each for each in state.charging_profiles.all if each.profile.purpose != "TxProfile"),
        firmware_version=state.maintenance.firmware_version,
        inoperative=tuple(each.connector_id for each in state.connectors.by_id if each.availability == "Inoperative"),
    )


def write_kept(kept: Kept, directory: Path) -> None:
    """Writes it beside the report."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_plain(kept), indent=1, ensure_ascii=False)
    (directory / KEPT_FILE).write_text(text + "\n", encoding="utf-8")


def read_kept(directory: Path) -> Kept | None:
    """What an earlier run in this directory wrote; None if there is nothing. Raises ValueError with the path."""
    file = directory / KEPT_FILE
    try:
        read: Kept = from_plain(Kept, json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return read


def list_updates(kept: Kept, entries_max: int) -> Iterator[dict[str, Any]]:
    """The SendLocalList requests that make the list again, no longer than the station takes at once."""
    entries = [{"id_tag": each.id_tag, "id_tag_info": _info(each.info)} for each in kept.local_list]
    at_once = max(1, entries_max)
    chunks = [entries[begin : begin + at_once] for begin in range(0, len(entries), at_once)]
    first = max(1, kept.list_version - len(chunks) + 1)
    for number, chunk in enumerate(chunks):
        yield {
            "list_version": first + number,
            "update_type": "Full" if number == 0 else "Differential",
            "local_authorization_list": chunk,
        }


def _info(info: IdTagInfo) -> dict[str, Any]:
    expiry = None if info.expiry_utc_ms is None else format_utc_ms(info.expiry_utc_ms)
    return {"status": info.status, "parent_id_tag": info.parent_id_tag, "expiry_date": expiry}


def wire_profile(profile: ChargingProfile) -> dict[str, Any]:
    """The profile as SetChargingProfile carries it."""
    return {
        "charging_profile_id": profile.charging_profile_id,
        "stack_level": profile.stack_level,
        "charging_profile_purpose": profile.purpose,
        "charging_profile_kind": profile.kind,
        "recurrency_kind": profile.recurrency,
        "valid_from": _instant(profile.valid_from_utc_ms),
        "valid_to": _instant(profile.valid_to_utc_ms),
        "charging_schedule": {
            "duration": profile.duration_s,
            "start_schedule": _instant(profile.start_schedule_utc_ms),
            "charging_rate_unit": profile.unit,
            "charging_schedule_period": [
                {"start_period": each.start_s, "limit": each.limit_deci / 10, "number_phases": each.phases}
                for each in profile.periods
            ],
            "min_charging_rate": None
            if profile.min_charging_rate_deci is None
            else profile.min_charging_rate_deci / 10,
        },
    }


def _instant(utc_ms: int | None) -> str | None:
    return None if utc_ms is None else format_utc_ms(utc_ms)
