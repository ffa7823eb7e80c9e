"""A meter on pymodbus's own server, over TCP or RTU on a pseudo-terminal pair, and everything that can go wrong with its answers."""

import asyncio
import os
import pty
import tty
from collections.abc import Callable, Mapping
from typing import Any, Self

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerRTU
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from devices.modbus.bus import BusLine
from devices.modbus.register_map import load_map
from tests.unit.devices.modbus.test_register_map import image

TIMEOUT_MS = 150


class MeterServer:
    """Meters of one type at `units`; `values` are what they show, in their own units. `kind` is "tcp" or "rtu"."""

    def __init__(self, kind: str, map_name: str, values: Mapping[str, float], units: tuple[int, ...] = (1,)) -> None:
        self.kind = kind
        self.map = load_map(map_name)
        self.values = dict(values)
        self.units = units
        self.requests = 0
        self.exception: ExcCodes | None = None
        self.spoil: Callable[[bytes], bytes] = lambda packet: packet
        self._server: Any = None
        self._pumps: tuple[int, ...] = ()
        self._ends: tuple[int, ...] = ()
        self.line = BusLine(kind=kind)

    async def __aenter__(self) -> Self:
        devices = [self._device(unit) for unit in self.units]
        if self.kind == "tcp":
            self._server = ModbusTcpServer(devices, address=("127.0.0.1", 0), trace_packet=self._trace)
            await self._server.serve_forever(background=True)
            port = self._server.transport.sockets[0].getsockname()[1]
            self.line = BusLine(kind="tcp", host="127.0.0.1", port=port, timeout_ms=TIMEOUT_MS)
            return self
        server_name, client_name = self._null_modem()
        self._server = ModbusSerialServer(devices, port=server_name, baudrate=115_200, trace_packet=self._trace)
        await self._server.serve_forever(background=True)
        self.line = BusLine(kind="rtu", device=client_name, baudrate=115_200, timeout_ms=TIMEOUT_MS)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.shutdown()
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        for descriptor in self._pumps:
            loop.remove_reader(descriptor)
        for descriptor in (*self._pumps, *self._ends):
            os.close(descriptor)

    def _device(self, unit: int) -> SimDevice:
        registers = image(self.map, {})
        data = [SimData(address, values=0, datatype=DataType.REGISTERS) for address in registers]
        return SimDevice(unit, simdata=data, action=self._act)

    async def _act(
        self, code: int, start: int, address: int, count: int, current: list[int], values: object
    ) -> ExcCodes | None:
        registers = image(self.map, self.values)
        for position in range(count):
            current[address - start + position] = registers[address + position]
        return self.exception

    def _trace(self, sending: bool, packet: bytes) -> bytes:
        if not sending:
            self.requests += 1
            return packet
        return self.spoil(packet)

    def _null_modem(self) -> tuple[str, str]:
        """Two pseudo-terminals, joined in the middle."""
        (left, server), (right, client) = pty.openpty(), pty.openpty()
        for descriptor in (left, server, right, client):
            tty.setraw(descriptor)
        self._pumps, self._ends = (left, right), (server, client)
        loop = asyncio.get_running_loop()
        loop.add_reader(left, lambda: os.write(right, os.read(left, 512)))
        loop.add_reader(right, lambda: os.write(left, os.read(right, 512)))
        return os.ttyname(server), os.ttyname(client)


def from_another_unit(kind: str) -> Callable[[bytes], bytes]:
    """Answers come from a unit that was not asked."""

    def spoil(packet: bytes) -> bytes:
        if kind == "tcp":
            return packet[:6] + bytes([packet[6] ^ 0x10]) + packet[7:]
        frame = bytes([packet[0] ^ 0x10]) + packet[1:-2]
        return frame + FramerRTU.compute_CRC(frame).to_bytes(2)

    return spoil


def silence(packet: bytes) -> bytes:
    return b""


def garbage(packet: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in packet)


def cut_short(packet: bytes) -> bytes:
    return packet[:-3]
