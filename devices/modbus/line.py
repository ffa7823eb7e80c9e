"""The line of a Modbus bus: one client, and one exchange on it at a time. RTU and TCP alike.

An exchange is a request with its answer. RTU frames carry no number, so an answer counts only if unit and function are those of the
request and it has the length that was asked for.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from typing import Any

from msgspec import Struct


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

    @property
    def name(self) -> str:
        """Where it is, for people."""
        return self.device or self.host


class BusSilent(Exception):  # noqa: N818  # a state of the bus, expected and handled
    """A request without an answer of use; the text says why."""


class BusRefused(BusSilent):
    """An answer that refuses."""


class BusRequest(Struct, frozen=True, kw_only=True):
    """One request to `unit`. `function` is "coil", "discrete", "holding" or "input".

    With `values` they are written (coils take 0 and 1), `many` by the function for several; without, `count` of them are read.
    """

    unit: int
    function: str
    address: int
    count: int = 1
    values: tuple[int, ...] = ()
    many: bool = False


class ModbusLine:
    """The client of a `line`, connected when it is first needed and again after it was lost."""

    def __init__(self, line: BusLine) -> None:
        self.line = line
        self._client: Any = None
        # Its errors are ours to report, once per device and not once per request.
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

    def close(self) -> None:
        """Release the line."""
        if self._client is not None:
            self._client.close()

    async def exchange(self, request: BusRequest) -> tuple[int, ...]:
        """What was read; nothing for what was written. Raises `BusSilent`."""
        from pymodbus.exceptions import ModbusException

        client = await self._connected()
        unit = request.unit
        try:
            answer = await _ask(client, request)
        except (ModbusException, OSError, TimeoutError) as error:
            raise BusSilent(f"no answer from unit {unit}") from error
        if answer.isError():
            what = "coil" if request.function in {"coil", "discrete"} else "register"
            raise BusRefused(
                f"unit {unit} refuses {what} 0x{request.address:04X} with exception {answer.exception_code}"
            )
        if answer.function_code != _CODES[request.function, bool(request.values), request.many]:
            raise BusSilent(f"no answer from unit {unit}")  # a late one to another request
        if request.values:
            return ()
        if request.function in {"coil", "discrete"}:
            return tuple(map(int, answer.bits[: request.count]))
        if len(answer.registers) != request.count:
            raise BusSilent(f"unit {unit} gives {len(answer.registers)} registers instead of {request.count}")
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
        raise BusSilent(f"{self.line.name} cannot be opened")

    async def _places(self) -> list[str]:
        """The serial device, or all addresses of the host: one of them may be dead."""
        line = self.line
        if line.kind != "tcp":
            return [line.device]
        try:
            found = await asyncio.get_running_loop().getaddrinfo(line.host, line.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise BusSilent(f"{line.host} has no address: {error}") from error
        # The scope of a link-local address (RFC 4007) is its fourth part.
        texts = (f"{at[0]}%{at[3]}" if len(at) > 3 and at[3] else str(at[0]) for *_, at in found)
        return list(dict.fromkeys(texts))

    def _new_client(self, place: str) -> Any:
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

        # The next request reconnects: a client that reconnects on its own would race with that.
        line = self.line
        common: Mapping[str, Any] = {"timeout": line.timeout_ms / 1_000, "retries": 0, "reconnect_delay": 0}
        if line.kind == "tcp":
            return AsyncModbusTcpClient(place, port=line.port, **common)
        return AsyncModbusSerialClient(
            place, baudrate=line.baudrate, parity=line.parity, stopbits=line.stop_bits, **common
        )


_CODES = {
    ("coil", False, False): 1,
    ("discrete", False, False): 2,
    ("holding", False, False): 3,
    ("input", False, False): 4,
    ("coil", True, False): 5,
    ("holding", True, False): 6,
    ("coil", True, True): 15,
    ("holding", True, True): 16,
}
"""Modbus application protocol, chapter 6: the code by what is asked for, whether it is written, and whether as several."""


async def _ask(client: Any, request: BusRequest) -> Any:
    unit, address = request.unit, request.address
    if not request.values:
        read = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }[request.function]
        return await read(address, count=request.count, device_id=unit)
    values = list(request.values)
    if request.function == "coil":
        return await client.write_coil(address, bool(values[0]), device_id=unit)
    if request.many:
        return await client.write_registers(address, values, device_id=unit)
    return await client.write_register(address, values[0], device_id=unit)
