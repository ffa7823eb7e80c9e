"""What a connector may draw for its temperature. Pure.

Between the points of its curve the current falls in a straight line, in whole amperes; below the first it is not limited. It falls at once,
and rises only where it would still be so `RISES_DC` warmer, so that nothing toggles. Above the last point the connector is too hot
(HighTemperature) until it is cooler by the hysteresis of the settings. A sensor that is silent allows the safe current of the settings,
whatever the others say, and ends no HighTemperature.
"""

from itertools import pairwise

from projections.connector import Connector, Derating
from projections.temperatures import Curve, Temperatures

RISES_DC = 20


def current_at(curve: Curve, temperature_dc: int) -> int | None:
    """The current in mA that a curve allows at a temperature; None below its first point."""
    if temperature_dc < curve[0][0]:
        return None
    for (from_dc, from_ma), (to_dc, to_ma) in pairwise(curve):
        if temperature_dc < to_dc:
            return _whole(from_ma + (to_ma - from_ma) * (temperature_dc - from_dc) // (to_dc - from_dc))
    return curve[-1][1]


def _whole(current_ma: int) -> int:
    return current_ma // 1_000 * 1_000


def derating_of(temperatures: Temperatures, connector: Connector) -> Derating:
    """What holds of a connector now; as it was while no sensor has reported yet."""
    number, held = connector.connector_id, connector.derating
    curve, sensors = temperatures.curve(number), temperatures.on(number)
    if not curve:
        return Derating()
    if not sensors:
        return held
    described, hottest_dc = temperatures.described, temperatures.hottest_dc(number)
    silent = any(each.temperature_dc is None for each in sensors)
    limits = [] if hottest_dc is None else [_by_curve(curve, hottest_dc, held)]
    if silent:
        limits.append(described.silent_current_ma)
    ends_dc = curve[-1][0] - (described.hysteresis_dc if held.overheated else 0)
    return Derating(
        limit_ma=min((limit for limit in limits if limit is not None), default=None),
        temperature_dc=hottest_dc,
        silent=silent,
        overheated=(hottest_dc is not None and hottest_dc > ends_dc) or (held.overheated and silent),
    )


def _by_curve(curve: Curve, hottest_dc: int, held: Derating) -> int | None:
    now_ma = current_at(curve, hottest_dc)
    if held.limit_ma is None or (now_ma is not None and now_ma <= held.limit_ma):
        return now_ma
    later_ma = current_at(curve, hottest_dc + RISES_DC)
    return later_ma if later_ma is None or later_ma > held.limit_ma else held.limit_ma
