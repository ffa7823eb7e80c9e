"""The way to the CSMS, step by step: name, TCP, TLS, WebSocket with its subprotocol.

A step that another time may succeed (nobody answers) is a warning, since the station charges without the CSMS and tries for ever;
one that only somebody's hands can change (certificate, password, path, subprotocol) is a fault. The last step is left out while a
daemon runs: many CSMS close the older of two connections of one identity.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from station.doctor.findings import Finding, fault, ok, warning
from station.runtime.link import SUBPROTOCOL
from station.runtime.secrets import basic_credentials
from station.runtime.tls import tls_context
from station.settings import Settings, SettingsError, read_authorization_key

SUBJECT = "csms"
TIMEOUT_S = 5.0
LATER = "the station charges without it and keeps trying; check the network and [csms] url"
_HTTP_ADVICE = {
    401: "the CSMS refuses the Basic password: [csms] authorization_key_file and security_profile",
    403: "the CSMS refuses this identity or password",
    404: "the CSMS does not know this path or identity: [csms] url, [station] identity",
}


async def csms_findings(settings: Settings, *, running: bool, timeout_s: float = TIMEOUT_S) -> AsyncIterator[Finding]:
    """A finding for each step, up to the first that fails."""
    parts = urlsplit(settings.csms.url)
    host, is_tls = parts.hostname or "", parts.scheme == "wss"
    port = parts.port or (443 if is_tls else 80)
    try:
        addresses = await asyncio.wait_for(_addresses(host, port), timeout_s)
        if addresses != [host]:
            yield ok(SUBJECT, f"{host} is {', '.join(addresses)}")
        await asyncio.wait_for(_connect(host, port, None), timeout_s)
        yield ok(SUBJECT, f"port {port} answers")
    except TimeoutError:
        yield warning(SUBJECT, f"{host}:{port} does not answer within {timeout_s:g} s", LATER)
        return
    except OSError as error:
        yield warning(SUBJECT, f"{host}:{port} cannot be reached: {error.strerror or error}", LATER)
        return
    if is_tls:
        finding = await _tls(settings, host, port, timeout_s)
        yield finding
        if finding.advice:
            return
    if running:
        yield ok(
            SUBJECT, "WebSocket not tried: the daemon that runs is connected, or trying to be, under this identity"
        )
        return
    yield await _websocket(settings, timeout_s)


async def _addresses(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _connect(host: str, port: int, tls: ssl.SSLContext | None) -> str:
    """Open and close a connection; the TLS version. Raises OSError."""
    _, writer = await asyncio.open_connection(host, port, ssl=tls)
    transport = writer.get_extra_info("ssl_object")
    version = "" if transport is None else str(transport.version())
    writer.transport.abort()
    return version


async def _tls(settings: Settings, host: str, port: int, timeout_s: float) -> Finding:
    try:
        version = await asyncio.wait_for(_connect(host, port, tls_context(settings)), timeout_s)
    except TimeoutError:
        return warning(SUBJECT, f"TLS is not answered within {timeout_s:g} s", LATER)
    except SettingsError as error:
        return fault(SUBJECT, f"TLS is not tried: {error}", "see the certificates above")
    except ssl.SSLCertVerificationError as error:
        advice = "[csms] ca_file must hold the CSMS's trust anchor, its url the certificate's name; is the clock right?"
        return fault(SUBJECT, f"its certificate is not accepted: {error.verify_message}", advice)
    except ssl.SSLError as error:
        return fault(
            SUBJECT, f"TLS fails: {error.reason or error}", "TLS 1.2 or newer; profile 3 needs a client certificate"
        )
    except OSError as error:
        return fault(SUBJECT, f"TLS fails: {error.strerror or error}", "is this the CSMS's TLS port?")
    return ok(SUBJECT, f"{version}, its certificate is accepted")


async def _websocket(settings: Settings, timeout_s: float) -> Finding:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus
    from websockets.typing import Subprotocol

    try:
        async with connect(
            settings.connection_url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers=_headers(settings),
            open_timeout=timeout_s,
            close_timeout=timeout_s,
            ping_interval=None,
            compression=None,
            proxy=None,
            user_agent_header="chargebox doctor",
            ssl=tls_context(settings) if settings.csms.url.startswith("wss:") else None,
        ) as opened:
            selected = opened.subprotocol
    except InvalidStatus as error:
        status = error.response.status_code
        return fault(SUBJECT, f"the WebSocket is refused: HTTP {status}", _HTTP_ADVICE.get(status, "ask its operator"))
    except InvalidMessage as error:
        return fault(SUBJECT, f"no HTTP server answers: {error.__cause__ or error}", "is this the CSMS's port?")
    except InvalidHandshake as error:
        return fault(SUBJECT, f"the WebSocket is refused: {error}", "it must speak OCPP-J 1.6 (subprotocol ocpp1.6)")
    except (OSError, TimeoutError, SettingsError) as error:
        return warning(SUBJECT, f"the WebSocket is not opened: {str(error) or 'no answer'}", LATER)
    if selected != SUBPROTOCOL:
        advice = "OCPP-J 3.1.2 asks for it: is this an OCPP 1.6J endpoint?"
        return fault(SUBJECT, f"it does not select the subprotocol {SUBPROTOCOL}", advice)
    return ok(SUBJECT, f"{settings.connection_url} opens with the subprotocol {SUBPROTOCOL}")


def _headers(settings: Settings) -> dict[str, str]:
    """Basic authentication with the key of the file; one that the CSMS has set since is known to the daemon only."""
    path = settings.csms.authorization_key_file
    if settings.csms.security_profile not in (1, 2) or path is None:
        return {}
    return {"Authorization": basic_credentials(settings.station.identity, read_authorization_key(path))}
