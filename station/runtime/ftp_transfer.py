"""FTP and FTPS transfers (RFC 959, 2228, 4217), which can go on where they were cut (REST).

The path of an FTP URL is relative to the login directory (RFC 1738, 3.2.2). FTPS is explicit (AUTH TLS) on port 21, which is
tried first where no port is given, and implicit on any other port, such as 990; whichever of the two a server on an uncommon
port does not speak, the other one is tried. Data connections are protected as well.

Data connections are opened by EPSV (RFC 2428), else by PASV, whichever way the first one fails: refused with any code, answered
with something else, or leading to a port that nobody can reach. They go to the address of the control connection, whatever address
PASV names: behind a translated address it is a private one, and a server must not send the station elsewhere. What a server need
not know (TYPE, SIZE, MDTM, MLST, REST) is done without.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aioftp
from aioftp.common import SSLSessionBoundContext

from station.runtime.dialing import Address, AddressRefusedError, Dialer, connect_to
from station.runtime.location import FileLocation, TransferError, TransferFault, TransferLimits
from station.runtime.partial_file import CHUNK_BYTES, FileRefusedError, PartialFile, read_chunks, size_of

PORT, IMPLICIT_TLS_PORT = 21, 990
_FAULTS: Mapping[str, TransferFault] = {
    **dict.fromkeys(("500", "501", "503"), TransferFault.PROTOCOL),
    **dict.fromkeys(("502", "504"), TransferFault.UNSUPPORTED),
    **dict.fromkeys(("430", "530", "532", "553"), TransferFault.PERMISSION),
}
_EPSV_PORT = re.compile(r"\(([!-~])\1\1(\d+)\1\)")
_PASV_PORT = re.compile(r"\d+,\d+,\d+,\d+,(\d+),(\d+)")  # RFC 1123, 4.1.2.6: with or without parentheses
_FAILURES = (aioftp.AIOFTPException, OSError, EOFError, TimeoutError, ValueError, IndexError)


class _Client(aioftp.Client):
    """A client whose control connection is dialled for: `address` is where it leads."""

    def __init__(self, dialer: Dialer, *, limits: TransferLimits, ssl: ssl.SSLContext | None) -> None:
        super().__init__(
            socket_timeout=limits.stall_s, connection_timeout=limits.connect_s, path_timeout=limits.stall_s, ssl=ssl
        )
        self._dialer = dialer
        self._limits = limits
        self.address: Address | None = None

    async def _open_connection(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The library's one way out, which would take the name's first address, whatever it is."""
        async with asyncio.timeout(self._limits.connect_s):
            self.address, connected = await connect_to(await self._dialer.addresses(host, port))
            return await asyncio.open_connection(
                sock=connected, ssl=self.ssl, server_hostname=None if self.ssl is None else host
            )

    async def open_data(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A data connection to the address of the control connection, in TLS where that is, and in its session."""
        assert self.address is not None, "data follows control"
        address = Address(
            family=self.address.family, sockaddr=(self.address.sockaddr[0], port, *self.address.sockaddr[2:])
        )
        control = self.stream.writer.transport.get_extra_info("ssl_object")
        tls = None
        if control is not None:
            tls = SSLSessionBoundContext(ssl.PROTOCOL_TLS_CLIENT, context=control.context, session=control.session)
        async with asyncio.timeout(self._limits.connect_s):
            _, connected = await connect_to((address,))
            return await asyncio.open_connection(
                sock=connected, ssl=tls, server_hostname=None if tls is None else self.server_host
            )

    def doubt(self) -> None:
        """What was reached led nowhere."""
        if self.address is not None:
            self._dialer.doubt(self.address.text)


@asynccontextmanager
async def _session(
    location: FileLocation, limits: TransferLimits, tls: ssl.SSLContext | None, dialer: Dialer
) -> AsyncIterator[_Client]:
    """A logged-in connection; every error on it becomes a TransferError."""
    try:
        client = await _connected(location, limits, tls, dialer)
        try:
            await client.login(location.user or "anonymous", location.password or "anon@")
            if tls is not None:
                await _protect_data(client)
            yield client
            with suppress(*_FAILURES):  # the file is where it should be: how the server says goodbye does not matter
                await client.quit()
        finally:
            client.close()
    except aioftp.StatusCodeError as error:
        said = " ".join(line.strip() for line in error.info)[:200]
        codes = ", ".join(str(code) for code in error.received_codes)
        fault = _fault(str(error.received_codes[-1]) if error.received_codes else "", said)
        raise TransferError(f"{location}: FTP status {codes} {said}".rstrip(), fault=fault) from error
    except FileRefusedError as error:
        raise TransferError(f"{location}: {error}") from error
    except _FAILURES as error:
        raise TransferError(f"{location}: {str(error) or type(error).__name__}") from error


def _fault(code: str, said: str) -> TransferFault:
    """What an FTP status means; 550 is said of many things, in words."""
    if code == "550" and "denied" in said.casefold():
        return TransferFault.PERMISSION
    return _FAULTS.get(code, TransferFault.OTHER)


async def _protect_data(client: Any) -> None:
    """Ask for TLS on data connections; we use it there in any case, so that nothing is sent unencrypted."""
    with suppress(aioftp.StatusCodeError):  # servers of implicit TLS may take it for granted
        await client.command("PBSZ 0", "200")
        await client.command("PROT P", "200")


async def _connected(
    location: FileLocation, limits: TransferLimits, tls: ssl.SSLContext | None, dialer: Dialer
) -> _Client:
    connect = partial(_connect, location.host, limits=limits, dialer=dialer)
    if tls is None:
        return await connect(location.port or PORT)
    explicit = partial(connect, location.port or PORT, explicit=tls)
    implicit = partial(connect, location.port or IMPLICIT_TLS_PORT, implicit=tls)
    first, second = (explicit, implicit) if location.port in (None, PORT) else (implicit, explicit)
    try:
        return await first()
    except (ssl.SSLCertVerificationError, AddressRefusedError):
        raise  # it speaks TLS, but is not whom we asked for; or it must not be asked at all
    except _FAILURES as one:
        try:
            return await second()
        except _FAILURES as other:
            raise ConnectionError(f"{one}; {other}") from other


async def _connect(
    host: str,
    port: int,
    *,
    limits: TransferLimits,
    dialer: Dialer,
    implicit: ssl.SSLContext | None = None,
    explicit: ssl.SSLContext | None = None,
) -> _Client:
    client = _Client(dialer, limits=limits, ssl=implicit)
    try:
        await client.connect(host, port)
        if explicit is not None:
            # Not the library's own way, which asks for PBSZ and PROT before the login: many servers refuse that.
            await client.command("AUTH TLS", "234")
            await client.stream.start_tls(sslcontext=explicit, server_hostname=host)
    except BaseException:
        client.doubt()
        client.close()
        raise
    assert client.address is not None, "it is connected"
    dialer.trust(client.address.text)
    return client


async def download(
    source: FileLocation, file: PartialFile, *, limits: TransferLimits, tls: ssl.SSLContext | None, dialer: Dialer
) -> None:
    """Fetch the file into `file`. Raises TransferError."""
    if not source.path or source.path.endswith("/"):
        raise TransferError(f"{source}: names no file")
    async with _session(source, limits, tls, dialer) as client:
        total_bytes, validator = await _facts(client, source.path)
        point = file.resume_point(source.bare)
        offset = point.offset if validator and point.validator == validator else 0
        if offset and offset == total_bytes:
            return
        if total_bytes is not None:
            file.check_size(total_bytes, total_bytes - offset)
        stream, offset = await _opened(client, f"RETR {source.path}", offset)
        async with stream:
            await file.receive(
                stream.iter_by_block(CHUNK_BYTES),
                location=source.bare,
                validator=validator,
                offset=offset,
                total_bytes=total_bytes,
            )


async def _facts(client: Any, path: str) -> tuple[int | None, str]:
    """Size of a file and the server's mark of its version, as far as the server gives them: by MLST, else SIZE and MDTM."""
    with suppress(aioftp.StatusCodeError, ValueError, KeyError, IndexError):
        _, lines = await client.command(f"MLST {path}", "2xx")
        _, facts = client.parse_mlsx_line(lines[1].lstrip())
        return int(facts["size"]), f"{facts['size']} {facts['modify']}"
    await _ask_for_bytes(client)
    with suppress(aioftp.StatusCodeError, ValueError, IndexError):
        _, lines = await client.command(f"SIZE {path}", "213")
        size = int(lines[0].split()[-1])
        with suppress(aioftp.StatusCodeError):
            _, lines = await client.command(f"MDTM {path}", "213")
            return size, f"{size} {lines[0].split()[-1]}"
        return size, ""
    return None, ""


async def _ask_for_bytes(client: Any) -> None:
    """Ask for binary transfer; a server without TYPE has only one type."""
    with suppress(aioftp.StatusCodeError):
        await client.command("TYPE I", "2xx")


async def _data_connection(client: _Client) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """By EPSV, else by PASV; raises the failure of PASV."""
    try:
        _, lines = await client.command("EPSV", "229")
        return await client.open_data(_epsv_port(" ".join(lines)))
    except _FAILURES:
        _, lines = await client.command("PASV", "227")
        return await client.open_data(_pasv_port(" ".join(lines)))


def _epsv_port(text: str) -> int:
    match = _EPSV_PORT.search(text)
    if match is None:
        raise ValueError("the answer to EPSV names no port")
    return _checked(int(match[2]))


def _pasv_port(text: str) -> int:
    match = _PASV_PORT.search(text)
    if match is None:
        raise ValueError("the answer to PASV names no port")
    return _checked(int(match[1]) * 256 + int(match[2]))


def _checked(port: int) -> int:
    if not 0 < port < 65_536:
        raise ValueError(f"the server names port {port}, which is none")
    return port


async def _opened(client: _Client, command: str, offset: int) -> tuple[Any, int]:
    """A data connection from `offset` on, or from the start where the server cannot do that; and from where it is."""
    await _ask_for_bytes(client)
    reader, writer = await _data_connection(client)
    try:
        if offset:
            try:
                await client.command(f"REST {offset}", "350")
            except aioftp.StatusCodeError:
                offset = 0
        await client.command(command, "1xx")
    except BaseException:
        writer.close()
        raise
    throttles = {"_": client.throttle}
    stream = aioftp.DataConnectionThrottleStreamIO(
        client, reader, writer, throttles=throttles, timeout=client.socket_timeout
    )
    return stream, offset


async def upload(
    file: Path,
    target: FileLocation,
    file_name: str,
    *,
    limits: TransferLimits,
    tls: ssl.SSLContext | None,
    resume: bool,
    dialer: Dialer,
) -> None:
    """Store the file in the directory that `target` names. Raises TransferError, OSError."""
    directory = target.path.rstrip("/")
    path = f"{directory}/{file_name}" if target.path else file_name
    size = await size_of(file)
    async with _session(target, limits, tls, dialer) as client:
        offset = await _stored(client, path, size) if resume else 0
        if offset < size or not size:
            stream, offset = await _opened(client, f"STOR {path}", offset)
            async with stream:
                async for chunk in read_chunks(file, offset):
                    await stream.write(chunk)
        stored, _ = await _facts(client, path)
        if stored not in (None, size):
            raise TransferError(f"{target}: {stored} of {size} bytes were stored")


async def _stored(client: Any, path: str, size: int) -> int:
    """How much of the file an earlier attempt left there; 0 if that is more than it should be."""
    stored, _ = await _facts(client, path)
    return stored if stored is not None and stored <= size else 0
