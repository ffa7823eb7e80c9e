"""Two rigs with the same handles: the bench board, and the board of real pins on a kernel without copper, with an electrical model behind it."""

import tomllib
from pathlib import Path
from typing import Protocol

from devices.bench.board import BenchBoard
from devices.gpio.board import GpioBoard
from devices.gpio.wiring import Wiring, parse_wiring
from devices.protocols import StationBoard
from devices.readings import MeterReading, Reading
from tests.contract.electrical import Model
from tests.contract.hand_time import HandPoller, HandTimers, drained

SETTLE_MS = 600
"""Longer than any input is debounced and any output takes."""
LOCK_MS = 600
WIEGAND_FRAME_MS = 60

COMMON = """

[[faults]]
input = "GPIO22"
error_code = "GroundFailure"
connector = 1

[[faults]]
input = "GPIO23"
error_code = "HighTemperature"

[[readers]]
kind = "wiegand"
data0 = "GPIO20"
data1 = "GPIO21"
"""
STATION = """
emergency_stop = "GPIO17"
mains = "GPIO27"
tamper = "GPIO3"
"""
CONTACT = 'limit_contact = "GPIO2"\n'
"""A second connector has this pin for its meter."""
ADC = """
[adc.a]
chip = "MCP3208"
"""
PILOTS = {
    "extremes": 'sense = "extremes"\nadc = "a"\nchannel = {channel}',
    "peak": 'sense = "peak"\nadc = "a"\nchannel = {channel}\nlow_channel = {low_channel}',
    "comparators": """sense = "comparators"
above_10500_mv = "GPIO4"
above_7500_mv = "GPIO7"
above_4500_mv = "GPIO14"
above_1500_mv = "GPIO15"
below_minus_10500_mv = "GPIO16"
hold_ms = 40""",
}
CONNECTOR = """
[connector.{n}.pilot]
pin = "{pwm}"
pwm_channel = {pwm_channel}
{pilot}
[connector.{n}.proximity]
kind = "adc"
adc = "a"
channel = {proximity}
[connector.{n}.contactor]
coil = "{coil}"
mirror = "{mirror}"
[connector.{n}.lock]
lock = "{lock}"
unlock = "{unlock}"
locked = "{locked}"
drive_ms = 100
pause_ms = 50
[connector.{n}.meter]
kind = "s0"
pulse = "{pulse}"
"""
PINS = {
    1: {
        "pwm": "GPIO18",
        "pwm_channel": 0,
        "coil": "GPIO5",
        "mirror": "GPIO6",
        "lock": "GPIO12",
        "unlock": "GPIO13",
        "locked": "GPIO19",
        "pulse": "GPIO26",
        "proximity": 1,
        "channel": 0,
        "low_channel": 2,
    },
    2: {
        "pwm": "GPIO4",
        "pwm_channel": 1,
        "coil": "GPIO24",
        "mirror": "GPIO25",
        "lock": "GPIO7",
        "unlock": "GPIO0",
        "locked": "GPIO1",
        "pulse": "GPIO2",
        "proximity": 5,
        "channel": 4,
        "low_channel": 6,
    },
}


def wiring_text(sense: str, connectors: int = 1, extra: str = "") -> str:
    """The `[board.wiring]` of the model stations, as a maker would write it."""
    parts = [STATION, CONTACT if connectors == 1 else "", COMMON, ADC]
    for n in range(1, connectors + 1):
        pins = PINS[n]
        parts.append(CONNECTOR.format(n=n, pilot=PILOTS[sense].format(**pins), **pins))
    return "".join((*parts, extra))


def wiring(sense: str, connectors: int = 1, extra: str = "") -> Wiring:
    return parse_wiring(tomllib.loads(wiring_text(sense, connectors, extra)), connectors=connectors, fixed_cable=False)


THERMISTOR = """
[connector.1.temperature]
adc = "a"
channel = 7
"""


MONITOR = """
[connector.1.residual_monitor]
test = "GPIO24"
trip = "GPIO25"
"""


class Rig(Protocol):
    """A board, the hands of people around it, and what it has reported since it was last asked."""

    @property
    def board(self) -> StationBoard: ...
    def news(self) -> list[Reading]: ...
    async def advance(self, duration_ms: int) -> None: ...
    async def restart(self) -> None: ...
    async def plug(
        self, connector_id: int = 1, *, ev: bool = True, station: bool = True, rating_ma: int = 32_000
    ) -> None: ...
    async def unplug(self, connector_id: int = 1) -> None: ...
    async def ready(self, ready: bool) -> None: ...
    async def trip(self, error_code: str, connector_id: int, active: bool) -> None: ...
    async def emergency_stop(self, pressed: bool) -> None: ...
    async def mains(self, present: bool) -> None: ...
    async def tamper(self, opened: bool) -> None: ...
    async def limit_contact(self, closed: bool) -> None: ...
    async def swipe(self, id_tag: str) -> None: ...
    async def contactor(self, defect: str) -> None: ...
    async def lock(self, jammed: bool) -> None: ...
    async def warm(self, celsius: float | None) -> None: ...
    def meter(self, connector_id: int = 1) -> MeterReading: ...
    async def close(self) -> None: ...


class MonitoredRig(Rig, Protocol):
    """One with a residual current monitor that can be tested."""

    async def monitor(self, defect: str) -> None: ...
    async def test_monitor(self) -> None: ...


class BenchRig:
    """The simulated board."""

    def __init__(self, directory: Path, connectors: int = 1) -> None:
        self._directory = directory
        self._connectors = connectors
        self._at_ms = 0
        self._reported: list[Reading] = []
        self._open()

    def _open(self) -> None:
        self.board = BenchBoard(self._directory, self._connectors, False, 3, 230, 32, lambda: self._at_ms)
        self.board.open(self._reported.append)

    def news(self) -> list[Reading]:
        news, self._reported[:] = list(self._reported), []
        return news

    async def advance(self, duration_ms: int) -> None:
        self._at_ms += duration_ms

    async def restart(self) -> None:
        self.board.close()
        self._reported.clear()
        self._open()

    async def plug(
        self, connector_id: int = 1, *, ev: bool = True, station: bool = True, rating_ma: int = 32_000
    ) -> None:
        self.board.plug(connector_id, ev=ev, station=station, cable_rating_ma=rating_ma)

    async def unplug(self, connector_id: int = 1) -> None:
        self.board.unplug(connector_id)

    async def ready(self, ready: bool) -> None:
        self.board.vehicle(1, ready=ready)

    async def trip(self, error_code: str, connector_id: int, active: bool) -> None:
        if active:
            self.board.fault(connector_id, error_code)
        else:
            self.board.clear_fault(connector_id)

    async def emergency_stop(self, pressed: bool) -> None:
        self.board.emergency_stop(pressed)

    async def mains(self, present: bool) -> None:
        self.board.power(present)

    async def tamper(self, opened: bool) -> None:
        self.board.tamper(opened)

    async def limit_contact(self, closed: bool) -> None:
        self.board.limit_contact(closed)

    async def swipe(self, id_tag: str) -> None:
        self.board.swipe(id_tag)

    async def contactor(self, defect: str) -> None:
        self.board.contactor(1, defect)

    async def lock(self, jammed: bool) -> None:
        self.board.lock(1, jammed=jammed)

    async def warm(self, celsius: float | None) -> None:
        self.board.temperature(1, celsius, silent=celsius is None)

    async def monitor(self, defect: str) -> None:
        self.board.monitor(1, defect)

    async def test_monitor(self) -> None:
        self.board.test_residual(1)

    def meter(self, connector_id: int = 1) -> MeterReading:
        return self.board.read_meter(connector_id, self._at_ms)

    async def close(self) -> None:
        self.board.close()


class GpioRig:
    """The board of real pins on a model; to be made on a running event loop."""

    def __init__(self, sense: str, connectors: int = 1, extra: str = "") -> None:
        self.wiring = wiring(sense, connectors, extra)
        self.timers = HandTimers()
        self.model = Model(self.wiring, self.timers)
        self._reported: list[Reading] = []
        self._open()

    def _open(self) -> None:
        self.board = GpioBoard(
            self.wiring,
            self.model.factory,
            station_time=self.timers.now_ms,
            timers=self.timers,
            new_poller=lambda name, loop, hand_over: HandPoller(self.timers, self.model, hand_over),
            pwm_root=self.model.pwm.root,
        )
        self.board.open(self._reported.append)

    def news(self) -> list[Reading]:
        news, self._reported[:] = list(self._reported), []
        return news

    async def advance(self, duration_ms: int) -> None:
        """Time passes for station and meter alike; quiet hours in larger steps."""
        quiet = duration_ms > 60_000
        while duration_ms > 0:
            step_ms = min(duration_ms, *(self.model.next_pulse_ms(number) for number in self.model.sockets))
            if quiet:
                self.timers.at_ms += step_ms
            else:
                await self.timers.advance(step_ms)
            for number in self.model.sockets:
                self.model.count(number, step_ms)
            duration_ms -= step_ms

    async def settle(self, duration_ms: int = SETTLE_MS) -> None:
        self.model.settle()
        await self.timers.advance(duration_ms)

    async def restart(self) -> None:
        await self._close_board()
        self._reported.clear()
        self._open()
        await self.settle()

    async def plug(
        self, connector_id: int = 1, *, ev: bool = True, station: bool = True, rating_ma: int = 32_000
    ) -> None:
        socket = self.model.sockets[connector_id]
        socket.rating_ma = rating_ma
        socket.ev_plugged = socket.ev_plugged or ev
        socket.station_plugged = socket.station_plugged or station
        await self.settle()

    async def unplug(self, connector_id: int = 1) -> None:
        socket = self.model.sockets[connector_id]
        assert not socket.locked, "a locked plug does not come out"
        socket.ev_plugged = socket.station_plugged = False
        socket.ready = True
        await self.settle()

    async def ready(self, ready: bool) -> None:
        self.model.sockets[1].ready = ready
        await self.settle()

    async def trip(self, error_code: str, connector_id: int, active: bool) -> None:
        self.model.sockets[max(1, connector_id)].tripped[error_code] = active
        await self.settle()

    async def emergency_stop(self, pressed: bool) -> None:
        self.model.emergency_stop = pressed
        await self.settle()

    async def mains(self, present: bool) -> None:
        self.model.mains = present
        await self.settle()

    async def tamper(self, opened: bool) -> None:
        self.model.enclosure_open = opened
        await self.settle()

    async def limit_contact(self, closed: bool) -> None:
        self.model.limit_contact_closed = closed
        await self.settle()

    async def swipe(self, id_tag: str) -> None:
        self.pulse(wiegand_bits(bytes.fromhex(id_tag)))
        await self.settle(WIEGAND_FRAME_MS)

    def pulse(self, bits: list[int]) -> None:
        """Bits on D0 and D1, as a reader gives them."""
        for bit in bits:
            for high in (False, True):
                self.model.factory.put(("GPIO20", "GPIO21")[bit], high)

    async def contactor(self, defect: str) -> None:
        self.model.sockets[1].defect = defect
        await self.settle()

    async def lock(self, jammed: bool) -> None:
        self.model.sockets[1].jammed = jammed
        await self.settle()

    async def warm(self, celsius: float | None) -> None:
        """Not for less than half a minute, which is how long a lost thermistor is waited for."""
        self.model.sockets[1].celsius = celsius
        await self.settle(31_000)

    async def monitor(self, defect: str) -> None:
        self.model.sockets[1].monitor, self.model.sockets[1].monitor_latched = defect, False
        await self.settle()

    async def test_monitor(self) -> None:
        """As long as the longest test takes."""
        self.board.test_residual(1)
        await self.settle(5_000)

    def meter(self, connector_id: int = 1) -> MeterReading:
        return self.board.read_meter(connector_id, self.timers.now_ms())

    async def close(self) -> None:
        await self._close_board()
        self.model.close()

    async def _close_board(self) -> None:
        self.board.close()
        await self.board.wait_closed()
        await drained()


def wiegand_bits(uid: bytes) -> list[int]:
    """The frame of a UID of three, four, seven or eight bytes, parity included."""
    data = [byte >> shift & 1 for byte in uid for shift in range(7, -1, -1)]
    half = len(data) // 2
    return [sum(data[:half]) % 2, *data, 1 - sum(data[half:]) % 2]
