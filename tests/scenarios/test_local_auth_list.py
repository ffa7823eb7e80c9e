"""Local Auth List Management (3.5.2, 5.10, 5.15, 9.2): the list and its version, whatever the CSMS sends."""

from typing import Any

import pytest

from eventstore.catalogue.authorization import LocalListAmended, LocalListReplaced, LocalListStoreFailed
from eventstore.catalogue.hardware import LocalListStoreFailing
from tests.scenarios.conftest import World, world

ACCEPTED, FAILED = {"status": "Accepted"}, {"status": "Failed"}
MISMATCH, NOT_SUPPORTED = {"status": "VersionMismatch"}, {"status": "NotSupported"}


def entry(id_tag: str, status: str = "Accepted", **info: Any) -> dict[str, Any]:
    return {"idTag": id_tag, "idTagInfo": {"status": status, **info}}


def many(count: int, prefix: str = "TAG") -> list[dict[str, Any]]:
    return [entry(f"{prefix}{number}") for number in range(count)]


def send(world: World, version: int, kind: str, entries: list[dict[str, Any]] | None = None) -> Any:
    members = {} if entries is None else {"localAuthorizationList": entries}
    return world.request("SendLocalList", listVersion=version, updateType=kind, **members)


def version(world: World) -> int:
    return int(world.request("GetLocalListVersion")["listVersion"])


def listed(world: World) -> set[str]:
    return set(world.state.authorization.local_list)


@pytest.fixture
def station() -> World:
    """A station with tags A and B on its list, version 5."""
    world_ = world()
    assert send(world_, 5, "Full", [entry("A"), entry("B", "Blocked")]) == ACCEPTED
    return world_


def test_a_station_that_was_never_sent_a_list_has_version_0() -> None:
    """5.10: 0 says that the list is empty."""
    assert version(world()) == 0


def test_a_full_update_replaces_the_list_and_its_version(station: World) -> None:
    """3.5.2, 5.15."""
    assert send(station, 7, "Full", [entry("C")]) == ACCEPTED
    assert version(station) == 7
    assert listed(station) == {"c"}


@pytest.mark.parametrize("lower", [1, 4, 5])
def test_a_full_update_may_have_any_version_above_0(station: World, lower: int) -> None:
    """5.15: Full is what a CSMS sends after a VersionMismatch; it starts anew."""
    assert send(station, lower, "Full", [entry("C")]) == ACCEPTED
    assert version(station) == lower


def test_a_differential_update_adds_changes_and_deletes(station: World) -> None:
    """3.5.2, 7.1: an entry without idTagInfo deletes the tag; one that is not listed is deleted already."""
    changes = [{"idTag": "A"}, entry("b", "Invalid"), entry("C", parentIdTag="GROUP"), {"idTag": "NEVER"}]
    assert send(station, 6, "Differential", changes) == ACCEPTED
    assert version(station) == 6
    assert listed(station) == {"b", "c"}
    assert station.state.authorization.local_list["b"].status == "Invalid"
    assert station.state.authorization.local_list["c"].parent_id_tag == "GROUP"


@pytest.mark.parametrize("stale", [1, 4, 5])
def test_a_differential_update_must_have_a_higher_version(station: World, stale: int) -> None:
    """5.15, 7.47: VersionMismatch, and the list is as it was."""
    assert send(station, stale, "Differential", [entry("C")]) == MISMATCH
    assert version(station) == 5
    assert listed(station) == {"a", "b"}


def test_a_differential_update_builds_on_an_empty_list() -> None:
    """3.5.2."""
    station = world()
    assert send(station, 1, "Differential", [entry("A")]) == ACCEPTED
    assert version(station) == 1


def test_a_differential_update_without_entries_only_raises_the_version(station: World) -> None:
    """5.15: the list after the update has that version."""
    assert send(station, 6, "Differential") == ACCEPTED
    assert version(station) == 6
    assert listed(station) == {"a", "b"}


def test_a_list_that_lost_its_last_tag_has_version_0(station: World) -> None:
    """5.10: 0 says that the list is empty."""
    assert send(station, 6, "Differential", [{"idTag": "A"}, {"idTag": "B"}]) == ACCEPTED
    assert version(station) == 0


@pytest.mark.parametrize("entries", [None, []])
def test_a_full_update_without_entries_empties_the_list(station: World, entries: list[dict[str, Any]] | None) -> None:
    """5.10, OCTT TC_042_2: version 0, although another one was sent."""
    assert send(station, 1, "Full", entries) == ACCEPTED
    assert version(station) == 0
    assert listed(station) == set()


@pytest.mark.parametrize("entries", [None, []])
def test_a_full_update_with_version_0_and_no_entries_empties_the_list(
    station: World, entries: list[dict[str, Any]] | None
) -> None:
    """Errata 3.52: 0 is no version, but what an empty list reports."""
    assert send(station, 0, "Full", entries) == ACCEPTED
    assert version(station) == 0


@pytest.mark.parametrize(
    ("number", "kind", "entries"),
    [
        (0, "Full", [entry("C")]),
        (0, "Differential", []),
        (0, "Differential", [entry("C")]),
        (-1, "Full", []),
        (-1, "Full", [entry("C")]),
        (-7, "Differential", [entry("C")]),
    ],
)
def test_versions_0_and_below_fail(station: World, number: int, kind: str, entries: list[dict[str, Any]]) -> None:
    """Errata 3.52."""
    assert send(station, number, kind, entries) == FAILED
    assert version(station) == 5
    assert listed(station) == {"a", "b"}


@pytest.mark.parametrize("kind", ["Full", "Differential"])
@pytest.mark.parametrize("again", ["C", "c"])
def test_a_tag_that_stands_twice_fails_whole(station: World, kind: str, again: str) -> None:
    """3.5.2; idTags compare case-insensitively (errata 3.73)."""
    assert send(station, 6, kind, [entry("C"), entry(again, "Blocked")]) == FAILED
    assert listed(station) == {"a", "b"}


def test_a_full_update_with_an_entry_without_info_fails_whole(station: World) -> None:
    """7.1: idTagInfo is required when updateType is Full."""
    assert send(station, 6, "Full", [entry("C"), {"idTag": "D"}]) == FAILED
    assert version(station) == 5
    assert listed(station) == {"a", "b"}


@pytest.mark.parametrize("kind", ["Full", "Differential"])
def test_more_entries_than_one_message_may_carry_fail(station: World, kind: str) -> None:
    """9.2.3: SendLocalListMaxLength, 1,000."""
    assert send(station, 6, kind, many(1_001)) == FAILED
    assert listed(station) == {"a", "b"}
    assert send(station, 6, kind, many(1_000)) == ACCEPTED


def test_the_list_grows_to_10000_tags_and_no_further() -> None:
    """9.2.2: LocalAuthListMaxLength; built by one Full and Differential updates."""
    station = world()
    assert send(station, 1, "Full", many(1_000, "0-")) == ACCEPTED
    for number in range(2, 11):
        assert send(station, number, "Differential", many(1_000, f"{number}-")) == ACCEPTED
    assert len(listed(station)) == 10_000
    assert send(station, 11, "Differential", [entry("ONE TOO MANY")]) == FAILED
    assert version(station) == 10
    assert send(station, 11, "Differential", [entry("INSTEAD"), {"idTag": "0-0"}, entry("0-1", "Blocked")]) == ACCEPTED
    assert len(listed(station)) == 10_000


def test_factory_values_lower_the_limits() -> None:
    """9.2.2, 9.2.3, OCTT TC_043_3."""
    short = world(factory={"LocalAuthListMaxLength": "1"})
    assert send(short, 1, "Full", [entry("A")]) == ACCEPTED
    assert send(short, 2, "Full", many(2)) == FAILED
    assert send(short, 2, "Differential", [entry("B")]) == FAILED
    assert version(short) == 1
    narrow = world(factory={"SendLocalListMaxLength": "1"})
    assert send(narrow, 1, "Full", many(2)) == FAILED


@pytest.mark.parametrize("kind", ["Full", "Differential"])
def test_a_list_that_cannot_be_stored_fails_once_and_the_old_one_stays(station: World, kind: str) -> None:
    """5.15, OCTT TC_043_3."""
    station.observe(LocalListStoreFailing(failing=True))
    mark = station.mark
    assert send(station, 6, kind, [entry("C")]) == FAILED
    assert station.found(LocalListStoreFailed, mark) == [LocalListStoreFailed(version=6)]
    assert version(station) == 5
    assert listed(station) == {"a", "b"}
    assert send(station, 6, kind, [entry("C")]) == ACCEPTED


def test_a_store_that_was_mended_in_time_fails_nothing(station: World) -> None:
    """5.15."""
    station.observe(LocalListStoreFailing(failing=True), LocalListStoreFailing(failing=False))
    assert send(station, 6, "Full", [entry("C")]) == ACCEPTED


def test_an_update_is_one_event(station: World) -> None:
    """5.15: the whole update is one commit."""
    mark = station.mark
    send(station, 6, "Full", many(100))
    send(station, 7, "Differential", many(100, "MORE"))
    (replaced,) = station.found(LocalListReplaced, mark)
    (amended,) = station.found(LocalListAmended, mark)
    assert (len(replaced.entries), len(amended.entries)) == (100, 100)


def test_a_refused_update_leaves_no_event(station: World) -> None:
    """5.15."""
    mark = station.mark
    send(station, 5, "Differential", [entry("C")])
    send(station, 0, "Full", [entry("C")])
    assert not station.found(LocalListReplaced, mark)
    assert not station.found(LocalListAmended, mark)


def test_the_list_and_its_version_outlive_a_power_cut(station: World) -> None:
    """3.5.2: persisted across reboots and power outages; there before the link is."""
    station.off_for(3600)
    assert listed(station) == {"a", "b"}
    assert version(station.connect()) == 5


def test_a_disabled_list_is_kept_but_neither_reported_nor_changed(station: World) -> None:
    """9.2.1, 5.10, OCTT TC_042_1: LocalAuthListEnabled false means -1 and NotSupported."""
    station.configure("LocalAuthListEnabled", "false")
    assert version(station) == -1
    assert send(station, 6, "Full", [entry("C")]) == NOT_SUPPORTED
    assert send(station, 6, "Differential", [entry("C")]) == NOT_SUPPORTED
    station.configure("LocalAuthListEnabled", "true")
    assert version(station) == 5
    assert listed(station) == {"a", "b"}


def test_a_profile_that_is_off_has_neither_version_nor_list_nor_keys() -> None:
    """3.5.2, 5.10, OCTT TC_042_1, TC_043_1."""
    station = world(profiles_off=("LocalAuthListManagement",))
    assert version(station) == -1
    assert send(station, 1, "Full", [entry("A")]) == NOT_SUPPORTED
    keys = ["LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"]
    assert sorted(station.request("GetConfiguration", key=keys)["unknownKey"]) == keys


def test_the_keys_of_the_profile_are_there() -> None:
    """9.2."""
    keys = ["LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"]
    told = world().request("GetConfiguration", key=keys)["configurationKey"]
    assert [(one["key"], one["readonly"], one["value"]) for one in told] == [
        ("LocalAuthListEnabled", False, "true"),
        ("LocalAuthListMaxLength", True, "10000"),
        ("SendLocalListMaxLength", True, "1000"),
    ]


def test_the_read_only_limits_cannot_be_set() -> None:
    """9.2.2, 9.2.3, 5.3."""
    station = world()
    for key in ("LocalAuthListMaxLength", "SendLocalListMaxLength"):
        assert station.request("ChangeConfiguration", key=key, value="5") == {"status": "Rejected"}


@pytest.mark.parametrize(
    ("payload", "error_code"),
    [
        ({"updateType": "Full"}, "ProtocolError"),
        ({"listVersion": 1, "updateType": "Partial"}, "PropertyConstraintViolation"),
        (
            {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry("X" * 21)]},
            "PropertyConstraintViolation",
        ),
        ({"listVersion": "1", "updateType": "Full"}, "TypeConstraintViolation"),
    ],
)
def test_a_malformed_update_is_a_call_error_and_changes_nothing(
    station: World, payload: dict[str, Any], error_code: str
) -> None:
    """OCPP-J 4.2.3."""
    assert station.ask("SendLocalList", payload).error_code == error_code
    assert listed(station) == {"a", "b"}


def test_a_listed_tag_leaves_the_cache(station: World) -> None:
    """3.5.3: a tag on the list is never cached."""
    station.answers["Authorize"] = {"idTagInfo": {"status": "Accepted"}}
    station.swipe("CACHED", 1)
    assert station.state.authorization.cached("CACHED") is not None
    assert send(station, 6, "Differential", [entry("cached")]) == ACCEPTED
    assert station.state.authorization.cached("CACHED") is None
