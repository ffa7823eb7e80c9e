"""Connections out: every address of a name in one attempt (RFC 8305), and those that must not be reached."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from station.runtime.dialing import AddressRefusedError, Dialer, anywhere, first_of, only_elsewhere
from tests.daemon import free_port
from tests.names import Names, swallowing

pytestmark = pytest.mark.asyncio
LATEST_S = 20  # a test that waits for a dead address never ends by itself


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


async def reached(dialer: Dialer, host: str, port: int) -> str:
    """The address that a connection leads to."""
    async with asyncio.timeout(LATEST_S):
        found = await dialer.dial(host, port)
    with found:
        return str(found.getpeername()[0])


async def test_a_dead_first_address_does_not_hide_the_second(names: Names) -> None:
    names.known["two.test"] = ("127.0.0.2", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert await reached(Dialer(), "two.test", port) == "127.0.0.1"  # the other refuses
        with swallowing("127.0.0.2", port):
            assert await reached(Dialer(), "two.test", port) == "127.0.0.1"


async def test_the_families_take_turns_and_the_resolvers_first_begins(names: Names) -> None:
    names.known["both.test"] = ("::2", "::3", "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1")
    found = await Dialer().addresses("both.test", 1)
    assert [address.text for address in found] == ["::2", "127.0.0.1", "::3", "127.0.0.2", "127.0.0.3"]


async def test_a_doubted_address_comes_last_until_it_is_trusted(names: Names) -> None:
    names.known["two.test"] = ("127.0.0.2", "127.0.0.1")
    dialer = Dialer()
    dialer.doubt("127.0.0.2")
    assert [address.text for address in await dialer.addresses("two.test", 1)] == ["127.0.0.1", "127.0.0.2"]
    dialer.doubt("127.0.0.1")
    assert [address.text for address in await dialer.addresses("two.test", 1)] == ["127.0.0.2", "127.0.0.1"]
    dialer.doubt("127.0.0.2")
    assert [address.text for address in await dialer.addresses("two.test", 1)] == ["127.0.0.1", "127.0.0.2"]
    dialer.trust("127.0.0.2")
    assert [address.text for address in await dialer.addresses("two.test", 1)] == ["127.0.0.2", "127.0.0.1"]


async def test_when_nobody_answers_every_address_is_named(names: Names) -> None:
    names.known["two.test"] = ("127.0.0.2", "127.0.0.1")
    with pytest.raises(OSError, match=r"127\.0\.0\.2.*; .*127\.0\.0\.1"):
        await reached(Dialer(), "two.test", free_port())


@pytest.mark.parametrize("name", ["a..test", "x" * 64 + ".test"])
async def test_what_is_no_host_name_is_an_error_of_the_network(name: str) -> None:
    with pytest.raises(OSError, match="is no host name"):
        await Dialer().addresses(name, 1)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "::ffff:0.0.0.0",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fe80::1%3",
    ],
)
async def test_this_machine_and_its_link_are_not_elsewhere(address: str) -> None:
    assert address in only_elsewhere(address)
    assert anywhere(address) == ""


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "10.0.0.1", "192.168.1.9", "2001:db8::1", "fd00::1", "64:ff9b::808:808"]
)
async def test_private_networks_are_elsewhere(address: str) -> None:
    """Most stations fetch their firmware from a server beside them."""
    assert only_elsewhere(address) == ""


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "017700000001", "0"])
async def test_a_number_written_oddly_is_judged_by_what_it_is(host: str) -> None:
    with pytest.raises(AddressRefusedError, match="loopback"):
        await Dialer(only_elsewhere).addresses(host, 80)


async def test_of_a_name_only_the_addresses_that_may_be_used_are(names: Names) -> None:
    names.known["mixed.test"] = ("127.0.0.1", "192.0.2.1", "169.254.169.254")
    assert [each.text for each in await Dialer(only_elsewhere).addresses("mixed.test", 80)] == ["192.0.2.1"]


class Attempts:
    """Attempts that end when the test says so, with what it says."""

    def __init__(self, count: int) -> None:
        self.ends: list[asyncio.Future[str]] = [asyncio.get_running_loop().create_future() for _ in range(count)]
        self.begun = [asyncio.Event() for _ in range(count)]
        self.discarded: list[str] = []

    def all(self) -> list[Callable[[], Awaitable[str]]]:
        return [lambda number=number: self._attempt(number) for number in range(len(self.ends))]  # type: ignore[misc]

    async def _attempt(self, number: int) -> str:
        self.begun[number].set()
        return await self.ends[number]

    async def discard(self, result: str) -> None:
        self.discarded.append(result)


async def test_an_address_that_fails_hands_over_at_once_and_a_slow_one_may_still_win() -> None:
    attempts = Attempts(3)
    race = asyncio.create_task(first_of(attempts.all(), attempts.discard))
    await attempts.begun[0].wait()
    await attempts.begun[1].wait()  # after the head start
    attempts.ends[1].set_exception(OSError("refused"))
    await attempts.begun[2].wait()
    attempts.ends[0].set_result("the first")
    assert await race == "the first"
    assert attempts.ends[2].cancelled()


async def test_of_two_that_win_together_one_is_put_back() -> None:
    attempts = Attempts(2)
    race = asyncio.create_task(first_of(attempts.all(), attempts.discard))
    await attempts.begun[1].wait()
    for number, end in enumerate(attempts.ends):
        end.set_result(str(number))
    assert sorted([await race, *attempts.discarded]) == ["0", "1"]


async def test_a_race_that_is_given_up_leaves_nothing_open() -> None:
    attempts = Attempts(2)
    race = asyncio.create_task(first_of(attempts.all(), attempts.discard))
    await attempts.begun[1].wait()
    race.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race
    assert all(end.cancelled() for end in attempts.ends)
