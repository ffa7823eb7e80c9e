"""A station and its faulty CSMS, as fixtures of the integration tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest_asyncio

from tests.csms.faulty import FaultyCsms
from tests.csms.frames import Frame
from tests.daemon import Daemon, merged
from tests.integration.stations import advance, delivered, end_transaction, settings_for, start_transaction, until

TIMEOUT_S = 10
RETRY_S = 20
CONFIG = {
    "TransactionMessageAttempts": 3,
    "TransactionMessageRetryInterval": RETRY_S,
    "AllowOfflineTxForUnknownId": True,
    "LocalPreAuthorize": False,
    "AuthorizationCacheEnabled": False,
}


class Pair:
    """A station and its faulty CSMS."""

    def __init__(self, daemon: Daemon, csms: FaultyCsms) -> None:
        self.daemon = daemon
        self.csms = csms

    async def advance(self, seconds: int) -> None:
        """Time goes on for both, at once."""
        await advance(self.daemon, self.csms, seconds, step_s=seconds)

    async def delivered(self) -> None:
        """Wait until nothing is owed any more."""
        await until(self.daemon, delivered, "everything to be delivered")

    async def quiet(self) -> int:
        """The number of calls so far, once every frame that is under way has arrived."""
        await self.csms.request("DataTransfer", vendor_id="org.example.fence")
        return len(self.csms.calls())

    async def session(self, id_tag: str = "LATER") -> None:
        """A whole session that goes well: nothing before it has left anything stuck."""
        await start_transaction(self.daemon, id_tag)
        await end_transaction(self.daemon, id_tag)
        await self.csms.expect("StartTransaction", id_tag=id_tag)
        await self.csms.expect("StopTransaction", id_tag=id_tag)
        await self.delivered()

    async def started(self, id_tag: str = "A") -> Frame:
        """A running transaction; its StartTransaction as first sent."""
        await start_transaction(self.daemon, id_tag)
        return await self.csms.expect("StartTransaction", id_tag=id_tag)

    async def transaction_id(self, wanted: int | None) -> None:
        """Wait for the transaction to be bound to this id."""
        await until(self.daemon, lambda state: state["transactions"][0]["transaction_id"] == wanted, f"the id {wanted}")


class Boot(Protocol):
    """Starts a station against a CSMS that was given its script before."""

    async def __call__(self, **tables: Any) -> Pair: ...


@pytest_asyncio.fixture
async def csms() -> AsyncIterator[FaultyCsms]:
    async with FaultyCsms() as csms:
        yield csms
        print(csms.tail(200))
        csms.assert_conforming()
        assert_no_message_id_twice(csms)


@pytest_asyncio.fixture
async def boot(csms: FaultyCsms, tmp_path: Path) -> AsyncIterator[Boot]:
    async with AsyncExitStack() as stack:

        async def start(**tables: Any) -> Pair:
            settings = settings_for(
                csms.url, **merged({"config": CONFIG, "csms": {"call_timeout_s": TIMEOUT_S}}, tables)
            )
            daemon = await stack.enter_async_context(Daemon(tmp_path, settings))
            return Pair(daemon, csms)

        yield start


@pytest_asyncio.fixture
async def pair(boot: Boot) -> Pair:
    """A booted station."""
    pair = await boot()
    await pair.delivered()
    return pair


def assert_no_message_id_twice(csms: FaultyCsms) -> None:
    """A message id is never used twice on one connection (OCPP-J 4.1.4)."""
    used = [(frame.connection, frame.message_id) for frame in csms.calls()]
    assert len(used) == len(set(used))
