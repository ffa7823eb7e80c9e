"""Reservations (5.13, 5.1)."""

from typing import ClassVar

from eventstore.event import Decision


class ReservationMade(Decision, frozen=True, kw_only=True):
    """A connector (0: any one) is kept for a tag or its group until `expiry_utc_ms`."""

    NAME: ClassVar[str] = "ReservationMade"

    reservation_id: int
    connector_id: int
    id_tag: str
    parent_id_tag: str | None
    expiry_utc_ms: int


class ReservationEnded(Decision, frozen=True, kw_only=True):
    """A reservation is gone: "Used", "Cancelled", "Expired", "Replaced", "Faulted" or "Unavailable"."""

    NAME: ClassVar[str] = "ReservationEnded"

    reservation_id: int
    connector_id: int
    reason: str
