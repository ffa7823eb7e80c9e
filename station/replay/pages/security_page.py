"""The security log for people."""

from collections import Counter

from station.replay.answers.security import DELIVERED, KEPT, QUEUED, SecurityEntry
from station.replay.opening.times import Zone
from station.replay.pages.page import Page, facts, table
from station.telling.amounts import plural
from station.telling.masking import without_credentials

_FATES = {
    KEPT: "not sent: the settings keep it in the log",
    QUEUED: "queued",
    "shed": "shed: too many waited",
    "given_up": "given up after its attempts",
    "error": "refused",
    "malformed": "delivered; the answer was malformed",
}


def security_page(found: list[SecurityEntry], zone: Zone) -> Page:
    """How many there are of which type, and each with its time and its fate."""
    counts = Counter(each.type for each in found)
    shown = Page().add(
        f"Security log ({zone.name})",
        facts(("events", plural(len(found), "security event")), *((type_, counts[type_]) for type_ in sorted(counts))),
    )
    rows = [
        (
            each.seq,
            zone.text(each.utc_ms, certain=each.certain),
            each.type,
            _fate(each, zone),
            without_credentials(each.tech_info),
        )
        for each in found
    ]
    return shown.add("Events", table((">event", "when", "type", "CSMS", "what it was"), rows))


def _fate(entry: SecurityEntry, zone: Zone) -> str:
    if entry.fate == DELIVERED and entry.settled_utc_ms is not None:
        return f"delivered {zone.short(entry.settled_utc_ms)}"
    return _FATES.get(entry.fate, entry.fate)
