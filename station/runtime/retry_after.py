"""Retry-After (RFC 9110, 10.2.3): how long a server asks clients to wait, in seconds or as a date."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from station.runtime.clock import SystemClock

RETRY_AFTER_MAX_S = 3600
"""No server keeps the station away for longer: one that asks for a year has made a mistake."""


def retry_after_s(headers: Mapping[str, str]) -> int:
    """The seconds to wait, 0 if none are asked for or it cannot be read, RETRY_AFTER_MAX_S at most.

    A date is taken against the server's own clock (`Date`) where it tells it: the station's may be wrong.
    """
    text = (headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:10]), RETRY_AFTER_MAX_S)
    due_s = _seconds(text)
    now_s = _seconds(headers.get("Date") or "")
    if due_s is None:
        return 0
    wait_s = due_s - (SystemClock().system_utc_ms() / 1000 if now_s is None else now_s)
    return int(min(max(wait_s, 0), RETRY_AFTER_MAX_S))


def _seconds(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
