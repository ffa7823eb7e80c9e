"""Which refused requests are recorded in the log: of each peer one an hour, and a bounded number of them.

The journal has more of them; the log is for years, and whoever knocks must not fill it.
"""

from collections.abc import Callable

EVERY_S = 3600.0
PEERS_MAX = 32


class Reports:
    """The refusals that were recorded of late, by peer. `now_s` is any clock that runs evenly."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._recorded_s: dict[str, float] = {}

    def is_due(self, peer: str) -> bool:
        """Whether a refusal of this peer is to be recorded now; it counts as recorded then."""
        now_s = self._now_s()
        self._recorded_s = {each: at_s for each, at_s in self._recorded_s.items() if now_s - at_s < EVERY_S}
        if peer in self._recorded_s or len(self._recorded_s) >= PEERS_MAX:
            return False
        self._recorded_s[peer] = now_s
        return True
