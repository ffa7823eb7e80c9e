"""Closing the books: when a segment of the log is full, and its last event."""

import asyncio
from hashlib import sha256

from eventstore.catalogue.lifecycle import BooksClosed
from eventstore.event import Recorded
from eventstore.log import EventLog
from eventstore.value import replace
from projections.digest import STATE_LAYOUT, fingerprint, state_bytes
from projections.station import StationState, evolve
from station.core.retention import needed_seq

LOOK_EVERY = 64  # events between two looks at the size of the file


class Books:
    """Says when the live segment of a log is due to be closed, and closes it once its last event is durable."""

    def __init__(self, log: EventLog, segment_bytes: int) -> None:
        self._log = log
        self._segment_bytes = segment_bytes
        self._look_at_seq = 0
        self._state, self._seq = b"", 0

    async def are_due(self) -> bool:
        """Whether the segment is full; cheap enough to be asked after each event."""
        if self._log.head.seq < self._look_at_seq:
            return False
        self._look_at_seq = self._log.head.seq + LOOK_EVERY
        return await self._log.segment_bytes() >= self._segment_bytes

    async def last_event(self, state: StationState, at_ms: int) -> BooksClosed | None:
        """What closes the segment; None if nothing can be closed now (another process reads the file), so later."""
        if not await self._log.may_close_segment():
            return None
        first_seq = self._log.opening.head.seq + 1
        event, self._state = await asyncio.to_thread(books_closed, state, at_ms, first_seq)
        self._seq = state.seq + 1
        return event

    async def close(self, event: BooksClosed) -> bool:
        """Begin the next segment behind that event, which is the log's head. False if that could not be done now."""
        assert self._log.head.seq == self._seq, "nothing may come between the state and the end of its segment"
        state, self._state = self._state, b""
        return await self._log.close_segment(
            state=state, layout=event.layout, fingerprint=event.fingerprint, owed_seq=event.owed_seq
        )


def books_closed(state: StationState, at_ms: int, first_seq: int) -> tuple[BooksClosed, bytes]:
    """The event that closes a segment, and the bytes of the state that it leaves, which its digest covers.

    No projection reads the event, so the state after it is known before its digest is.
    """
    event = BooksClosed(
        first_seq=first_seq,
        state_digest="",
        layout=STATE_LAYOUT,
        fingerprint=fingerprint(),
        owed_seq=needed_seq(state),
    )
    seq, at_ms = state.seq + 1, max(at_ms, state.at_ms)
    after = evolve(state, Recorded(seq=seq, cause=seq, at_ms=at_ms, utc_ms=state.clock.utc_ms(at_ms), event=event))
    content = state_bytes(after)
    return replace(event, state_digest=sha256(content).hexdigest()), content
