"""What a station had before a run, on disk and as requests."""

from pathlib import Path

import pytest

from eventstore.catalogue.authorization import IdTagInfo
from eventstore.catalogue.smart_charging import ChargingProfile, SchedulePeriod
from projections.charging_profiles import Installed
from station.certify.kept import Kept, ListEntry, list_updates, read_kept, wire_profile, write_kept
from station.certify.payloads import renamed
from station.rules.charging_profile_rules import read_profile
from station.wire.messages.types import WireChargingProfile as WireProfile
from station.wire.schema import load_request

PROFILE = ChargingProfile(
    charging_profile_id=7,
    stack_level=2,
    purpose="TxDefaultProfile",
    kind="Recurring",
    unit="A",
    periods=(SchedulePeriod(start_s=0, limit_deci=165), SchedulePeriod(start_s=60, limit_deci=60, phases=1)),
    recurrency="Daily",
    valid_from_utc_ms=1_767_225_600_000,
    start_schedule_utc_ms=1_767_225_600_000,
    duration_s=3600,
    min_charging_rate_deci=61,
)
KEPT = Kept(
    configuration={"HeartbeatInterval": "300"},
    list_version=9,
    local_list=tuple(ListEntry(id_tag=f"T{n}", info=IdTagInfo(status="Accepted")) for n in range(5)),
    profiles=(Installed(connector_id=1, profile=PROFILE),),
    firmware_version="0.2.0",
    inoperative=(2,),
)


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_kept(tmp_path) is None
    write_kept(KEPT, tmp_path)
    assert read_kept(tmp_path) == KEPT


def test_what_is_no_such_file_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "before.json").write_text("{}")
    with pytest.raises(ValueError, match=r"before\.json: .*missing required field"):
        read_kept(tmp_path)


def test_a_list_is_made_again_in_parts_that_the_station_takes_and_ends_with_its_version() -> None:
    updates = list(list_updates(KEPT, 2))
    assert [(each["list_version"], each["update_type"]) for each in updates] == [
        (7, "Full"),
        (8, "Differential"),
        (9, "Differential"),
    ]
    assert [len(each["local_authorization_list"]) for each in updates] == [2, 2, 1]
    assert next(list_updates(KEPT, 100))["list_version"] == 9


def test_an_entry_keeps_its_group_and_its_end() -> None:
    info = IdTagInfo(status="Blocked", parent_id_tag="P", expiry_utc_ms=1_767_225_600_000)
    kept = Kept(configuration={}, list_version=1, local_list=(ListEntry(id_tag="A", info=info),))
    [entry] = next(list_updates(kept, 10))["local_authorization_list"]
    assert renamed(entry) == {
        "idTag": "A",
        "idTagInfo": {"status": "Blocked", "parentIdTag": "P", "expiryDate": "2026-01-01T00:00:00.000Z"},
    }


def test_a_profile_goes_over_the_wire_and_is_the_same() -> None:
    wire, deviations = load_request(WireProfile, renamed(wire_profile(PROFILE)))
    assert deviations == ()
    assert read_profile(wire, None) == PROFILE
