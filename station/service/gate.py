"""The gate in front of the application: refuses requests that may not ask, and never sends a stack trace."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventstore.seldom import Seldom
from station.service.access import OPEN, SAFE, SESSION, Denial, Tokens, acts, denial, may_act
from station.service.answers import error_response
from station.service.attempts import HELD_S, Attempts
from station.service.peers import peer_of
from station.service.reports import Reports
from station.service.sessions import Session, Sessions, bears_csrf

LOGGER = logging.getLogger(__name__)

METHODS = "GET, HEAD, POST, PUT, DELETE"
PREFLIGHT_S = 600
OPEN_TO_ALL = frozenset({"/", SESSION})
MAY_ACT = "chargebox.may_act"
"""In the scope of a request that was let through: whether it comes with the right to act."""
PAGE_FILES = "/page/"
_Headers = list[tuple[bytes, bytes]]


class Gate:
    """Outermost. `tokens` are what a request must bear one of, `origins` are the pages that may ask from a browser.

    `report` is called with the peer and the reason of a refusal that is to be recorded. With `sessions`, browsers may log in.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens = OPEN,
        origins: Iterable[str] = (),
        report: Callable[[str, str], object] = lambda peer, reason: None,
        sessions: Sessions | None = None,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._tokens = tokens
        self._origins = frozenset(origin.encode() for origin in origins)
        self._attempts = Attempts(lambda: asyncio.get_running_loop().time())
        self._report = report
        self._reports = Reports(lambda: asyncio.get_running_loop().time())
        self._refusals = Seldom(LOGGER, logging.WARNING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        started = False
        granted = self._granted(scope.get("headers", ()))

        async def forward(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *granted]}
            await send(message)

        try:
            await (await self._chosen(scope, granted))(scope, receive, forward)
        except (
            asyncio.CancelledError
        ):  # the server stops and gives up waiting, or the station has ended under the request
            if not started:
                await error_response(503, "the station is stopping")(scope, receive, send)
        except Exception:
            LOGGER.exception("a bug of the service: %s %s", scope.get("method"), scope.get("path"))
            if not started:
                await error_response(500, "internal error; the station's own log says more")(scope, receive, send)

    async def _chosen(self, scope: Scope, granted: _Headers) -> ASGIApp:
        """What answers the request: the application, a refusal, or leave for a page of an allowed origin to ask."""
        headers = scope.get("headers", ())
        is_preflight = scope.get("method") == "OPTIONS" and any(
            name == b"access-control-request-method" for name, _ in headers
        )
        if granted and is_preflight:
            return Response(status_code=204, headers=_PREFLIGHT)
        host = (scope.get("client") or ("unknown", 0))[0]
        peer, is_here = peer_of(host)
        if not is_here and self._attempts.is_busy_with(peer):
            return _come_back_later()
        port = (scope.get("server") or ("", None))[1]
        found = self._denial(scope, headers, port)
        if found is None:
            return self._app
        self._refusals.say(f"a request to the HTTP service from {host} is refused: {found.text}")
        if self._reports.is_due(peer):
            self._report(peer, found.text)
        if found.is_guess and self._attempts.note(peer):
            if self._attempts.is_busy_with(peer):
                return _come_back_later()
            await self._attempts.hold(peer)
        return error_response(found.status, found.text, {"www-authenticate": "Bearer"} if found.status == 401 else None)

    def _denial(self, scope: Scope, headers: _Headers, port: int | None) -> Denial | None:
        """What bears no token may be the page itself, which holds nothing secret, or belong to the session of a browser.

        A request that is let through knows whether it comes with the right to act (`MAY_ACT`).
        """
        method: str = scope.get("method", "GET")
        path: str = scope.get("path", "")
        if self._sessions is not None and not any(name == b"authorization" for name, _ in headers):
            if method in SAFE and (path in OPEN_TO_ALL or path.startswith(PAGE_FILES)):
                return None
            session = self._sessions.of(headers)
            if session is not None:
                scope[MAY_ACT] = session.may_act
                return _denied_to(session, headers, method, path)
        scope[MAY_ACT] = may_act(headers, self._tokens)
        return denial(headers, self._tokens, method=method, path=path, port=port, origins=self._origins)

    def _granted(self, headers: Iterable[tuple[bytes, bytes]]) -> _Headers:
        """The headers by which a browser lets the page that it shows read the answer (Fetch, 3.2.3); none for other origins."""
        for name, value in headers:
            if name == b"origin" and value.lower() in self._origins:
                return [(b"access-control-allow-origin", value), (b"vary", b"origin")]
        return []


def _denied_to(session: Session, headers: _Headers, method: str, path: str) -> Denial | None:
    """A browser that only looks has no second secret to send; nobody else's page can make it send the cookie."""
    if not acts(method, path) and method in SAFE:
        return None
    if session.may_act if method in SAFE else bears_csrf(session, headers):
        return None
    if path == SESSION and not session.may_act:
        return None
    return Denial(status=403, text="this session may not act, or X-CSRF-Token is wrong")


def _come_back_later() -> Response:
    return error_response(429, "too many wrong tokens come from this address", {"retry-after": f"{HELD_S:.0f}"})


_PREFLIGHT = {
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": str(PREFLIGHT_S),
}
