"""An electrical model behind the pins: what vehicle, cable, contactor and lock make of the station's outputs, and the levels that

come of it at its inputs. The pilot is a voltage that alternates with the PWM; the converter samples it at the phase of that instant.
"""

import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gpiod
import gpiozero
from gpiod.line import Direction, Value

from devices.gpio import pilot_output
from devices.gpio.gpiod_pins import GpiodFactory
from devices.gpio.sections import PilotSection
from devices.gpio.values import InputLine, OutputLine
from devices.gpio.wiring import Wiring
from devices.iec61851 import ma_from_duty_permille
from tests.contract.gpio_kernel import PATH, GpioKernel, HandTime, Line, RealTime
from tests.contract.hand_time import HandTimers

LEVELS_MV = {"A": 12_000, "B": 9_000, "C": 6_000, "D": 3_000, "E": 0}
OHM_OF_RATING = {13_000: 1_500, 20_000: 680, 32_000: 220, 63_000: 100}
CONVERSION_US = 17
UWS_PER_WH = 3_600_000_000


def _seconds(timers: HandTimers) -> float:
    return timers.now_ms() / 1_000


class ModelFactory(GpiodFactory):
    """Our own pins on a kernel without copper, wired to a model. With hand timers nothing happens but in the caller's thread."""

    def __init__(self, timers: HandTimers | None) -> None:
        self.kernel = GpioKernel(RealTime() if timers is None else HandTime(timers))
        if timers is not None:
            self.ticks = partial(_seconds, timers)
        super().__init__(self.kernel.open_chip, [PATH], threaded=timers is None)
        if timers is not None:
            self.kernel.on_edge = self.edges.serve
        self.kernel.on_output = self._changed
        self.on_output: Callable[[], None] = lambda: None
        self.adcs: dict[str, ModelAdc] = {}

    def spi(self, **spi_args: Any) -> Any:
        return self.adcs[spi_args["select_pin"]]

    def wire(self, name: str, source: Callable[[], bool]) -> None:
        """From now on this drives the line, which is stronger than a pull resistor."""
        self._line(name).source = source

    def put(self, name: str, high: bool) -> None:
        """Something else drives the line."""
        self.kernel.put(self._line(name).offset, high)

    def settle(self) -> None:
        """Every line that is driven has the level of its source now."""
        for line in self.kernel.lines:
            if line.source is not None:
                self.kernel.look(line.offset)

    def high(self, name: str) -> bool:
        """Whether the line is high, whoever drives it."""
        return self._line(name).level()

    def level(self, line: OutputLine) -> bool:
        """Whether what hangs on an output is active; a released pin is held inactive by its resistor."""
        known = self._line(line.pin)
        return known.is_output and known.output == (line.active == "high")

    def left_driven(self, *names: str) -> None:
        """A process died that drove these lines high; the kernel keeps them so."""
        for name in names:
            with self.kernel.open_chip(PATH) as chip:
                high = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.ACTIVE)
                chip.request_lines({self._line(name).offset: high}).release()

    def released(self) -> bool:
        """Whether no line is held and none is driven."""
        return not any(line.request is not None or line.is_output for line in self.kernel.lines)

    def _changed(self) -> None:
        self.on_output()

    def _line(self, name: str) -> Line:
        return self.kernel.lines[int(name.removeprefix("GPIO"))]


class ModelPwm:
    """The kernel's PWM as sysfs shows it: a file for each number, which stay open here, since they are read at every instant."""

    def __init__(self, pilots: Iterable[PilotSection]) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="chargebox-pwm-"))
        weakref.finalize(self, shutil.rmtree, self.root, ignore_errors=True)
        self._numbers: dict[tuple[int, int], list[int]] = {}
        for pilot in pilots:
            channel = self.root / f"pwmchip{pilot.chip}" / f"pwm{pilot.pwm_channel}"
            channel.mkdir(parents=True)
            (channel.parent / "npwm").write_text("4")
            files = [channel / name for name in ("period", "duty_cycle", "enable")]
            for file in files:
                file.write_text("0")
            opened = [os.open(file, os.O_RDONLY) for file in files]
            self._numbers[pilot.chip, pilot.pwm_channel] = opened
            for number in opened:
                weakref.finalize(self, os.close, number)

    def duty_permille(self, pilot: PilotSection) -> int:
        """What the channel really gives; before it is enabled the pull-up holds +12 V."""
        opened = self._numbers[pilot.chip, pilot.pwm_channel]
        period_ns, duty_ns, enable = (int(os.pread(number, 32, 0) or 0) for number in opened)
        high_ns = period_ns - duty_ns if pilot.active == "low" else duty_ns
        return high_ns * 1_000 // period_ns if enable else 1_000


class ModelAdc:
    """A converter of the MCP3000 family whose channels are functions of the model; it is its own SPI interface, word by word."""

    bits_per_word = 8

    def __init__(self, chip: str, channels: dict[int, Callable[[], int]]) -> None:
        self.bits = 12 if chip.startswith("MCP32") else 10
        self.channels = channels
        self.fails = False

    def transfer(self, words: list[int]) -> list[int]:
        """The request is a start bit, single-ended, three bits of channel; the answer is the last bits of what comes back."""
        if self.fails:
            raise OSError("the SPI bus fails")
        request = int.from_bytes(bytes(words))
        assert request >> (self.bits + 5) == 0b11, "start bit and single-ended"
        code = self.channels[request >> (self.bits + 2) & 0b111]()
        return list(max(0, min((1 << self.bits) - 1, code)).to_bytes(len(words)))

    def close(self) -> None:
        """Nothing to release."""


@dataclass(slots=True)
class Socket:
    """Vehicle, cable, lock and contactor of one connector."""

    ev_plugged: bool = False
    station_plugged: bool = False
    seated: bool = True
    rating_ma: int = 32_000
    ready: bool = True
    diode: bool = True
    pilot_shorted: bool = False
    max_current_ma: int = 16_000
    phases: int = 3
    locked: bool = False
    jammed: bool = False
    defect: str = ""
    poles_closed: bool = False
    energy_uws: int = 0
    pulses: int = 0
    tripped: dict[str, bool] = field(default_factory=dict)
    celsius: float | None = 25.0
    monitor: str = ""
    monitor_latched: bool = False
    leaks: bool = False


class Model:
    """The copper of a station with this wiring; it is its own pace for conversions."""

    def __init__(self, wiring: Wiring, timers: HandTimers | None = None, voltage_v: int = 230) -> None:
        self.wiring = wiring
        self.voltage_v = voltage_v
        self.sockets = {number: Socket() for number in range(1, len(wiring.connectors) + 1)}
        self.emergency_stop = False
        self.mains = True
        self.enclosure_open = False
        self.limit_contact_closed = False
        self.clock_us = 0
        self.noise_mv: Callable[[int], int] = lambda clock_us: 0
        self._settling = False
        self.factory = ModelFactory(timers)
        self.pwm = ModelPwm(section.pilot for section in wiring.connectors)
        self.adcs = {name: ModelAdc(section.chip, self._channels(name)) for name, section in wiring.adcs.items()}
        self.factory.adcs = {section.select: self.adcs[name] for name, section in wiring.adcs.items()}
        self._wire_inputs()
        self.factory.on_output = self.settle

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Whoever opens a board meanwhile finds these pins and this PWM."""
        with (
            patch.object(gpiozero.Device, "pin_factory", self.factory),
            patch.object(pilot_output, "SYSFS", self.pwm.root),
        ):
            yield
        self.close()

    def close(self) -> None:
        """No line is held any more, and no thread waits for edges."""
        self.factory.close()

    # Pace

    def now_us(self) -> int:
        return self.clock_us

    def pause_us(self, duration_us: int) -> None:
        self.clock_us += duration_us

    # What the station's outputs do

    def settle(self) -> None:
        """Contactors and locks follow their outputs, and every input line gets its level."""
        if self._settling:
            return
        self._settling = True
        for number, section in enumerate(self.wiring.connectors, start=1):
            socket = self.sockets[number]
            coil = self.factory.level(section.contactor.coil)
            if coil and socket.defect != "stuck":
                socket.poles_closed = True
            elif not coil and socket.defect != "welded":
                socket.poles_closed = False
            lock = section.lock
            if lock is not None and not socket.jammed:
                if self.factory.level(lock.lock) and socket.seated:
                    socket.locked = True
                if self.factory.level(lock.unlock):
                    socket.locked = False
        self.factory.settle()
        self._settling = False

    def duty_permille(self, number: int) -> int:
        """The PWM that the pilot's pin really has."""
        return self.pwm.duty_permille(self.wiring.connectors[number - 1].pilot)

    def draw_ma(self, number: int) -> int:
        """What the vehicle draws on each of its phases."""
        socket = self.sockets[number]
        contactor = self.wiring.connectors[number - 1].contactor
        flows = socket.poles_closed and self.mains and self._state(number) == "C"
        offered_ma = ma_from_duty_permille(self.duty_permille(number)) if flows else 0
        return min(offered_ma, socket.max_current_ma) if contactor.coil else 0

    def power_w(self, number: int) -> int:
        return self.draw_ma(number) * self.sockets[number].phases * self.voltage_v // 1_000

    def next_pulse_ms(self, number: int) -> int:
        """When the S0 meter gives its next pulse if nothing changes; far away if nothing flows."""
        socket = self.sockets[number]
        power_mw = self.draw_ma(number) * socket.phases * self.voltage_v
        missing_uws = (socket.pulses + 1) * 1_000 * UWS_PER_WH // 1_000 - socket.energy_uws
        return max(1, -(-missing_uws // power_mw)) if power_mw else 1 << 40

    def count(self, number: int, duration_ms: int) -> None:
        """The meter integrates; an S0 meter gives its pulses."""
        socket = self.sockets[number]
        socket.energy_uws += self.draw_ma(number) * socket.phases * self.voltage_v * duration_ms
        meter = self.wiring.connectors[number - 1].meter
        if meter.pulse is None:
            return
        due = socket.energy_uws * meter.pulses_per_kwh // (1_000 * UWS_PER_WH)
        while socket.pulses < due:
            socket.pulses += 1
            high = meter.pulse.active == "high"
            self.factory.put(meter.pulse.pin, high)
            self.factory.put(meter.pulse.pin, not high)

    # What the station's inputs see

    def pilot_mv(self, number: int) -> int:
        """The voltage on the pilot line now."""
        socket = self.sockets[number]
        level_mv = LEVELS_MV[self._state(number)]
        positive = self.clock_us % 1_000 < self.duty_permille(number)
        if positive:
            return level_mv + self.noise_mv(self.clock_us)
        negative_mv = 0 if socket.pilot_shorted else -12_000
        if not socket.diode and self._connected(number):
            negative_mv = -level_mv
        return negative_mv + self.noise_mv(self.clock_us)

    def proximity_ohm(self, number: int) -> int:
        socket = self.sockets[number]
        return OHM_OF_RATING[socket.rating_ma] if socket.station_plugged else 10_000_000

    def _connected(self, number: int) -> bool:
        socket = self.sockets[number]
        return socket.ev_plugged and (socket.station_plugged or self.wiring.fixed_cable)

    def _state(self, number: int) -> str:
        socket = self.sockets[number]
        if socket.pilot_shorted:
            return "E"
        if not self._connected(number):
            return "A"
        return "C" if socket.ready else "B"

    def _channels(self, adc: str) -> dict[int, Callable[[], int]]:
        channels: dict[int, Callable[[], int]] = {}
        for number, section in enumerate(self.wiring.connectors, start=1):
            pilot, proximity = section.pilot, section.proximity
            if pilot.sense == "extremes" and pilot.adc == adc:
                channels[pilot.channel] = partial(self._pilot_code, number, self.pilot_mv)
            if pilot.sense == "peak" and pilot.adc == adc:
                channels[pilot.channel] = partial(self._pilot_code, number, partial(self._peak, highest=True))
                if pilot.low_channel is not None:
                    channels[pilot.low_channel] = partial(self._pilot_code, number, partial(self._peak, highest=False))
            if proximity is not None and proximity.kind == "adc" and proximity.adc == adc:
                channels[proximity.channel] = partial(self._proximity_code, number)
            if section.temperature is not None and section.temperature.adc == adc:
                channels[section.temperature.channel] = partial(self._thermistor_code, number)
        return channels

    def _peak(self, number: int, *, highest: bool) -> int:
        """What a peak-hold keeps of a period."""
        began_us = self.clock_us
        levels = []
        for phase in range(0, 1_000, 20):
            self.clock_us = began_us - began_us % 1_000 + phase
            levels.append(self.pilot_mv(number))
        self.clock_us = began_us
        return max(levels) if highest else min(levels)

    def _pilot_code(self, number: int, level_mv: Callable[[int], int]) -> int:
        self.clock_us += CONVERSION_US
        pilot = self.wiring.connectors[number - 1].pilot
        full = (1 << self.adcs[pilot.adc].bits) - 1
        return (level_mv(number) - pilot.zero_mv) * full // (pilot.full_mv - pilot.zero_mv)

    def _thermistor_code(self, number: int) -> int:
        section, celsius = self.wiring.connectors[number - 1].temperature, self.sockets[number].celsius
        assert section is not None
        full = (1 << self.adcs[section.adc].bits) - 1
        if celsius is None:  # the wire is off
            return full
        ohm = section.ohm_at_25 * math.exp(section.beta * (1 / (celsius + 273.15) - 1 / 298.15))
        return round(full * ohm / (ohm + section.pull_up_ohm))

    def _proximity_code(self, number: int) -> int:
        proximity = self.wiring.connectors[number - 1].proximity
        assert proximity is not None
        full = (1 << self.adcs[proximity.adc].bits) - 1
        ohm = self.proximity_ohm(number)
        return full * ohm // (ohm + proximity.pull_up_ohm)

    def _wire_inputs(self) -> None:
        for number, section in enumerate(self.wiring.connectors, start=1):
            socket = self.sockets[number]
            self._wire(section.contactor.mirror, partial(_poles_open, socket))
            self._wire(section.lock.locked if section.lock else None, partial(_locked, socket))
            if section.proximity is not None:
                self._wire(section.proximity.contact, partial(_plugged, socket))
            for name, threshold_mv in (
                ("above_10500_mv", 10_500),
                ("above_7500_mv", 7_500),
                ("above_4500_mv", 4_500),
                ("above_1500_mv", 1_500),
            ):
                line = getattr(section.pilot, name)
                self._wire(line, partial(self._is_above, number, threshold_mv))
            self._wire(section.pilot.below_minus_10500_mv, partial(self._is_negative, number))
            if section.residual_monitor is not None:
                self._wire(section.residual_monitor.trip, partial(self._monitor_tripped, number))
        for fault in self.wiring.section.faults:
            tripped = self.sockets[max(1, fault.connector)].tripped
            self._wire(fault.input, partial(_tripped, tripped, fault.error_code))
        self._wire(self.wiring.section.emergency_stop, lambda: self.emergency_stop)
        self._wire(self.wiring.section.mains, lambda: self.mains)
        self._wire(self.wiring.section.tamper, lambda: self.enclosure_open)
        self._wire(self.wiring.section.limit_contact, lambda: self.limit_contact_closed)

    def _monitor_tripped(self, number: int) -> bool:
        """A monitor trips on a residual current, and while its test input is driven, unless it has a defect."""
        section, socket = self.wiring.connectors[number - 1].residual_monitor, self.sockets[number]
        assert section is not None
        if self.factory.level(section.test) and socket.monitor != "does not trip":
            socket.monitor_latched = socket.monitor == "does not clear"
            return True
        return socket.leaks or socket.monitor_latched

    def _is_above(self, number: int, threshold_mv: int) -> bool:
        return self._peak(number, highest=True) > threshold_mv

    def _is_negative(self, number: int) -> bool:
        return self._peak(number, highest=False) < -10_500

    def _wire(self, line: InputLine | None, active: Callable[[], bool]) -> None:
        if line is not None:
            self.factory.wire(line.pin, lambda: active() == (line.active == "high"))


def _poles_open(socket: Socket) -> bool:
    return not socket.poles_closed


def _locked(socket: Socket) -> bool:
    return socket.locked


def _plugged(socket: Socket) -> bool:
    return socket.station_plugged


def _tripped(tripped: dict[str, bool], error_code: str) -> bool:
    return tripped.get(error_code, False)
