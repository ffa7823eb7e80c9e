"""Which connectors reservations keep, and for whom (5.13)."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.catalogue.lifecycle import StationDescribed
from eventstore.catalogue.maintenance import FirmwareUpdateRequested
from eventstore.catalogue.reservations import ReservationMade
from eventstore.value import replace
from projections.connector import INOPERATIVE, Connector, Connectors, Fault, Grant
from projections.maintenance import FirmwareJob, Maintenance
from projections.reservations import Reservations
from projections.station import StationState
from station.rules.reservations import (
    blocks,
    free_connectors,
    is_reserved,
    needs_parent,
    open_on_zero,
    reservation_for,
)
from tests.given import DESCRIPTION

OWNER, GROUP, OTHER = "OWNER", "GROUP", "OTHER"
EXPIRY_UTC_MS = 1_800_000_000_000


def reserve(
    reservation_id: int, connector_id: int, *, id_tag: str = OWNER, parent_id_tag: str | None = None
) -> ReservationMade:
    return ReservationMade(
        reservation_id=reservation_id,
        connector_id=connector_id,
        id_tag=id_tag,
        parent_id_tag=parent_id_tag,
        expiry_utc_ms=EXPIRY_UTC_MS,
    )


def grant(id_tag: str = OTHER, reservation_id: int | None = None) -> Grant:
    return Grant(id_tag=id_tag, parent_id_tag=None, source="CSMS", since_ms=0, reservation_id=reservation_id)


def station(
    *reservations: ReservationMade, count: int = 2, socket: bool = True, **facts: dict[str, Any]
) -> StationState:
    """A station with `count` connectors; `c1={...}` gives facts of connector 1, and so on (c0: the station)."""
    connectors = tuple(
        replace(Connector(connector_id=number), **facts.get(f"c{number}", {})) for number in range(count + 1)
    )
    return StationState(
        connectors=Connectors(by_id=connectors, socket=socket), reservations=Reservations(all=reservations)
    )


def described(*profiles_off: str) -> StationDescribed:
    return replace(DESCRIPTION, connectors=2, profiles_off=profiles_off)


def plugged(since_ms: int = 0) -> dict[str, Any]:
    return {"cable_rating_ma": 32_000, "pilot_state": "B", "occupied_since_ms": since_ms}


def reserved(state: StationState) -> list[int]:
    return [one.connector_id for one in state.connectors.by_id if is_reserved(state, one.connector_id)]


def test_a_connector_is_kept_for_its_tag_and_refuses_others() -> None:
    state = station(reserve(7, 1))
    assert reserved(state) == [1]
    assert not blocks(state, 1, OWNER, None)
    assert blocks(state, 1, OTHER, None)
    assert not blocks(state, 2, OTHER, None)


def test_tags_compare_case_insensitively() -> None:
    state = station(reserve(7, 1, parent_id_tag=GROUP))
    assert reservation_for(state, 1, "owner", None) is not None
    assert reservation_for(state, 1, OTHER, "group") is not None


def test_the_parent_id_tag_lets_the_group_in_but_is_no_tag_itself() -> None:
    state = station(reserve(7, 1, parent_id_tag=GROUP))
    assert not blocks(state, 1, OTHER, GROUP)
    assert blocks(state, 1, OTHER, None)
    assert blocks(state, 1, GROUP, None)
    assert blocks(state, 1, OTHER, OWNER)


def test_unknown_parents_on_both_sides_are_no_match() -> None:
    assert reservation_for(station(reserve(7, 1)), 1, OTHER, None) is None


def test_a_parent_is_worth_asking_for_only_where_a_group_was_reserved_for() -> None:
    assert not needs_parent(station(reserve(7, 1)), 1)
    state = station(reserve(7, 1, parent_id_tag=GROUP))
    assert needs_parent(state, 1)
    assert not needs_parent(state, 2)
    assert needs_parent(state, 0)


def test_a_reservation_on_one_connector_is_not_used_on_another() -> None:
    state = station(reserve(7, 1))
    assert reservation_for(state, 2, OWNER, None) is None
    assert reservation_for(state, 0, OWNER, None) is None


def test_the_own_reservation_of_a_connector_goes_before_those_on_connector_zero() -> None:
    state = station(reserve(7, 0), reserve(8, 1))
    found = reservation_for(state, 1, OWNER, None)
    assert found is not None
    assert found.reservation_id == 8
    elsewhere = reservation_for(state, 2, OWNER, None)
    assert elsewhere is not None
    assert elsewhere.reservation_id == 7


def test_a_tag_with_a_reservation_on_zero_does_not_get_another_tags_connector() -> None:
    state = station(reserve(7, 0), reserve(8, 1, id_tag=OTHER))
    assert reservation_for(state, 1, OWNER, None) is None
    assert blocks(state, 1, OWNER, None)


def test_zero_keeps_none_while_more_connectors_are_free_than_reservations_are_open() -> None:
    state = station(reserve(7, 0))
    assert reserved(state) == []
    assert not blocks(state, 1, OTHER, None)
    assert not needs_parent(state, 1)


def test_zero_keeps_all_free_connectors_when_just_as_many_are_left() -> None:
    state = station(reserve(7, 0), reserve(8, 0, id_tag="SECOND"))
    assert reserved(state) == [1, 2]
    assert blocks(state, 1, OTHER, None)
    assert not blocks(state, 1, OWNER, None)
    assert not blocks(state, 2, "SECOND", None)


def test_zero_counts_only_connectors_that_could_serve() -> None:
    not_free: tuple[dict[str, Any], ...] = (
        {"transaction_number": 3},
        {"grant": grant()},
        plugged(),
        {**plugged(), "finishing": True},
        {**plugged(), "timed_out": True},
        {"availability": INOPERATIVE},
        {"faults": (Fault(error_code="GroundFailure"),)},
    )
    for facts in not_free:
        state = station(reserve(7, 0), c2=facts)
        assert reserved(state) == [1], facts
        assert blocks(state, 1, OTHER, None), facts


def test_a_connector_with_its_own_reservation_does_not_serve_zero() -> None:
    state = station(reserve(7, 0), reserve(8, 2, id_tag=OTHER))
    assert reserved(state) == [1, 2]
    assert blocks(state, 1, OTHER, None)


def test_a_kept_connector_that_somebody_plugs_into_stays_kept() -> None:
    state = station(reserve(7, 0), count=1, c1=plugged())
    assert reserved(state) == [1]
    assert blocks(state, 1, OTHER, None)
    assert not blocks(state, 1, OWNER, None)


def test_who_was_plugged_in_before_the_others_is_not_refused() -> None:
    state = station(reserve(7, 0), c1=plugged(100), c2=plugged(200))
    assert reserved(state) == [2]
    assert not blocks(state, 1, OTHER, None)


def test_a_reservation_on_zero_that_is_being_used_keeps_nothing_elsewhere() -> None:
    state = station(reserve(7, 0), c1={"grant": grant(OWNER, reservation_id=7)})
    assert open_on_zero(state) == ()
    assert reserved(state) == []
    assert reservation_for(state, 2, OWNER, None) is None
    assert reservation_for(state, 1, OWNER, None) is not None


def test_a_connector_stops_being_reserved_when_its_tag_has_come() -> None:
    assert reserved(station(reserve(7, 1), c1={"grant": grant(OWNER, reservation_id=7)})) == []
    assert reserved(station(reserve(7, 1), c1={"transaction_number": 3})) == []


def test_any_connector_is_blocked_only_if_every_usable_one_is_kept_for_somebody_else() -> None:
    assert not blocks(station(reserve(7, 1)), 0, OTHER, None)
    assert blocks(station(reserve(7, 1), reserve(8, 2)), 0, OTHER, None)
    assert not blocks(station(reserve(7, 1), reserve(8, 2)), 0, OWNER, None)
    assert not blocks(station(reserve(7, 1), c1={"transaction_number": 3}, c2=plugged()), 0, OTHER, None)


def test_a_station_that_waits_to_install_has_no_free_connector() -> None:
    request = FirmwareUpdateRequested(job=1, location="", retrieve_utc_ms=0, retries=0, retry_interval_s=0)
    waiting = Maintenance(firmware=FirmwareJob(request=request, step="install"))
    assert free_connectors(replace(station(), maintenance=waiting)) == ()
    assert len(free_connectors(station())) == 2


def test_a_fixed_cable_occupies_nothing_until_it_is_in_a_vehicle() -> None:
    idle = {"cable_rating_ma": 32_000, "pilot_state": "A"}
    assert len(free_connectors(station(socket=False, c1=idle))) == 2
    assert len(free_connectors(station(socket=False, c1=plugged()))) == 1


def test_reservations_mean_nothing_with_the_profile_off() -> None:
    state = replace(station(reserve(7, 1), reserve(8, 0)), description=described("Reservation"))
    assert reserved(state) == []
    assert not blocks(state, 1, OTHER, None)
    assert reservation_for(state, 1, OWNER, None) is None


FACTS = st.sampled_from(
    (
        {},
        plugged(100),
        plugged(200),
        {"transaction_number": 3},
        {"grant": grant()},
        {"availability": INOPERATIVE},
        {**plugged(50), "finishing": True},
    )
)


@settings(max_examples=150)
@given(st.lists(FACTS, min_size=1, max_size=4), st.integers(0, 3), st.booleans())
def test_reservations_on_zero_keep_neither_too_much_nor_too_little(
    facts: list[dict[str, Any]], open_count: int, own: bool
) -> None:
    made = [reserve(number, 0, id_tag=f"TAG{number}") for number in range(open_count)]
    if own:
        made.append(reserve(99, 1, id_tag="OWN"))
    state = station(
        *made, count=len(facts), socket=True, **{f"c{number}": fact for number, fact in enumerate(facts, 1)}
    )
    free = {one.connector_id for one in free_connectors(state)}
    kept = {
        one.connector_id
        for one in state.connectors.real
        if blocks(state, one.connector_id, OTHER, None) and not (own and one.connector_id == 1)
    }
    assert len(kept) <= open_count
    if open_count and len(free) <= open_count:
        assert free <= kept
    else:
        assert kept == set()
    assert all(not blocks(state, number, f"TAG{tag}", None) for number in kept for tag in range(open_count))
