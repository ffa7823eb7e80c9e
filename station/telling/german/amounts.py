"""Spans of time, energy, currents and counts as people write them in German."""

from station.telling import amounts


def duration(milliseconds: int) -> str:
    """A span in its two largest units: "4 h 12 min", "9,5 s"."""
    return amounts.duration(milliseconds).replace(".", ",")


def difference(milliseconds: int) -> str:
    """A span with its sign."""
    return amounts.difference(milliseconds).replace(".", ",")


def energy(watt_hours: int) -> str:
    """ "12,345 kWh"."""
    return amounts.energy(watt_hours).replace(".", ",")


def current(milliampere: int) -> str:
    """ "16,0 A"."""
    return amounts.current(milliampere).replace(".", ",")


def plural(count: int, one: str, many: str) -> str:
    """ "1 Anschluss", "2 Anschlüsse"."""
    return f"{count} {one if count == 1 else many}"
