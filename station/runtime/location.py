"""Where a file is fetched from or put to, how long that may take, and what is said when it fails."""

from enum import StrEnum
from urllib.parse import unquote, urlsplit

from eventstore.value import Value

_SCHEMES = frozenset({"http", "https", "ftp", "ftps"})


class TransferFault(StrEnum):
    """What kind of failure a transfer met, as far as the server says it (white paper, 6.19)."""

    OTHER = "other"
    PERMISSION = "permission"
    PROTOCOL = "protocol"
    UNSUPPORTED = "unsupported"


class TransferError(Exception):
    """A transfer failed; the text says why, and holds no credentials.

    `retry_after_s` is how long the server asks to be left alone, 0 if it does not; `fault` is the kind of failure.
    """

    def __init__(self, text: str, *, retry_after_s: int = 0, fault: TransferFault = TransferFault.OTHER) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.fault = fault


class TransferLimits(Value, frozen=True, kw_only=True):
    """How long a server is waited for: to connect, for the next bytes, and in all; how often it may redirect.

    `reserve_bytes` stay free on the disk, whatever is downloaded.
    """

    connect_s: float = 30
    stall_s: float = 60
    total_s: float = 6 * 3600
    redirects_max: int = 5
    reserve_bytes: int = 64 * 1024 * 1024


class FileLocation(Value, frozen=True, kw_only=True):
    """A URL that may be used. `path` is decoded, relative to the login directory of an FTP server."""

    text: str
    scheme: str
    host: str
    port: int | None
    user: str | None
    password: str | None
    path: str

    @property
    def bare(self) -> str:
        """The text without user and password, for what lies on the disk."""
        begin, slashes, rest = self.text.partition("//")
        host, slash, path = rest.partition("/")
        return f"{begin}{slashes}{host.rpartition('@')[2]}{slash}{path}"

    def __str__(self) -> str:
        """Without credentials and query, for messages."""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}/{self.path}"


def parse_location(text: str) -> FileLocation:
    """The parts of a location. Raises TransferError for another protocol, no host, or control characters anywhere.

    Control characters would let a location smuggle commands onto an FTP connection.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TransferError("the location is not a URL") from error
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES:
        raise TransferError(f"the protocol {scheme[:20]!r} is not supported")
    if not host:
        raise TransferError("the location names no host")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    path = unquote(parts.path.removeprefix("/"))
    if any(not sign.isprintable() for sign in f"{text}{user}{password}{path}"):
        raise TransferError("the location holds control characters")
    return FileLocation(text=text, scheme=scheme, host=host, port=port, user=user, password=password, path=path)
