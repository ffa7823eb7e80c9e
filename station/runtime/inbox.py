"""What waits for the loop: observations in order, in fair turns, bounded for each kind, and nothing lost silently.

What the link brings waits in a lane of its own, in its order; the board, the service and the station's own chores share the
other. The lanes take turns, so a CSMS that sends without pause holds up no edge of the board and no control, and neither
do they hold up an answer of the CSMS. What the loop itself submits goes first.

A disk that hangs, or a contact that bounces, must not make the station forget something else. So the bound is on each kind
of observation at each place (connector, error code, source) by itself, and what goes is the oldest of that kind: what comes after
it says the present. How many went is a fact for the log. Frames are never dropped: the link reads on only while there is
room for them (OCPP-J knows no lost frame).
"""

from collections import Counter, deque
from collections.abc import Sequence

from eventstore.catalogue.link import ConnectFailed, FrameReceived, FrameRefused, LinkClosed, LinkOpened
from eventstore.event import Observation
from eventstore.value import Value

EACH_MAX = 64
"""Observations of one kind at one place that wait at the most."""
FRAMES_MAX = 64
"""Frames that wait before the link reads no further."""
REACTIONS_MAX = 256
"""Observations behind one's own that a waiter takes for its reactions."""
_FRAMES = (FrameReceived, FrameRefused)
_OF_LINK = (*_FRAMES, LinkOpened, LinkClosed, ConnectFailed)

_Key = tuple[type[Observation], int | None, str]


class Ticket(Value, frozen=True, kw_only=True):
    """How many observations of each lane must have been taken."""

    placed: int
    link_placed: int


class Inbox:
    """A queue of observations in two lanes; its user takes them out in turns.

    `placed` and `taken` count what has gone into and out of the lane of board and service, `link_placed` and `link_taken`
    the same of the link's.
    """

    def __init__(self) -> None:
        self.placed = 0
        self.taken = 0
        self.link_placed = 0
        self.link_taken = 0
        self._first: deque[Observation] = deque()
        self._of_link: deque[Observation] = deque()
        self._of_others: deque[Observation] = deque()
        self._last: Observation | None = None
        self._is_links_turn = False
        self._counts: Counter[_Key] = Counter()
        self._frames = 0
        self._dropped: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._first or self._of_link or self._of_others or self._last)

    def put(self, observation: Observation) -> bool:
        """Appends an observation to its lane; returns False if the oldest of its kind had to go for it."""
        if isinstance(observation, _OF_LINK):
            self._of_link.append(observation)
            self.link_placed += 1
        else:
            self._of_others.append(observation)
            self.placed += 1
        if isinstance(observation, _FRAMES):
            self._frames += 1
            return True
        key = _key(observation)
        self._counts[key] += 1
        if self._counts[key] <= EACH_MAX:
            return True
        self._drop_oldest(key)
        return False

    def _drop_oldest(self, key: _Key) -> None:
        lane = self._of_link if issubclass(key[0], _OF_LINK) else self._of_others
        lane.remove(next(waiting for waiting in lane if _key(waiting) == key))
        if lane is self._of_others:
            self.taken += 1
        else:
            self.link_taken += 1
        self._counts[key] -= 1
        self._dropped[key[0].NAME] += 1

    def put_first(self, observation: Observation) -> None:
        """Puts an observation of the loop's own before all that waits."""
        self._first.append(observation)

    def put_last(self, observation: Observation) -> None:
        """Puts the last observation of the process behind all that waits in both lanes."""
        self._last = observation
        self.placed += 1

    def take(self) -> Observation:
        """Take the next observation out. Raises IndexError if there is none."""
        if self._first:
            return self._first.popleft()
        if self._last is not None and not self._of_link and not self._of_others:
            last, self._last = self._last, None
            self.taken += 1
            return last
        from_link = bool(self._of_link) and (self._is_links_turn or not self._of_others)
        self._is_links_turn = not from_link
        if from_link:
            observation = self._of_link.popleft()
            self.link_taken += 1
        else:
            observation = self._of_others.popleft()
            self.taken += 1
        if isinstance(observation, _FRAMES):
            self._frames -= 1
            return observation
        key = _key(observation)
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]
        return observation

    def has_room_for_frames(self) -> bool:
        """Whether the link may read on."""
        return self._frames < FRAMES_MAX

    def ticket(self, observations: Sequence[Observation] = ()) -> Ticket:
        """For who waits until these, which have just been put, are taken, and what board and service had put before."""
        is_of_link = any(isinstance(observation, _OF_LINK) for observation in observations)
        return Ticket(placed=self.placed, link_placed=self.link_placed if is_of_link else 0)

    def is_settled(self, ticket: Ticket) -> bool:
        """Whether all that the ticket stands for has been taken.

        And what that led to, which stands behind it: the lock that moved, the contactor that closed. But whoever waits does
        not wait for ever while others go on putting.
        """
        if self.link_taken < ticket.link_placed:
            return False
        goes_on = self.taken >= ticket.placed + REACTIONS_MAX
        return goes_on or (self.taken >= ticket.placed and self.taken == self.placed)

    def take_dropped(self) -> dict[str, int]:
        """How many of which kind had to go since this was last asked."""
        if not self._dropped:  # as in nearly every round
            return {}
        dropped, self._dropped = dict(self._dropped), Counter()
        return dropped


def _key(observation: Observation) -> _Key:
    connector_id = getattr(observation, "connector_id", None)
    return type(observation), connector_id, getattr(observation, "error_code", "") or getattr(observation, "source", "")
