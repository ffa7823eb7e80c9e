"""Moments, tags, numbers and places as the journal shows them."""

from datetime import UTC, datetime, timedelta

from eventstore.event import Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(utc_ms: int) -> datetime:
    """A moment as calendar time, in UTC."""
    return _EPOCH + timedelta(milliseconds=utc_ms)


def shortened(id_tag: str) -> str:
    """The end of an id tag: enough to distinguish two drivers, too little to copy. At most half of it, four characters."""
    return f"…{id_tag[len(id_tag) - min(4, len(id_tag) // 2) :]}"


def ordinal(number: int) -> str:
    """ "1st", "2nd", "14th"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def where(event: Event) -> str:
    """ " on connector 1" or " on the station", as the end of what is said of an event; "" for one of neither."""
    number: int | None = getattr(event, "connector_id", None)
    return "" if number is None else " on the station" if number == 0 else f" on connector {number}"
