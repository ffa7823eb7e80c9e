"""A Modbus bus: one client, its meters asked in turn, for ever. RTU and TCP alike.

Only one request is under way. After one that was not answered in time the bus is left alone for as long again, because RTU frames
carry no number: the late answer would be taken for that of the next request. Nothing else waits for the bus: what was read
is in the meters.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from devices.modbus.meter import ModbusMeter
from devices.modbus.register_map import Block, RegisterMap

logger = logging.getLogger(__name__)


class BusLine(Struct, frozen=True, kw_only=True):
    """How a bus is reached: `kind` "rtu" with a serial `device`, or "tcp" with `host` and `port`."""

    kind: str
    device: str = ""
    baudrate: int = 9_600
    parity: str = "N"
    stop_bits: int = 1
    host: str = ""
    port: int = 502
    timeout_ms: int = 500
    period_ms: int = 1_000


class BusSilent(Exception):  # noqa: N818  # a state of the bus, expected and handled
    """A request without an answer of use; the text says why."""


class ModbusBus:
    """Reads the `meters` every `period_ms` of `line`. `pause_ms` waits, `now_ms` is the station time."""

    def __init__(
        self,
        line: BusLine,
        meters: tuple[ModbusMeter, ...],
        *,
        now_ms: Callable[[], int],
        pause_ms: Callable[[int], Awaitable[None]],
    ) -> None:
        self._line = line
        self._meters = meters
        self._now_ms = now_ms
        self._pause_ms = pause_ms
        self._client: Any = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to read; to be called on the running event loop."""
        assert self._task is None, "the bus is started already"
        # Its errors are ours to report, once per meter and not once per request.
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name=f"modbus {self._line.device or self._line.host}"
        )

    def close(self) -> None:
        """Stop reading and release the line; `wait_closed` says when that is done."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()

    async def wait_closed(self) -> None:
        """Return when the line is released."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while not self._closing:
                began_ms = self._now_ms()
                for meter in self._meters:
                    await self._ask(meter)
                await self._rest(max(1, began_ms + self._line.period_ms - self._now_ms()))
        finally:
            if self._client is not None:
                self._client.close()

    async def _rest(self, duration_ms: int) -> None:
        """Wait, unless the bus is being closed: a cancellation may get lost in the library's waiting (asyncio, 3.11)."""
        if not self._closing:
            await self._pause_ms(duration_ms)

    async def _ask(self, meter: ModbusMeter) -> None:
        values: dict[str, int] = {}
        try:
            for block in meter.map.blocks:
                words = await self._request(meter.map, block, meter.place.unit)
                values.update(meter.map.decode(block, words))
        except BusSilent as error:
            meter.missed(str(error), self._now_ms())
            await self._rest(self._line.timeout_ms)
            return
        except Exception as error:  # noqa: BLE001  # the library's own mistakes must not end the reading for ever
            logger.error("modbus: %r", error)
            meter.missed(f"the bus failed: {error}", self._now_ms())
            return
        meter.answered(values, self._now_ms())

    async def _request(self, register_map: RegisterMap, block: Block, unit: int) -> tuple[int, ...]:
        from pymodbus.exceptions import ModbusException

        client = await self._connected()
        ask = client.read_input_registers if register_map.function == "input" else client.read_holding_registers
        try:
            answer = await ask(block.address, count=block.length, device_id=unit)
        except (ModbusException, OSError, TimeoutError) as error:
            raise BusSilent(f"no answer from unit {unit}") from error
        if answer.isError():
            raise BusSilent(
                f"unit {unit} refuses register 0x{block.address:04X} with exception {answer.exception_code}"
            )
        if len(answer.registers) != block.length:
            raise BusSilent(f"unit {unit} gives {len(answer.registers)} registers instead of {block.length}")
        return tuple(answer.registers)

    async def _connected(self) -> Any:
        """The client, connected: to the first address of the line that takes the connection."""
        if self._client is not None and self._client.connected:
            return self._client
        for place in await self._places():
            if self._client is not None:
                self._client.close()
            self._client = self._new_client(place)
            if await self._client.connect():
                return self._client
        raise BusSilent(f"{self._line.device or self._line.host} cannot be opened")

    async def _places(self) -> list[str]:
        """The serial device, or all addresses of the host: one of them may be dead."""
        if self._line.kind != "tcp":
            return [self._line.device]
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._line.host, self._line.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise BusSilent(f"{self._line.host} has no address: {error}") from error
        # The scope of a link-local address (RFC 4007) is its fourth part.
        texts = (f"{at[0]}%{at[3]}" if len(at) > 3 and at[3] else str(at[0]) for *_, at in found)
        return list(dict.fromkeys(texts))

    def _new_client(self, place: str) -> Any:
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

        # The next request reconnects: a client that reconnects on its own would race with that.
        common: Mapping[str, Any] = {"timeout": self._line.timeout_ms / 1_000, "retries": 0, "reconnect_delay": 0}
        if self._line.kind == "tcp":
            return AsyncModbusTcpClient(place, port=self._line.port, **common)
        return AsyncModbusSerialClient(
            place,
            baudrate=self._line.baudrate,
            parity=self._line.parity,
            stopbits=self._line.stop_bits,
            **common,
        )
