"""Sessions of browsers that have shown the token: a cookie that no script can read, and a second secret for whoever acts.

A browser cannot bear a token by itself, so the page sends it once and gets a session. Its cookie is HttpOnly and SameSite=Strict: no
script reads it, and no page from elsewhere has it sent along. That is enough to read. Whatever changes something must bear the
session's CSRF token in a header as well, which only the page itself was given; a session that was opened for reading has none.
Sessions are kept in memory: they end with the process, after IDLE_S without a request, and when MAX newer ones are open.
"""

import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable

from eventstore.value import Value

COOKIE = "chargebox_session"
CSRF_HEADER = b"x-csrf-token"
IDLE_S = 12 * 3600.0
MAX = 32


class Session(Value, frozen=True, kw_only=True):
    """One of them; `csrf` is what whoever acts must bear, "" for a session that may read only."""

    csrf: str

    @property
    def may_act(self) -> bool:
        """Whether it has the right to act."""
        return self.csrf != ""


class Sessions:
    """The open sessions. `now_s` is any clock that runs evenly, `draw` gives secrets that nobody can guess."""

    def __init__(self, now_s: Callable[[], float], draw: Callable[[], str]) -> None:
        self._now_s = now_s
        self._draw = draw
        self._open: OrderedDict[str, tuple[Session, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, *, may_act: bool) -> tuple[str, Session]:
        """A new session, and the value of its cookie."""
        value, session = self._draw(), Session(csrf=self._draw() if may_act else "")
        self._open[value] = session, self._now_s()
        while len(self._open) > MAX:
            self._open.popitem(last=False)
        return value, session

    def of(self, headers: Iterable[tuple[bytes, bytes]]) -> Session | None:
        """The session whose cookie is among the headers, if it is open; it is used, so it stays open."""
        found = self._find(headers)
        if found is None:
            return None
        session, _ = self._open[found]
        self._open[found] = session, self._now_s()
        self._open.move_to_end(found)
        return session

    def close(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """End the session whose cookie is among the headers."""
        found = self._find(headers)
        if found is not None:
            del self._open[found]

    def _find(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        for value in _cookies(headers):
            if value in self._open:
                if self._now_s() - self._open[value][1] < IDLE_S:
                    return value
                del self._open[value]
        return None


def bears_csrf(session: Session, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the headers bear the session's CSRF token."""
    given = [value for name, value in headers if name == CSRF_HEADER]
    return session.may_act and len(given) == 1 and hmac.compare_digest(given[0], session.csrf.encode())


def _cookies(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[str]:
    """The values of our cookie (RFC 6265, 4.2)."""
    for name, line in headers:
        for pair in line.split(b";") if name == b"cookie" else ():
            key, _, value = pair.strip().partition(b"=")
            if key.decode("latin-1") == COOKIE:
                yield value.decode("latin-1")
