"""Two stations, or two weeks of one, side by side for people."""

from station.replay.answers.comparison import ENERGY, RATES, SPAN, TEXT, TIME, Comparison, Measure, Side
from station.replay.opening.times import Zone
from station.replay.pages.page import Page, facts, table
from station.telling.amounts import DAY_MS, duration, energy

_WORTH = 1.2
"""A rate that differs by so much is marked."""


def page(found: Comparison, zone: Zone) -> Page:
    """The comparison for people: what happened, and what is set otherwise."""
    first, second = found.first, found.second
    names = ("A", "B")
    shown = Page().add(
        f"{first.name} and {second.name} ({zone.name})",
        facts(*((name, _span(one, zone)) for name, one in zip(names, (first, second), strict=True))),
    )
    is_same_span = abs(first.span_ms - second.span_ms) * 20 <= max(first.span_ms, second.span_ms)
    happened = [each for each in found.measures if each.unit != TEXT]
    by_day = "" if is_same_span else ", the last column by the day"
    shown.add(
        f"What happened{by_day}",
        table(("", ">A", ">B", ">B to A"), [(each.what, *_both(each), _ratio(each, found)) for each in happened]),
    )
    rows = [(each.what, *_both(each)) for each in found.measures if each.unit == TEXT and each.first != each.second]
    shown.add("Set otherwise", table(("", "A", "B"), rows))
    return shown


def _span(one: Side, zone: Zone) -> str:
    begin, end = zone.short(zone.parse(one.from_utc)), zone.short(zone.parse(one.to_utc))
    return f"{one.name}, {begin} to {end} ({duration(one.span_ms)})"


def _both(measure: Measure) -> tuple[str, str]:
    return _text(measure.first, measure.unit), _text(measure.second, measure.unit)


def _text(value: int | str | None, unit: str) -> str:
    if value is None:
        return "—"
    if isinstance(value, str):
        return value
    return duration(value) if unit in (SPAN, TIME) else energy(value) if unit == ENERGY else str(value)


def _ratio(measure: Measure, found: Comparison) -> str:
    """How much more there is of it in B, by the day where it grows with time; "!" marks what differs."""
    first, second = measure.first, measure.second
    if not isinstance(first, int) or not isinstance(second, int) or first == second == 0:
        return ""
    if not first or not second:
        return "only in A !" if first else "only in B !"
    ratio = second / first
    if measure.unit in RATES and found.first.span_ms and found.second.span_ms:
        ratio *= _days(found.first) / _days(found.second)
    mark = " !" if not 1 / _WORTH <= ratio <= _WORTH else ""
    return f"x {ratio:.2f}{mark}"


def _days(one: Side) -> float:
    return one.span_ms / DAY_MS
