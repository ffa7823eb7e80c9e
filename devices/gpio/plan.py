"""The wiring as a table for people: every pin, every channel of a converter, every bus and reader, in the order of the header."""

from collections.abc import Iterator

from msgspec import Struct

from devices.gpio.header import header_number
from devices.gpio.wiring import PinUse, Wiring, adc_uses, pin_uses

HEADINGS = ("pin", "header", "direction", "what", "details")


class PlanRow(Struct, frozen=True, kw_only=True):
    """One line of the table."""

    pin: str
    header: str
    direction: str
    what: str
    details: str

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """In the order of `HEADINGS`."""
        return self.pin, self.header, self.direction, self.what, self.details


def plan(wiring: Wiring) -> tuple[PlanRow, ...]:
    """The rows: pins by their number on the header, then channels, buses, readers on devices and the kernel's watchdog."""
    uses = {(use.pin, use.purpose): use for use in pin_uses(wiring)}.values()
    pins = sorted(uses, key=lambda use: (header_number(use.pin) or 99, use.pin))
    return (*(_pin_row(use) for use in pins), *_channel_rows(wiring), *_device_rows(wiring))


def table(rows: tuple[PlanRow, ...]) -> str:
    """The rows as text, columns aligned, headings first."""
    lines = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join((text[0], "-" * max(len(line) for line in text), *text[1:]))


def _pin_row(use: PinUse) -> PlanRow:
    number = header_number(use.pin)
    what = f"{use.owner} {use.purpose}"
    return PlanRow(
        pin=use.pin,
        header="" if number is None else str(number),
        direction=use.direction,
        what=what,
        details=use.detail,
    )


def _channel_rows(wiring: Wiring) -> Iterator[PlanRow]:
    for path, adc, channel in sorted(adc_uses(wiring), key=lambda use: use[1:]):
        what = f"connector {path[3]} {path[4]} {path[5].replace('_', ' ')}"
        yield PlanRow(
            pin=f"ADC {adc}", header=f"CH{channel}", direction="analogue", what=what, details=wiring.adcs[adc].chip
        )


def _device_rows(wiring: Wiring) -> Iterator[PlanRow]:
    for name, bus in wiring.buses.items():
        where = (
            f"{bus.device} {bus.baudrate} 8{bus.parity}{bus.stop_bits}"
            if bus.kind == "rtu"
            else f"{bus.host}:{bus.port}"
        )
        for number, connector in enumerate(wiring.connectors, start=1):
            meter = connector.meter
            if meter.kind == "modbus" and meter.bus == name:
                details = f"{where}, unit {meter.unit}, {meter.map}"
                yield PlanRow(
                    pin=f"bus {name}", header="", direction=bus.kind, what=f"connector {number} meter", details=details
                )
    for number, reader in enumerate(wiring.section.readers, start=1):
        if reader.kind != "wiegand":
            yield PlanRow(
                pin=reader.device, header="", direction=reader.kind, what=f"reader {number}", details=reader.format
            )
    watchdog = wiring.section.watchdog
    if watchdog is not None and watchdog.device:
        details = f"reset after {watchdog.timeout_s} s"
        yield PlanRow(pin=watchdog.device, header="", direction="kernel", what="watchdog", details=details)
