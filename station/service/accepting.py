"""Connections are accepted here, a few at a time, each on a place of its own; without a free place it is closed at once.

The event loop's own server would accept without a limit, and stop listening for a second when descriptors run out.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from eventstore.seldom import Seldom
from station.service.peers import peer_of
from station.service.places import Place, Places
from station.service.refusals import refusal_bytes

LOGGER = logging.getLogger(__name__)

ACCEPTS_AT_ONCE = 16
"""Then whoever else wants the event loop has a turn."""
PAUSE_S = 0.1
"""Without a file descriptor."""
IN_HAND_S = 1.5
"""So long a newcomer from this machine waits for a place, and all behind them; then they are sent away."""
TOO_MANY = "too many connections are open"
_BROKEN = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSOCK, errno.EOPNOTSUPP})


class Acceptor:
    """Accepts on one listening socket. `begin` is called with each connection that has found a place."""

    def __init__(self, listening: socket.socket, places: Places, begin: Callable[[socket.socket, Place], None]) -> None:
        self._listening = listening
        self._places = places
        self._begin = begin
        self._loop = asyncio.get_running_loop()
        self._in_hand: tuple[socket.socket, str, float] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._crowded = Seldom(LOGGER, logging.WARNING)
        self._shortage = Seldom(LOGGER, logging.WARNING)
        self.broken: asyncio.Future[None] = self._loop.create_future()
        """Raises what is wrong with the listening socket, should nothing come from it any more."""

    def open(self) -> None:
        """Accept from now on."""
        self._loop.add_reader(self._listening, self._accept)

    def close(self) -> None:
        """Accept no more; the listening socket stays as it is."""
        self._loop.remove_reader(self._listening)
        if self._pause is not None:
            self._pause.cancel()
        if self._in_hand is not None:
            self._in_hand[0].close()
            self._in_hand = None

    def _accept(self) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                connection, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._failed(error)
                return
            connection.setblocking(False)
            if not self._seated(connection, str(address[0]), self._loop.time()):
                return

    def _seated(self, connection: socket.socket, host: str, since_s: float) -> bool:
        """Returns False if it must wait; nothing else is accepted meanwhile."""
        peer, is_here = peer_of(host)
        now_s = self._loop.time()
        place = self._places.take(peer, is_here=is_here, now_s=now_s)
        if isinstance(place, Place):
            self._begin(connection, place)
            return True
        self._crowded.say(f"too many connections to the HTTP service: some are closed at once, the last from {host}")
        if place.wait_s is None or now_s - since_s >= IN_HAND_S:
            _send_away(connection)
            return True
        self._in_hand = connection, host, since_s
        self._wait(place.wait_s)
        return False

    def _wait(self, wait_s: float) -> None:
        self._loop.remove_reader(self._listening)
        self._pause = self._loop.call_later(wait_s, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        in_hand, self._in_hand = self._in_hand, None
        if in_hand is None or self._seated(*in_hand):
            self.open()

    def _failed(self, error: OSError) -> None:
        if error.errno in _BROKEN:
            self._loop.remove_reader(self._listening)
            self.broken.set_exception(error)
            return
        self._shortage.say(f"no connection can be accepted by the HTTP service now: {error.strerror}")
        self._places.give_up_one(self._loop.time())
        self._wait(PAUSE_S)


def _send_away(connection: socket.socket) -> None:
    try:
        connection.send(refusal_bytes(503, TOO_MANY))
    except OSError:
        pass  # it is gone already, or takes nothing
    finally:
        connection.close()
