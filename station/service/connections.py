"""One connection of the HTTP service: uvicorn's, with deadlines, a place that it can lose, and errors in JSON.

    waiting for the first byte, or for the next request       IDLE_S, then it is closed silently
    from the first byte to the end of the head                HEAD_S, then 408
    from there to the end of the body                         BODY_S, then 408 (or the end, if the answer was sent)
    an answer that is not taken                               TAKEN_S, then it is cut

No deadline is put off by single bytes.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from station.service.accepting import TOO_MANY
from station.service.answers import BODY_WITHIN_S
from station.service.places import Place, Standing
from station.service.refusals import refusal_bytes

IDLE_S = 5.0
HEAD_S = 10.0
BODY_S = BODY_WITHIN_S + 2.0  # who reads a body has a deadline of its own, and the better words
TAKEN_S = 60.0
LINGER_S = 2.0
"""How long what the peer still sends is thrown away behind a refusal: a reset would take the refusal with it."""
_REFUSAL_LENGTH_MAX = 300


class Connection(H11Protocol):
    """One connection. `leave` is called once it has ended."""

    def __init__(self, config: Config, server_state: ServerState, place: Place, leave: Callable[[Place], None]) -> None:
        super().__init__(config=config, server_state=server_state, app_state={})
        self._place = place
        self._leave = leave
        self._phase: tuple[float, object] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._is_refused = False
        self._is_write_paused = False

    # ---- called by the event loop ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """It has begun."""
        super().connection_made(transport)
        self._place.give_up = self._given_up
        if self._place.is_given_up:
            self._given_up()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._set_deadline(None)
        self._leave(self._place)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came; behind a refusal nothing counts any more."""
        if self._is_refused:
            return
        super().data_received(data)
        self._look()

    def pause_writing(self) -> None:
        """The peer does not take its answer."""
        self._is_write_paused = True
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        """It has taken enough of it."""
        self._is_write_paused = False
        super().resume_writing()
        self._look()

    # ---- called by uvicorn -------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """An answer was written."""
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP, or no HTTP that is served here; called while that error is handled."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        self._refuse(status, f"not HTTP as it is spoken here: {error or msg}")

    def shutdown(self) -> None:
        """The service stops: answers under way may end, all other connections are closed."""
        if self._is_refused:
            self.transport.abort()
        else:
            super().shutdown()

    # ---- what follows from it -----------------------------------------------------------------------------------

    def _look(self) -> None:
        """Where the connection stands now, and how long it may stand there."""
        standing, within_s = self._standing()
        phase = within_s, (self.cycle, standing)
        if phase == self._phase:
            return
        self._phase = phase
        self._place.standing, self._place.since_s = standing, self.loop.time()
        self._set_deadline(within_s)

    def _standing(self) -> tuple[Standing, float]:
        """What it is doing, and for how many seconds it may; 0: as long as it takes."""
        cycle: Any = self.cycle  # None until the first request
        is_answering = cycle is not None and not cycle.response_complete
        if self._is_refused:
            return Standing.ENDING, LINGER_S
        if self.transport.is_closing():
            return Standing.ENDING, IDLE_S
        if self._is_in_body():
            return Standing.WAITING, BODY_S
        if self._is_write_paused:
            return Standing.TAKING, TAKEN_S
        if is_answering:
            return Standing.SERVED, 0
        return Standing.WAITING, HEAD_S if self.conn.trailing_data[0] else IDLE_S

    def _set_deadline(self, within_s: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if within_s:
            self._deadline = self.loop.call_later(within_s, self._too_late)

    def _too_late(self) -> None:
        self._deadline = None
        if self._place.standing in (Standing.ENDING, Standing.TAKING):
            self.transport.abort()
        elif self._is_in_body():
            self._refuse(408, f"the body did not come within {BODY_WITHIN_S} s")
        elif self.conn.trailing_data[0]:
            self._refuse(408, f"the head of the request did not come within {HEAD_S:g} s")
        else:
            self.transport.close()
            self._look()

    def _given_up(self) -> None:
        """Others need the place."""
        if self._place.standing is Standing.WAITING and (self._is_in_body() or self.conn.trailing_data[0]):
            self._refuse(503, TOO_MANY)
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _is_in_body(self) -> bool:
        """Whether the head of a request came, and not all of its body."""
        return self.conn.their_state is h11.SEND_BODY

    def _refuse(self, status: int, text: str) -> None:
        """Send a last answer on this connection, unless an answer is under way: then it is cut."""
        if self._is_refused or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        cycle: Any = self.cycle
        is_answering = cycle is not None and not cycle.response_complete
        self._is_refused = True
        if cycle is not None:
            cycle.disconnected = True  # the peer is gone: what the application still sends is dropped
            cycle.message_event.set()
        if is_answering and cycle.response_started:
            self.transport.abort()
        else:
            self.flow.resume_reading()
            self.transport.write(refusal_bytes(status, text[:_REFUSAL_LENGTH_MAX]))
            self.transport.write_eof()
        self._look()
