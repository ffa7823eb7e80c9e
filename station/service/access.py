"""Who may ask: with a token whoever bears it, without one whoever is on this machine and meant to come here.

Without a token the service listens on loopback only, but a browser on the same machine is there too, driven by pages from
elsewhere. Two tricks would let such a page in. DNS rebinding: the page's own name is made to point at 127.0.0.1, so that its
requests are same-origin; they carry that name as Host, so only loopback names are accepted there. Cross-site requests: a page
posts to 127.0.0.1 blindly; browsers then send Origin, so an Origin that is not loopback is refused. Neither header can be forged
by a page. With a token both are pointless, since a page does not know it, and names of the local network must work.
"""

import hmac
import ipaddress
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from eventstore.frozen import dataclass
from station.settings import Settings

TOKEN_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """Why a request is not served: the status and the text of its answer."""

    status: int
    text: str


def read_token(settings: Settings) -> bytes | None:
    """The token that every request must bear; None if the settings ask for none.

    Raises SettingsError if the file cannot be read, or does not hold one line of printable ASCII.
    """
    path = settings.service.token_file
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            content = file.read(TOKEN_BYTES_MAX + 1).strip()
    except OSError as error:
        raise settings.error("service", "token_file", f"{path} cannot be read: {error.strerror}") from error
    if not 1 <= len(content) <= TOKEN_BYTES_MAX or not all(33 <= byte <= 126 for byte in content):
        raise settings.error("service", "token_file", f"{path} must hold one line of printable ASCII without spaces")
    return content


def denial(headers: Iterable[tuple[bytes, bytes]], token: bytes | None) -> Denial | None:
    """Why a request with these headers is refused, or None."""
    found: dict[bytes, bytes] = dict(headers)
    if token is not None:
        return None if _bears(found.get(b"authorization", b""), token) else Denial(status=401, text="wrong or no token")
    host = found.get(b"host")
    if host is not None and not is_loopback(_host_of(b"//" + host)):
        return Denial(status=403, text="Host must be a loopback name or address; other names need [service] token_file")
    origin = found.get(b"origin")
    if origin is not None and not is_loopback(_host_of(origin)):
        return Denial(status=403, text="requests from pages of other origins need [service] token_file")
    return None


def _bears(authorization: bytes, token: bytes) -> bool:
    scheme, _, given = authorization.partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), token)


def _host_of(url: bytes) -> str:
    try:
        return urlsplit(url.decode("ascii")).hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a name or address can only mean this machine (RFC 6761: localhost and what is below it)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        name = host.removesuffix(".").lower()
        return name == "localhost" or name.endswith(".localhost")
