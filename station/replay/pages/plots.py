"""Power, energy and limit of a transaction over time: in the terminal with block characters, or as SVG or PNG."""

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from station.replay.answers.transactions import Point, WholeTransaction
from station.replay.opening.errors import BadQuestion, LibraryMissing
from station.replay.opening.times import Zone
from station.replay.pages.fitting import width_of
from station.telling.amounts import HOUR_MS

WIDTH, WIDTH_MIN, POWER_ROWS, ENERGY_ROWS = 68, 10, 10, 5
"""With the margin, the drawing fits into 80 columns."""
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_LIMIT, _DARK = "╌", "░"
_MARGIN = 11
_SHORT_MS = HOUR_MS
"""Of less, the axis shows seconds."""
KILO = 1_000
FORMATS = (".svg", ".png")


def terminal(found: WholeTransaction, zone: Zone, width: int = WIDTH) -> list[str]:
    """The drawing as lines of text; none when there are too few readings to draw."""
    curve = found.curve
    if len(curve) < 2 or curve[-1].utc_ms <= curve[0].utc_ms:
        return []
    first_ms, last_ms = curve[0].utc_ms, curve[-1].utc_ms
    moments = [first_ms + (last_ms - first_ms) * column // (width - 1) for column in range(width + 1)]
    columns = _columns(curve, moments[:-1])
    dark = [_is_dark(found, since, until) for since, until in pairwise(moments)]
    powers = [point.power_w or 0 for point in columns]
    limits = [_limit_w(point, found.voltage_v) for point in columns]
    top_w = max([*powers, *(each for each in limits if each is not None), 1])
    energies = [point.energy_wh - curve[0].energy_wh for point in columns]
    lines = _chart("kW", powers, limits, dark, top_w, POWER_ROWS)
    lines += _chart("kWh", energies, [None] * width, dark, max(*energies, 1), ENERGY_ROWS)
    lines.append(" " * _MARGIN + _axis(first_ms, last_ms, width, zone))
    legend = f"█ power, below it energy since the start   {_LIMIT} limit"
    lines.append(" " * _MARGIN + legend + (f"   {_DARK} no reading" if any(dark) else ""))
    return lines


def _is_dark(found: WholeTransaction, since_ms: int, until_ms: int) -> bool:
    """Whether nothing is known of the meter in this column, or in a part of it."""
    return any(gap.from_utc_ms < until_ms and since_ms < gap.to_utc_ms for gap in found.gaps)


def _axis(first_ms: int, last_ms: int, width: int, zone: Zone) -> str:
    """The day and time at both ends; the times alone where there is no room, the day once where it is the same."""
    short = last_ms - first_ms < _SHORT_MS
    begin, end = (zone.short(each) if short else zone.short(each)[:-3] for each in (first_ms, last_ms))
    day, _, time = end.partition(" ")
    end = time if begin.startswith(day) else end
    if len(begin) + len(end) >= width:
        begin, end = zone.clock(first_ms), zone.clock(last_ms)
    return begin + " " * max(1, width - len(begin) - len(end)) + end


def fitting() -> int:
    """The width of a drawing: WIDTH, or what a narrow terminal has for it."""
    width = width_of(sys.stdout)
    return WIDTH if width is None else min(WIDTH, max(WIDTH_MIN, width - _MARGIN - 1))


def _columns(curve: Sequence[Point], moments: Sequence[int]) -> list[Point]:
    """The reading in force at each of the moments."""
    found, place = [], 0
    for moment in moments:
        while place + 1 < len(curve) and curve[place + 1].utc_ms <= moment:
            place += 1
        found.append(curve[place])
    return found


def _limit_w(point: Point, voltage_v: int) -> int | None:
    if point.limit_ma is None or point.phases is None:
        return None
    return point.limit_ma * point.phases * voltage_v // 1000


def _chart(
    unit: str, values: Sequence[int], limits: Sequence[int | None], dark: Sequence[bool], top: int, rows: int
) -> list[str]:
    lines = []
    for row in range(rows - 1, -1, -1):
        label = _label(top * (row + 1) // rows, top, unit) if row in (rows - 1, rows // 2) else ""
        cells = [
            _DARK if is_dark else _cell(value, limit, top, row, rows)
            for value, limit, is_dark in zip(values, limits, dark, strict=True)
        ]
        lines.append(f"{label:<{_MARGIN}}{''.join(cells)}".rstrip())
    return lines


def _label(value: int, top: int, unit: str) -> str:
    """A mark of the scale: in thousandths of the unit where all of the drawing lies below one."""
    return f"{value / 1000:6.1f} {unit}" if top >= KILO else f"{value:6} {unit.removeprefix('k')}"


def _cell(value: int, limit: int | None, top: int, row: int, rows: int) -> str:
    eighths = value * rows * 8 // top - row * 8
    if eighths <= 0 and limit is not None and row == min(rows - 1, limit * rows // top):
        return _LIMIT
    return _EIGHTHS[max(0, min(8, eighths))]


def draw(found: WholeTransaction, zone: Zone, file: Path) -> None:
    """The drawing as SVG or PNG, by the file's suffix. Raises LibraryMissing, BadQuestion, OSError."""
    if file.suffix not in FORMATS:
        raise BadQuestion(f"{file}: a drawing is a {' or '.join(FORMATS)} file")
    if len(found.curve) < 2:
        raise BadQuestion(f"transaction {found.row.number} has too few meter readings to draw")
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise LibraryMissing("a drawing", "matplotlib") from error
    with mpl.rc_context({"svg.hashsalt": "chargebox", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        _fill(figure, found, zone)
        metadata = {"Date": None} if file.suffix == ".svg" else {"Software": None}
        figure.savefig(file, metadata=metadata)


def _fill(figure: Any, found: WholeTransaction, zone: Zone) -> None:
    times = [zone.local(point.utc_ms).replace(tzinfo=None) for point in found.curve]
    power = figure.subplots()
    power.step(times, [(p.power_w or 0) / 1000 for p in found.curve], where="post", label="power", color="#1f77b4")
    limits = [_limit_w(point, found.voltage_v) for point in found.curve]
    shown = [None if each is None else each / 1000 for each in limits]
    power.step(times, shown, where="post", linestyle="--", label="limit", color="#d62728")
    power.set_ylabel("kW")
    power.set_ylim(bottom=0)
    days = list(dict.fromkeys(f"{each:%Y-%m-%d}" for each in (times[0], times[-1])))
    power.set_xlabel(f"{' to '.join(days)}, {zone.name}")
    counted = power.twinx()
    start_wh = found.row.meter_start_wh
    counted.plot(times, [(p.energy_wh - start_wh) / 1000 for p in found.curve], label="energy", color="#2ca02c")
    for number, gap in enumerate(found.gaps):
        begin, end = (zone.local(each).replace(tzinfo=None) for each in (gap.from_utc_ms, gap.to_utc_ms))
        label = "" if number else "no reading"
        counted.axvspan(begin, end, label=label, facecolor="white", edgecolor="#999999", hatch="//", zorder=3)
    counted.set_ylabel("kWh")
    counted.set_ylim(bottom=0)
    title = f"Transaction {found.row.number}"
    power.set_title(title if found.row.transaction_id is None else f"{title} ({found.row.transaction_id})")
    figure.autofmt_xdate()
    handles = [axis.get_legend_handles_labels() for axis in (power, counted)]
    power.legend([h for pair in handles for h in pair[0]], [n for pair in handles for n in pair[1]], loc="lower right")
