"""Logging in with a browser, where the service asks for a token.

    GET    /api/session    whether a login is needed, whether the session may act, and its CSRF token
    POST   /api/session    with a token as any request bears it: opens a session and sets its cookie; `may_act` false: to read only
    DELETE /api/session    ends it

Wrong tokens are refused at the gate, like everywhere. A token that may only read opens sessions that may only read. Reading and acting are separate rights of a session (`sessions`).
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.kinds import Flag
from station.service.answers import json_response, read_document
from station.service.bodies import BodyMember
from station.service.gate import MAY_ACT
from station.service.sessions import COOKIE, IDLE_S, Session, Sessions

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
        if self._sessions is None:
            return _told(login=False, session=None, may_act=True)
        session = self._sessions.of(request.headers.raw)
        return _told(login=session is None, session=session, may_act=session is not None and session.may_act)

    async def open(self, request: Request) -> Response:
        """Who bears a token is let through to here; so is a session, which may open one like itself."""
        body = await read_document(request, SESSION)
        if self._sessions is None:
            return _told(login=False, session=None, may_act=True)
        value, session = self._sessions.open(may_act=body["may_act"] and bool(request.scope.get(MAY_ACT)))
        response = _told(login=False, session=session, may_act=session.may_act)
        response.headers["set-cookie"] = f"{COOKIE}={value}; Max-Age={IDLE_S:.0f}; {_ATTRIBUTES}"
        return response

    async def close(self, request: Request) -> Response:
        """The cookie goes as well."""
        if self._sessions is not None:
            self._sessions.close(request.headers.raw)
        response = _told(login=self._sessions is not None, session=None, may_act=self._sessions is None)
        response.headers["set-cookie"] = f"{COOKIE}=; Max-Age=0; {_ATTRIBUTES}"
        return response


def _told(*, login: bool, session: Session | None, may_act: bool) -> Response:
    told = {"login": login, "may_act": may_act, "csrf": None if session is None else session.csrf}
    response = json_response(told)
    response.headers["cache-control"] = "no-store"
    return response
