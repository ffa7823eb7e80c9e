"""Draws the pictures of docs/smart-charging.md and writes its tables, from what the station itself works out.

    python -m docs.pictures.smart_charging

run at the root of the project, rewrites docs/pictures/smart-charging-*.svg and the tables between the marks in the page.
"""  # noqa: INP001  # a folder of pages and pictures, no package

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eventstore.catalogue.smart_charging import ChargingProfile, SchedulePeriod
from station.features.smart_charging.composite import Charging, Situation, composite_connector, composite_station
from station.features.smart_charging.limits import DAY_MS, HOUR_MS, Limit, Surroundings, deci_of, stack_limit
from station.features.smart_charging.steps import Steps

DOCS = Path(__file__).resolve().parent.parent
PAGE = DOCS / "smart-charging.md"
MIDNIGHT_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z, a Monday
STATION = Surroundings(voltage_v=230, phases=3, max_current_ma=32_000)

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 280, 46, 52, 14, 28
COLOURS = ("#6b7078", "#2f6fb3", "#c26a1b")
RESULT_COLOURS = ("#b3243a", "#2e8b57")
THICK = 'stroke-width="3"'

#: From, to in hours after MIDNIGHT_MS, and amperes (None: no limit).
Curve = list[tuple[float, float, float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Curves over some hours: those that go in by name, those that come out by name, and up to how many amperes."""

    title: str
    from_h: int
    to_h: int
    inputs: Mapping[str, Curve]
    results: Mapping[str, Curve]
    top_a: int = 36


def profile(
    purpose: str, periods: Sequence[tuple[float, int]], number: int, level: int = 0, **rest: int | str
) -> ChargingProfile:
    """A profile whose periods are hours and amperes, from midnight on by default."""
    members: dict[str, int | str] = {"kind": "Absolute", "start_schedule_utc_ms": MIDNIGHT_MS, **rest}
    return ChargingProfile(
        charging_profile_id=number,
        stack_level=level,
        purpose=purpose,
        unit="A",
        periods=tuple(SchedulePeriod(start_s=int(hour * 3_600), limit_deci=limit * 10) for hour, limit in periods),
        **members,  # type: ignore[arg-type]  # members by name
    )


def _curve(steps: Steps[Limit | None]) -> Curve:
    edges = [(start - MIDNIGHT_MS) / HOUR_MS for start in (*steps.starts_ms, steps.to_ms)]
    amounts = [None if limit is None else deci_of(limit, "A", STATION) / 10 for limit in steps.values]
    return list(zip(edges, edges[1:], amounts, strict=False))


def _alone(one: ChargingProfile, from_h: int, to_h: int) -> Curve:
    return _curve(stack_limit((one,), MIDNIGHT_MS + from_h * HOUR_MS, MIDNIGHT_MS + to_h * HOUR_MS, None, STATION))


def _composite(situation: Situation, connector_id: int, from_h: int, to_h: int) -> Curve:
    from_ms, duration_s = MIDNIGHT_MS + from_h * HOUR_MS, (to_h - from_h) * 3_600
    if connector_id == 0:
        composite = composite_station(situation, from_ms, duration_s, "A")
    else:
        composite = composite_connector(situation, connector_id, from_ms, duration_s, "A")
    starts = [from_h + period.start_s / 3_600 for period in composite.periods]
    amounts = [period.limit_deci / 10 for period in composite.periods]
    return list(zip(starts, (*starts[1:], float(to_h)), amounts, strict=True))


def purposes() -> Example:
    """The minimum of the purposes, with the transaction's own profile instead of the default one."""
    cap = profile("ChargePointMaxProfile", [(0, 32), (17, 10), (20, 25)], 1)
    default = profile("TxDefaultProfile", [(0, 16), (19, 8)], 2)
    own = profile(
        "TxProfile", [(0, 20), (2, 12), (4, 18)], 3, kind="Relative", duration_s=6 * 3_600, transaction_number=7
    )
    since_ms = MIDNIGHT_MS + 16 * HOUR_MS
    charging = (Charging(connector_id=1, transaction_number=7, since_utc_ms=since_ms),)
    situation = Situation(surroundings=STATION, profiles={0: (cap,), 1: (default, own)}, charging=charging)
    own_curve = _curve(stack_limit((own,), since_ms, MIDNIGHT_MS + DAY_MS, since_ms, STATION))
    inputs = {
        "ChargePointMaxProfile": _alone(cap, 16, 24),
        "TxDefaultProfile (overruled)": _alone(default, 16, 24),
        "TxProfile, relative, 6 h": own_curve,
    }
    return Example(
        title="A transaction from 16:00 on",
        from_h=16,
        to_h=24,
        inputs=inputs,
        results={"composite schedule of connector 1": _composite(situation, 1, 16, 24)},
    )


def stack() -> Example:
    """Levels of one purpose: the higher one prevails while it runs, then the lower one is there again."""
    base = profile("TxDefaultProfile", [(0, 25), (7, 10), (19, 25)], 1, kind="Recurring", recurrency="Daily")
    lunch = profile(
        "TxDefaultProfile",
        [(0, 32)],
        2,
        1,
        kind="Recurring",
        recurrency="Daily",
        start_schedule_utc_ms=MIDNIGHT_MS + 11 * HOUR_MS,
        duration_s=2 * 3_600,
    )
    holiday = profile("TxDefaultProfile", [(0, 6)], 3, 2, valid_from_utc_ms=MIDNIGHT_MS + DAY_MS, duration_s=36 * 3_600)
    situation = Situation(surroundings=STATION, profiles={0: (base, lunch, holiday)})
    return Example(
        title="TxDefaultProfiles over two days",
        from_h=0,
        to_h=48,
        inputs={
            "level 0: daily": _alone(base, 0, 48),
            "level 1: daily from 11:00, 2 h": _alone(lunch, 0, 48),
            "level 2: valid from day 2, until 36 h": _alone(holiday, 0, 48),
        },
        results={"composite schedule": _composite(situation, 1, 0, 48)},
    )


def sharing() -> Example:
    """Two transactions under one ChargePointMaxProfile."""
    cap = profile("ChargePointMaxProfile", [(0, 32), (2, 20), (4, 10), (6, 24)], 1)
    small = profile("TxDefaultProfile", [(0, 8)], 2)
    charging = tuple(
        Charging(connector_id=number, transaction_number=number, since_utc_ms=MIDNIGHT_MS) for number in (1, 2)
    )
    situation = Situation(surroundings=STATION, profiles={0: (cap,), 2: (small,)}, charging=charging)
    return Example(
        title="Two transactions share",
        from_h=0,
        to_h=8,
        inputs={"ChargePointMaxProfile": _alone(cap, 0, 8)},
        results={
            "connector 1": _composite(situation, 1, 0, 8),
            "connector 2 (TxDefaultProfile 8 A)": _composite(situation, 2, 0, 8),
        },
    )


EXAMPLES: Mapping[str, Callable[[], Example]] = {"purposes": purposes, "stack": stack, "sharing": sharing}


def _clock(hour: float) -> str:
    return f"{int(hour):02d}:{round(hour % 1 * 60):02d}"


def _amount(amperes: float | None) -> str:
    return "no limit" if amperes is None else f"{amperes:g} A"


def table(example: Example) -> str:
    """The results as a table: a row per change of any of them."""
    edges = sorted({piece[0] for curve in example.results.values() for piece in curve})
    lines = [f"| from | {' | '.join(example.results)} |", f"|---|{'---|' * len(example.results)}"]
    for edge in edges:
        cells = [
            next(_amount(amount) for start, end, amount in curve if start <= edge < end)
            for curve in example.results.values()
        ]
        lines.append(f"| {_clock(edge)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(example: Example) -> str:
    """The picture, as SVG text."""
    span = example.to_h - example.from_h

    def x(hour: float) -> float:
        return round(LEFT + (hour - example.from_h) / span * (WIDTH - LEFT - RIGHT), 1)

    def y(amperes: float) -> float:
        return round(HEIGHT - BOTTOM - amperes / example.top_a * (HEIGHT - TOP - BOTTOM), 1)

    parts = [*_frame(example, x, y)]
    rows = (
        (example.inputs, COLOURS, 'stroke-width="1.5" stroke-dasharray="5 3"'),
        (example.results, RESULT_COLOURS, THICK),
    )
    for row, (curves, colours, style) in enumerate(rows):
        across, down = LEFT, 16 + 18 * row
        for (name, curve), colour in zip(curves.items(), colours, strict=False):
            stroke = f'stroke="{colour}" {style}'
            parts.append(f'<path d="{_path(curve, x, y)}" fill="none" {stroke}/>')
            parts.append(f'<path d="M{across} {down}h18" {stroke}/>')
            parts.append(f'<text x="{across + 22}" y="{down + 4}">{name}</text>')
            across += 40 + int(len(name) * 6.2)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">'
    body = "\n".join(parts)
    return f'{head}\n<title>{example.title}</title>\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'


def _frame(example: Example, x: Callable[[float], float], y: Callable[[float], float]) -> list[str]:
    every_h = 1 if example.to_h - example.from_h <= 12 else 6
    parts = []
    for amperes in range(0, example.top_a, 8):
        parts.append(f'<path d="M{LEFT} {y(amperes)}H{WIDTH - RIGHT}" stroke="#e3e5e8"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(amperes) + 4}" text-anchor="end">{amperes} A</text>')
    for hour in range(example.from_h, example.to_h + 1, every_h):
        parts.append(f'<path d="M{x(hour)} {y(0)}v4" stroke="#555"/>')
        anchor = "end" if hour == example.to_h else "middle"
        parts.append(f'<text x="{x(hour)}" y="{HEIGHT - 8}" text-anchor="{anchor}">{_clock(hour % 24)}</text>')
    return parts


def _path(curve: Curve, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    parts: list[str] = []
    pen_down = False
    for start, end, amperes in curve:
        if amperes is None:
            pen_down = False
            continue
        parts.append(f"{'V' if pen_down else f'M{x(start)} '}{y(amperes)}H{x(end)}")
        pen_down = True
    return "".join(parts)


def page(text: str) -> str:
    """The page with its tables as they are now."""
    for name, example in EXAMPLES.items():
        begin, end = f"<!-- table {name} -->\n", f"\n<!-- end {name} -->"
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}{table(example())}{end}{after}"
    return text


def main() -> None:
    """Rewrites the pictures and the tables."""
    for name, example in EXAMPLES.items():
        (DOCS / "pictures" / f"smart-charging-{name}.svg").write_text(draw(example()), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
