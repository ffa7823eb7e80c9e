"""Who may ask: with a token, everybody who has it, to read and act, or with a second one to read only; without one, clients on this machine that meant to come here.

Without a token the service listens on loopback only, but a browser on the same machine is there too, driven by pages from
elsewhere. Two tricks would let such a page in. DNS rebinding: the page's own name is made to point at 127.0.0.1, so that its
requests are same-origin; they carry that name as Host, so only loopback names are accepted there. Cross-site requests: a page
posts to 127.0.0.1 blindly; browsers then send Origin, so an Origin that is not this very service is refused, also one of another
port of this machine (http://localhost:3000): whatever runs there may show pages of anybody. `[service] allow_origins` names the pages
that may. Neither header can be forged by a page. With a token both are pointless, since a page does not know it, and names of the
local network must work.
"""

import hmac
import ipaddress
from collections.abc import Container, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from eventstore.value import Value
from station.settings.loading import Settings

TOKEN_BYTES_MAX = 4096
ELSEWHERE = "pages of other origins need [service] token_file, or to be named in [service] allow_origins"
SAFE = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""
SESSION = "/api/session"
SERVICE = "/api/service"
_DEFAULT_PORTS = {b"http": 80, b"https": 443}


class Tokens(Value, frozen=True, kw_only=True):
    """The token that may do everything, None where the service asks for none; and one that may only read, None without one."""

    acting: bytes | None = None
    reading: bytes | None = None


OPEN = Tokens()
"""Nobody needs a token."""


class Denial(Value, frozen=True, kw_only=True):
    """Why a request is not served: the status and the text of its answer, and whether it was a try at the token."""

    status: int
    text: str
    is_guess: bool = False


def read_token(settings: Settings) -> bytes | None:
    """The token that every request must bear; None if the settings ask for none.

    Raises SettingsError if the file cannot be read, or does not hold one line of printable ASCII.
    """
    return _token(settings, "token_file", settings.service.token_file)


def read_tokens(settings: Settings) -> Tokens:
    """Both tokens of the settings. Raises SettingsError as `read_token`, and where both are the same."""
    reading = _token(settings, "read_token_file", settings.service.read_token_file)
    tokens = Tokens(acting=read_token(settings), reading=reading)
    if reading is not None and reading == tokens.acting:
        raise settings.error("service", "read_token_file", "holds the token of token_file: who may read could act")
    return tokens


def _token(settings: Settings, key: str, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            content = file.read(TOKEN_BYTES_MAX + 1).strip()
    except OSError as error:
        raise settings.error("service", key, f"{path} cannot be read: {error.strerror}") from error
    if not 1 <= len(content) <= TOKEN_BYTES_MAX or not all(33 <= byte <= 126 for byte in content):
        raise settings.error("service", key, f"{path} must hold one line of printable ASCII without spaces")
    return content


def may_act(headers: Iterable[tuple[bytes, bytes]], tokens: Tokens) -> bool:
    """Whether whoever bears these headers, and may ask at all, has the right to act."""
    return tokens.acting is None or _bears_one(headers, tokens.acting)


def acts(method: str, path: str) -> bool:
    """Whether a request needs the right to act: what changes something, and what is for whoever services the station.

    To open or end a session of one's own is neither.
    """
    return (method not in SAFE and path != SESSION) or path == SERVICE or path.startswith(f"{SERVICE}/")


def denial(
    headers: Iterable[tuple[bytes, bytes]],
    tokens: Tokens,
    *,
    method: str = "GET",
    path: str = "/",
    port: int | None = None,
    origins: Container[bytes] = (),
) -> Denial | None:
    """Why a request with these headers is refused, or None.

    `port` is the one that the service listens on, `origins` are those of pages that may ask, in lower case.
    """
    found = list(headers)
    if tokens.acting is not None:
        if may_act(found, tokens):
            return None
        if tokens.reading is not None and _bears_one(found, tokens.reading):
            return Denial(status=403, text="this token may only read") if acts(method, path) else None
        return Denial(status=401, text="wrong or no token", is_guess=bool(_all(found, b"authorization")))
    host = next(iter(_all(found, b"host")), None)
    if host is not None and not is_loopback(_place(b"//" + host)[0]):
        return Denial(status=403, text="Host must be a loopback name or address; other names need [service] token_file")
    given = [origin.lower() for origin in _all(found, b"origin")]
    if any(origin not in origins and not _is_own(origin, host, port) for origin in given):
        return Denial(status=403, text=ELSEWHERE)
    if not given and _is_driven_by_a_page(found, method):
        return Denial(status=403, text=ELSEWHERE)
    return None


def _all(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for each, value in headers if each == name]


def _bears_one(headers: Iterable[tuple[bytes, bytes]], token: bytes) -> bool:
    """Whether there is one Authorization among the headers, and it bears the token."""
    given = _all(headers, b"authorization")
    return len(given) == 1 and _bears(given[0], token)


def _bears(authorization: bytes, token: bytes) -> bool:
    scheme, _, given = authorization.partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), token)


def _is_own(origin: bytes, host: bytes | None, port: int | None) -> bool:
    """Whether a page of this origin came from this service: from the very host and port that is asked, or from our port."""
    scheme, separator, rest = origin.partition(b"://")
    if not separator or scheme not in _DEFAULT_PORTS:
        return False
    place = _place(b"//" + rest, _DEFAULT_PORTS[scheme])
    if host is not None and place == _place(b"//" + host.lower(), _DEFAULT_PORTS[scheme]):
        return True
    return is_loopback(place[0]) and place[1] == port


def _is_driven_by_a_page(headers: Iterable[tuple[bytes, bytes]], method: str) -> bool:
    """Browsers leave Origin out where a page only embeds us; they say so in another header. A link that the user follows does not count."""
    found = dict(headers)
    is_link = method in ("GET", "HEAD") and found.get(b"sec-fetch-mode") == b"navigate"
    return found.get(b"sec-fetch-site") in (b"cross-site", b"same-site") and not is_link


def _place(url: bytes, default_port: int | None = None) -> tuple[str, int | None]:
    """Host and port of a URL; the host is empty if there is none."""
    try:
        parts = urlsplit(url.decode("ascii"))
        return parts.hostname or "", default_port if parts.port is None else parts.port
    except ValueError:
        return "", None


def is_loopback(host: str) -> bool:
    """Whether a name or address can only mean this machine (RFC 6761: localhost and what is below it)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        name = host.removesuffix(".").lower()
        return name == "localhost" or name.endswith(".localhost")
