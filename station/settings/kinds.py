"""The kinds of values that a settings file may hold: what each accepts, and how it is described.

A kind's `read` returns the value as the settings keep it, and raises ValueError with a text that continues
"<key>: ..." when the file's value does not fit.
"""

import math
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from eventstore.frozen import dataclass


class Kind(Protocol):
    """One kind of value: reads what the file says, and describes itself for people."""

    def read(self, value: object) -> object: ...

    def describe(self) -> str: ...


def digits(value: float) -> str:
    """A number as text; one that Python writes out only in hexadecimal, because it has thousands of digits, like that."""
    return hex(value)[:40] + "…" if isinstance(value, int) and value.bit_length() > 4_096 else str(value)


def shown(value: object) -> str:
    """What the file says, short enough for one line of a message."""
    match value:
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {digits(value)}"
        case str():
            return f'the text "{value if len(value) <= 40 else value[:39] + "…"}"'.replace("\n", "\\n")
        case Mapping():
            return "a table"
        case list():
            return "an array"
        case _:
            return f"a {type(value).__name__}"


def _accept(_text: str) -> None:
    """No demand beyond the length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text of bounded length, counted in characters; `check` raises ValueError for what it does not like."""

    shortest: int = 0
    longest: int = 2000
    check: Callable[[str], None] = _accept

    def read(self, value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(f"must be text, not {shown(value)}")
        if not self.shortest <= len(value) <= self.longest:
            raise ValueError(f"must have {self.shortest} to {self.longest} characters, not {len(value)}")
        if any(not character.isprintable() for character in value):
            raise ValueError("must not hold control characters or line breaks")
        self.check(value)
        return value

    def describe(self) -> str:
        return "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """An array of texts of one kind, at most so many."""

    each: Text
    most: int

    def read(self, value: object) -> object:
        if not isinstance(value, list):
            raise ValueError(f"must be an array of texts, not {shown(value)}")
        if len(value) > self.most:
            raise ValueError(f"must have at most {self.most} entries, not {len(value)}")
        return tuple(self._entry(number, entry) for number, entry in enumerate(value, start=1))

    def _entry(self, number: int, entry: object) -> object:
        try:
            return self.each.read(entry)
        except ValueError as error:
            raise ValueError(f"entry {number} {error}") from error

    def describe(self) -> str:
        return "array of texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: object) -> object:
        if value not in self.words:
            raise ValueError(f"must be {self.describe()}, not {shown(value)}")
        return value

    def describe(self) -> str:
        return " or ".join(f'"{word}"' for word in self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number within bounds, or one of a few."""

    minimum: int
    maximum: int
    only: tuple[int, ...] = ()

    def read(self, value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"must be a whole number, not {shown(value)}")
        fits = value in self.only if self.only else self.minimum <= value <= self.maximum
        if not fits:
            raise ValueError(f"must be {self._bounds()}, not {digits(value)}")
        return value

    def describe(self) -> str:
        return f"whole number, {self._bounds()}"

    def _bounds(self) -> str:
        return " or ".join(map(str, self.only)) if self.only else f"{self.minimum} to {self.maximum}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """A duration in seconds, fractions allowed, within bounds."""

    minimum: float
    maximum: float

    def read(self, value: object) -> object:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"must be a number of seconds, not {shown(value)}")
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"must be {self.minimum:g} to {self.maximum:g} seconds, not {digits(value)}")
        return value

    def describe(self) -> str:
        return f"seconds, {self.minimum:g} to {self.maximum:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """true or false, and nothing that merely looks like it."""

    def read(self, value: object) -> object:
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {shown(value)}")
        return value

    def describe(self) -> str:
        return "boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePath:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTable:
    """A table whose content its user judges."""

    def read(self, value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError(f"must be a table, not {shown(value)}")
        return value

    def describe(self) -> str:
        return "table"


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


def check_installer(text: str) -> None:
    """Refuses what is neither "bench" nor a command that names the image's file."""
    if text == "bench":
        return
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"is not a command: {error}") from None
    if not any("{file}" in word for word in words):
        raise ValueError(f'must be "bench" or a command that holds {{file}}, not "{text}"')
