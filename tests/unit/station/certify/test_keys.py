"""The table of configuration keys: the standard's, in its order, whether the station has them or not."""

import re
from typing import Any

from eventstore.event import Recorded
from eventstore.value import replace
from projections.station import INITIAL, StationState, evolve
from station.certify.keys import STANDARD, VENDOR, KeyRow, key_table, limits_of
from station.core.config_keys import Access, AnyText, Boolean, ConfigKey, Integer
from station.core.feature import Registry
from station.features import ALL, registry_for
from station.features.reservation import FEATURE as RESERVATION
from tests.given import DESCRIPTION

REGISTRY = registry_for()
EVERY = [name for names in STANDARD.values() for name in names]


def described(**facts: Any) -> StationState:
    """A station that has described itself so, and nothing more."""
    return evolve(INITIAL, Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=replace(DESCRIPTION, **facts)))


def table(registry: Registry = REGISTRY, **facts: Any) -> dict[str, KeyRow]:
    return {row.name: row for row in key_table(described(**facts), registry)}


def clause(name: str) -> tuple[int, ...] | None:
    """The section in which the standard or the white paper defines a key."""
    found = re.match(r"(?:white paper )?(\d+)\.(\d+)(?:\.(\d+))?", REGISTRY.config_keys[name].clause)
    return None if found is None else tuple(int(part or 0) for part in found.groups())


def test_every_key_of_the_station_that_a_document_names_stands_in_the_standards_order() -> None:
    assert len(EVERY) == len(set(EVERY))
    named = {name for name, key in REGISTRY.config_keys.items() if key.clause != "ours"}
    assert named == named & set(EVERY)
    for names in STANDARD.values():
        clauses = [found for name in names if name in REGISTRY.config_keys and (found := clause(name))]
        assert clauses == sorted(clauses)


def test_a_key_says_its_access_value_unit_and_limits() -> None:
    row = table()["HeartbeatInterval"]
    assert (row.group, row.access, row.type, row.value, row.unit, row.limits) == (
        *("Core", "RW", "integer", "300", "s"),
        "0 or more",
    )


def test_a_key_that_is_not_supported_stands_there_with_nothing_beside_it() -> None:
    without = registry_for(("LocalAuthListManagement",))
    assert table(without)["LocalAuthListEnabled"] == KeyRow(
        group="LocalAuthListManagement", name="LocalAuthListEnabled", supported=False
    )
    rows = key_table(described(), without)
    assert [row.name for row in rows if row.group != VENDOR] == EVERY


def test_a_key_that_may_not_be_read_has_no_value() -> None:
    row = table()["AuthorizationKey"]
    assert (row.access, row.value) == ("W", "")


def test_access_is_that_of_this_very_station() -> None:
    assert table()["UnlockConnectorOnEVSideDisconnect"].access == "RW"
    assert table(fixed_cable=True, has_lock=False)["UnlockConnectorOnEVSideDisconnect"].access == "R"


def test_keys_of_the_station_itself_come_last_and_by_name() -> None:
    def own(name: str, *, there: bool = True) -> ConfigKey[bool]:
        return ConfigKey(
            name=name,
            kind=Boolean(),
            access=Access.READ_WRITE,
            default=True,
            doc="",
            clause="ours",
            present=lambda _: there,
        )

    more = replace(RESERVATION, config_keys=(own("Zoo"), own("Absent", there=False), own("Ape")))
    rows = key_table(described(), Registry((more,)))
    assert [(row.group, row.name) for row in rows[-2:]] == [(VENDOR, "Ape"), (VENDOR, "Zoo")]
    assert len(rows) == len(EVERY) + 2


def test_limits_are_said_in_words() -> None:
    def key(kind: object) -> ConfigKey[object]:
        return ConfigKey(name="K", kind=kind, access=Access.READ_WRITE, default="", doc="", clause="ours")  # type: ignore[arg-type]

    assert limits_of(key(Integer(minimum=2))) == "2 or more"
    assert limits_of(key(Integer(maximum=7))) == "0 to 7"
    assert limits_of(key(AnyText(length_max=64))) == "up to 64 characters"
    assert limits_of(key(Boolean())) == ""
    assert any(limits_of(each) == "up to 20 items" for feature in ALL for each in feature.config_keys)
