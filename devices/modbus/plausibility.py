"""Doubt about what a meter says in one answer: values that no meter of this wiring can show. Pure.

A meter can lie with a valid checksum: swapped words, a wrong map, another unit's frame, a late answer taken for another. What cannot
be is never passed on. Whether a register of energy goes on from where it was is not asked here: that takes its history, over
restarts too, and the station has that (`projections.register`).
"""

from collections.abc import Mapping

from devices.modbus.register_map import PHASES

REGISTER_MAX_WH = 10**11
NUMBER_MAX = 10**12
"""Nothing that a meter of a station measures comes to this in our units."""
OVER_RATED = 4
"""So many times what is rated is no current and no power, but a lie."""
VOLTAGE_WINDOW_PERCENT = (50, 150)
FREQUENCY_WINDOW_MHZ = (40_000, 70_000)
TEMPERATURE_WINDOW_DC = (-1_000, 2_000)


def what_cannot_be(values: Mapping[str, int], *, phases: int, voltage_v: int, max_current_ma: int) -> str | None:
    """Why a reading is no reading of this wiring, in words; None if it may be true."""
    energy = values.get("energy_import_wh")
    if energy is not None and not 0 <= energy <= REGISTER_MAX_WH:
        return f"an energy register of {_shown(energy)} Wh"
    for name, value in values.items():
        if abs(value) > NUMBER_MAX:
            return f"{name} of {_shown(value)}"
    return _electrical(values, voltage_v, max_current_ma) or _power(
        values, phases * voltage_v * max_current_ma // 1_000
    )


def _electrical(values: Mapping[str, int], voltage_v: int, max_current_ma: int) -> str | None:
    voltages = [values[name] for phase in PHASES if (name := f"voltage_{phase}_mv") in values]
    low, high = (voltage_v * 10 * percent for percent in VOLTAGE_WINDOW_PERCENT)
    if any(not 0 <= voltage <= high for voltage in voltages):
        return f"voltages of {_listed(voltages)} mV"
    if voltages and all(voltage < low for voltage in voltages):
        return f"no voltage on any phase ({_listed(voltages)} mV)"
    frequency = values.get("frequency_mhz")
    if frequency is not None and not FREQUENCY_WINDOW_MHZ[0] <= frequency <= FREQUENCY_WINDOW_MHZ[1]:
        return f"a frequency of {frequency} mHz"
    currents = [values[name] for phase in PHASES if (name := f"current_{phase}_ma") in values]
    if any(abs(current) > OVER_RATED * max_current_ma for current in currents):
        return f"currents of {_listed(currents)} mA"
    return None


def _power(values: Mapping[str, int], max_power_w: int) -> str | None:
    power = values.get("power_w")
    if power is not None and abs(power) > OVER_RATED * max_power_w:
        return f"a power of {power} W"
    temperature = values.get("temperature_dc")
    low, high = TEMPERATURE_WINDOW_DC
    if temperature is not None and not low <= temperature <= high:
        return f"a temperature of {temperature} tenths of a degree"
    return None


def _shown(number: int) -> str:
    return str(number) if abs(number) <= NUMBER_MAX else "more than a million million"


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)
