"""An NTC thermistor: from its resistance to a temperature by the beta equation. Pure.

1/T = 1/298.15 K + ln(R / R25) / B
"""

import math

KELVIN_AT_0_C = 273.15
KELVIN_AT_25_C = 298.15


def ntc_dc(resistance_ohm: float, *, ohm_at_25: int, beta: int) -> int | None:
    """The temperature in tenths of a degree Celsius; None for a resistance that no thermistor has: 0 (shorted)."""
    if resistance_ohm <= 0:
        return None
    inverse = 1 / KELVIN_AT_25_C + math.log(resistance_ohm / ohm_at_25) / beta
    if inverse <= 0:
        return None
    return round((1 / inverse - KELVIN_AT_0_C) * 10)
