"""The network between the real daemon and a real CSMS, byte by byte: cut, dripping, half-open, clogged.

No way to the CSMS at all is in test_no_network.py; what a CSMS does on purpose in tests/integration/test_faulty_csms.py.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.csms.faulty import FaultyCsms
from tests.daemon import Daemon
from tests.integration.ledger import accounts, assert_balanced, assert_same_as_log
from tests.integration.stations import delivered, end_transaction, settings_for, start_transaction, until
from tests.reliability.wire import End, Way, Wire

CONFIG = {
    "MeterValueSampleInterval": 30,
    "AllowOfflineTxForUnknownId": True,
    "LocalPreAuthorize": True,
    "WebSocketPingInterval": 20,
}
PLACES = (1, 5, 80, 300)
"""In the head of a frame, behind it, in a frame, some frames later."""
LOOKS, LOOK_S = 200, 2
REQUESTS = 1_000
"""Their answers are more than all buffers on the way hold."""


@pytest_asyncio.fixture
async def csms() -> AsyncIterator[FaultyCsms]:
    async with FaultyCsms() as csms:
        yield csms
        csms.assert_conforming()


@pytest_asyncio.fixture
async def wire(csms: FaultyCsms) -> AsyncIterator[Wire]:
    async with Wire(csms.gate.port) as wire:
        yield wire


@pytest_asyncio.fixture
async def daemon(wire: Wire, tmp_path: Path) -> AsyncIterator[Daemon]:
    async with Daemon(tmp_path, settings_for(wire.url, config=CONFIG)) as daemon:
        await until(daemon, delivered, "registration")
        yield daemon
        assert await daemon.stop() == 0


async def settled(daemon: Daemon, csms: FaultyCsms, what: str) -> None:
    """Everything is told, while some time goes on."""
    for _ in range(LOOKS):
        if delivered(await daemon.api.state()):
            return
        csms.advance(LOOK_S)
        await daemon.api.clock(advance_s=LOOK_S)
    await until(daemon, delivered, what)


async def session(daemon: Daemon, csms: FaultyCsms, id_tag: str) -> None:
    await start_transaction(daemon, id_tag)
    csms.advance(35)
    await daemon.api.clock(advance_s=35)
    await end_transaction(daemon, id_tag)


async def assert_books(daemon: Daemon, csms: FaultyCsms, count: int) -> None:
    books = accounts(csms)
    assert len(books) == count
    for account in books:
        assert_balanced(account)
        assert len(account.samples) >= 1
    assert_same_as_log(books, await daemon.api.events())


@pytest.mark.parametrize("way", Way, ids=lambda way: way.value)
@pytest.mark.parametrize("end", End, ids=lambda end: end.value)
@pytest.mark.asyncio
async def test_a_connection_that_ends_in_the_midst_of_a_frame_costs_nothing(
    way: Way, end: End, wire: Wire, daemon: Daemon, csms: FaultyCsms
) -> None:
    for number, place in enumerate(PLACES):
        before = wire.connections
        wire.cut(way, place, end)
        await session(daemon, csms, f"TAG{number}")
        await settled(daemon, csms, f"cut after {place} bytes")
        assert wire.connections > before, "nothing was cut"
    await assert_books(daemon, csms, len(PLACES))


@pytest.mark.asyncio
async def test_a_wire_that_drips_byte_by_byte_both_ways_is_a_wire(wire: Wire, daemon: Daemon, csms: FaultyCsms) -> None:
    await csms.request("ChangeConfiguration", key="WebSocketPingInterval", value="0")  # time flies, bytes do not
    wire.dripping = True
    await session(daemon, csms, "A")
    await until(daemon, delivered, "the session")
    await assert_books(daemon, csms, 1)
    assert wire.connections == 1


@pytest.mark.asyncio
async def test_bytes_that_vanish_without_a_word_are_noticed_and_sent_again(
    wire: Wire, daemon: Daemon, csms: FaultyCsms
) -> None:
    await session(daemon, csms, "A")
    await until(daemon, delivered, "a session with the tag known afterwards")
    wire.swallowing = True
    await session(daemon, csms, "A")
    await settled(daemon, csms, "half open")
    await assert_books(daemon, csms, 2)
    assert wire.connections == 2
    assert len(csms.calls("StartTransaction")) == 2, "sent again while it was pending"


@pytest.mark.parametrize(
    ("ping_interval_s", "why"),
    [
        pytest.param(20, "no pong: the link is half open", id="by the ping"),
        pytest.param(0, "closed by the station, not all was sent", id="by calls that time out", marks=pytest.mark.long),
    ],
)
@pytest.mark.asyncio
async def test_a_csms_that_asks_and_asks_and_reads_nothing_is_left(
    ping_interval_s: int, why: str, wire: Wire, daemon: Daemon, csms: FaultyCsms
) -> None:
    await csms.request("ChangeConfiguration", key="WebSocketPingInterval", value=str(ping_interval_s))
    await session(daemon, csms, "A")
    await until(daemon, delivered, "a session with the tag known afterwards")
    wire.stuck = True
    for number in range(REQUESTS):
        await csms.send_text(f'[2,"q{number}","GetConfiguration",{{}}]')
    await session(daemon, csms, "A")
    await settled(daemon, csms, "clogged")
    await assert_books(daemon, csms, 2)
    assert wire.connections == 2
    ends = [event["payload"]["reason"] for event in await daemon.api.events() if event["type"] == "LinkClosed"]
    assert ends == [why]
