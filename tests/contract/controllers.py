"""Charging controllers as they behave on their line: a real Modbus server, or RAPI on a pseudo-terminal, in front of a vehicle, a cable
and a contactor. They keep their own time, fall to their failsafe when they hear nothing, and can fail in every way that they do.
"""

import asyncio
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from devices.evse.controller_map import ControllerMap, load_controller
from devices.modbus.register_map import TYPES, Block, RegisterMap
from tests.contract.electrical import Socket
from tests.contract.serial_line import SerialLine

RISES_MS = 1_000
"""How long after a word a controller comes back from its failsafe."""
UWS_PER_WH = 3_600_000_000
VOLTAGE_V = 230
FUNCTIONS = {1: "coil", 2: "discrete", 3: "holding", 4: "input", 5: "coil", 6: "holding", 16: "holding"}


@dataclass(slots=True, kw_only=True)
class Faults:
    """What is wrong with a controller: it says nothing, it refuses everything, its writes are lost, it gives this word as its state."""

    silent: bool = False
    refuses: bool = False
    loses_writes: bool = False
    state_word: int | None = None


class Vehicle:
    """A socket with its vehicle, and the contactor that a controller switches."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.socket = Socket()
        self.greed_ma = 0
        """What it takes beyond the offer."""
        self.eager = False
        """Whether the vehicle asks for energy before it is offered a current."""
        self._now_ms = now_ms
        self._settled_ms = now_ms()
        self._offered_ma = 0

    @property
    def connected(self) -> bool:
        return self.socket.ev_plugged and self.socket.station_plugged

    @property
    def letter(self) -> str:
        """The state of the pilot: a vehicle asks for energy only while it is offered a current."""
        if not self.connected:
            return "A"
        return "C" if self.socket.ready and (self._offered_ma or self.eager) else "B"

    @property
    def current_ma(self) -> int:
        """What it draws on each of its phases; through a welded contactor it draws what it can."""
        socket = self.socket
        if not (socket.poles_closed and self.connected and socket.ready):
            return 0
        offered_ma = self._offered_ma or socket.max_current_ma
        return min(offered_ma, socket.max_current_ma) + self.greed_ma

    def count(self) -> None:
        """The meter counts up to now."""
        now_ms = self._now_ms()
        power_mw = self.current_ma * self.socket.phases * VOLTAGE_V
        self.socket.energy_uws += power_mw * max(0, now_ms - self._settled_ms)
        self._settled_ms = now_ms

    def offer(self, current_ma: int) -> None:
        """The controller offers so much, and switches as the vehicle answers."""
        self.count()
        socket, self._offered_ma = self.socket, current_ma
        closes = self.letter == "C" and current_ma > 0
        if closes and socket.defect != "stuck":
            socket.poles_closed = True
        elif not closes and socket.defect != "welded":
            socket.poles_closed = False

    def values(self) -> dict[str, int]:
        """What a meter shows of it, in the units of a register map."""
        self.count()
        current_ma, phases = self.current_ma, self.socket.phases
        currents = {f"current_l{n}_ma": current_ma if n <= phases else 0 for n in (1, 2, 3)}
        return {
            **currents,
            **{f"voltage_l{n}_mv": VOLTAGE_V * 1_000 for n in (1, 2, 3)},
            "power_w": current_ma * phases * VOLTAGE_V // 1_000,
            "energy_import_wh": self.socket.energy_uws // UWS_PER_WH,
            "temperature_dc": 250,
            "frequency_mhz": 50_000,
        }


class ModbusDevice:
    """A controller or a meter behind one unit, as a pymodbus server asks it."""

    unit: int

    def device(self) -> SimDevice:
        """The device with every register that it has."""
        raise NotImplementedError


def image_of(parts: tuple[RegisterMap, ...], values: Mapping[str, int]) -> dict[tuple[str, int], int]:
    """The registers that show these values, by function and address."""
    words: dict[tuple[str, int], int] = {}
    for part in parts:
        for block in part.blocks:
            for register in block.registers:
                code, length = TYPES[register.type]
                raw: float = values.get(register.name, 0) / float(register.scale)
                packed = struct.pack(f">{code}", raw if code in "fd" else int(raw))
                found = struct.unpack(f">{length}H", packed)
                ordered = found if part.word_order == "big" else tuple(reversed(found))
                words |= {(part.function, register.address + n): word for n, word in enumerate(ordered)}
    return words


class SimController(ModbusDevice):
    """A controller of that map in front of `vehicle`. `boots` counts its restarts."""

    def __init__(
        self, name: str, vehicle: Vehicle, now_ms: Callable[[], int], *, unit: int = 0, number: int = 1
    ) -> None:
        self.map: ControllerMap = load_controller(name)
        self.vehicle = vehicle
        self.unit = unit or self.map.unit
        self.offset = self.map.stride * number
        self.faults = Faults()
        self.has_failsafe = True
        self.tag = ""
        self.vehicle_id = ""
        self.state_reads = 0
        self.writes: list[tuple[str, int, int]] = []
        self._now_ms = now_ms
        self._heard_ms = now_ms()
        self._fallen_until_ms = 0
        self.kept: dict[tuple[str, int], int] = {}
        self.boot()

    def boot(self) -> None:
        """As it is delivered: it charges with 13 A at once, and its failsafe waits a minute."""
        self.kept = {("holding", self.map.current.at): 13_000 // self.map.current.step_ma}
        if self.map.enable is not None:
            self.kept[self.map.enable.function, self.map.enable.at] = 1
        if self.map.failsafe is not None:
            self.kept["holding", self.map.failsafe.timeout_at] = 60_000 // self.map.failsafe.timeout_step_ms
            self.kept["holding", self.map.failsafe.current_at] = 0
        if self.map.fine is not None:
            self.kept["holding", self.map.fine.firmware_at] = 16
            self.kept["holding", self.map.fine.flags_at] = 0
        if self.map.contact is not None:
            self.kept[self.map.contact.function, self.map.contact.at] = 0
        for each in self.map.setup:
            self.kept["holding", each.at] = 0
        self.settle()

    @property
    def step_ma(self) -> int:
        fine = self.map.fine
        if fine is None or self.kept["holding", fine.firmware_at] < fine.firmware_min:
            return self.map.current.step_ma
        return fine.step_ma if self.kept["holding", fine.flags_at] >> fine.flag_bit & 1 else self.map.current.step_ma

    @property
    def told_ma(self) -> int:
        """What its registers allow."""
        enable = self.map.enable
        if enable is not None and not self.kept[enable.function, enable.at]:
            return 0
        return self.kept["holding", self.map.current.at] * self.step_ma

    @property
    def is_silent_too_long(self) -> bool:
        """Whether its failsafe acts."""
        spot = self.map.failsafe
        if spot is None or not self.has_failsafe:
            return False
        timeout_ms = self.kept["holding", spot.timeout_at] * spot.timeout_step_ms
        return self._now_ms() - self._heard_ms >= timeout_ms > 0

    def settle(self) -> None:
        """What it does by itself, now."""
        current_ma = self.told_ma
        spot = self.map.failsafe
        if self.is_silent_too_long:
            self._fallen_until_ms = self._now_ms() + RISES_MS
        if spot is not None and self._now_ms() < self._fallen_until_ms:
            current_ma = min(current_ma, self.kept["holding", spot.current_at] * spot.current_step_ma)
        self.vehicle.offer(current_ma)

    def words(self) -> dict[tuple[str, int], int]:
        """Everything that it shows."""
        self.settle()
        found = {**image_of(self.map.meters, self.vehicle.values()), **self.kept}
        found[self.map.state.function, self.map.state.at] = self._state_word()
        for spot, text in ((self.map.tag, self.tag), (self.map.vehicle_id, self.vehicle_id)):
            if spot is not None:
                data = text.encode("ascii").ljust(2 * spot.length, b"\0")
                found |= {
                    (spot.function, spot.at + n): int.from_bytes(data[2 * n : 2 * n + 2]) for n in range(spot.length)
                }
        return found

    def _state_word(self) -> int:
        if self.faults.state_word is not None:
            return self.faults.state_word
        letter, spot = self.vehicle.letter, self.map.state
        if spot.letters:
            return max(number for number, each in spot.letters.items() if each == letter)
        return ord(letter) << 8 | ord("2") if spot.text == "high" else ord(letter)

    def device(self) -> SimDevice:
        def block(function: str) -> list[SimData]:
            addresses = {at for kind, at in self.words() if kind == function}
            if function == "coil":
                return [SimData(0, values=[False] * (max(addresses, default=0) + 16), datatype=DataType.BITS)]
            filled = {at + n for at in addresses for n in range(self.map.gap_max + 1)}  # what is read along is there
            return [SimData(self.offset + at, values=0, datatype=DataType.REGISTERS) for at in sorted(filled)] or [
                SimData(0, values=0, datatype=DataType.REGISTERS)
            ]

        bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        return SimDevice(self.unit, simdata=(block("coil"), bits, block("holding"), block("input")), action=self._act)

    async def _act(
        self, code: int, start: int, address: int, count: int, current: list[int], values: Any
    ) -> ExcCodes | None:
        if self.faults.refuses:
            return ExcCodes.DEVICE_BUSY
        self.settle()
        self._heard_ms, function = self._now_ms(), FUNCTIONS[code]
        if values is not None and values != []:
            if not self.faults.loses_writes:
                for position, value in enumerate(values):
                    self.kept[function, address - self.offset + position] = int(value)
                self.settle()
            self.writes += [(function, address - self.offset + n, int(value)) for n, value in enumerate(values)]
            return None
        words = self.words()
        if function == "coil":
            self._show_bit(current, address, start, words.get(("coil", address), 0))
            return None
        for position in range(count):
            current[address - start + position] = words.get((function, address - self.offset + position), 0)
        self.state_reads += (self.map.state.function, self.map.state.at + self.offset) in {
            (function, address + n) for n in range(count)
        }
        return None

    @staticmethod
    def _show_bit(current: list[int], address: int, start: int, value: int) -> None:
        position = address // 16 - start
        mask = 1 << (address % 16)
        current[position] = current[position] & ~mask | (mask if value else 0)


class SimRack(ModbusDevice):
    """Several controllers behind one unit, each with its thousand registers."""

    def __init__(self, controllers: tuple[SimController, ...]) -> None:
        self.controllers = controllers
        self.unit = controllers[0].unit
        self.faults = controllers[0].faults

    def device(self) -> SimDevice:
        found = [controller.device() for controller in self.controllers]
        bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        unused = [SimData(0, values=0, datatype=DataType.REGISTERS)]
        holding = [data for device in found for data in device.simdata[2]]  # type: ignore[index,union-attr]
        return SimDevice(self.unit, simdata=(bits, bits, holding, unused), action=self._act)

    async def _act(
        self, code: int, start: int, address: int, count: int, current: list[int], values: Any
    ) -> ExcCodes | None:
        asked = next(each for each in self.controllers if each.offset == address // each.map.stride * each.map.stride)
        return await asked._act(code, start, address, count, current, values)  # it is one of its own


class SimMeter(ModbusDevice):
    """A meter of that map that measures what flows to `vehicle`."""

    def __init__(self, register_map: RegisterMap, vehicle: Vehicle, unit: int) -> None:
        self.map = register_map
        self.vehicle = vehicle
        self.unit = unit
        self.silent = False
        self.refuses = False

    def device(self) -> SimDevice:
        addresses = {at + n for block in self.map.blocks for at, n in _spans(block)}
        data = [SimData(at, values=0, datatype=DataType.REGISTERS) for at in sorted(addresses)]
        return SimDevice(self.unit, simdata=data, action=self._act)

    async def _act(
        self, code: int, start: int, address: int, count: int, current: list[int], values: object
    ) -> ExcCodes | None:
        if self.refuses:
            return ExcCodes.DEVICE_BUSY
        words = image_of((self.map,), self.vehicle.values())
        for position in range(count):
            current[address - start + position] = words.get((self.map.function, address + position), 0)
        return None


def _spans(block: Block) -> list[tuple[int, int]]:
    return [(block.address, n) for n in range(block.length)]


class ControllerBus:
    """Controllers and meters on one line: "rtu" on a pseudo-terminal, as slow as `baudrate` says, or "tcp"."""

    def __init__(self, kind: str, devices: tuple[SimController | SimMeter | SimRack, ...], baudrate: int = 0) -> None:
        self.kind = kind
        self.devices = devices
        self.spoil: Callable[[bytes], bytes] = lambda packet: packet
        self.line: SerialLine | None = None
        self.port = 0
        self._baudrate = baudrate
        self._server: Any = None

    async def __aenter__(self) -> Self:
        found = [device.device() for device in self.devices]
        if self.kind == "tcp":
            self._server = ModbusTcpServer(found, address=("127.0.0.1", 0), trace_packet=self._trace)
            await self._server.serve_forever(background=True)
            self.port = self._server.transport.sockets[0].getsockname()[1]
            return self
        self.line = SerialLine(self._baudrate)
        self._server = ModbusSerialServer(found, port=self.line.theirs, baudrate=115_200, trace_packet=self._trace)
        await self._server.serve_forever(background=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.shutdown()
        await asyncio.sleep(0)
        if self.line is not None:
            self.line.close()

    def _trace(self, sending: bool, packet: bytes) -> bytes:
        if not sending:
            return packet
        unit = packet[6] if self.kind == "tcp" and len(packet) > 6 else packet[:1][0] if packet else 0
        for device in self.devices:
            silent = device.silent if isinstance(device, SimMeter) else device.faults.silent
            if device.unit == unit and silent:
                return b""
        return self.spoil(packet)


@dataclass(slots=True, kw_only=True)
class Rapi:
    """What an OpenEVSE keeps."""

    capacity_a: int = 13
    asleep: bool = False
    heartbeat_s: int = 0
    heartbeat_a: int = 0
    heard_ms: int = 0
    trigger: int = 0
    fault: int = 0
    commands: list[str] = field(default_factory=list)


class SimOpenEvse:
    """An OpenEVSE on a pseudo-terminal in front of `vehicle`."""

    def __init__(self, vehicle: Vehicle, now_ms: Callable[[], int]) -> None:
        self.vehicle = vehicle
        self.faults = Faults()
        self.line = SerialLine()
        self.kept = Rapi(heard_ms=now_ms())
        self.state_reads = 0
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._descriptor = os.open(self.line.theirs, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._waiting = b""
        self._loop.add_reader(self._descriptor, self._readable)
        self.settle()

    def close(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.line.close()

    def boot(self) -> None:
        """It restarts: awake, with what is in its memory, and says so."""
        commands = self.kept.commands
        self.kept = Rapi(heard_ms=self._now_ms(), commands=commands)
        self.settle()
        self._send("$AB 00 8.2.1")

    @property
    def told_ma(self) -> int:
        return 0 if self.kept.asleep else self.kept.capacity_a * 1_000

    def settle(self) -> None:
        kept = self.kept
        if kept.heartbeat_s and self._now_ms() - kept.heard_ms >= kept.heartbeat_s * 1_000:
            kept.trigger = 2
        capacity_a = min(kept.capacity_a, kept.heartbeat_a) if kept.trigger == 2 else kept.capacity_a
        self.vehicle.offer(0 if kept.asleep or kept.fault else capacity_a * 1_000)

    def push(self) -> None:
        """It tells a change of its state by itself."""
        evse, pilot = self._states()
        self._send(f"$AT {evse:02X} {pilot:02X} {self.kept.capacity_a} 0")

    def _states(self) -> tuple[int, int]:
        self.settle()
        pilot = {"A": 1, "B": 2, "C": 3}[self.vehicle.letter]
        evse = self.faults.state_word or self.kept.fault or (0xFE if self.kept.asleep else pilot)
        return evse, pilot

    def _readable(self) -> None:
        *lines, self._waiting = (self._waiting + os.read(self._descriptor, 512)).split(b"\r")
        for line in lines:
            self._answer(line.decode("ascii"))

    def _answer(self, line: str) -> None:
        body, _, _ = line.partition("^")
        words, _, sequence = body[1:].partition(" :")
        name, *fields = words.split()
        self.kept.commands.append(words)
        if self.faults.silent:
            return
        self.kept.heard_ms = self._now_ms() if name == "SY" else self.kept.heard_ms
        answer = "$NK" if self.faults.refuses else self._result(name, fields)
        self.settle()
        self._send(f"{answer} :{sequence}")

    def _result(self, name: str, fields: list[str]) -> str:
        kept, values = self.kept, self.vehicle.values()
        match name:
            case "FS" | "FE":
                kept.asleep = kept.asleep if self.faults.loses_writes else name == "FS"
                return "$OK"
            case "SC":
                kept.capacity_a = kept.capacity_a if self.faults.loses_writes else int(fields[0])
                return f"$OK {kept.capacity_a}"
            case "SY":
                if len(fields) == 2:
                    kept.heartbeat_s, kept.heartbeat_a = int(fields[0]), int(fields[1])
                elif fields:
                    kept.trigger = 1
                return f"$OK {kept.heartbeat_s} {kept.heartbeat_a} {kept.trigger}"
            case "GS":
                self.state_reads += 1
                evse, pilot = self._states()
                return f"$OK {evse:02X} 0 {pilot:02X} 0"
            case "GC":
                return f"$OK 6 32 {kept.capacity_a} 32"
            case "GG":
                return f"$OK {values['current_l1_ma']} {VOLTAGE_V * 1_000}"
            case "GP":
                return "$OK 250 -2560 310"
            case "GU":
                return f"$OK 0 {values['energy_import_wh']}"
        return "$NK"

    def _send(self, text: str) -> None:
        total = 0
        for character in text.encode("ascii"):
            total ^= character
        os.write(self._descriptor, f"{text}^{total:02X}\r".encode("ascii"))
