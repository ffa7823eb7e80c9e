"""Doubt about what a meter says: values that cannot be, and registers of energy that jump or fall. Pure.

A meter can lie with a valid checksum: swapped words, a wrong map, a register that restarts, a late answer taken for another. What
cannot be is never passed on. A register that falls, or rises faster than the wiring can carry, is withheld until as many readings
in a row agree with each other as `CONFIRMATIONS` says: a single odd one changes nothing, a meter that really was reset or
exchanged is believed after some readings, and the offset is then added by who counts the energy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from devices.modbus.register_map import PHASES

CONFIRMATIONS = 3
SLACK_WH = 250
"""What a register may rise at once: the coarsest meter counts in steps of 100 Wh."""
OVERLOAD_PERCENT = 150
REGISTER_MAX_WH = 10**11
VOLTAGE_WINDOW_PERCENT = (50, 150)
FREQUENCY_WINDOW_MHZ = (40_000, 70_000)
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What is known of one register: the last value passed on, and the odd one that waits to be confirmed."""

    accepted_wh: int | None = None
    accepted_at_ms: int = 0
    odd_wh: int = 0
    odd_at_ms: int = 0
    odd_count: int = 0


def what_cannot_be(values: Mapping[str, int], *, voltage_v: int, max_current_ma: int) -> str | None:
    """Why a reading is no reading of this wiring, in words; None if it may be true."""
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
    if any(abs(current) > 4 * max_current_ma for current in currents):
        return f"currents of {_listed(currents)} mA"
    energy = values.get("energy_import_wh")
    if energy is not None and not 0 <= energy <= REGISTER_MAX_WH:
        return f"an energy register of {energy} Wh"
    return None


def judged(trust: Trust, energy_wh: int, at_ms: int, *, max_power_w: int) -> tuple[Trust, str | None]:
    """The trust after a reading of the register, and why it is withheld; None: pass it on."""
    if trust.accepted_wh is None or _follows(trust.accepted_wh, trust.accepted_at_ms, energy_wh, at_ms, max_power_w):
        return Trust(accepted_wh=energy_wh, accepted_at_ms=at_ms), None
    agrees = trust.odd_count > 0 and _follows(trust.odd_wh, trust.odd_at_ms, energy_wh, at_ms, max_power_w)
    count = trust.odd_count + 1 if agrees else 1
    if count >= CONFIRMATIONS:
        return Trust(accepted_wh=energy_wh, accepted_at_ms=at_ms), None
    verb = "fell" if energy_wh < trust.accepted_wh else "jumped"
    reason = f"the register {verb} from {trust.accepted_wh} Wh to {energy_wh} Wh"
    return replace(trust, odd_wh=energy_wh, odd_at_ms=at_ms, odd_count=count), reason


def _follows(before_wh: int, before_ms: int, energy_wh: int, at_ms: int, max_power_w: int) -> bool:
    elapsed_ms = max(0, at_ms - before_ms)
    rise_max_wh = SLACK_WH + max_power_w * OVERLOAD_PERCENT * elapsed_ms // (100 * _HOUR_MS)
    return 0 <= energy_wh - before_wh <= rise_max_wh


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)
