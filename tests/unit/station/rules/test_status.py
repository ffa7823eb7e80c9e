"""The status chart of 4.9, and what facts amount to."""

from itertools import pairwise, permutations

import pytest

from eventstore.catalogue.hardware import FaultObserved
from eventstore.value import replace
from station.rules.status import (
    AVAILABLE,
    FAULTED,
    FINISHING,
    RESERVED,
    TRANSITIONS,
    UNAVAILABLE,
    is_offered,
    next_status,
    target,
)
from station.wire.enums import ChargePointStatus
from tests.given import charging, station

# The table of 4.9 with B6 (errata 3.20), as the standard numbers it.
ROWS = "ABCDEFGHI"
STATUSES = (
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEV",
    "SuspendedEVSE",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
)
CELLS = (
    "A2 A3 A4 A5 A7 A8 A9 B1 B3 B4 B5 B6 B9 C1 C4 C5 C6 C8 C9 D1 D3 D5 D6 D8 D9 E1 E3 E4 E6 E8 E9 "
    "F1 F2 F8 F9 G1 G2 G8 G9 H1 H2 H3 H4 H5 H9 I1 I2 I3 I4 I5 I6 I7 I8"
)


def test_the_table_is_that_of_the_standard() -> None:
    """4.9."""
    cells = {
        ROWS[STATUSES.index(before)] + str(STATUSES.index(after) + 1)
        for before, afters in TRANSITIONS.items()
        for after in afters
    }
    assert cells == set(CELLS.split())


def test_the_statuses_are_those_of_the_wire() -> None:
    assert set(STATUSES) == {status.value for status in ChargePointStatus}


@pytest.mark.parametrize(("before", "after"), list(permutations(STATUSES, 2)))
def test_every_status_is_reached_from_every_other_along_the_table(before: str, after: str) -> None:
    """4.9: in two hops at most."""
    path = [before]
    while path[-1] != after:
        path.append(next_status(path[-1], after))
        assert len(path) <= 3, path
    assert all(second in TRANSITIONS[first] for first, second in pairwise(path))
    if len(path) == 3 and before != AVAILABLE:
        assert path[1] != FAULTED


@pytest.mark.parametrize("status", STATUSES)
def test_after_a_boot_any_status_may_come_first(status: str) -> None:
    assert next_status("", status) == status


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_that_is_reached_stays(status: str) -> None:
    assert next_status(status, status) == status


@pytest.mark.parametrize(
    ("before", "after", "hop"),
    [
        ("Preparing", "Unavailable", FINISHING),
        ("Charging", "Reserved", AVAILABLE),
        ("Reserved", "Charging", "Preparing"),
        ("Unavailable", "Reserved", AVAILABLE),
        ("Finishing", "Reserved", AVAILABLE),
    ],
)
def test_the_hops_between_are_those_that_happened(before: str, after: str, hop: str) -> None:
    assert next_status(before, after) == hop


def test_the_station_itself_is_never_more_than_available_unavailable_or_faulted() -> None:
    """4.9: connector 0."""
    found = charging()
    assert target(found.state, found.state.connectors[0])[0] == AVAILABLE
    inoperative = replace(found.state.connectors[0], availability="Inoperative")
    assert target(found.state, inoperative)[0] == UNAVAILABLE
    found.observe(FaultObserved(connector_id=0, error_code="OtherError"))
    assert target(found.state, found.state.connectors[0])[0] == FAULTED


@pytest.mark.parametrize(("limit_ma", "offered"), [(0, False), (5_999, False), (6_000, True), (32_000, True)])
def test_energy_is_offered_from_six_amperes_on(limit_ma: int, *, offered: bool) -> None:
    """IEC 61851-1 knows no smaller current."""
    found = charging()
    connector = replace(found.state.connectors[1], limit_ma=limit_ma)
    assert is_offered(found.state, connector) is offered


def test_a_reservation_gives_way_to_everything_but_available() -> None:
    found = station().online()
    expiry = "2026-01-01T01:00:00Z"
    found.ask("ReserveNow", {"connectorId": 1, "idTag": "A", "reservationId": 1, "expiryDate": expiry})
    connector = found.state.connectors[1]
    assert target(found.state, connector)[0] == RESERVED
    assert target(found.state, replace(connector, availability="Inoperative"))[0] == UNAVAILABLE
    assert target(found.state, replace(connector, meter_failed="dead"))[0] == FAULTED
