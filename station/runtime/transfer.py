"""File transfers (8): firmware images come down, diagnostics go up, by HTTP, HTTPS, FTP or FTPS.

Everything that a server may do wrong ends in a TransferError, whose text is for people and holds no credentials: refusing,
redirecting for ever, sending too much or too little, falling silent. A download that was cut goes on where it stopped, if the
server can say that the file is still the same one.
"""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

from eventstore.frozen import dataclass
from station.runtime.partial_file import PartialFile

CHUNK_BYTES = 64 * 1024
_SCHEMES = frozenset({"http", "https", "ftp", "ftps"})


class TransferError(Exception):
    """A transfer failed; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLimits:
    """How long a server is waited for: to connect, for the next bytes, and in all; how often it may redirect.

    `reserve_bytes` stay free on the disk, whatever is downloaded.
    """

    connect_s: float = 30
    stall_s: float = 60
    total_s: float = 6 * 3600
    redirects_max: int = 5
    reserve_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A URL that may be used. `path` is decoded, relative to the login directory of an FTP server."""

    text: str
    scheme: str
    host: str
    port: int | None
    user: str | None
    password: str | None
    path: str

    def __str__(self) -> str:
        """Without credentials and query, for messages."""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}/{self.path}"


def parse_location(text: str) -> Location:
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
    return Location(text=text, scheme=scheme, host=host, port=port, user=user, password=password, path=path)


def _free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free


class Transfers:
    """Downloads and uploads within limits. TLS servers are held to the system's trust anchors and those in `ca_file`."""

    def __init__(
        self,
        *,
        limits: TransferLimits | None = None,
        ca_file: Path | None = None,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        self.limits = limits or TransferLimits()
        self._ca_file = ca_file
        self._free_bytes = free_bytes

    def room_bytes(self, directory: Path) -> int:
        """How much may be put on the disk there; negative if the reserve is touched already. Raises OSError."""
        return self._free_bytes(directory) - self.limits.reserve_bytes

    async def download(self, location: str, target: Path, *, bytes_max: int) -> None:
        """Fetch the file at `location` as `target`, which appears once it is there whole.

        What a failed attempt got is kept beside it and continued by the next one. Raises TransferError.
        """
        source = parse_location(location)
        if await asyncio.to_thread(target.exists):
            return
        partial = PartialFile(target, bytes_max=bytes_max, disk_bytes_max=self.room_bytes(target.parent))
        try:
            async with asyncio.timeout(self.limits.total_s):
                protocol, tls = await asyncio.to_thread(self._prepared, source)
                await protocol.download(source, partial, limits=self.limits, tls=tls)
            await asyncio.to_thread(partial.complete)
        except TimeoutError as error:
            raise TransferError(f"{source}: not done within {self.limits.total_s:g} s") from error
        except OSError as error:
            raise TransferError(f"{source}: {error}") from error

    async def upload(self, file: Path, location: str, file_name: str, *, resume: bool = False) -> None:
        """Put a file into the directory at `location`, as `file_name`; `resume` after an attempt that was cut.

        Raises TransferError.
        """
        target = parse_location(location)
        try:
            async with asyncio.timeout(self.limits.total_s):
                protocol, tls = await asyncio.to_thread(self._prepared, target)
                await protocol.upload(file, target, file_name, limits=self.limits, tls=tls, resume=resume)
        except TimeoutError as error:
            raise TransferError(f"{target}: not done within {self.limits.total_s:g} s") from error
        except OSError as error:
            raise TransferError(f"{target}: {error}") from error

    def _prepared(self, location: Location) -> tuple[ModuleType, ssl.SSLContext | None]:
        """The module of the protocol and its TLS: loading both takes a slow board a second, so not on the loop."""
        if location.scheme in ("http", "https"):
            from station.runtime import http_transfer

            return http_transfer, self._tls()  # plain HTTP may redirect to HTTPS
        from station.runtime import ftp_transfer

        return ftp_transfer, self._tls() if location.scheme == "ftps" else None

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as error:
                raise TransferError(f"the trust anchors in {self._ca_file} cannot be used: {error}") from error
        return context


async def size_of(file: Path) -> int:
    """How many bytes the file has. Raises OSError."""
    return (await asyncio.to_thread(file.stat)).st_size


async def read_chunks(file: Path, offset: int = 0) -> AsyncIterator[bytes]:
    """The bytes of a file from `offset` on, read off the loop."""
    stream = await asyncio.to_thread(file.open, "rb")
    try:
        await asyncio.to_thread(stream.seek, offset)
        while chunk := await asyncio.to_thread(stream.read, CHUNK_BYTES):
            yield chunk
    finally:
        stream.close()
