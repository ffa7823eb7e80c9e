"""Spans of time, energy, currents and counts, as people write them."""

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


def duration(milliseconds: int) -> str:
    """A span in words, in its two largest units: "4 h 12 min", "38 s", "350 ms"."""
    if milliseconds < 0:
        return f"-{duration(-milliseconds)}"
    if milliseconds < SECOND_MS:
        return f"{milliseconds} ms"
    for unit_ms, name, smaller_ms, smaller in (
        (DAY_MS, "d", HOUR_MS, "h"),
        (HOUR_MS, "h", MINUTE_MS, "min"),
        (MINUTE_MS, "min", SECOND_MS, "s"),
    ):
        if milliseconds >= unit_ms:
            rest = milliseconds % unit_ms // smaller_ms
            whole = f"{milliseconds // unit_ms} {name}"
            return f"{whole} {rest} {smaller}" if rest else whole
    if milliseconds % SECOND_MS and milliseconds < 10 * SECOND_MS:
        return f"{milliseconds // SECOND_MS}.{milliseconds % SECOND_MS // 100} s"
    return f"{milliseconds // SECOND_MS} s"


def difference(milliseconds: int) -> str:
    """A span with its sign: "+2 h 3 min", "-350 ms"."""
    return f"{'+' if milliseconds > 0 else ''}{duration(milliseconds)}"


def energy(watt_hours: int) -> str:
    """ "12.345 kWh"."""
    sign, value = ("-", -watt_hours) if watt_hours < 0 else ("", watt_hours)
    return f"{sign}{value // 1000}.{value % 1000:03d} kWh"


def current(milliampere: int) -> str:
    """ "16.0 A"."""
    return f"{milliampere // 1000}.{milliampere % 1000 // 100} A"


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 boot", "2 boots"."""
    return f"{count} {one if count == 1 else many or one + 's'}"
