"""What is wrong or doubtful about a wiring: by itself, on this machine, and as its inputs read now.

`wiring_findings` needs no hardware. `machine_findings` asks whether this machine has what the wiring needs: libraries, the
header's GPIO chip, device files, PWM channels. `reading_findings` judges what an opened board reported. An error is what must be put right before the
station may run; a warning is what the maker should have decided on purpose.
"""

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from devices.findings import BoardFinding
from devices.findings import error as _error
from devices.findings import warning as _warning
from devices.gpio.chips import FoundChip, HeaderChip, this_header_chip
from devices.gpio.header import header_pins
from devices.gpio.pilot import REACTION_MAX_MS, reaction_ms
from devices.gpio.pilot_output import SYSFS
from devices.gpio.sections import AdcSection, ConnectorSection, PilotSection
from devices.gpio.values import InputLine
from devices.gpio.wiring import Wiring
from devices.readings import (
    ContactorReading,
    EmergencyStopReading,
    FaultReading,
    MainsReading,
    MeterReading,
    PilotReading,
    ProximityReading,
    Reading,
    TamperReading,
    TemperatureReading,
)

UNLOCK_MAX_MS = 5_000
_SPI_SELECTS = ("GPIO8", "GPIO7")
PULLED_UP_AT_POWER_ON = tuple(f"GPIO{number}" for number in range(9))
"""Raspberry Pi: these have a pull-up until software runs, all others a pull-down."""


def wiring_findings(wiring: Wiring) -> tuple[BoardFinding, ...]:
    """What can be said of the wiring by itself."""
    found = [
        finding for n, section in enumerate(wiring.connectors, start=1) for finding in _connector(wiring, n, section)
    ]
    if wiring.section.emergency_stop is None:
        found.append(_warning("emergency_stop", "no emergency stop is read; the one in the coil circuit is not seen"))
    elif reads_safe_when_broken(wiring.section.emergency_stop, tripped_active=True):
        found.append(_warning("emergency_stop", _BROKEN_WIRE))
    codes = {fault.error_code for fault in wiring.section.faults}
    if "GroundFailure" not in codes:
        found.append(_warning("faults", "no residual current device is read (GroundFailure)"))
    for number, fault in enumerate(wiring.section.faults, start=1):
        if reads_safe_when_broken(fault.input, tripped_active=True):
            found.append(_warning(f"faults.{number}", _BROKEN_WIRE))
    if wiring.section.watchdog is None:
        found.append(_warning("watchdog", "none: outputs stay as they are if the daemon hangs"))
    elif wiring.section.watchdog.pin is None:
        found.append(_warning("watchdog", "only the kernel's: outputs stay as they are until the board has been reset"))
    if not wiring.section.readers:
        found.append(_warning("readers", "none: only the CSMS can start a transaction"))
    return tuple(found)


_BROKEN_WIRE = "a broken wire reads as not tripped: use a contact that opens, with the pull on the tripped side"


def reads_safe_when_broken(line: InputLine, *, tripped_active: bool) -> bool:
    """Whether a line that is cut looks as if all were well, instead of as if it had tripped."""
    if line.pull == "none":
        return True
    return (line.pull == "up") != ((line.active == "high") == tripped_active)


def _connector(wiring: Wiring, number: int, section: ConnectorSection) -> Iterator[BoardFinding]:
    table = f"connector.{number}"
    pilot, contactor, lock = section.pilot, section.contactor, section.lock
    if pilot.pin not in {pin.name for pin in header_pins() if pin.has_pwm}:
        yield _warning(f"{table}.pilot", f"{pilot.pin} is no pin of a hardware PWM channel on a Raspberry Pi")
    beside = [other.pilot for other in wiring.connectors if other.pilot.adc == pilot.adc and other is not section]
    reaction = reaction_ms(pilot, sum(other.sense == "extremes" for other in beside))
    if reaction > REACTION_MAX_MS:
        text = f"a vehicle that stops drawing is known after {reaction} ms; the contactor must be open within {REACTION_MAX_MS} ms"
        yield _error(f"{table}.pilot", text)
    no_negative = pilot.low_channel is None if pilot.sense == "peak" else pilot.below_minus_10500_mv is None
    if pilot.sense != "extremes" and no_negative:
        yield _warning(f"{table}.pilot", "the negative level is not read: no diode check")
    if contactor.mirror is None:
        yield _warning(f"{table}.contactor", "no mirror contact: a welded contactor is not found")
    elif reads_safe_when_broken(contactor.mirror, tripped_active=False):
        yield _warning(f"{table}.contactor", "a broken wire of the mirror contact reads as open")
    lock_lines = () if lock is None else (lock.lock, lock.unlock)
    for line in (contactor.coil, *contactor.phase_enables, *lock_lines):
        if (line.pin in PULLED_UP_AT_POWER_ON) == (line.active == "high"):
            text = f"{line.pin} is pulled to its active level until software runs: another pin, or a strong resistor"
            yield _warning(f"{table}.contactor" if line not in lock_lines else f"{table}.lock", text)
    if wiring.phases == 3 and not contactor.phase_enables:
        yield _warning(f"{table}.contactor", "no phase enables: always three phases")
    if lock is not None and lock.locked is None:
        yield _warning(f"{table}.lock", "no feedback: a jam is not found")
    if lock is not None and lock.attempts * (lock.drive_ms + lock.pause_ms) > UNLOCK_MAX_MS:
        yield _warning(
            f"{table}.lock", f"all attempts together last longer than the {UNLOCK_MAX_MS} ms of an UnlockConnector"
        )


# This machine


def machine_findings(
    wiring: Wiring,
    *,
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None,
    may_use: Callable[[Path], bool] = lambda path: os.access(path, os.R_OK | os.W_OK),
    find_chip: Callable[[], FoundChip] = this_header_chip,
    sysfs: Path = SYSFS,
) -> tuple[BoardFinding, ...]:
    """What this machine lacks."""
    found = [
        _error("libraries", f"{name} is not installed, which {why} needs: pip install {source}")
        for name, source, why in _modules(wiring)
        if not has_module(name)
    ]
    header: HeaderChip | None = None
    if wiring.pins == "gpiod" and has_module("gpiod"):
        try:
            header = find_chip().kind
        except OSError as error:
            found.append(_error("pins", error.strerror or str(error)))
    for number, connector in enumerate(wiring.connectors, start=1):
        found += _pwm(f"connector.{number}.pilot", connector.pilot, header, sysfs)
    for where, path in _device_files(wiring):
        if not path.exists():
            found.append(_error(where, f"{path} is not there"))
        elif not may_use(path):
            found.append(_error(where, f"{path} may not be read and written by this user"))
    return tuple(found)


def _pwm(where: str, pilot: PilotSection, header: HeaderChip | None, sysfs: Path) -> Iterator[BoardFinding]:
    chip = sysfs / f"pwmchip{pilot.chip}"
    if not chip.is_dir():
        yield _error(where, f"{chip} is not there: enable the board's PWM overlay")
    elif pilot.pwm_channel >= int((chip / "npwm").read_text()):
        yield _error(where, f"{chip} has no channel {pilot.pwm_channel}")
    channel = None if header is None else header.pwm_channels.get(pilot.pin)
    if header is not None and channel not in {None, pilot.pwm_channel}:
        text = f"{pilot.pin} is on channel {channel} of the PWM of this {header.boards}, not on {pilot.pwm_channel}"
        yield _warning(where, text)


def _modules(wiring: Wiring) -> Iterator[tuple[str, str, str]]:
    yield wiring.pins, "lgpio" if wiring.pins == "lgpio" else "'chargebox[pi]'", "the pin factory"
    if wiring.pins == "gpiod" and any(map(_spi_device, wiring.adcs.values())):
        yield "Adafruit_PureIO", "'chargebox[pi]'", "an ADC on the kernel's SPI"
    kinds = {bus.kind for bus in wiring.buses.values()}
    if kinds:
        yield "pymodbus", "'chargebox[modbus]'", "a meter"
    if "rtu" in kinds:
        yield "serial", "'chargebox[modbus]'", "a serial bus"
    if any(reader.kind in {"serial", "pn532"} for reader in wiring.section.readers):
        yield "serialx", "'chargebox[readers]'", "a serial reader"


def _spi_device(adc: AdcSection) -> Path | None:
    """The kernel's device for a converter; None: its pins are not the kernel's, so that it is read bit by bit."""
    if (adc.clock, adc.mosi, adc.miso) != ("GPIO11", "GPIO10", "GPIO9") or adc.select not in _SPI_SELECTS:
        return None
    return Path(f"/dev/spidev0.{_SPI_SELECTS.index(adc.select)}")


def _device_files(wiring: Wiring) -> Iterator[tuple[str, Path]]:
    if wiring.pins == "lgpio":
        yield "pins", Path("/dev/gpiochip0")
    for name, adc in wiring.adcs.items():
        if (spi := _spi_device(adc)) is not None:
            yield f"adc.{name}", spi
    for name, bus in wiring.buses.items():
        if bus.kind == "rtu":
            yield f"bus.{name}", Path(bus.device)
    for number, reader in enumerate(wiring.section.readers, start=1):
        if reader.kind != "wiegand":
            yield f"readers.{number}", Path(reader.device)
    if wiring.section.watchdog is not None and wiring.section.watchdog.device:
        yield "watchdog", Path(wiring.section.watchdog.device)


# What the inputs read


def reading_findings(
    wiring: Wiring, readings: Iterable[Reading], meters: Sequence[MeterReading | str]
) -> tuple[BoardFinding, ...]:
    """What an idle board should not have reported; `meters` are its meters' readings, or why there is none."""
    found = [finding for reading in readings if (finding := _judged(reading)) is not None]
    for number, meter in enumerate(meters, start=1):
        if isinstance(meter, str):
            found.append(_error(f"connector.{number}.meter", meter))
        elif meter.power_w is not None and abs(meter.power_w) > 50:
            found.append(_warning(f"connector.{number}.meter", f"{meter.power_w} W flow though the contactor is open"))
    return tuple(found)


def _judged(reading: Reading) -> BoardFinding | None:
    match reading:
        case ContactorReading(connector_id=n, closed=True):
            return _error(
                f"connector.{n}.contactor",
                "reads closed though it was commanded to open: welded, or the mirror's wiring",
            )
        case FaultReading(connector_id=n, error_code=code, info=info, active=True):
            return _warning(f"connector.{n}" if n else "faults", f"{code} is active {info}".rstrip())
        case PilotReading(connector_id=n, pilot_state=state) if state in "EF":
            text = f"state {state} though +12 V is driven: the driver, its supply, or zero_mv and full_mv"
            return _error(f"connector.{n}.pilot", text)
        case ProximityReading(connector_id=n, cable_rating_ma=rating) if rating is not None:
            return _warning(f"connector.{n}.proximity", f"a cable of {rating // 1_000} A is in the socket")
        case TemperatureReading(connector_id=n, temperature_dc=None):
            return _error(f"connector.{n}.temperature", "the thermistor is open, shorted, or of another resistance")
        case TemperatureReading(connector_id=n, temperature_dc=dc) if dc is not None and not -400 <= dc <= 900:
            return _warning(f"connector.{n}.temperature", f"{dc / 10:.1f} degrees: the pull-up, ohm_at_25 or beta")
        case EmergencyStopReading(pressed=True):
            return _warning("emergency_stop", "is pressed, or its wiring is broken")
        case TamperReading(open=True):
            return _warning("tamper", "reads open: the enclosure is open, or the wiring is broken")
        case MainsReading(present=False):
            return _warning("mains", "reads absent")
        case _:
            return None
