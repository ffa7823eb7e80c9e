"""Logging in with a browser, where the service asks for a token.

    GET    /api/session    whether a login is needed, and the session's CSRF token
    POST   /api/session    with the token as any request bears it: opens a session and sets its cookie; `may_act` false: to read only
    DELETE /api/session    ends it

Wrong tokens are refused at the gate, like everywhere. Reading and acting are separate rights of a session (`sessions`).
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.kinds import Flag
from station.service.answers import json_response, read_document
from station.service.bodies import BodyMember
from station.service.sessions import COOKIE, IDLE_S, Sessions

SESSION = {"may_act": BodyMember(kind=Flag(), default=True)}
_ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict"


class Login:
    """The endpoint; `sessions` is None where the service asks for no token."""

    def __init__(self, sessions: Sessions | None) -> None:
        self._sessions = sessions

    def routes(self) -> list[Route]:
        """Its routes."""
        return [
            Route("/api/session", self.show),
            Route("/api/session", self.open, methods=["POST"]),
            Route("/api/session", self.close, methods=["DELETE"]),
        ]

    async def show(self, request: Request) -> Response:
        """Anybody may ask."""
        session = None if self._sessions is None else self._sessions.of(request.headers.raw)
        needed = self._sessions is not None and session is None
        return _fresh(json_response({"login": needed, "csrf": None if session is None else session.csrf}))

    async def open(self, request: Request) -> Response:
        """Who bears the token is let through to here."""
        body = await read_document(request, SESSION)
        if self._sessions is None:
            return _fresh(json_response({"login": False, "csrf": None}))
        value, session = self._sessions.open(may_act=body["may_act"])
        response = _fresh(json_response({"login": False, "csrf": session.csrf}))
        response.headers["set-cookie"] = f"{COOKIE}={value}; Max-Age={IDLE_S:.0f}; {_ATTRIBUTES}"
        return response

    async def close(self, request: Request) -> Response:
        """The cookie goes as well."""
        if self._sessions is not None:
            self._sessions.close(request.headers.raw)
        response = _fresh(json_response({"login": self._sessions is not None, "csrf": None}))
        response.headers["set-cookie"] = f"{COOKIE}=; Max-Age=0; {_ATTRIBUTES}"
        return response


def _fresh(response: Response) -> Response:
    response.headers["cache-control"] = "no-store"
    return response
