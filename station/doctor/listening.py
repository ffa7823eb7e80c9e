"""The address of the HTTP service: ours to take, or held by a daemon that answers."""

import http.client
import json

from station.doctor.findings import Finding, fault, ok
from station.service.access import read_token
from station.service.server import AddressTaken, ListenError, bind
from station.settings.loading import Settings, SettingsError

SUBJECT = "service"
TIMEOUT_S = 3
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # not bound here: where to knock when the daemon listens everywhere


def listening_finding(settings: Settings, *, running: bool) -> Finding:
    """Whether the daemon that runs answers, or the one that will run can listen."""
    if settings.service.address is None:
        return ok(SUBJECT, "switched off")
    if running:
        return _answers(settings)
    try:
        listener = bind(settings)
    except AddressTaken as error:
        return fault(SUBJECT, str(error), "end that process, or choose another [service] listen")
    except ListenError as error:
        return fault(SUBJECT, str(error), "[service] listen must be an address of this machine")
    except SettingsError as error:
        return fault(SUBJECT, str(error), "see the keys above")
    if listener is not None:
        listener.close()
    return ok(SUBJECT, f"{settings.service.listen} is free")


def _answers(settings: Settings) -> Finding:
    assert settings.service.address is not None, "asked only when it is on"
    host, port = settings.service.address
    listen = settings.service.listen
    try:
        token = read_token(settings)
        connection = http.client.HTTPConnection(ANY.get(host, host), port, timeout=TIMEOUT_S)
        headers = {} if token is None else {"authorization": f"Bearer {token.decode()}"}
        connection.request("GET", "/healthz", headers=headers)
        response = connection.getresponse()
        said = response.read(4096)
        connection.close()
    except (OSError, http.client.HTTPException, SettingsError) as error:
        advice = "was [service] listen changed since the daemon was started? Else look at its log"
        return fault(SUBJECT, f"a daemon runs, and does not answer on {listen}: {error}", advice)
    if response.status == 200:
        return ok(SUBJECT, f"the running daemon answers on {listen}: it is well")
    return fault(SUBJECT, f"the running daemon says on {listen}: {response.status} {_reason(said)}", "look at its log")


def _reason(said: bytes) -> str:
    try:
        return str(json.loads(said)["error"])
    except (ValueError, KeyError, TypeError):
        return said.decode(errors="replace")[:200]
