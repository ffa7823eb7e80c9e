"""Accepting within bounds."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from station.service import accepting
from station.service.accepting import ACCEPTS_AT_ONCE, Acceptor
from station.service.places import Place, Places, Standing
from tests.shortage import no_descriptors

PLACES_HERE = 4
FEW_DESCRIPTORS = 32  # a quarter of it are places, half of those for this machine


@dataclass
class Door:
    """A listening socket, its acceptor, and the connections that have begun."""

    listening: socket.socket
    places: Places
    begun: list[tuple[socket.socket, Place]] = field(default_factory=list)
    acceptor: Acceptor = field(init=False)

    def __post_init__(self) -> None:
        self.acceptor = Acceptor(self.listening, self.places, self.begin)

    def begin(self, connection: socket.socket, place: Place) -> None:
        self.begun.append((connection, place))
        place.give_up = connection.close

    def knock(self) -> socket.socket:
        return socket.create_connection(self.listening.getsockname(), timeout=5)

    async def begins(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.begun) < count:  # noqa: ASYNC110  # the acceptor tells nobody but us
                await asyncio.sleep(0.005)


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        listening.setblocking(False)
        found = Door(listening, Places(lambda: FEW_DESCRIPTORS))
        found.acceptor.open()
        yield found
        found.acceptor.close()
        for connection, _ in found.begun:
            connection.close()


@pytest.mark.asyncio
async def test_a_flood_of_silent_connections_holds_no_more_than_its_places_and_the_newest_is_among_them(
    door: Door,
) -> None:
    count = 5 * ACCEPTS_AT_ONCE
    flood = [door.knock() for _ in range(count)]
    await door.begins(count)
    assert len(door.places) == PLACES_HERE
    assert [place.is_given_up for _, place in door.begun[-PLACES_HERE:]] == [False] * PLACES_HERE
    for each in flood:
        each.close()


@pytest.mark.asyncio
async def test_when_all_are_being_served_the_next_one_waits_a_little_and_is_told_so(
    door: Door, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "IN_HAND_S", 0.1)
    served = [door.knock() for _ in range(PLACES_HERE)]
    await door.begins(PLACES_HERE)
    for _, place in door.begun:
        place.standing = Standing.SERVED
    for _ in range(3):
        reader, writer = await asyncio.open_connection(*door.listening.getsockname())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert json.loads(body) == {"error": "too many connections are open"}
        writer.close()
    (record,) = caplog.records
    assert "127.0.0.1" in record.getMessage()
    for each in served:
        each.close()


@pytest.mark.asyncio
async def test_without_a_descriptor_one_who_says_nothing_goes_and_accepting_goes_on(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    first = door.knock()
    await door.begins(1)
    second = door.knock()
    with no_descriptors():
        door.acceptor._accept()
    await door.begins(2)
    assert door.begun[0][1].is_given_up
    assert "Too many open files" in caplog.text
    first.close()
    second.close()


@pytest.mark.asyncio
async def test_a_socket_on_which_nobody_can_be_accepted_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        acceptor = Acceptor(datagrams, Places(lambda: 1024), lambda connection, place: None)
        acceptor._accept()
        with pytest.raises(OSError, match="not supported"):
            await acceptor.broken
        acceptor.close()
