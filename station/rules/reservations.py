"""What reservations mean for a tag at a connector, and for the connector's status (5.13).

Theory of operation
    A reservation on a connector keeps it for one tag, or for its group if a parentIdTag was given. A reservation on
    connector 0 keeps no connector in particular: it only asks that one stays available. So while more connectors are
    free than such reservations are open, none is kept; when just as many are left, those are. A kept connector that
    somebody plugs into stays kept, or the cable alone would take it from who reserved it: kept are the free ones first,
    then those that were plugged in last.

    A reservation whose tag has been authorized on a connector is being used there: it keeps nothing elsewhere. With the
    profile switched off in the settings, what is left of reservations means nothing.
"""

from collections.abc import Iterator

from eventstore.catalogue.reservations import ReservationMade
from projections.connector import Connector, Grant
from projections.reservations import Reservations
from projections.station import StationState
from station.rules.faults import blocking_fault
from station.rules.maintenance_rules import is_out_of_service
from station.rules.transaction_rules import group, is_inoperative, same_group, same_tag

PROFILE = "Reservation"
_NONE = Reservations()


def is_usable(state: StationState, connector: Connector) -> bool:
    """Whether a transaction could still begin there as far as the connector is concerned: in order and not taken."""
    if connector.grant is not None or connector.transaction_number is not None:
        return False
    if connector.finishing or connector.timed_out or is_out_of_service(state):
        return False
    return not is_inoperative(connector) and blocking_fault(state, connector) is None


def free_connectors(state: StationState) -> tuple[Connector, ...]:
    """The connectors that anybody could still be given: usable, no cable in, not reserved by their own number."""
    return tuple(connector for connector in _unreserved(state) if not state.connectors.occupied(connector))


def open_on_zero(state: StationState) -> tuple[ReservationMade, ...]:
    """The reservations on connector 0 that still need a connector, oldest first."""
    return _on_zero_for(state, None)


def reservation_for(
    state: StationState, connector_id: int, id_tag: str, parent_id_tag: str | None
) -> ReservationMade | None:
    """The reservation that this tag uses when it starts on the connector, or None.

    The connector's own goes before those on connector 0. `connector_id` 0 asks for those on connector 0 only.
    """
    own = _reservations(state).on(connector_id) if connector_id else ()
    candidates = own or _on_zero_for(state, connector_id)
    return next((held for held in candidates if _is_for(held, id_tag, parent_id_tag)), None)


def blocks(state: StationState, connector_id: int, id_tag: str, parent_id_tag: str | None) -> bool:
    """Whether the connector is kept for somebody else, so the tag is refused there.

    `connector_id` 0 stands for any connector: true if every usable one is kept for somebody else.
    """
    if connector_id == 0:
        usable = [connector for connector in state.connectors.real if is_usable(state, connector)]
        return bool(usable) and all(
            blocks(state, connector.connector_id, id_tag, parent_id_tag) for connector in usable
        )
    if not _reservations(state).on(connector_id) and connector_id not in _kept_for_zero(state):
        return False
    return reservation_for(state, connector_id, id_tag, parent_id_tag) is None


def needs_parent(state: StationState, connector_id: int) -> bool:
    """Whether the connector is kept for a group, so a tag of unknown parent must be asked for by Authorize.

    `connector_id` 0 stands for any connector.
    """
    if connector_id == 0:
        return any(needs_parent(state, connector.connector_id) for connector in state.connectors.real)
    keeping = _reservations(state).on(connector_id)
    if not keeping and connector_id in _kept_for_zero(state):
        keeping = open_on_zero(state)
    return any(group(held.parent_id_tag) is not None for held in keeping)


def is_reserved(state: StationState, connector_id: int) -> bool:
    """Whether the connector's status is Reserved, unless a fault or its availability says more: it is kept, and who it
    is kept for has not come yet (4.9, G2). Connector 0 is never Reserved."""
    if connector_id == 0:
        return False
    connector = state.connectors[connector_id]
    if connector.grant is not None or connector.transaction_number is not None:
        return False
    return bool(_reservations(state).on(connector_id)) or connector_id in _kept_for_zero(state)


def _reservations(state: StationState) -> Reservations:
    off = state.description is not None and PROFILE in state.description.profiles_off
    return _NONE if off else state.reservations


def _is_for(held: ReservationMade, id_tag: str, parent_id_tag: str | None) -> bool:
    return same_tag(held.id_tag, id_tag) or same_group(held.parent_id_tag, parent_id_tag)


def _on_zero_for(state: StationState, connector_id: int | None) -> tuple[ReservationMade, ...]:
    """Those on connector 0 that are not being used on another connector (None: on any)."""
    elsewhere = [
        connector.grant
        for connector in state.connectors.real
        if connector.grant is not None and connector.connector_id != connector_id
    ]
    return tuple(
        held for held in _reservations(state).on(0) if not any(_is_used_by(held, grant) for grant in elsewhere)
    )


def _is_used_by(held: ReservationMade, grant: Grant) -> bool:
    # The id alone is not enough: the CSMS may have given it to another reservation since the tag was authorized.
    return grant.reservation_id == held.reservation_id and _is_for(held, grant.id_tag, grant.parent_id_tag)


def _unreserved(state: StationState) -> Iterator[Connector]:
    for connector in state.connectors.real:
        if is_usable(state, connector) and not _reservations(state).on(connector.connector_id):
            yield connector


def _kept_for_zero(state: StationState) -> frozenset[int]:
    """The connectors that the reservations on connector 0 keep now."""
    wanted = len(open_on_zero(state))
    if wanted == 0 or len(free_connectors(state)) > wanted:
        return frozenset()

    def order(connector: Connector) -> tuple[bool, int, int]:
        return (
            state.connectors.occupied(connector),
            -(connector.occupied_since_ms or 0),
            connector.connector_id,
        )

    return frozenset(connector.connector_id for connector in sorted(_unreserved(state), key=order)[:wanted])
