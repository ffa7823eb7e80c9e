"""The board's calendar clock: plausible, and synchronised?"""

from station.doctor.findings import Finding, fault, ok, warning
from station.runtime.clock import StationClock
from station.service.views import utc_text
from station.wire.instants import parse_utc_ms

SUBJECT = "clock"
EARLIEST_MS = parse_utc_ms("2025-01-01T00:00:00Z")
LATEST_MS = parse_utc_ms("2100-01-01T00:00:00Z")


def clock_finding(clock: StationClock) -> Finding:
    """What there is to say of it."""
    utc_ms = clock.system_utc_ms()
    text = f"it is {utc_text(utc_ms)}"
    if not EARLIEST_MS <= utc_ms <= LATEST_MS:
        advice = "set it, or give the board a battery clock; certificates cannot be checked with it"
        return fault(SUBJECT, text, advice)
    if not clock.is_synchronised():
        advice = "enable systemd-timesyncd or chrony; until then the CSMS's time counts"
        return warning(SUBJECT, f"{text}, not synchronised (NTP)", advice)
    return ok(SUBJECT, f"{text}, synchronised")
