"""Messages of the Reservation profile (fields in OCPP 1.6 section 6)."""

from eventstore.value import Value
from station.wire.enums import CancelReservationStatus, ReservationStatus
from station.wire.primitives import DateTime, IdToken

__all__ = [
    "CancelReservation",
    "CancelReservationResponse",
    "ReserveNow",
    "ReserveNowResponse",
]


class CancelReservation(Value, frozen=True, kw_only=True):
    """CancelReservation.req (6.5)."""

    reservation_id: int


class CancelReservationResponse(Value, frozen=True, kw_only=True):
    """CancelReservation.conf (6.6)."""

    status: CancelReservationStatus


class ReserveNow(Value, frozen=True, kw_only=True):
    """ReserveNow.req (6.37): connector 0 is any connector."""

    connector_id: int
    expiry_date: DateTime
    id_tag: IdToken
    reservation_id: int
    parent_id_tag: IdToken | None = None


class ReserveNowResponse(Value, frozen=True, kw_only=True):
    """ReserveNow.conf (6.38)."""

    status: ReservationStatus
