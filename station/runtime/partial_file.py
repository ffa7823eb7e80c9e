"""A file in transfer: how much has arrived, and whether the rest may be fetched later; or how much is still to send.

Beside the bytes lies a note of the location and of the server's mark for that version of the file (its validator: an ETag, a
modification time). Only where both are still the same is a download continued; otherwise it begins anew.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from eventstore.directory import sync_directory
from eventstore.value import Value

BUFFER_BYTES = 256 * 1024
CHUNK_BYTES = 64 * 1024


class FileRefusedError(OSError):
    """The file cannot be taken as it came: it was not sent whole."""


class FileTooLargeError(FileRefusedError):
    """The file cannot be taken at all: it is too large for the station or for the disk."""


class ResumePoint(Value, frozen=True, kw_only=True):
    """From which byte on a download may continue, if the server's validator is still this one."""

    offset: int = 0
    validator: str = ""


class PartialFile:
    """The download of one file to `target`: at most `bytes_max`, and at most `disk_bytes_max` more on the disk.

    Its SHA-256 is computed as it comes, over what an earlier attempt brought first.
    """

    def __init__(self, target: Path, *, bytes_max: int, disk_bytes_max: int) -> None:
        self._target = target
        self._part = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self._bytes_max = bytes_max
        self._disk_bytes_max = disk_bytes_max
        self._digest = hashlib.sha256()

    def resume_point(self, location: str) -> ResumePoint:
        """Where to go on; offset 0 if there is nothing, or if it cannot be shown to be the same file."""
        try:
            note = json.loads(self._note.read_bytes())
            offset = self._part.stat().st_size
        except (OSError, ValueError):
            return ResumePoint()
        if not isinstance(note, dict) or note.get("location") != location or not note.get("validator"):
            return ResumePoint()
        return ResumePoint(offset=offset, validator=str(note["validator"]))

    def discard(self) -> None:
        """Forget what has come."""
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    async def receive(
        self, chunks: AsyncIterator[bytes], *, location: str, validator: str, offset: int, total_bytes: int | None
    ) -> None:
        """Take the bytes from `offset` on, to the disk; `total_bytes` is the size of the whole file, if it is known.

        Raises FileRefusedError; FileTooLargeError, which leaves nothing on the disk; whatever the chunks raise; OSError.
        """
        try:
            if total_bytes is not None:
                self.check_size(total_bytes, total_bytes - offset)
            received = await self._received(chunks, location, validator, offset)
        except FileTooLargeError:
            await asyncio.to_thread(self.discard)
            raise
        if total_bytes is not None and received != total_bytes:
            raise FileRefusedError(f"{received} of {total_bytes} bytes came")

    async def _received(self, chunks: AsyncIterator[bytes], location: str, validator: str, offset: int) -> int:
        """Takes all the chunks; how long the file is then."""
        file = await asyncio.to_thread(self._open, location, validator, offset)
        received, buffer = offset, bytearray()
        try:
            async for chunk in chunks:
                received += len(chunk)
                self.check_size(received, received - offset)
                buffer += chunk
                if len(buffer) >= BUFFER_BYTES:
                    full, buffer = buffer, bytearray()
                    await asyncio.to_thread(self._write, file, full)
        finally:
            await asyncio.to_thread(self._close, file, buffer)
        return received

    def check_size(self, file_bytes: int, disk_bytes: int) -> None:
        """Raises FileTooLargeError if the file, or what of it is still to come, is too large."""
        if file_bytes > self._bytes_max:
            raise FileTooLargeError(f"the file is larger than {self._bytes_max} bytes")
        if disk_bytes > self._disk_bytes_max:
            raise FileTooLargeError("the disk has no room for the file")

    def _open(self, location: str, validator: str, offset: int) -> BinaryIO:
        if offset == 0:
            self.discard()
            self._note.write_text(json.dumps({"location": location, "validator": validator}))
        file = self._part.open("ab")
        file.truncate(offset)
        with self._part.open("rb") as begun:
            self._digest = hashlib.file_digest(begun, "sha256")
        return file

    def _write(self, file: BinaryIO, content: bytearray) -> None:
        file.write(content)
        self._digest.update(content)

    def _close(self, file: BinaryIO, rest: bytearray) -> None:
        with file:
            self._write(file, rest)
            file.flush()
            os.fsync(file.fileno())

    def complete(self) -> str:
        """The file has come whole: it takes its name. Returns its SHA-256, in hexadecimal. Raises OSError."""
        self._part.replace(self._target)
        self._note.unlink(missing_ok=True)
        sync_directory(self._target.parent)
        return self._digest.hexdigest()


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises OSError."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
