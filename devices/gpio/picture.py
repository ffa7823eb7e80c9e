"""The wiring as a picture: the pin header in the middle, what hangs on each pin beside it, the rest below. SVG, no library."""

from html import escape

from devices.gpio.header import HeaderPin, header_pins
from devices.gpio.plan import PlanRow, plan
from devices.gpio.wiring import Wiring

_ROW = 22
_MIDDLE = 520
_WIDTH = 2 * _MIDDLE
_TOP = 56
_COLOURS = {"in": "#1f77b4", "out": "#d62728", "PWM": "#9467bd", "SPI": "#2ca02c"}
_POWER = {"3V3": "#ff9f40", "5V": "#ff5c5c", "GND": "#444444"}
_FREE = "#dddddd"


def picture(wiring: Wiring, title: str = "Wiring") -> str:
    """The whole SVG document. The same wiring gives the same text."""
    rows = plan(wiring)
    by_pin: dict[str, list[PlanRow]] = {}
    for row in rows:
        if row.header.isdigit():
            by_pin.setdefault(row.pin, []).append(row)
    below = [row for row in rows if not row.header.isdigit()]
    height = _TOP + 20 * _ROW + 30 + (len(below) + 1) * _ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        _text(_MIDDLE, 24, title, anchor="middle", size=18),
        _text(_MIDDLE, 44, "blue: input, red: output, violet: PWM, green: SPI", anchor="middle"),
        f'<rect x="{_MIDDLE - 62}" y="{_TOP - 4}" width="124" height="{20 * _ROW + 8}" rx="6" fill="#f4f4f4" stroke="#888"/>',
    ]
    for pin in header_pins():
        parts += _pin(pin, by_pin.get(pin.name, []))
    y = _TOP + 20 * _ROW + 30
    for number, row in enumerate(below):
        place = " ".join(cell for cell in (row.pin, row.header, row.direction) if cell)
        parts.append(_text(40, y + number * _ROW, f"{place}: {row.what} ({row.details})"))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _pin(pin: HeaderPin, rows: list[PlanRow]) -> list[str]:
    row, right = divmod(pin.number - 1, 2)
    y = _TOP + row * _ROW + _ROW // 2
    side = 1 if right else -1
    x = _MIDDLE + side * 16
    colour = _POWER.get(pin.name, _FREE)
    if rows:
        colour = _COLOURS.get(rows[0].direction, _FREE)
    anchor = "start" if right else "end"
    parts = [
        f'<circle cx="{x}" cy="{y}" r="7" fill="{colour}" stroke="#333"><title>pin {pin.number} {pin.name}</title></circle>',
        _text(_MIDDLE + side * 28, y + 4, pin.name, anchor=anchor, size=9),
    ]
    if rows:
        label = " / ".join(dict.fromkeys(row.what for row in rows))
        detail = rows[0].details if len(rows) == 1 else ""
        parts += [
            f'<line x1="{_MIDDLE + side * 62}" y1="{y}" x2="{_MIDDLE + side * 84}" y2="{y}" stroke="{colour}" stroke-width="2"/>',
            _text(_MIDDLE + side * 90, y + 4, f"{label} ({detail})" if detail else label, anchor=anchor),
        ]
    return parts


def _text(x: int, y: int, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
