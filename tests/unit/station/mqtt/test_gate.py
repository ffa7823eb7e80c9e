"""The gate between the library and a broker."""

import asyncio
from pathlib import Path

import pytest

from station.mqtt.gate import Broker, gate_to
from tests.mosquitto import Stranger

pytestmark = pytest.mark.asyncio


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends back what comes, until nothing does."""
    while chunk := await reader.read(1_024):
        writer.write(chunk)


def at(stranger: Stranger, *, tls: bool = False) -> Broker:
    return Broker(host="127.0.0.1", port=stranger.port, tls=tls)


async def connected(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As the library connects."""
    return await asyncio.open_unix_connection(path)


async def test_bytes_go_both_ways_and_only_one_may_come_in() -> None:
    async with Stranger(echo) as broker, gate_to(at(broker), lambda _: None) as gate:
        assert gate.path.parent.stat().st_mode & 0o777 == 0o700
        reader, writer = await connected(gate.path)
        writer.write(b"\xd0\x00")
        assert await reader.readexactly(2) == b"\xd0\x00"
        assert not gate.path.parent.exists()
        with pytest.raises(OSError, match="No such file"):
            await connected(gate.path)
        gate.close()
        assert await reader.read() == b""
        assert gate.ended.result() == "closed"
        writer.close()


async def test_an_end_of_the_broker_ends_the_librarys_connection() -> None:

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with Stranger(leave) as broker, gate_to(at(broker), lambda _: None) as gate:
        reader, writer = await connected(gate.path)
        writer.write(b"x")
        assert await reader.read() == b""
        assert await gate.ended == "the broker closed the connection"
        writer.close()


async def test_a_way_that_nobody_took_leaves_nothing_behind() -> None:
    async with Stranger(echo) as broker, gate_to(at(broker), lambda _: None) as gate:
        directory = gate.path.parent
        assert directory.exists()
    assert not directory.exists()


async def test_a_broker_without_tls_where_the_settings_want_it_is_an_error() -> None:

    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with Stranger(http) as broker:
        with pytest.raises(OSError, match=r"."):
            async with gate_to(at(broker, tls=True), lambda _: None):
                raise AssertionError("it opened")
