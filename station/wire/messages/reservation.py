"""Messages of the Reservation profile (fields in OCPP 1.6 section 6)."""

from eventstore.frozen import dataclass
from station.wire.enums import CancelReservationStatus, ReservationStatus
from station.wire.primitives import DateTime, IdToken

__all__ = [
    "CancelReservation",
    "CancelReservationResponse",
    "ReserveNow",
    "ReserveNowResponse",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReservation:
    """CancelReservation.req (6.5)."""

    reservation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReservationResponse:
    """CancelReservation.conf (6.6)."""

    status: CancelReservationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveNow:
    """ReserveNow.req (6.37): connector 0 is any connector."""

    connector_id: int
    expiry_date: DateTime
    id_tag: IdToken
    reservation_id: int
    parent_id_tag: IdToken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveNowResponse:
    """ReserveNow.conf (6.38)."""

    status: ReservationStatus
