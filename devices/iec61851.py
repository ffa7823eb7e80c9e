"""IEC 61851-1 in integers: pilot levels, duty cycles, cable ratings. Pure.

Pilot levels (annex A): the station drives +12 V, steady or alternating with -12 V at 1 kHz; the vehicle pulls the positive half
down to 9 V (state B), 6 V (C) or 3 V (D). 0 V is state E, a steady -12 V state F. The vehicle's diode leaves the negative half
alone: while the PWM runs, a negative half that is pulled up has no vehicle behind it, which is reported as E.

Duty cycles (table A.7): 10 % to 85 % offer 0.6 A per percent, 85 % to 96 % offer 2.5 A x (percent - 64), 6 A at least.
"""

_STATES_DOWNWARDS = "ABCDEF"
_BOUNDARIES_MV = (10_500, 7_500, 4_500, 1_500, -6_000)
"""Below the n-th boundary the state is past the n-th: the middles between nominal levels."""
HYSTERESIS_MV = 300
"""How far past a boundary a level must be to leave the present state; the standard's windows of 1 V around the nominal
levels stay clear of it."""
STEADY_SPAN_MV = 2_000
"""Less between the extremes than this: the pilot does not alternate."""
DIODE_LIMIT_MV = -10_500

CURRENT_MIN_MA = 6_000
CURRENT_MAX_MA = 80_000
_KNEE_MA = 51_000
_KNEE_PERMILLE = 850
_DUTY_MIN_PERMILLE = 80
_DUTY_SIX_AMPERE_PERMILLE = 100
_DUTY_FULL_PERMILLE = 960
_DUTY_MAX_PERMILLE = 970
_DUTY_STEADY_PERMILLE = 1000

_RATING_BY_OHM = ((60, None), (150, 63_000), (330, 32_000), (1_000, 20_000), (2_700, 13_000))
"""(exclusive upper bound in ohm, rating): bounds between the nominal 100, 220, 680 and 1500 ohm of table B.2."""


def pilot_state_from_mv(high_mv: int, low_mv: int, previous: str | None) -> str:
    """The pilot state "A" to "F" from the extremes of the pilot over some periods.

    With `previous` a level near a boundary keeps its state; None: no state is favoured. E also stands for a line that alternates
    without the vehicle's diode.
    """
    alternates = high_mv - low_mv >= STEADY_SPAN_MV
    state = _level(high_mv, previous)
    if alternates and state != "F" and not _diode_holds(low_mv, previous):
        return "E"
    return state


def _level(high_mv: int, previous: str | None) -> str:
    for position, boundary_mv in enumerate(_BOUNDARIES_MV):
        if high_mv >= boundary_mv + _bias_mv(position, previous):
            return _STATES_DOWNWARDS[position]
    return _STATES_DOWNWARDS[-1]


def _bias_mv(position: int, previous: str | None) -> int:
    """How the boundary below the state at `position` moves away from where `previous` is."""
    if previous is None:
        return 0
    return -HYSTERESIS_MV if _STATES_DOWNWARDS.index(previous) <= position else HYSTERESIS_MV


def _diode_holds(low_mv: int, previous: str | None) -> bool:
    if previous is None:
        return low_mv <= DIODE_LIMIT_MV
    return low_mv <= DIODE_LIMIT_MV + (-HYSTERESIS_MV if previous == "E" else HYSTERESIS_MV)


def duty_permille_from_ma(current_ma: int) -> int:
    """The duty that offers at most `current_ma`, rounded down; 1000 (steady, no offer) below 6 A; never more than 80 A."""
    if current_ma < CURRENT_MIN_MA:
        return _DUTY_STEADY_PERMILLE
    if current_ma <= _KNEE_MA:
        return current_ma // 60
    return max(_KNEE_PERMILLE, min(current_ma, CURRENT_MAX_MA) // 250 + 640)


def ma_from_duty_permille(duty_permille: int) -> int:
    """The current that the duty offers; 0 for steady levels and for duties that the standard gives no current."""
    if not _DUTY_MIN_PERMILLE <= duty_permille <= _DUTY_MAX_PERMILLE:
        return 0
    if duty_permille <= _DUTY_SIX_AMPERE_PERMILLE:
        return CURRENT_MIN_MA
    if duty_permille <= _KNEE_PERMILLE:
        return duty_permille * 60
    return (min(duty_permille, _DUTY_FULL_PERMILLE) - 640) * 250


def cable_rating_ma_from_ohm(resistance_ohm: int) -> int | None:
    """The rating that the proximity resistor states (table B.2); None: no cable, or a short.

    100 ohm is 63 A; its 70 A on one phase are not used.
    """
    for upper_ohm, rating_ma in _RATING_BY_OHM:
        if resistance_ohm < upper_ohm:
            return rating_ma
    return None
