"""A serial reader, over a pseudo-terminal."""

import asyncio
import os
import pty
import tty
from collections.abc import Iterator

import pytest

from devices.readers.device_reader import ReaderDevice
from devices.readers.serial_reader import lines_of, serve_serial
from devices.readers.uid import uid_from_text
from tests.contract.hand_time import until


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    """The reader's end, and the name of ours."""
    reader, ours = pty.openpty()
    tty.setraw(reader)
    tty.setraw(ours)
    yield reader, os.ttyname(ours)
    os.close(ours)
    os.close(reader)


@pytest.mark.parametrize(
    ("received", "rest", "lines"),
    [
        (b"04A1\r\n", b"", ("04A1",)),
        (b"\x0204A1B2\x03\x02FFFF\x03", b"", ("04A1B2", "FFFF")),
        (b"04A1\r\n\r\n77", b"77", ("04A1",)),
        (b"x" * 65, b"", ()),
        (b"\xff\xfe\n", b"", ("��",)),
        (b"", b"", ()),
    ],
)
def test_lines_end_however_a_reader_ends_them(received: bytes, rest: bytes, lines: tuple[str, ...]) -> None:
    assert lines_of(received) == (rest, lines)


@pytest.mark.asyncio
async def test_lines_come_over_the_port_in_whatever_pieces(port: tuple[int, str]) -> None:
    reader, name = port
    lines: list[str] = []
    opened = asyncio.Event()
    serving = asyncio.create_task(serve_serial(ReaderDevice(device=name, baudrate=9_600), opened.set, lines.append))
    await opened.wait()
    for piece in (b"\x0204A1", b"B2C3\x03\x02", b"DEADBEEF\r\n"):
        os.write(reader, piece)
        await asyncio.sleep(0.002)
    await until(lambda: len(lines) == 2)
    serving.cancel()
    await asyncio.wait([serving])
    assert lines == ["04A1B2C3", "DEADBEEF"]


@pytest.mark.asyncio
async def test_the_end_of_a_line_that_is_too_long_is_no_card(port: tuple[int, str]) -> None:
    reader, name = port
    lines: list[str] = []
    opened = asyncio.Event()
    serving = asyncio.create_task(serve_serial(ReaderDevice(device=name, baudrate=9_600), opened.set, lines.append))
    await opened.wait()
    os.write(reader, b"F" * 65)  # one more than is kept of a line
    await asyncio.sleep(0.05)
    os.write(reader, b"04A1B2C3\r\nDEADBEEF\r\n")
    await until(lambda: bool(lines) and lines[-1] == "DEADBEEF")
    serving.cancel()
    await asyncio.wait([serving])
    first, *_ = lines
    assert uid_from_text(first, kind="hex", uid_bytes=4, last_first=False) is None
    assert len(lines) == 2


@pytest.mark.asyncio
async def test_a_port_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="ttyNOWHERE"):
        await serve_serial(ReaderDevice(device="/dev/ttyNOWHERE"), lambda: None, lambda line: None)
