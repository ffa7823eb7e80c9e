"""How fast a CSMS may send: a budget of frames and of bytes that fills up again, and how long it may be exceeded.

What answers a call of ours costs nothing: a queue drains as fast as the CSMS answers. Everything else uses the budget. A CSMS
without budget is read more slowly, by the transport's own back pressure; after a minute of that it floods.

A full local list of 10,000 entries in parts of 1,000 takes some 1.3 MiB; the field sends a few frames a minute.
"""

FRAMES_BURST = 500
FRAMES_PER_S = 50
BYTES_BURST = 1 << 20
BYTES_PER_S = 64 << 10
FLOOD_AFTER_MS = 60_000
"""How long the budget may be overdrawn, without a pause in which it recovers, before the connection is given up."""


class Throttle:
    """The budget of one connection. Times are station time in ms."""

    def __init__(self, at_ms: int) -> None:
        self._at_ms = at_ms
        self._frames = float(FRAMES_BURST)
        self._bytes = float(BYTES_BURST)
        self._overdrawn_since_ms: int | None = None
        self._frames_seen = 0  # since the budget was overdrawn

    @property
    def is_overdrawn(self) -> bool:
        """Whether more has come than the budget allows."""
        return self._overdrawn_since_ms is not None

    def pay(self, size: int, at_ms: int) -> int:
        """Counts a frame of `size` characters; returns how long to wait before the next one is read, in ms."""
        elapsed_s = max(0, at_ms - self._at_ms) / 1000
        self._at_ms = max(at_ms, self._at_ms)
        self._frames = min(FRAMES_BURST, self._frames + elapsed_s * FRAMES_PER_S) - 1
        self._bytes = min(BYTES_BURST, self._bytes + elapsed_s * BYTES_PER_S) - size
        wait_s = max(0.0, -self._frames / FRAMES_PER_S, -self._bytes / BYTES_PER_S)
        if self._frames > FRAMES_BURST / 2 and self._bytes > BYTES_BURST / 2:
            self._overdrawn_since_ms, self._frames_seen = None, 0
        elif wait_s > 0 and self._overdrawn_since_ms is None:
            self._overdrawn_since_ms = at_ms
        self._frames_seen += self.is_overdrawn
        return round(wait_s * 1000)

    def is_flood(self, at_ms: int) -> bool:
        """Whether the budget has been overdrawn for so long that the connection is given up."""
        return self._overdrawn_since_ms is not None and at_ms - self._overdrawn_since_ms >= FLOOD_AFTER_MS

    def give_up(self, at_ms: int) -> tuple[int, int]:
        """How long it lasted in ms and how many frames came meanwhile; asked once, the count begins anew."""
        since_ms = at_ms if self._overdrawn_since_ms is None else self._overdrawn_since_ms
        lasted_ms, frames = at_ms - since_ms, self._frames_seen
        self._overdrawn_since_ms, self._frames_seen = None, 0
        return lasted_ms, frames
