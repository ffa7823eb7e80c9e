"""The hands of a bench: its controls over HTTP, and its clock."""

import contextlib
from typing import Protocol

from station.certify.ports import CsmsPort
from station.demo.bench_service import BenchService, DemoError

ERROR_CODE = "OtherError"


class Killable(Protocol):
    """A process that can lose its power."""

    async def kill(self) -> None:
        """At once; nothing is flushed."""
        ...

    async def start(self) -> None:
        """Starts it, and waits until it is ready."""
        ...


class BenchHands:
    """What is done to a station on a bench. Time passes by its clock: an hour takes no longer than what falls due in it."""

    def __init__(self, service: BenchService, process: Killable, csms: CsmsPort) -> None:
        self._service = service
        self._process = process
        self._csms = csms

    async def plug(self, connector_id: int = 1, *, ev: bool = True, station: bool = True, seated: bool = True) -> None:
        """The cable goes in; a vehicle is ready for energy."""
        await self._service.control(f"connectors/{connector_id}/plug", ev=ev, station=station, seated=seated)

    async def unplug(self, connector_id: int = 1, *, ev: bool = True, station: bool = True) -> None:
        """The cable comes out."""
        await self._service.control(f"connectors/{connector_id}/unplug", ev=ev, station=station)

    async def swipe(self, id_tag: str, connector_id: int | None = None) -> None:
        """A tag at the reader."""
        where = {} if connector_id is None else {"connector_id": connector_id}
        await self._service.control("swipe", id_tag=id_tag, **where)

    async def fault(self, connector_id: int) -> str:
        """OtherError."""
        await self._service.control(f"connectors/{connector_id}/fault", error_code=ERROR_CODE)
        return ERROR_CODE

    async def clear_fault(self, connector_id: int) -> None:
        """It is gone."""
        await self._service.clear_fault(connector_id)

    async def network(self, up: bool) -> None:
        """Cut, or back."""
        await self._service.control("network", up=up)

    async def mains_lost(self) -> None:
        """Without back-up power the process is gone before it answers."""
        with contextlib.suppress(DemoError):
            await self._service.control("power", mains=False)

    async def power_cycle(self) -> None:
        """Mains goes without warning and comes back."""
        await self._process.kill()
        await self._process.start()

    async def fail_local_list(self) -> None:
        """The next list cannot be stored."""
        await self._service.control("local-list", fail=True)

    async def wait(self, seconds: float) -> None:
        """Both clocks move on; what falls due in between happens in order."""
        self._csms.advance(seconds)
        await self._service.control("clock", advance_s=seconds)
