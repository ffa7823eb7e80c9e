"""File transfers (8): firmware images come down, diagnostics go up, by HTTP, HTTPS, FTP or FTPS.

Everything that a server may do wrong ends in a TransferError, whose text is for people and holds no credentials: refusing,
redirecting for ever, sending too much or too little, falling silent. A download that was cut goes on where it stopped, if the
server can say that the file is still the same one.
"""

import asyncio
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from station.runtime.dialing import Dialer, Judge, only_elsewhere
from station.runtime.location import FileLocation, TransferError, TransferLimits, parse_location
from station.runtime.partial_file import PartialFile, sha256_of
from station.runtime.tls import client_context


def _free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free


class Transfers:
    """Downloads and uploads within limits. TLS servers are held to the system's trust anchors and those in `ca_file`.

    `judge` says which addresses they must not go to, whatever name, redirect or answer leads there. By default those are this
    machine's own and link-local ones: a location comes from somebody else, and services on loopback trust whoever can reach
    them.
    """

    def __init__(
        self,
        *,
        limits: TransferLimits | None = None,
        ca_file: Path | None = None,
        judge: Judge = only_elsewhere,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        self.limits = limits or TransferLimits()
        self._ca_file = ca_file
        self._dialer = Dialer(judge)
        self._free_bytes = free_bytes

    def room_bytes(self, directory: Path) -> int:
        """How much may be put on the disk there; negative if the reserve is touched already. Raises OSError."""
        return self._free_bytes(directory) - self.limits.reserve_bytes

    async def download(self, location: str, target: Path, *, bytes_max: int) -> str:
        """Fetch the file at `location` as `target`, which appears once it is there whole; returns its SHA-256, in hexadecimal.

        What a failed attempt got is kept beside it and continued by the next one. Raises TransferError.
        """
        source = parse_location(location)
        if await asyncio.to_thread(target.exists):
            return await asyncio.to_thread(sha256_of, target)
        partial = PartialFile(target, bytes_max=bytes_max, disk_bytes_max=self.room_bytes(target.parent))
        try:
            async with asyncio.timeout(self.limits.total_s):
                protocol, tls = await asyncio.to_thread(self._prepared, source)
                await protocol.download(source, partial, limits=self.limits, tls=tls, dialer=self._dialer)
            return await asyncio.to_thread(partial.complete)
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
                await protocol.upload(
                    file, target, file_name, limits=self.limits, tls=tls, resume=resume, dialer=self._dialer
                )
        except TimeoutError as error:
            raise TransferError(f"{target}: not done within {self.limits.total_s:g} s") from error
        except OSError as error:
            raise TransferError(f"{target}: {error}") from error

    def _prepared(self, location: FileLocation) -> tuple[ModuleType, ssl.SSLContext | None]:
        """The module of the protocol and its TLS: loading both takes a slow board a second, so not on the loop."""
        if location.scheme in ("http", "https"):
            from station.runtime import http_transfer

            return http_transfer, self._tls()  # plain HTTP may redirect to HTTPS
        from station.runtime import ftp_transfer

        return ftp_transfer, self._tls() if location.scheme == "ftps" else None

    def _tls(self) -> ssl.SSLContext:
        context = client_context(None)
        if self._ca_file is not None:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as error:
                raise TransferError(f"the trust anchors in {self._ca_file} cannot be used: {error}") from error
        return context
