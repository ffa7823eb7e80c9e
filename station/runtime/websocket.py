"""The opening of the WebSocket to the CSMS (OCPP-J 3.1), as the link and the doctor do it: name, TCP, TLS, handshake.

All addresses of the name are tried within one attempt. TCP is raced for (`station.runtime.dialing`); an address that then leads
nowhere (no TLS, another's certificate, no HTTP answer) is passed over for the next. What answers by HTTP is the CSMS, and its
answer counts. Only one handshake is under way at any time: many CSMS close the older of two connections of one identity.

TLS is checked by the name, whichever address is used. No proxy is used. Redirects are followed, never from TLS to none; another
origin does not get the password.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from eventstore.value import Value
from station.runtime.dialing import Dialer, connect_to
from station.runtime.retry_after import retry_after_s
from station.runtime.tls import client_context
from station.settings.loading import Settings

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

T = TypeVar("T")
SUBPROTOCOL = "ocpp1.6"
REDIRECTS_MAX = 10
_REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})
_LATER = frozenset({429, 503})
_HTTP_SCHEMES: Mapping[str, str] = {"http": "ws", "https": "wss"}
_DEFAULT_PORTS: Mapping[str, int] = {"ws": 80, "wss": 443}
_HINTS: Mapping[int, str] = {
    401: "the CSMS refuses the Basic password: [csms] authorization_key_file and security_profile",
    403: "the CSMS refuses this identity or password",
    404: "the CSMS does not know this path or identity: [csms] url, [station] identity",
}


class WebSocketTerms(Value, frozen=True, kw_only=True):
    """How a WebSocket is opened: `tls` for wss, `headers` beside the usual ones; `options` are the library's."""

    tls: ssl.SSLContext | None
    headers: Mapping[str, str]
    timeout_s: float
    options: Mapping[str, Any]


def host_and_port(url: str) -> tuple[str, int]:
    """Where a ws:// or wss:// URL leads."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)


async def open_websocket(url: str, opening: WebSocketTerms, dialer: Dialer) -> "ClientConnection":
    """An open WebSocket; whether the subprotocol was selected is for the caller to see.

    Raises what the library raises (InvalidStatus and its like), OSError, TimeoutError.
    """
    for _ in range(REDIRECTS_MAX + 1):
        opened = await _at_some_address(url, opening, dialer)
        if not isinstance(opened, str):
            return opened
        following = _as_websocket(urljoin(url, opened))
        opening = await asyncio.to_thread(_redirected, url, following, opening)  # trust anchors may have to be read
        url = following
    raise ConnectionError(f"redirected more than {REDIRECTS_MAX} times")


def _as_websocket(url: str) -> str:
    """HTTP servers redirect to http: and https:, and mean the same place."""
    scheme, colon, rest = url.partition(":")
    return f"{_HTTP_SCHEMES.get(scheme.lower(), scheme)}{colon}{rest}"


def _redirected(present: str, following: str, opening: WebSocketTerms) -> WebSocketTerms:
    before, after = urlsplit(present), urlsplit(following)
    if after.scheme not in _DEFAULT_PORTS or not after.hostname:
        raise ConnectionError(f"redirected to the protocol {after.scheme[:20]!r}")
    if before.scheme == "wss" and after.scheme == "ws":
        raise ConnectionError("redirected from wss to ws")
    if (before.scheme, host_and_port(present)) == (after.scheme, host_and_port(following)):
        return opening
    headers = {name: value for name, value in opening.headers.items() if name.casefold() != "authorization"}
    tls = opening.tls if after.scheme == "ws" or opening.tls is not None else client_context(None)
    return WebSocketTerms(tls=tls, headers=headers, timeout_s=opening.timeout_s, options=opening.options)


async def _at_some_address(url: str, opening: WebSocketTerms, dialer: Dialer) -> "ClientConnection | str":
    """The WebSocket, or where it is redirected to."""
    from websockets.exceptions import InvalidMessage

    addresses = await _in_time(dialer.addresses(*host_and_port(url)), opening.timeout_s)
    failure: Exception | None = None
    while addresses:
        try:
            address, connected = await _in_time(connect_to(addresses), opening.timeout_s)
        except OSError as error:
            raise failure or error from None
        try:
            opened = await _shaken_hands(url, opening, connected)
        except (OSError, EOFError, InvalidMessage) as error:  # TimeoutError and SSLError are OSErrors
            failure = failure or error
            dialer.doubt(address.text)
            addresses = tuple(other for other in addresses if other.text != address.text)
            continue
        dialer.trust(address.text)
        return opened
    assert failure is not None, "a name has an address, or it is an error"
    raise failure


async def _in_time(step: Awaitable[T], timeout_s: float) -> T:
    try:
        async with asyncio.timeout(timeout_s):
            return await step
    except TimeoutError as error:
        raise TimeoutError(f"no address answers within {timeout_s:g} s") from error


async def _shaken_hands(url: str, opening: WebSocketTerms, connected: socket.socket) -> "ClientConnection | str":
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, InvalidURI
    from websockets.typing import Subprotocol

    more = dict(opening.options)
    if url.startswith("wss:"):
        more["ssl"] = opening.tls
    try:
        return await connect(
            url,
            sock=connected,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers=dict(opening.headers),
            open_timeout=opening.timeout_s,
            ping_interval=None,
            compression=None,
            proxy=None,
            **more,
        )
    except (InvalidStatus, InvalidURI, ValueError) as error:
        # The library follows no redirect on a socket that it was given, nor to http: it says so by other errors.
        answer = error if isinstance(error, InvalidStatus) else error.__cause__ or error.__context__
        if not isinstance(answer, InvalidStatus):
            raise
        if answer.response.status_code in _REDIRECTS and "Location" in answer.response.headers:
            return answer.response.headers["Location"]
        raise answer from None


def refusal_status(error: BaseException) -> int:
    """The HTTP status that the handshake was refused with; 0 if it failed otherwise."""
    from websockets.exceptions import InvalidStatus

    return error.response.status_code if isinstance(error, InvalidStatus) else 0


def wait_asked_s(error: BaseException) -> int:
    """How long the CSMS asks to be left alone (429, 503 with Retry-After); 0 if it does not."""
    from websockets.exceptions import InvalidStatus

    if not isinstance(error, InvalidStatus) or error.response.status_code not in _LATER:
        return 0
    return retry_after_s(error.response.headers)


def hint_for(settings: Settings, status: int) -> str:
    """What a person should look at when the handshake was refused with the HTTP status; "" if we know nothing."""
    if status in (400, 403, 404) and (doubled := identity_doubled(settings)):
        return doubled
    return _HINTS.get(status, "")


def identity_doubled(settings: Settings) -> str:
    """A hint for a url that ends in the identity already, which is appended to it once more; else ""."""
    last = unquote(urlsplit(settings.csms.url).path.rstrip("/").rpartition("/")[2])
    if last != settings.station.identity:
        return ""
    return "[csms] url ends in the identity already, and the station appends it once more: leave it out of url"
