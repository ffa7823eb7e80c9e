"""Connections out: all addresses of a name are tried within one attempt (RFC 8305).

A name may have several addresses, of which some are dead: they refuse, drop packets, or accept the connection and never
answer. The families take turns, beginning with the one that the resolver puts first. An address gets a head start of
ATTEMPT_DELAY_S; then, or when it has failed, the next is tried beside it, and the first that answers wins. One that answered
and led nowhere is doubted, and comes last from then on until it has proved good.

Whatever may be connected to is judged by the address itself, at the moment of connecting: a name, a redirect or an odd way to
write a number cannot lead elsewhere.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any, TypeVar

from eventstore.value import Value

ATTEMPT_DELAY_S = 0.25  # RFC 8305, 8: Connection Attempt Delay
ADDRESSES_MAX = 16
DOUBTED_MAX = 64
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")  # RFC 6890: Linux takes 0.0.0.0 for the machine itself

T = TypeVar("T")
Judge = Callable[[str], str]
"""Why an address must not be connected to; "" if it may."""


class AddressRefusedError(OSError):
    """No address of the name may be connected to."""


class Address(Value, frozen=True, kw_only=True):
    """One address of a name, with its port; `text` is the address as a number."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def text(self) -> str:
        scope = self.sockaddr[3] if len(self.sockaddr) > 3 else 0
        return f"{self.sockaddr[0]}%{scope}" if scope else str(self.sockaddr[0])


def anywhere(_address: str) -> str:
    """Every address may be connected to."""
    return ""


def only_elsewhere(address: str) -> str:
    """Refuse addresses of this machine and of its own link: loopback, link-local and the unspecified address.

    An IPv4 address inside of an IPv6 one (mapped, compatible, 6to4, NAT64) counts as itself.
    """
    ip = _innermost(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_loopback or ip.is_unspecified or (ip.version == 4 and ip in _THIS_NETWORK):
        return f"{address} is this machine itself (loopback)"
    return f"{address} is a link-local address" if ip.is_link_local else ""


def _innermost(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    inner = ip.ipv4_mapped or ip.sixtofour
    if inner is None and (ip in _NAT64 or (int(ip) >> 32 == 0 and int(ip) > 1)):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip if inner is None else inner


class Dialer:
    """Opens connections to names; `judge` says which addresses it must not use."""

    def __init__(self, judge: Judge = anywhere) -> None:
        self._judge = judge
        self._doubts = 0
        self._doubted: dict[str, int] = {}

    def doubt(self, address: str) -> None:
        """The address took a connection and led nowhere: it comes last until it is `trust`ed, or others are doubted later."""
        self._doubts += 1
        self._doubted[address] = self._doubts
        if len(self._doubted) > DOUBTED_MAX:
            del self._doubted[min(self._doubted, key=self._doubted.__getitem__)]

    def trust(self, address: str) -> None:
        """The address has proved good."""
        self._doubted.pop(address, None)

    async def addresses(self, host: str, port: int) -> tuple[Address, ...]:
        """The addresses of a name that may be used, in the order in which they are to be tried.

        Raises AddressRefusedError if there are only others, OSError if there are none.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            raise OSError(f"{host[:80]!r} is no host name") from error
        known = dict.fromkeys(Address(family=family, sockaddr=tuple(place)) for family, *_, place in found)
        refusals = {address: self._judge(address.text) for address in known}
        usable = [address for address, why in refusals.items() if not why]
        if not usable:
            raise AddressRefusedError("; ".join(refusals.values()) or f"{host} has no address")
        turns = _in_turns(usable)
        return tuple(sorted(turns, key=lambda address: self._doubted.get(address.text, 0)))[:ADDRESSES_MAX]

    async def dial(self, host: str, port: int) -> socket.socket:
        """A connected, non-blocking TCP socket. Raises OSError; the caller sets the time limit."""
        _, connected = await connect_to(await self.addresses(host, port))
        return connected


async def connect_to(addresses: Sequence[Address]) -> tuple[Address, socket.socket]:
    """A connected, non-blocking TCP socket to one of these. Raises OSError; the caller sets the time limit."""
    return await first_of([partial(_connected, address) for address in addresses], _close)


def _in_turns(addresses: Sequence[Address]) -> list[Address]:
    """The families alternate (RFC 8305, 4)."""
    families = dict.fromkeys(address.family for address in addresses)
    lanes = [[address for address in addresses if address.family == family] for family in families]
    return [address for turn in zip_longest(*lanes) for address in turn if address is not None]


async def _connected(address: Address) -> tuple[Address, socket.socket]:
    found = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        found.setblocking(False)
        await asyncio.get_running_loop().sock_connect(found, address.sockaddr)
    except BaseException:
        found.close()
        raise
    return address, found


async def _close(found: tuple[Address, socket.socket]) -> None:
    found[1].close()


async def first_of(attempts: Sequence[Callable[[], Awaitable[T]]], discard: Callable[[T], Awaitable[None]]) -> T:
    """What the first attempt that succeeds returns; each begins ATTEMPT_DELAY_S after the one before, or when that fails.

    `discard` gets what comes too late. If all fail, raises the failure of the only one, or an OSError that has them all.
    """
    assert attempts, "there is something to try"
    running: list[asyncio.Future[T]] = []
    failures: list[BaseException] = []
    try:
        for begun, attempt in enumerate(attempts, start=1):
            running.append(asyncio.ensure_future(attempt()))
            patience_s = ATTEMPT_DELAY_S if begun < len(attempts) else None
            winner = await _success(running, failures, patience_s)
            if winner is not None:
                running.remove(winner)
                return winner.result()
    finally:
        await _dismiss(running, discard)
    if len(failures) == 1:
        raise failures[0]
    raise OSError("; ".join(str(failure) or type(failure).__name__ for failure in failures))


async def _success(
    running: list[asyncio.Future[T]], failures: list[BaseException], patience_s: float | None
) -> asyncio.Future[T] | None:
    """The attempt that succeeded; None once one has failed or the head start is over; without a head start, once all have failed."""
    while running:
        done, _ = await asyncio.wait(running, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            failure = each.exception()
            if failure is None:
                return each
            failures.append(failure)
            running.remove(each)
        if patience_s is not None:
            return None
    return None


async def _dismiss(running: Sequence[asyncio.Future[T]], discard: Callable[[T], Awaitable[None]]) -> None:
    for each in running:
        each.cancel()
    for ended in await asyncio.gather(*running, return_exceptions=True):
        if not isinstance(ended, BaseException):
            await discard(ended)
