"""The outbox at one moment for people."""

from projections.station import StationState
from station.replay.answers.outbox import OwedEntry, why_nothing_goes
from station.replay.opening.times import LogPlace, Zone
from station.replay.pages.page import Page, Paragraph, facts, table
from station.telling.amounts import duration, plural

_SHOWN_MAX = 200


def outbox_page(found: list[OwedEntry], state: StationState, place: LogPlace, zone: Zone) -> Page:
    """The outbox for people."""
    outbox = state.outbox
    shown = Page().add(
        f"Outbox after event {place.seq}, {zone.text(place.utc_ms)} ({zone.name})",
        facts(
            ("queued", plural(outbox.pending, "message")),
            (
                "held up because",
                why_nothing_goes(state, place.at_ms) or ("" if outbox.pending else "nothing is queued"),
            ),
            ("given up so far", outbox.given_up or ""),
            ("CAUTION", place.caution),
        ),
    )
    rows = [
        (
            each.seq,
            each.lane,
            each.action,
            each.transaction,
            zone.short(each.since_utc_ms),
            duration(each.waiting_ms),
            each.transmissions or "",
            each.waits_for,
        )
        for each in found[:_SHOWN_MAX]
    ]
    columns = (">event", "lane", "action", ">transaction", "queued since", ">waiting", ">sent", "waits for")
    shown.add("Messages", table(columns, rows))
    if len(found) > _SHOWN_MAX:
        shown.add("", Paragraph(lines=(f"… and {len(found) - _SHOWN_MAX} more (all with --json)",)))
    return shown
