"""Limits from outside, for people."""

from collections import defaultdict

from projections.outside_limits import SILENT
from station.replay.answers.dimmings import Dimming
from station.replay.opening.times import Zone
from station.replay.pages.page import Page, facts, table
from station.telling.amounts import duration, plural
from station.telling.limit_words import amount, who


def dimmings_page(found: list[Dimming], zone: Zone) -> Page:
    """How often each has limited the station and for how long, and each limit with when it was obeyed."""
    lasted: dict[str, list[int]] = defaultdict(list)
    for each in found:
        lasted[who(each.kind, each.source)].append(0 if each.ends_utc_ms is None else each.ends_utc_ms - each.utc_ms)
    shown = Page().add(
        f"Limits from outside ({zone.name})",
        facts(
            ("limits", plural(len(found), "limit")),
            *(
                (name, f"{plural(len(spans), 'time')}, {duration(sum(spans))} of it ended")
                for name, spans in lasted.items()
            ),
        ),
    )
    rows = [
        (
            each.seq,
            zone.text(each.utc_ms, certain=each.certain),
            "in force" if each.ends_utc_ms is None else zone.short(each.ends_utc_ms),
            who(each.kind, each.source) + (", silent" if each.why == SILENT else ""),
            amount(each.max_current_ma, each.max_power_w),
            _after(each.offered_after_ms),
            _after(each.measured_after_ms),
        )
        for each in found
    ]
    heads = (">event", "from", "to", "by", "limit", "offered within it after", "measured within it after")
    return shown.add("Limits", table(heads, rows))


def _after(milliseconds: int | None) -> str:
    return "not known" if milliseconds is None else duration(milliseconds)
