"""A Modbus bus: controllers and meters that take turns on one line, for ever. RTU and TCP alike.

Only one request is under way. After one that was not answered in time the bus is left alone for as long again, because RTU frames
carry no number: the late answer would be taken for that of the next request. Nothing else waits for the bus: what was read
is in the meters and controllers.

What takes energy away jumps the queue. A controller that must be commanded to stop (`Controller.hurried`) is so before anything else is
asked; a request that is under way gets `YIELDS_AFTER_MS` from its beginning for its answer, and is then given up. So that nothing
takes longer than that, blocks of registers are cut to what the line carries in `BLOCK_MS`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from devices.modbus.line import BusLine, BusRequest, BusSilent, ModbusLine
from devices.modbus.meter import ModbusMeter
from devices.modbus.register_map import Block

__all__ = ["BusLine", "BusSilent", "Controller", "ExchangeNow", "ModbusBus"]

logger = logging.getLogger(__name__)

YIELDS_AFTER_MS = 120
"""How long after its beginning a request is given up, once something hurries."""
HURRIED_ANSWER_MS = 150
"""How long a hurried write waits for its answer: the next connector's may wait behind it."""
BLOCK_MS = 80
_FRAME_BYTES = 13
"""Of a request for registers and its answer, without the registers."""

ExchangeNow = Callable[[BusRequest], Awaitable[tuple[int, ...]]]


class Controller(Protocol):
    """What takes its turn on a bus and may have to be commanded something before anything else."""

    @property
    def gap_ms(self) -> int:
        """How long it is left alone between two exchanges with it."""
        ...

    @property
    def hurried(self) -> BusRequest | None:
        """What it must be commanded before anything else, by a write; None: nothing, or it was tried often enough for now."""
        ...

    def was_hurried(self, request: BusRequest, failure: str | None) -> None:
        """That was written; or why it was not confirmed."""
        ...

    async def take_turn(self, exchange: ExchangeNow) -> None:
        """Read and write what there is. Raises `BusSilent` as `exchange` does."""
        ...


class ModbusBus:
    """Gives `controllers` and `meters` a turn every `period_ms` of `line`. `pause_ms` waits, `now_ms` is the station time."""

    def __init__(
        self,
        line: BusLine,
        meters: tuple[ModbusMeter, ...],
        *,
        now_ms: Callable[[], int],
        pause_ms: Callable[[int], Awaitable[None]],
        controllers: tuple[Controller, ...] = (),
    ) -> None:
        self._line = ModbusLine(line)
        self._meters = meters
        self._controllers = controllers
        self._now_ms = now_ms
        self._pause_ms = pause_ms
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._left_alone_until_s: dict[int, float] = {}
        self._served_ms = 0
        self.busy_s = 0.0

    def start(self) -> None:
        """Begin; to be called on the running event loop."""
        assert self._task is None, "the bus is started already"
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"modbus {self._line.line.name}")

    def close(self) -> None:
        """Stop and release the line; `wait_closed` says when that is done."""
        self._closing = True
        if self._task is not None and self._controllers:
            self.wake(hurry=True)  # what takes energy away is said first; that is bounded
        elif self._task is not None:
            self._task.cancel()

    async def wait_closed(self) -> None:
        """Return when the line is released."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def wake(self, *, hurry: bool) -> None:
        """A controller has something to say: the next round begins now; with `hurry` what is `hurried` goes before everything."""
        self._wake.set()
        if hurry:
            self._hurry.set()

    async def _run(self) -> None:
        try:
            while not self._closing:
                began_ms = self._now_ms()
                self._wake.clear()
                await self._serve_all()
                for meter in self._meters:
                    # Meters that do not answer take their time, and a controller that hears nothing falls to its failsafe.
                    if self._now_ms() - self._served_ms > self._line.line.period_ms:
                        await self._serve_all()
                    await self._ask(meter)
                await self._rest(max(1, began_ms + self._line.line.period_ms - self._now_ms()))
                await self._tell_hurried()
            await self._tell_hurried()
        finally:
            self._line.close()

    async def _rest(self, duration_ms: int) -> None:
        """Wait, unless the bus is being closed: a cancellation may get lost in the library's waiting (asyncio, 3.11)."""
        if self._closing:
            return
        if not self._controllers:
            await self._pause_ms(duration_ms)
            return
        await _first_of(self._pause_ms(duration_ms), self._wake.wait())

    # Controllers

    async def _serve_all(self) -> None:
        self._served_ms = self._now_ms()
        for controller in self._controllers:
            await self._serve(controller)

    async def _serve(self, controller: Controller) -> None:
        async def exchange(request: BusRequest) -> tuple[int, ...]:
            await self._tell_hurried()
            if self._closing:
                raise BusSilent("the bus is being closed")
            return await self._paced(request, controller.gap_ms, self._yielding)

        try:
            await self._tell_hurried()
            await controller.take_turn(exchange)
        except BusSilent:
            await self._rest(self._line.line.timeout_ms)
        except Exception as error:  # noqa: BLE001  # the library's own mistakes must not end the reading for ever
            logger.error("modbus: %r", error)

    async def _tell_hurried(self) -> None:
        """All that must be commanded before anything else."""
        self._hurry.clear()
        # In passes, each a try for all: one that does not answer keeps the others waiting once. Each gives up after some tries.
        while any(controller.hurried is not None for controller in self._controllers):
            for controller in self._controllers:
                await self._try_hurried(controller)

    async def _try_hurried(self, controller: Controller) -> None:
        request, failure = controller.hurried, None
        if request is None:
            return
        try:
            await self._paced(request, controller.gap_ms, self._in_time)
        except BusSilent as error:
            failure = str(error)
        controller.was_hurried(request, failure)

    async def _in_time(self, request: BusRequest) -> tuple[int, ...]:
        try:
            async with asyncio.timeout(HURRIED_ANSWER_MS / 1_000):
                return await self._line.exchange(request)
        except TimeoutError:
            raise BusSilent(f"no answer from unit {request.unit}") from None

    async def _yielding(self, request: BusRequest) -> tuple[int, ...]:
        """The exchange; given up for what hurries. Raises `BusSilent`."""
        if not self._controllers:
            return await self._line.exchange(request)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        asking = loop.create_task(self._line.exchange(request))
        try:
            await _first_of(_settled(asking), self._hurry.wait())
            if not asking.done():
                await asyncio.wait([asking], timeout=max(0.0, began_s + YIELDS_AFTER_MS / 1_000 - loop.time()))
        finally:
            if not asking.done():
                asking.cancel()
                await asyncio.wait([asking])
        if asking.cancelled():
            raise BusSilent(f"unit {request.unit} was given up for what hurries")
        return asking.result()

    async def _paced(self, request: BusRequest, gap_ms: int, exchange: ExchangeNow) -> tuple[int, ...]:
        """The exchange once its unit has been left alone for `gap_ms`."""
        loop = asyncio.get_running_loop()
        waits_s = self._left_alone_until_s.get(request.unit, 0.0) - loop.time()
        if waits_s > 0:
            await asyncio.sleep(waits_s)
        began_s = loop.time()
        try:
            return await exchange(request)
        finally:
            self.busy_s += loop.time() - began_s
            if gap_ms:
                self._left_alone_until_s[request.unit] = loop.time() + gap_ms / 1_000

    # Meters

    async def _ask(self, meter: ModbusMeter) -> None:
        values: dict[str, int] = {}
        try:
            for block in self._blocks(meter):
                await self._tell_hurried()
                if self._closing:
                    return
                request = BusRequest(
                    unit=meter.place.unit, function=meter.map.function, address=block.address, count=block.length
                )
                values.update(meter.map.decode(block, await self._paced(request, 0, self._yielding)))
        except BusSilent as error:
            meter.missed(str(error), self._now_ms())
            await self._rest(self._line.line.timeout_ms)
            return
        except Exception as error:  # noqa: BLE001  # the library's own mistakes must not end the reading for ever
            logger.error("modbus: %r", error)
            meter.missed(f"the bus failed: {error}", self._now_ms())
            return
        meter.answered(values, self._now_ms())

    def _blocks(self, meter: ModbusMeter) -> tuple[Block, ...]:
        """The blocks of its map; cut where a controller could have to wait for them."""
        line = self._line.line
        if not self._controllers or line.kind == "tcp":
            return meter.map.blocks
        longest = registers_within(line, BLOCK_MS)
        return tuple(part for block in meter.map.blocks for part in block.cut(longest))


def registers_within(line: BusLine, duration_ms: int) -> int:
    """How many registers one request reads on a serial line in that time, its own frames included; at least 4, the longest value."""
    bits = 9 + line.stop_bits + (line.parity != "N")
    return max(4, (duration_ms * line.baudrate // (1_000 * bits) - _FRAME_BYTES) // 2)


async def _settled(task: "asyncio.Task[tuple[int, ...]]") -> None:
    await asyncio.wait([task])


async def _first_of(*waits: Awaitable[object]) -> None:
    """Return when one of them has ended; the others are given up."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
