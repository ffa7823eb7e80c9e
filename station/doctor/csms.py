"""The way to the CSMS, step by step: name, TCP, TLS, WebSocket with its subprotocol.

A step that another time may succeed (nobody answers) is a warning, since the station charges without the CSMS and tries for ever;
one that a person has to change (certificate, password, path, subprotocol) is a fault. The last step is left out while a
daemon runs: many CSMS close the older of two connections of one identity.
"""

import asyncio
import sqlite3
import ssl
from collections.abc import AsyncIterator

from projections.security_profile import BASIC
from station.doctor.certificate_report import station_tls
from station.doctor.findings import Finding, fault, ok, warning
from station.doctor.key_report import profile_of, state_of
from station.replay.opening.errors import ReplayError
from station.runtime.dialing import Dialer
from station.runtime.secrets import basic_credentials
from station.runtime.websocket import (
    SUBPROTOCOL,
    WebSocketTerms,
    hint_for,
    host_and_port,
    identity_doubled,
    open_websocket,
)
from station.settings.loading import Settings, SettingsError, read_authorization_key

SUBJECT = "csms"
TIMEOUT_S = 5.0
LATER = "the station charges without it and keeps trying; check the network and [csms] url"


async def csms_findings(
    settings: Settings, *, running: bool, timeout_s: float = TIMEOUT_S, security_profile: int | None = None
) -> AsyncIterator[Finding]:
    """A finding for each step, up to the first that fails. `security_profile` is the one in force; None: the log is asked."""
    profile = _profile(settings) if security_profile is None else security_profile
    url = settings.connection_url_for(profile)
    (host, port), is_tls = host_and_port(url), url.startswith("wss:")
    dialer = Dialer()
    if doubled := identity_doubled(settings):
        yield warning(SUBJECT, f"it is asked for {settings.shown_connection_url_for(profile)}", doubled)
    try:
        addresses = await asyncio.wait_for(dialer.addresses(host, port), timeout_s)
        if [address.text for address in addresses] != [host]:
            yield ok(SUBJECT, f"{host} is {', '.join(address.text for address in addresses)}")
        await asyncio.wait_for(_connect(dialer, host, port, None), timeout_s)
        yield ok(SUBJECT, f"port {port} answers")
    except TimeoutError:
        yield warning(SUBJECT, f"{host}:{port} does not answer within {timeout_s:g} s", LATER)
        return
    except OSError as error:
        yield warning(SUBJECT, f"{host}:{port} cannot be reached: {error.strerror or error}", LATER)
        return
    if is_tls:
        finding = await _tls(settings, profile, dialer, timeout_s)
        yield finding
        if finding.advice:
            return
    if running:
        yield ok(
            SUBJECT, "WebSocket not tried: the daemon that runs is connected, or trying to be, under this identity"
        )
        return
    yield await _websocket(settings, profile, dialer, timeout_s)


def _profile(settings: Settings) -> int:
    """The security profile that connections are made with; that of the settings, where the log says nothing."""
    try:
        return profile_of(settings, state_of(settings.storage.directory))
    except (ReplayError, OSError, sqlite3.Error):  # another check reports what is wrong with the log
        return settings.csms.security_profile


async def _connect(dialer: Dialer, host: str, port: int, tls: ssl.SSLContext | None) -> str:
    """Open and close a connection; the TLS version. Raises OSError."""
    connected = await dialer.dial(host, port)
    _, writer = await asyncio.open_connection(sock=connected, ssl=tls, server_hostname=None if tls is None else host)
    transport = writer.get_extra_info("ssl_object")
    version = "" if transport is None else str(transport.version())
    writer.transport.abort()
    return version


async def _tls(settings: Settings, profile: int, dialer: Dialer, timeout_s: float) -> Finding:
    try:
        place = host_and_port(settings.connection_url_for(profile))
        connecting = _connect(dialer, *place, station_tls(settings, profile))
        version = await asyncio.wait_for(connecting, timeout_s)
    except TimeoutError:
        return warning(SUBJECT, f"TLS is not answered within {timeout_s:g} s", LATER)
    except SettingsError as error:
        return fault(SUBJECT, f"TLS is not tried: {error}", "see the certificates above")
    except ssl.SSLCertVerificationError as error:
        advice = "[csms] ca_file or InstallCertificate must bring the CSMS's trust anchor, its url the certificate's name; is the clock right?"
        return fault(SUBJECT, f"its certificate is not accepted: {error.verify_message}", advice)
    except ssl.SSLError as error:
        return fault(
            SUBJECT, f"TLS fails: {error.reason or error}", "TLS 1.2 or newer; profile 3 needs a client certificate"
        )
    except OSError as error:
        return fault(SUBJECT, f"TLS fails: {error.strerror or error}", "is this the CSMS's TLS port?")
    return ok(SUBJECT, f"{version}, its certificate is accepted")


async def _websocket(settings: Settings, profile: int, dialer: Dialer, timeout_s: float) -> Finding:
    from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

    url = settings.connection_url_for(profile)
    try:
        opening = WebSocketTerms(
            tls=station_tls(settings, profile) if url.startswith("wss:") else None,
            headers=_headers(settings, profile),
            timeout_s=timeout_s,
            options={"close_timeout": timeout_s, "user_agent_header": "chargebox doctor"},
        )
        async with await open_websocket(url, opening, dialer) as opened:
            selected = opened.subprotocol
    except InvalidStatus as error:
        status = error.response.status_code
        return fault(
            SUBJECT, f"the WebSocket is refused: HTTP {status}", hint_for(settings, status) or "ask its operator"
        )
    except InvalidMessage as error:
        return fault(SUBJECT, f"no HTTP server answers: {error.__cause__ or error}", "is this the CSMS's port?")
    except InvalidHandshake as error:
        return fault(SUBJECT, f"the WebSocket is refused: {error}", "it must speak OCPP-J 1.6 (subprotocol ocpp1.6)")
    except (OSError, TimeoutError, SettingsError) as error:
        return warning(SUBJECT, f"the WebSocket is not opened: {str(error) or 'no answer'}", LATER)
    if selected != SUBPROTOCOL:
        advice = "OCPP-J 3.1.2 asks for it: is this an OCPP 1.6J endpoint?"
        return fault(SUBJECT, f"it does not select the subprotocol {SUBPROTOCOL}", advice)
    return ok(SUBJECT, f"{settings.shown_connection_url_for(profile)} opens with the subprotocol {SUBPROTOCOL}")


def _headers(settings: Settings, profile: int) -> dict[str, str]:
    """Basic authentication with the key of the file; one that the CSMS has set since is known to the daemon only."""
    path = settings.csms.authorization_key_file
    if profile not in BASIC or path is None:
        return {}
    return {"Authorization": basic_credentials(settings.station.identity, read_authorization_key(path))}
