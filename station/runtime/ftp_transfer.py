"""FTP and FTPS transfers (RFC 959, 2228, 4217), which can go on where they were cut (REST).

The path of an FTP URL is relative to the login directory (RFC 1738, 3.2.2). FTPS is explicit (AUTH TLS) on port 21, which is
tried first where no port is given, and implicit on any other port, such as 990; whichever of the two a server on an uncommon
port does not speak, the other one is tried. Data connections are protected as well.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aioftp

from station.runtime.partial_file import FileRefusedError, PartialFile
from station.runtime.transfer import CHUNK_BYTES, Location, TransferError, TransferLimits, read_chunks, size_of

PORT, IMPLICIT_TLS_PORT = 21, 990
_FAILURES = (aioftp.AIOFTPException, OSError, EOFError, TimeoutError, ValueError, IndexError)


@asynccontextmanager
async def _session(location: Location, limits: TransferLimits, tls: ssl.SSLContext | None) -> AsyncIterator[Any]:
    """A logged-in connection; whatever goes wrong on it is a TransferError."""
    try:
        client = await _connected(location, limits, tls)
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
        raise TransferError(f"{location}: FTP status {codes} {said}".rstrip()) from error
    except FileRefusedError as error:
        raise TransferError(f"{location}: {error}") from error
    except _FAILURES as error:
        raise TransferError(f"{location}: {str(error) or type(error).__name__}") from error


async def _protect_data(client: Any) -> None:
    """Ask for TLS on data connections; we speak it there in any case, so that nothing leaves in the clear."""
    with suppress(aioftp.StatusCodeError):  # servers of implicit TLS may take it for granted
        await client.command("PBSZ 0", "200")
        await client.command("PROT P", "200")


async def _connected(location: Location, limits: TransferLimits, tls: ssl.SSLContext | None) -> Any:
    if tls is None:
        return await _connect(location.host, location.port or PORT, limits)
    explicit = partial(_connect, location.host, location.port or PORT, limits, explicit=tls)
    implicit = partial(_connect, location.host, location.port or IMPLICIT_TLS_PORT, limits, implicit=tls)
    first, second = (explicit, implicit) if location.port in (None, PORT) else (implicit, explicit)
    try:
        return await first()
    except ssl.SSLCertVerificationError:
        raise  # it speaks TLS, but is not whom we asked for
    except _FAILURES as one:
        try:
            return await second()
        except _FAILURES as other:
            raise ConnectionError(f"{one}; {other}") from other


async def _connect(
    host: str,
    port: int,
    limits: TransferLimits,
    *,
    implicit: ssl.SSLContext | None = None,
    explicit: ssl.SSLContext | None = None,
) -> Any:
    client = aioftp.Client(
        socket_timeout=limits.stall_s, connection_timeout=limits.connect_s, path_timeout=limits.stall_s, ssl=implicit
    )
    try:
        await client.connect(host, port)
        if explicit is not None:
            # Not the library's own way, which asks for PBSZ and PROT before the login: many servers refuse that.
            await client.command("AUTH TLS", "234")
            await client.stream.start_tls(sslcontext=explicit, server_hostname=host)
    except BaseException:
        client.close()
        raise
    return client


async def download(source: Location, file: PartialFile, *, limits: TransferLimits, tls: ssl.SSLContext | None) -> None:
    """Fetch the file into `file`. Raises TransferError."""
    if not source.path or source.path.endswith("/"):
        raise TransferError(f"{source}: names no file")
    async with _session(source, limits, tls) as client:
        total_bytes, validator = await _facts(client, source.path)
        point = file.resume_point(source.text)
        offset = point.offset if validator and point.validator == validator else 0
        if offset and offset == total_bytes:
            return
        if total_bytes is not None:
            file.check_size(total_bytes, total_bytes - offset)
        stream, offset = await _opened(client, f"RETR {source.path}", offset)
        async with stream:
            await file.receive(
                stream.iter_by_block(CHUNK_BYTES),
                location=source.text,
                validator=validator,
                offset=offset,
                total_bytes=total_bytes,
            )


async def _facts(client: Any, path: str) -> tuple[int | None, str]:
    """Size of a file and the server's word for its version, as far as the server tells: by MLST, else SIZE and MDTM."""
    with suppress(aioftp.StatusCodeError, ValueError, KeyError, IndexError):
        _, lines = await client.command(f"MLST {path}", "2xx")
        _, facts = client.parse_mlsx_line(lines[1].lstrip())
        return int(facts["size"]), f"{facts['size']} {facts['modify']}"
    with suppress(aioftp.StatusCodeError, ValueError, IndexError):
        await client.command("TYPE I", "200")
        _, lines = await client.command(f"SIZE {path}", "213")
        size = int(lines[0].split()[-1])
        with suppress(aioftp.StatusCodeError):
            _, lines = await client.command(f"MDTM {path}", "213")
            return size, f"{size} {lines[0].split()[-1]}"
        return size, ""
    return None, ""


async def _opened(client: Any, command: str, offset: int) -> tuple[Any, int]:
    """A data connection from `offset` on, or from the start where the server cannot do that; and from where it is."""
    reader, writer = await client.get_passive_connection("I")
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
    file: Path, target: Location, file_name: str, *, limits: TransferLimits, tls: ssl.SSLContext | None, resume: bool
) -> None:
    """Store the file in the directory that `target` names. Raises TransferError, OSError."""
    directory = target.path.rstrip("/")
    path = f"{directory}/{file_name}" if target.path else file_name
    size = await size_of(file)
    async with _session(target, limits, tls) as client:
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
