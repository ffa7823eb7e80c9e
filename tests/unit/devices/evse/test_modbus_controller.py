"""A controller on its bus: who goes first, and its steps of current. Real Modbus on a line of 9600 baud, in real time; only orders are judged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import pytest
from msgspec.structs import replace

from devices.evse.controller_map import controller_names, load_controller
from devices.evse.modbus_controller import FailsafeWish, ModbusController
from devices.evse.registers import ControllerPlace
from devices.evse.said import Said, Trouble
from devices.gpio.rack import LoopTimers, pause
from devices.modbus.bus import BusLine, ModbusBus, registers_within
from devices.modbus.meter import MeterPlace, ModbusMeter
from devices.modbus.register_map import load_map
from tests.contract.controllers import ControllerBus, SimController, SimMeter, Vehicle
from tests.contract.hand_time import until

pytestmark = pytest.mark.asyncio

METER_UNIT = 9
EVSE = "evse-din"


class Heard:
    """What a controller said."""

    def __init__(self) -> None:
        self.last: Said | None = None
        self.count = 0
        self.troubles: list[Trouble | None] = []

    def said(self, said: Said) -> None:
        self.last, self.count = said, self.count + 1

    def troubled(self, trouble: Trouble | None) -> None:
        self.troubles.append(trouble)


class Station:
    """Controllers and a meter on one serial line."""

    def __init__(self, baudrate: int, units: tuple[int, ...]) -> None:
        loop = asyncio.get_running_loop()

        def now_ms() -> int:
            return int(loop.time() * 1_000)

        self.now_ms = now_ms
        self.vehicles = {unit: Vehicle(now_ms) for unit in units}
        self.sims = {unit: SimController(EVSE, vehicle, now_ms, unit=unit) for unit, vehicle in self.vehicles.items()}
        self.meter_sim = SimMeter(load_map("eastron-sdm72d-m-2"), self.vehicles[units[0]], METER_UNIT)
        self.bus_sim = ControllerBus("rtu", (*self.sims.values(), self.meter_sim), baudrate)
        self.baudrate = baudrate
        self.heard = {unit: Heard() for unit in units}
        self.asked: list[bytes] = []
        """Each request as its frame, in the order of the line."""

    async def begin(self, period_ms: int = 1_000) -> None:
        assert self.bus_sim.line is not None
        self.bus_sim.line.watch = lambda data, at_s: self.asked.append(data)
        line = BusLine(kind="rtu", device=self.bus_sim.line.ours, baudrate=9_600, timeout_ms=5_000, period_ms=period_ms)
        self.controllers = {unit: self._controller(unit, line) for unit in self.sims}
        place = MeterPlace(
            connector_id=1, unit=METER_UNIT, stale_ms=60_000, phases=3, voltage_v=230, max_current_ma=32_000
        )
        self.meter = ModbusMeter(place, load_map("eastron-sdm72d-m-2"), started_at_ms=self.now_ms())
        timers = LoopTimers(asyncio.get_running_loop(), self.now_ms)
        controllers = tuple(self.controllers.values())
        self.bus = ModbusBus(
            line, (self.meter,), now_ms=self.now_ms, pause_ms=partial(pause, timers), controllers=controllers
        )
        for unit, controller in self.controllers.items():
            controller.listen(self.heard[unit])
            controller.wake = lambda hurry: self.bus.wake(hurry=hurry)
        self.bus.start()
        await until(lambda: all(each.count for each in self.heard.values()) and self.meter.settled)

    def _controller(self, unit: int, line: BusLine) -> ModbusController:
        return ModbusController(
            ControllerPlace(unit=unit),
            load_controller(EVSE),
            FailsafeWish(timeout_ms=10_000, current_ma=0),
            silent_ms=60_000,
            longest=registers_within(line, 80),
            now_ms=self.now_ms,
        )

    async def said(self, unit: int, current_ma: int) -> None:
        """It reads back that it offers so much."""

        def holds() -> bool:
            last = self.heard[unit].last
            return last is not None and last.offered_ma == current_ma

        await until(holds)


@asynccontextmanager
async def station(baudrate: int = 0, units: tuple[int, ...] = (1, 2), period_ms: int = 1_000) -> AsyncIterator[Station]:
    found = Station(baudrate, units)
    async with found.bus_sim:
        await found.begin(period_ms)
        yield found
        found.bus.close()
        await found.bus.wait_closed()


def is_off(frame: bytes, unit: int) -> bool:
    """Whether it writes 0 to register 1000 of the unit."""
    return frame[:2] == bytes([unit, 16]) and frame[2:4] == (1000).to_bytes(2) and frame[7:9] == b"\0\0"


@pytest.mark.parametrize("moment", ["meter", "controller", "rest"])
async def test_off_is_the_next_request_on_the_line_whatever_goes_on(moment: str) -> None:
    async with station(baudrate=9_600) as found:
        for unit, controller in found.controllers.items():
            controller.want(10_000)
            await found.said(unit, 10_000)
        before = len(found.asked)
        unit_asked = {"meter": METER_UNIT, "controller": 1, "rest": METER_UNIT}[moment]
        await until(lambda: any(frame[0] == unit_asked for frame in found.asked[before:]))
        if moment == "rest":
            rounds = found.heard[1].count
            await until(lambda: found.heard[1].count > rounds)
        at = len(found.asked)
        found.controllers[2].want(0)
        await until(lambda: any(is_off(frame, 2) for frame in found.asked[at:]))
        # What was being written already may come first, and nothing else.
        assert [is_off(frame, 2) for frame in found.asked[at : at + 2]].count(True) >= 1
        await found.said(2, 0)
        assert found.sims[1].told_ma == 10_000


async def test_a_lower_limit_goes_before_what_is_read_and_a_higher_one_waits_its_turn() -> None:
    async with station(units=(1,)) as found:
        controller, sim = found.controllers[1], found.sims[1]
        for wanted_ma, told_ma in ((16_000, 16_000), (9_999, 9_000), (32_000, 32_000), (5_999, 0)):
            controller.want(wanted_ma)
            await found.said(1, told_ma)
            assert sim.told_ma == told_ma


async def test_a_device_that_is_silent_holds_up_nobodys_off() -> None:
    async with station(units=(1, 2)) as found:
        for unit, controller in found.controllers.items():
            controller.want(10_000)
            await found.said(unit, 10_000)
        found.meter_sim.silent = True
        found.sims[1].faults.silent = True
        at = len(found.asked)
        await until(lambda: any(frame[0] in {1, METER_UNIT} for frame in found.asked[at:]))
        found.controllers[2].want(0)
        # Its line waits 5 s for an answer; nobody here does.
        await until(lambda: found.sims[2].told_ma == 0, within_s=4)


async def test_meters_that_do_not_answer_keep_no_controller_waiting_for_its_turn() -> None:
    found = Station(0, (1,))
    async with found.bus_sim:
        await found.begin()
        found.bus.close()
        await found.bus.wait_closed()
        found.meter_sim.silent = True
        assert found.bus_sim.line is not None
        line = BusLine(kind="rtu", device=found.bus_sim.line.ours, timeout_ms=100, period_ms=100)
        found.asked.clear()
        meters = tuple(replace_unit(found.meter, unit) for unit in (20, 21, 22, 23))
        timers = LoopTimers(asyncio.get_running_loop(), found.now_ms)
        controllers = tuple(found.controllers.values())
        bus = ModbusBus(line, meters, now_ms=found.now_ms, pause_ms=partial(pause, timers), controllers=controllers)
        bus.start()
        await until(lambda: [frame[0] for frame in found.asked].count(23) >= 2)
        bus.close()
        await bus.wait_closed()
    units = [frame[0] for frame in found.asked]
    between = units[units.index(20) + 1 : units.index(23)]
    assert 1 in between


def replace_unit(meter: ModbusMeter, unit: int) -> ModbusMeter:
    """Another meter of the same kind at that address."""
    return ModbusMeter(replace(meter.place, unit=unit), meter.map, started_at_ms=0)


@pytest.mark.parametrize(
    ("firmware", "flags", "told"), [(17, 0x80, 1_250), (16, 0x80, 12), (17, 0x7F, 12), (18, 0xFF, 1_250)]
)
async def test_hundredths_of_an_ampere_are_written_only_where_firmware_and_bit_say_so(
    firmware: int, flags: int, told: int
) -> None:
    found = Station(0, (1,))
    found.sims[1].kept |= {("holding", 1005): firmware, ("holding", 2005): flags}
    async with found.bus_sim:
        await found.begin()
        found.controllers[1].want(12_500)
        await until(lambda: found.sims[1].kept["holding", 1000] == told)
        found.bus.close()
        await found.bus.wait_closed()


async def test_between_two_requests_to_a_controller_it_is_left_alone() -> None:
    times: list[tuple[int, float]] = []
    async with station(units=(1,), period_ms=100) as found:
        assert found.bus_sim.line is not None
        found.bus_sim.line.watch = lambda data, at_s: times.append((data[0], at_s))
        for current_ma in (10_000, 0, 12_000, 6_000, 0):
            found.controllers[1].want(current_ma)
            await found.said(1, current_ma)
    asked = [at_s for unit, at_s in times if unit == 1]
    assert len(asked) >= 8
    assert min(later - earlier for earlier, later in pairwise(asked)) >= 0.1


@pytest.mark.parametrize("name", controller_names())
async def test_every_controller_offers_and_stops_over_the_wire(name: str) -> None:
    loop = asyncio.get_running_loop()

    def now_ms() -> int:
        return int(loop.time() * 1_000)

    found = load_controller(name)
    sim = SimController(name, Vehicle(now_ms), now_ms)
    sim.vehicle.socket.ev_plugged = sim.vehicle.socket.station_plugged = True
    wish = FailsafeWish(timeout_ms=10_000, current_ma=0)
    controller = ModbusController(
        ControllerPlace(unit=found.unit), found, wish, silent_ms=60_000, longest=125, now_ms=now_ms
    )
    heard = Heard()
    controller.listen(heard)
    async with ControllerBus(found.kinds[0], (sim,)) as bus_sim:
        device = "" if bus_sim.line is None else bus_sim.line.ours
        line = BusLine(kind=found.kinds[0], device=device, host="127.0.0.1", port=bus_sim.port, timeout_ms=5_000)
        timers = LoopTimers(loop, now_ms)
        bus = ModbusBus(line, (), now_ms=now_ms, pause_ms=partial(pause, timers), controllers=(controller,))
        controller.wake = lambda hurry: bus.wake(hurry=hurry)
        bus.start()
        for wanted_ma, letter in ((10_000, "C"), (0, "B"), (16_000, "C"), (8_000, "C"), (0, "B")):
            controller.want(wanted_ma)
            await until(lambda wanted_ma=wanted_ma: sim.vehicle.current_ma == wanted_ma)  # type: ignore[misc]
            bus.wake(hurry=False)
            await until(lambda letter=letter: heard.last is not None and heard.last.state == letter)  # type: ignore[misc]
        bus.close()
        await bus.wait_closed()
    assert heard.troubles == []


async def test_it_is_set_up_and_armed_before_anything_is_offered() -> None:
    loop = asyncio.get_running_loop()

    def now_ms() -> int:
        return int(loop.time() * 1_000)

    sim = SimController("heidelberg-ec", Vehicle(now_ms), now_ms)
    controller = ModbusController(
        ControllerPlace(unit=1),
        load_controller("heidelberg-ec"),
        FailsafeWish(timeout_ms=10_000, current_ma=6_000),
        silent_ms=60_000,
        longest=30,
        now_ms=now_ms,
    )
    controller.want(16_000)
    async with ControllerBus("rtu", (sim,)) as bus_sim:
        assert bus_sim.line is not None
        line = BusLine(kind="rtu", device=bus_sim.line.ours, timeout_ms=5_000)
        timers = LoopTimers(loop, now_ms)
        bus = ModbusBus(line, (), now_ms=now_ms, pause_ms=partial(pause, timers), controllers=(controller,))
        bus.start()
        await until(lambda: sim.told_ma == 16_000)
        controller.want(0)
        bus.close()
        await bus.wait_closed()
    written = [(at, value) for _, at, value in sim.writes]
    assert written[:6] == [(261, 0), (258, 4), (259, 1), (262, 60), (257, 10_000), (261, 160)]
    assert written[6:] == [(261, 0)]
