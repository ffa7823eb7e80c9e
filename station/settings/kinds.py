"""What the settings file may hold beside the kinds that all TOML of ours has (`devices.kinds`): paths, names and addresses."""

import math
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from devices.kinds import Kind, Several, shown
from eventstore.value import Value

CONNECTORS_MAX = 64


class FilePath(Value, frozen=True, kw_only=True):
    """The path of a file or directory; the empty text means none, where that is allowed."""

    may_be_empty: bool

    def read(self, value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(f"must be a path as text, not {shown(value)}")
        if "\0" in value:
            raise ValueError("must not hold a NUL character")
        if not value and not self.may_be_empty:
            raise ValueError("must not be empty")
        return Path(value) if value else None

    def describe(self) -> str:
        return "path"


class OneOrEach(Value, frozen=True, kw_only=True):
    """One value for all connectors, or an array with one for each."""

    kind: Kind

    def read(self, value: object) -> object:
        return self._each().read(value) if isinstance(value, list) else self.kind.read(value)

    def describe(self) -> str:
        return f"{self.kind.describe()}, or {self._each().describe()}"

    def _each(self) -> Several:
        return Several(kind=self.kind, longest=CONNECTORS_MAX)


def check_id_tag(text: str) -> None:
    """Refuses what is neither empty nor an idTag (7.28: CiString20)."""
    if text and not text.strip():
        raise ValueError("must not be blank")


def read_config_value(value: object) -> str:
    """The text of an OCPP configuration key's factory value: true and false for booleans, digits for numbers.

    Raises ValueError for anything but a number, a boolean or a text of at most 500 characters (7.19: CiString500).
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            text = str(value) if value.bit_length() <= 2_000 else f"{value:x}"  # too long in any notation
        case float() if math.isfinite(value):
            text = repr(value)
        case str():
            text = value
        case _:
            raise ValueError(f"must be a number, a boolean or a text, not {shown(value)}")
    if len(text) > 500:
        raise ValueError(f"must have at most 500 characters, not {len(text)}")
    return text


def check_identity(text: str) -> None:
    """Refuses an identity that cannot be the last segment of a URL path."""
    if text != text.strip():
        raise ValueError("must not begin or end with a space")
    if text in {".", ".."}:
        raise ValueError(f'must not be "{text}", which a URL path cannot end in')


def check_url(text: str) -> None:
    """Refuses what is not a plain ws:// or wss:// endpoint to which a path segment can be appended."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from None
    if parts.scheme not in {"ws", "wss"}:
        raise ValueError(f'must begin with ws:// or wss://, not "{parts.scheme}:"')
    if not host or port == 0 or " " in text:
        raise ValueError("must name a host, as in ws://csms.example/ocpp")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or password; use authorization_key_file")
    if "#" in text:
        raise ValueError("must not have a fragment, which no server ever sees")


def split_listen(text: str) -> tuple[str, int]:
    """Host and port of "host:port"; IPv6 addresses stand in brackets. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not colon or not host or (":" in host and not bracketed):
        raise ValueError(f'must be "host:port", as in "127.0.0.1:8887" or "[::1]:8887", not "{text}"')
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f'must end with a port from 0 to 65535, not "{port}"')
    return host, int(port)


def check_listen(text: str) -> None:
    """Refuses what is neither empty nor "host:port"."""
    if text:
        split_listen(text)


def check_origin(text: str) -> None:
    """Refuses what no browser sends as Origin (RFC 6454, 6.2)."""
    try:
        parts = urlsplit(text)
        is_origin = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_origin = False
    if not is_origin or text != text.lower() or not text.isascii() or text.count("/") != 2 or set(text) & set("@?# "):
        raise ValueError(f'must be an origin in lower case, as in "http://localhost:3000", not {shown(text)}')


BENCH_INSTALLER = "bench"
"""`[firmware] installer` for images that are checked and not installed."""


def check_installer(text: str) -> None:
    """Refuses what is neither "bench" nor a command that names the image's file."""
    if text == BENCH_INSTALLER:
        return
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"is not a command: {error}") from None
    if not any("{file}" in word for word in words):
        raise ValueError(f'must be "bench" or a command that holds {{file}}, not "{text}"')
