"""Reservations that hold (5.13)."""

from eventstore.catalogue.reservations import ReservationEnded, ReservationMade
from eventstore.catalogue.transactions import Moment, TransactionStarted
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.reservations import FOLDS, Reservations

MADE = ReservationMade(reservation_id=7, connector_id=1, id_tag="A", parent_id_tag=None, expiry_utc_ms=9)
ENDED = ReservationEnded(reservation_id=7, connector_id=1, reason="Expired")
STARTED = TransactionStarted(
    connector_id=1,
    number=1,
    id_tag="A",
    parent_id_tag=None,
    meter_start_wh=0,
    started=Moment(at_ms=1, boot=1, utc_ms=1),
    authorized_by="CSMS",
    reservation_id=7,
)


def folded(*events: Event) -> Reservations:
    reservations = Reservations()
    for event in events:
        recorded = Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=event)
        reservations = FOLDS[type(event)](reservations, event, recorded, Clock())
    return reservations


def test_a_reservation_is_found_by_its_id_and_its_connector() -> None:
    other = replace(MADE, reservation_id=8, connector_id=0)
    reservations = folded(MADE, other)
    assert reservations.by_id(7) == MADE
    assert reservations.by_id(9) is None
    assert (reservations.on(1), reservations.on(0), reservations.on(2)) == ((MADE,), (other,), ())


def test_the_same_id_replaces() -> None:
    """5.13."""
    moved = replace(MADE, connector_id=2)
    assert folded(MADE, moved).all == (moved,)


def test_a_reservation_ends_and_is_no_longer_used() -> None:
    assert folded(MADE, STARTED).used == (7,)
    assert folded(MADE, STARTED, ENDED) == Reservations()


def test_a_start_uses_only_what_is_held() -> None:
    assert folded(STARTED).used == ()
    assert folded(MADE, replace(STARTED, reservation_id=None)).used == ()
