"""A board of charging controllers with the same handles as every other: real Modbus, or RAPI, and pins on a kernel without copper."""

import asyncio
import tomllib

from msgspec.structs import replace

from devices.evse.board import EvseBoard
from devices.evse.wiring import EvseWiring, parse_wiring
from devices.gpio.rack import Job
from devices.readings import ContactorReading, LockReading, MeterReading, Reading, TemperatureReading
from tests.contract.controllers import ControllerBus, SimController, SimOpenEvse, SimRack, Vehicle
from tests.contract.electrical import ModelFactory
from tests.contract.hand_time import Handle, HandTimers, until
from tests.contract.rigs import COMMON, CONTACT, SETTLE_MS, STATION, WIEGAND_FRAME_MS, wiegand_bits

PERIOD_MS = 200
BUSES = {"heidelberg-ec": "rtu", "phoenix-charx": "tcp"}
"""The controllers of the contract that are on Modbus, and their bus."""
QUIET_MS = 60_000


class RestTimers(HandTimers):
    """Time in the hand that knows how many pauses are under way: a bus that pauses has had its turn."""

    def __init__(self) -> None:
        super().__init__()
        self._pauses: list[Handle] = []

    def call_at(self, at_ms: int, callback: Job) -> Handle:
        handle = super().call_at(at_ms, callback)
        if isinstance(getattr(callback, "__self__", None), asyncio.Event):
            fired = handle.callback

            def fire() -> None:
                handle.callback = None
                callback()

            handle.callback = None if fired is None else fire
            self._pauses = [each for each in self._pauses if each.callback is not None]
            self._pauses.append(handle)
        return handle

    @property
    def pauses(self) -> int:
        """Pauses that have not ended."""
        return sum(handle.callback is not None for handle in self._pauses)


class EvseRig:
    """A station of controllers of that name; to be started on a running event loop."""

    def __init__(self, controller: str, connectors: int = 1, extra: str = "", settings: str = "") -> None:
        self.controller = controller
        self.timers = RestTimers()
        self.vehicles = {n: Vehicle(self.timers.now_ms) for n in range(1, connectors + 1)}
        for vehicle in self.vehicles.values():
            vehicle.eager = True
        self.factory = ModelFactory(self.timers)
        self._reported: list[Reading] = []
        self._extra = extra
        self._settings = settings
        self.tripped: dict[str, bool] = {}
        self.stop, self.present, self.opened, self.dimmed = False, True, False, False
        self._bus: ControllerBus | None = None
        self.open_evses: dict[int, SimOpenEvse] = {}
        self.sims: dict[int, SimController] = {}
        self.loops = 1
        self.timeout_ms = 2_000
        self.has_contact = connectors == 1
        self.board: EvseBoard

    async def start(self) -> "EvseRig":
        """The controllers on their lines, and the board open and gathered."""
        text = self._lines()
        for name in ("22", "23"):
            code = {"22": "GroundFailure", "23": "HighTemperature"}[name]
            self.factory.wire(f"GPIO{name}", lambda code=code: self.tripped.get(code, False))  # type: ignore[misc]
        self.factory.wire("GPIO17", lambda: self.stop)
        self.factory.wire("GPIO27", lambda: not self.present)
        self.factory.wire("GPIO3", lambda: self.opened)
        self.factory.wire("GPIO2", lambda: not self.dimmed)
        self.factory.settle()
        if self.controller == "openevse":
            self.open_evses = {n: SimOpenEvse(vehicle, self.timers.now_ms) for n, vehicle in self.vehicles.items()}
            self.loops = len(self.open_evses)
            for n, sim in self.open_evses.items():
                text += f'[connector.{n}]\ncontroller = "openevse"\ndevice = "{sim.line.ours}"\n{self._settings}'
        else:
            text += await self._modbus()
        self.wiring: EvseWiring = parse_wiring(
            tomllib.loads(text + self._extra), connectors=len(self.vehicles), fixed_cable=False
        )
        await self._open()
        return self

    def _lines(self) -> str:
        return STATION + (CONTACT if self.has_contact else "") + COMMON

    async def _modbus(self) -> str:
        kind = BUSES.get(self.controller, "rtu")
        for n, vehicle in self.vehicles.items():
            number, unit = (n, 0) if kind == "tcp" else (1, n)
            self.sims[n] = SimController(self.controller, vehicle, self.timers.now_ms, unit=unit, number=number)
        sims = tuple(self.sims.values())
        devices = sims if kind == "rtu" else (SimRack(sims),)
        self._bus = await ControllerBus(kind, devices).__aenter__()
        place = f'host = "127.0.0.1"\nport = {self._bus.port}'
        if self._bus.line is not None:
            place = f'device = "{self._bus.line.ours}"\nbaudrate = 115200'
        text = f'[bus.a]\nkind = "{kind}"\n{place}\ntimeout_ms = {self.timeout_ms}\nperiod_ms = {PERIOD_MS}\n'
        for n, sim in self.sims.items():
            number = n if kind == "tcp" else 1
            text += (
                f'[connector.{n}]\ncontroller = "{self.controller}"\nbus = "a"\nunit = {sim.unit}\nnumber = {number}\n'
            )
            text += self._settings
        return text

    async def _open(self) -> None:
        gathered: list[bool] = []
        self.board = EvseBoard(self.wiring, self.factory, station_time=self.timers.now_ms, timers=self.timers)
        self.board.open(self._reported.append)
        self.board.when_gathered(lambda: gathered.append(True))
        for _ in range(100):
            await self._round()
            if gathered:
                return
            await self.timers.advance(PERIOD_MS)
        raise AssertionError("the controllers were not heard")

    async def _round(self) -> None:
        """Every bus has had its turn."""
        if self.board.is_open:
            await until(lambda: self.timers.pauses >= self.loops)

    def news(self) -> list[Reading]:
        """What was reported; that positions are inferred, and the controller's own temperature, are seen to elsewhere."""
        news, self._reported[:] = list(self._reported), []
        return [
            replace(each, inferred=False) if isinstance(each, ContactorReading | LockReading) else each
            for each in news
            if not isinstance(each, TemperatureReading)
        ]

    async def advance(self, duration_ms: int) -> None:
        """Time passes; quiet hours at once."""
        await self._round()
        if duration_ms > QUIET_MS:
            for sim in self.sims.values():
                sim.has_failsafe = False  # in truth it was asked all the time
            self.timers.at_ms += duration_ms - PERIOD_MS
            duration_ms = PERIOD_MS
        while duration_ms > 0:
            step_ms = min(duration_ms, PERIOD_MS)
            await self.timers.advance(step_ms)
            await self._round()
            duration_ms -= step_ms
        for sim in self.sims.values():
            sim.has_failsafe = True

    async def settle(self, duration_ms: int = SETTLE_MS) -> None:
        self.factory.settle()
        await self.advance(duration_ms)

    async def restart(self) -> None:
        await self._close_board()
        self._reported.clear()
        await self._open()
        await self.settle()

    async def plug(
        self, connector_id: int = 1, *, ev: bool = True, station: bool = True, rating_ma: int = 32_000
    ) -> None:
        socket = self.vehicles[connector_id].socket
        socket.ev_plugged = socket.ev_plugged or ev
        socket.station_plugged = socket.station_plugged or station
        await self.settle()

    async def unplug(self, connector_id: int = 1) -> None:
        socket = self.vehicles[connector_id].socket
        self.vehicles[connector_id].count()
        socket.ev_plugged = socket.station_plugged = False
        socket.ready = True
        await self.settle()

    async def ready(self, ready: bool) -> None:
        self.vehicles[1].count()
        self.vehicles[1].socket.ready = ready
        await self.settle()

    async def trip(self, error_code: str, connector_id: int, active: bool) -> None:
        self.tripped[error_code] = active
        await self.settle()

    async def emergency_stop(self, pressed: bool) -> None:
        self.stop = pressed
        await self.settle()

    async def mains(self, present: bool) -> None:
        self.present = present
        await self.settle()

    async def tamper(self, opened: bool) -> None:
        self.opened = opened
        await self.settle()

    async def limit_contact(self, closed: bool) -> None:
        self.dimmed = closed
        await self.settle()

    async def swipe(self, id_tag: str) -> None:
        for bit in wiegand_bits(bytes.fromhex(id_tag)):
            for high in (False, True):
                self.factory.put(("GPIO20", "GPIO21")[bit], high)
        await self.settle(WIEGAND_FRAME_MS)

    async def contactor(self, defect: str) -> None:
        self.vehicles[1].socket.defect = defect
        await self.settle()

    async def lock(self, jammed: bool) -> None:
        raise AssertionError("nobody sees its lock")

    async def warm(self, celsius: float | None) -> None:
        raise AssertionError("nothing here is warmed")

    def meter(self, connector_id: int = 1) -> MeterReading:
        return self.board.read_meter(connector_id, self.timers.now_ms())

    async def close(self) -> None:
        await self._close_board()
        for sim in self.open_evses.values():
            sim.close()
        if self._bus is not None:
            await self._bus.__aexit__()
        self.factory.close()

    async def _close_board(self) -> None:
        self.board.close()
        await self.board.wait_closed()
