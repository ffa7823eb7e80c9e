"""Places for connections: so many for this machine, so many for all others, so many for one peer. Pure.

Theory of operation
    Whoever comes takes a place. When there is none left, somebody who says nothing gives up theirs: first those whose answer
    is sent, then those without a complete request, then those that do not take their answer; among equals the one that has
    been so for longest, and whoever came less than YOUNG_S ago after all others, since they may be about to send. Who is
    being served is never sent away. So a thousand silent connections cost each other their places, and a request finds one.

    This machine has places of its own, which nobody from elsewhere can take. A peer from elsewhere that holds as many as one
    peer may hold gives up its own. Where this machine floods itself, nobody young is sent away at all, or an honest request
    would never be read; the newcomer waits a moment instead.

    The number of places follows the limit on file descriptors, DESCRIPTORS_KEPT of which are for the log, its witness, the
    link, transfers and files.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from eventstore.value import Value

PLACES_MAX = 128
PEER_MAX = 16
DESCRIPTORS_KEPT = 128
YOUNG_S = 0.02


class Standing(IntEnum):
    """What a connection is doing; the lower, the sooner it is given up."""

    ENDING = 0
    WAITING = 1
    """For a request, its head or its body."""
    TAKING = 2
    """Or not taking its answer."""
    SERVED = 3


def _nothing() -> None:
    """No connection has this place yet."""


@dataclass(eq=False, slots=True, kw_only=True)
class Place:
    """One connection's place: whose it is since when, what it does since when, and how it is given up."""

    peer: str
    is_here: bool
    taken_s: float
    since_s: float
    standing: Standing = Standing.WAITING
    is_given_up: bool = False
    give_up: Callable[[], None] = _nothing


class Full(Value, frozen=True, kw_only=True):
    """There is no place; `wait_s` is the time after which there may be one, None if the new connection must be closed."""

    wait_s: float | None = None


class Places:
    """Who holds a place. `descriptors` tells how many file descriptors the process may have."""

    def __init__(self, descriptors: Callable[[], int]) -> None:
        self._descriptors = descriptors
        self._held: dict[Place, None] = {}

    def __len__(self) -> int:
        return len(self._held)

    def total(self) -> int:
        """How many places there are."""
        limit = self._descriptors()
        return max(2, min(PLACES_MAX, max(limit - DESCRIPTORS_KEPT, limit // 4)))

    def take(self, peer: str, *, is_here: bool, now_s: float) -> Place | Full:
        """A place for a newcomer, for which another one may have been given up."""
        half = self.total() // 2
        alike = [place for place in self._held if place.is_here == is_here]
        full: list[Place] = []
        if is_here:
            full = alike if len(alike) >= half else []
        else:
            own = [place for place in alike if place.peer == peer]
            if len(own) >= min(PEER_MAX, max(1, half // 2)):
                full = own
            elif len(alike) >= half:
                full = alike
        if full:
            victim = _first_to_go(full, now_s)
            if is_here and (victim is None or _is_young(victim, now_s)):
                return Full(wait_s=YOUNG_S if victim is None else YOUNG_S - (now_s - victim.taken_s))
            if victim is None:
                return Full()
            self._give_up(victim)
        place = Place(peer=peer, is_here=is_here, taken_s=now_s, since_s=now_s)
        self._held[place] = None
        return place

    def give_up_one(self, now_s: float) -> None:
        """Close one connection that is not being served: a file descriptor is needed."""
        victim = _first_to_go(list(self._held), now_s)
        if victim is not None:
            self._give_up(victim)

    def leave(self, place: Place) -> None:
        """The connection has ended."""
        self._held.pop(place, None)

    def _give_up(self, place: Place) -> None:
        self.leave(place)
        place.is_given_up = True
        place.give_up()


def _first_to_go(places: list[Place], now_s: float) -> Place | None:
    """The first to close, of the peer that holds most of these; None if all are being served."""
    counts = Counter(place.peer for place in places)

    def order(place: Place) -> tuple[int, bool, Standing, float]:
        return -counts[place.peer], _is_young(place, now_s), place.standing, place.since_s

    return min((place for place in places if place.standing is not Standing.SERVED), key=order, default=None)


def _is_young(place: Place, now_s: float) -> bool:
    """Whether they may be about to send."""
    return place.standing is not Standing.ENDING and now_s - place.taken_s < YOUNG_S
