"""Reservation: ReserveNow (5.13), CancelReservation (5.1), and how a reservation ends.

Theory of operation
    A reservation holds from ReservationMade to ReservationEnded, through restarts and outages. It ends when it is
    cancelled or replaced, at its expiry, when a transaction was started for it, and when what it is for becomes Faulted
    or Unavailable. Which tags it refuses meanwhile, and which connectors report Reserved, follows in
    `station.rules.reservations`.
"""

from collections.abc import Iterator

from eventstore.catalogue.reservations import ReservationEnded, ReservationMade
from eventstore.value import replace
from projections.connector import INOPERATIVE
from projections.station import StationState
from station.core.config_keys import Access, Boolean, ConfigKey
from station.core.feature import TIME, Answer, Deadline, Events, Feature, Reply, Rule
from station.rules.faults import blocking_fault
from station.rules.maintenance_rules import is_out_of_service
from station.rules.reservations import PROFILE, free_connectors, open_on_zero
from station.rules.transaction_rules import is_inoperative
from station.wire.enums import CancelReservationStatus, ChargePointStatus, ReservationStatus
from station.wire.messages.reservation import (
    CancelReservation,
    CancelReservationResponse,
    ReserveNow,
    ReserveNowResponse,
)
from station.wire.primitives import is_blank

EXPIRY = "reservation_expiry"

RESERVE_CONNECTOR_ZERO_SUPPORTED = ConfigKey(
    name="ReserveConnectorZeroSupported",
    kind=Boolean(),
    access=Access.READ_ONLY,
    default=True,
    clause="9.3.1",
    doc="Whether a reservation may be made on connector 0: any connector.",
)


def decide_reserve_now(state: StationState, request: ReserveNow, at_ms: int) -> Reply:
    """Accepted, or why nothing was reserved (7.40); a reservation with the same id is replaced only if Accepted.

    Rejected: no such connector, connector 0 where that is not supported, an expiry that has passed, or an idTag that
    names nobody.
    """
    held = state.reservations.by_id(request.reservation_id)
    status = _judge(_without(state, held), request, at_ms)
    if status is not ReservationStatus.ACCEPTED:
        return Reply(ReserveNowResponse(status=status))
    made = ReservationMade(
        reservation_id=request.reservation_id,
        connector_id=request.connector_id,
        id_tag=request.id_tag,
        parent_id_tag=request.parent_id_tag,
        expiry_utc_ms=request.expiry_date,
    )
    events = (made,) if held is None else (_ended(held, "Replaced"), made)
    return Reply(ReserveNowResponse(status=status), events)


def _without(state: StationState, held: ReservationMade | None) -> StationState:
    """The state as it would be without the reservation that is to be replaced."""
    if held is None:
        return state
    others = tuple(other for other in state.reservations.all if other.reservation_id != held.reservation_id)
    return replace(state, reservations=replace(state.reservations, all=others))


def _judge(state: StationState, request: ReserveNow, at_ms: int) -> ReservationStatus:
    if is_blank(request.id_tag) or not state.connectors.has(request.connector_id):
        return ReservationStatus.REJECTED
    if request.connector_id == 0 and not RESERVE_CONNECTOR_ZERO_SUPPORTED.of(state):
        return ReservationStatus.REJECTED
    if request.expiry_date <= state.clock.utc_ms(at_ms):
        return ReservationStatus.REJECTED
    connector = state.connectors[request.connector_id]
    if blocking_fault(state, connector) is not None:
        return ReservationStatus.FAULTED
    if is_inoperative(connector) or connector.scheduled_availability == INOPERATIVE:
        return ReservationStatus.UNAVAILABLE
    if request.connector_id and connector.transaction_number is None and is_out_of_service(state):
        return ReservationStatus.UNAVAILABLE
    return ReservationStatus.ACCEPTED if _has_room(state, request.connector_id) else ReservationStatus.OCCUPIED


def _has_room(state: StationState, connector_id: int) -> bool:
    """Whether the connector is free (0: any one), and enough stay free for the reservations on connector 0 and for a
    tag that was authorized for the next connector plugged in."""
    free = {connector.connector_id for connector in free_connectors(state)}
    spoken_for = {held.reservation_id for held in open_on_zero(state)}
    waiting = state.connectors.waiting
    wanted = len(spoken_for) + (waiting is not None and waiting.reservation_id not in spoken_for)
    return (connector_id == 0 or connector_id in free) and len(free) > wanted


def decide_cancel_reservation(state: StationState, request: CancelReservation, at_ms: int) -> Reply:
    """Accepted if there is such a reservation, else Rejected (5.1)."""
    held = state.reservations.by_id(request.reservation_id)
    if held is None:
        return Reply(CancelReservationResponse(status=CancelReservationStatus.REJECTED))
    return Reply(
        CancelReservationResponse(status=CancelReservationStatus.ACCEPTED),
        (_ended(held, "Cancelled"),),
    )


def _ended(held: ReservationMade, reason: str) -> ReservationEnded:
    return ReservationEnded(reservation_id=held.reservation_id, connector_id=held.connector_id, reason=reason)


def _end(state: StationState, at_ms: int) -> Events:
    """Ends what does not hold any more: used, expired, or on a connector that is Faulted or Unavailable (5.13)."""
    return [
        _ended(held, reason) for held in state.reservations.all if (reason := _why_over(state, held, at_ms)) is not None
    ]


def _why_over(state: StationState, held: ReservationMade, at_ms: int) -> str | None:
    if held.reservation_id in state.reservations.used:
        return "Used"
    if held.expiry_utc_ms <= state.clock.utc_ms(at_ms):
        return "Expired"
    if not state.connectors.has(held.connector_id):
        return "Unavailable"  # the station has fewer connectors than before
    status = state.connectors[held.connector_id].status
    return status if status in (ChargePointStatus.FAULTED, ChargePointStatus.UNAVAILABLE) else None


def _deadlines(state: StationState) -> Iterator[Deadline]:
    """When each reservation expires, on the station's axis as the clock is believed now."""
    for held in state.reservations.all:
        yield Deadline(due_ms=state.clock.at_ms(held.expiry_utc_ms), name=EXPIRY, key=held.reservation_id)


def _reserve_rejected(request: ReserveNow) -> ReserveNowResponse:
    return ReserveNowResponse(status=ReservationStatus.REJECTED)


def _cancel_rejected(request: CancelReservation) -> CancelReservationResponse:
    return CancelReservationResponse(status=CancelReservationStatus.REJECTED)


FEATURE = Feature(
    name="reservation",
    ocpp_profile=PROFILE,
    answers=(
        Answer(action="ReserveNow", decide=decide_reserve_now),
        Answer(action="CancelReservation", decide=decide_cancel_reservation),
    ),
    rules=(Rule(decide=_end, reads=("clock", "connectors", "reservations", TIME)),),
    deadlines=_deadlines,
    config_keys=(RESERVE_CONNECTOR_ZERO_SUPPORTED,),
    off_answers={"ReserveNow": _reserve_rejected, "CancelReservation": _cancel_rejected},
)
