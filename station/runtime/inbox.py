"""What waits for the loop: observations in order, bounded for each kind, and nothing lost without a word.

A disk that hangs, or a contact that bounces, must not make the station forget something else. So the bound is on each kind
of observation at each place (connector, error code) by itself, and what goes is the oldest of that kind: what comes after
it says the present. How many went is a fact for the log. Frames are never dropped: the link reads on only while there is
room for them (OCPP-J knows no lost frame).
"""

from collections import Counter, deque

from eventstore.catalogue.link import FrameReceived, FrameRefused
from eventstore.event import Observation

EACH_MAX = 64
"""Observations of one kind at one place that wait at the most."""
FRAMES_MAX = 64
"""Frames that wait before the link reads no further."""
_FRAMES = (FrameReceived, FrameRefused)

_Key = tuple[type[Observation], int | None, str]


class Inbox:
    """A queue of observations; its user takes them out in order."""

    def __init__(self) -> None:
        self._waiting: deque[Observation] = deque()
        self._counts: Counter[_Key] = Counter()
        self._frames = 0
        self._dropped: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, observation: Observation) -> bool:
        """Appends an observation; returns False if the oldest of its kind had to go for it."""
        self._waiting.append(observation)
        if isinstance(observation, _FRAMES):
            self._frames += 1
            return True
        key = _key(observation)
        self._counts[key] += 1
        if self._counts[key] <= EACH_MAX:
            return True
        self._waiting.remove(next(waiting for waiting in self._waiting if _key(waiting) == key))
        self._counts[key] -= 1
        self._dropped[key[0].NAME] += 1
        return False

    def put_first(self, observation: Observation) -> None:
        """Puts an observation of the loop's own before all that waits."""
        self._waiting.appendleft(observation)
        self._counts[_key(observation)] += 1

    def take(self) -> Observation:
        """The next observation, which waits no longer. Raises IndexError if there is none."""
        observation = self._waiting.popleft()
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

    def take_dropped(self) -> dict[str, int]:
        """How many of which kind had to go since this was last asked."""
        dropped, self._dropped = dict(self._dropped), Counter()
        return dropped


def _key(observation: Observation) -> _Key:
    connector_id = getattr(observation, "connector_id", None)
    return type(observation), connector_id, getattr(observation, "error_code", "")
