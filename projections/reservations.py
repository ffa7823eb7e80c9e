"""Reservations that hold (5.13), by their id; they outlive restarts."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.reservations import ReservationEnded, ReservationMade
from eventstore.catalogue.transactions import TransactionStarted
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.clock import Clock


class Reservations(Value, frozen=True, kw_only=True):
    """At most one per connector, and as many on connector 0 as there are connectors to keep free; oldest first.

    `used` are the ids of those that a transaction was started for, until that ends them.
    """

    all: tuple[ReservationMade, ...] = ()
    used: tuple[int, ...] = ()

    def by_id(self, reservation_id: int) -> ReservationMade | None:
        """The reservation of that id."""
        return next((held for held in self.all if held.reservation_id == reservation_id), None)

    def on(self, connector_id: int) -> tuple[ReservationMade, ...]:
        """Those made on exactly this connector (0: on any one)."""
        return tuple(held for held in self.all if held.connector_id == connector_id)


def _on_made(reservations: Reservations, event: ReservationMade, recorded: Recorded, _: Clock) -> Reservations:
    kept = tuple(held for held in reservations.all if held.reservation_id != event.reservation_id)
    return replace(reservations, all=(*kept, event))


def _on_ended(reservations: Reservations, event: ReservationEnded, recorded: Recorded, _: Clock) -> Reservations:
    kept = tuple(held for held in reservations.all if held.reservation_id != event.reservation_id)
    used = tuple(reservation_id for reservation_id in reservations.used if reservation_id != event.reservation_id)
    return replace(reservations, all=kept, used=used)


def _on_started(reservations: Reservations, event: TransactionStarted, recorded: Recorded, _: Clock) -> Reservations:
    # The CSMS may give the id of a used reservation to a new one while that transaction runs: only the start uses it.
    if event.reservation_id is None or reservations.by_id(event.reservation_id) is None:
        return reservations
    return replace(reservations, used=(*reservations.used, event.reservation_id))


FOLDS: Mapping[type[Event], Callable[[Reservations, Any, Recorded, Clock], Reservations]] = {
    ReservationMade: _on_made,
    ReservationEnded: _on_ended,
    TransactionStarted: _on_started,
}
