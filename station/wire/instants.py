"""Instants on the wire: ISO 8601 text (OCPP 1.6 3.14, errata 3.10) to and from integer milliseconds of UTC."""

import re
from datetime import date

__all__ = ["MAX_UTC_MS", "MIN_UTC_MS", "format_utc_ms", "parse_utc_ms"]

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS

#: Year 1 to year 9999, what four digits and Python's calendar can both say.
MIN_UTC_MS = (date.min.toordinal() - _EPOCH_DAY) * _DAY_MS
MAX_UTC_MS = (date.max.toordinal() - _EPOCH_DAY + 1) * _DAY_MS - 1

_ISO_8601 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r"(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
)


def parse_utc_ms(text: str) -> int:
    """Milliseconds of UTC since 1970 of an ISO 8601 date and time.

    Any fraction is cut to milliseconds, a leap second counts as the second after it. A text without an offset is read as UTC,
    a leniency towards the CSMS. Raises ValueError for anything else, and for instants outside the years 1 to 9999 of UTC.
    """
    match = _ISO_8601.fullmatch(text)
    if match is None:
        raise ValueError("not an ISO 8601 date and time")
    year, month, day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups(default="0")
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60 or int(offset_hour) > 23 or int(offset_minute) > 59:
        raise ValueError("not a time of day")
    days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
    offset_ms = int(offset_hour) * _HOUR_MS + int(offset_minute) * _MINUTE_MS
    utc_ms = (
        days * _DAY_MS
        + int(hour) * _HOUR_MS
        + int(minute) * _MINUTE_MS
        + int(second) * _SECOND_MS
        + int(fraction[:3].ljust(3, "0"))
        + (offset_ms if sign == "-" else -offset_ms)
    )
    return _within_calendar(utc_ms)


def format_utc_ms(utc_ms: int) -> str:
    """ISO 8601 text of an instant, in UTC and always with milliseconds: "2026-01-01T00:00:00.000Z".

    Raises ValueError outside the years 1 to 9999.
    """
    days, rest_ms = divmod(_within_calendar(utc_ms), _DAY_MS)
    hour, rest_ms = divmod(rest_ms, _HOUR_MS)
    minute, rest_ms = divmod(rest_ms, _MINUTE_MS)
    second, ms = divmod(rest_ms, _SECOND_MS)
    # isoformat pads the year to four digits, which strftime does not do everywhere.
    return f"{date.fromordinal(days + _EPOCH_DAY).isoformat()}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"


def _within_calendar(utc_ms: int) -> int:
    if not MIN_UTC_MS <= utc_ms <= MAX_UTC_MS:
        raise ValueError("outside the years 1 to 9999")
    return utc_ms
