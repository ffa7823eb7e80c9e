"""Bills for people: all in a line each, or one with register, samples, frames and the CSMS side by side."""

from collections.abc import Iterator

from station.replay.answers.billing import GIVEN_UP, TAKEN, WAITS, Bill, Billing, Meter
from station.replay.opening.times import Zone
from station.replay.pages.page import Page, Paragraph, facts, table
from station.telling.amounts import energy, plural

_FATES = {TAKEN: "taken", GIVEN_UP: "GIVEN UP", WAITS: "not taken yet", "": "runs"}


def list_page(found: Billing, zone: Zone) -> Page:
    """All bills for people."""
    if not found.bills:
        return Page().add(
            "", Paragraph(lines=("There is no transaction in this log, or in the part of it that was asked for.",))
        )
    rows = [
        (
            bill.number,
            bill.connector_id,
            _local(bill.started_utc, zone)[:-3],
            *map(_kwh, (bill.before_wh, *(each.energy_wh for _, each in _sources(bill)))),
            _fate(bill),
        )
        for bill in found.bills
    ]
    columns = (">no", ">conn", "started", ">before it", ">register", ">samples", ">sent", ">CSMS has", "messages")
    shown = Page().add(f"Bills in kWh ({zone.name})", table(columns, rows))
    shown.add(
        "In all",
        facts(
            ("by the register", energy(found.energy_wh)),
            ("the CSMS has", energy(found.csms_wh)),
            ("given up", energy(found.lost_wh) if found.lost_wh else "nothing"),
            ("not taken yet", energy(found.waiting_wh) if found.waiting_wh else ""),
            ("in no transaction", energy(found.between_wh) if found.between_wh else ""),
        ),
    )
    shown.add(
        "Worth a look",
        facts(*((f"transaction {bill.number}", each) for bill in found.bills for each in _odd(bill, zone))),
    )
    return shown


def page(bill: Bill, zone: Zone) -> Page:
    """One bill for people."""
    ended = "" if bill.stopped_utc is None else _local(bill.stopped_utc, zone)
    shown = Page().add(
        f"Bill of transaction {bill.number} ({zone.name})",
        facts(
            ("connector", bill.connector_id),
            ("tag", bill.id_tag),
            ("CSMS's id", bill.transaction_id),
            ("started", _local(bill.started_utc, zone)),
            ("ended", ended or "(running)"),
        ),
    )
    rows = [(name, *map(_amount, (each.start_wh, each.stop_wh, each.energy_wh))) for name, each in _sources(bill)]
    shown.add("Side by side", table(("", ">at the start", ">at the end", ">energy"), rows))
    shown.add(
        "With the CSMS",
        facts(
            ("StartTransaction", _FATES[bill.start]),
            ("StopTransaction", _FATES[bill.stop]),
            ("MeterValues", _values(bill)),
        ),
    )
    shown.add("The register before it", facts(("since transaction", _before(bill))))
    shown.add("Worth a look", facts(*(("*", each) for each in _odd(bill, zone))))
    return shown


def _sources(bill: Bill) -> tuple[tuple[str, Meter], ...]:
    """Who says what of the register."""
    return ("register", bill.register), ("samples", bill.samples), ("frames", bill.frames), ("the CSMS has", bill.csms)


def _before(bill: Bill) -> str:
    if bill.previous is None:
        return "none before it on this connector is in this log"
    return f"{bill.previous}: " + ("no end of it is in this log" if bill.before_wh is None else _amount(bill.before_wh))


def _values(bill: Bill) -> str:
    if not bill.values_sent:
        return "none was sent"
    highest = "" if bill.csms_highest_wh is None else f", the highest {energy(bill.csms_highest_wh)}"
    given_up = f", {bill.values_given_up} GIVEN UP" if bill.values_given_up else ""
    return f"{plural(bill.values_sent, 'sample')} sent, {bill.values_taken} taken{given_up}{highest}"


def _fate(bill: Bill) -> str:
    """The fates of its two messages in a word, or one each."""
    if bill.start == bill.stop or not bill.stop:
        return _FATES[bill.start] + ("" if bill.stop else ", runs")
    return f"start {_FATES[bill.start]}, stop {_FATES[bill.stop]}"


def _odd(bill: Bill, zone: Zone) -> Iterator[str]:
    yield from bill.disagreements
    yield from (f"{_local(each.utc, zone)} {each.words}" for each in bill.meter)


def _amount(watt_hours: int | None) -> str:
    return "" if watt_hours is None else energy(watt_hours)


def _kwh(watt_hours: int | None) -> str:
    return _amount(watt_hours).removesuffix(" kWh")


def _local(text: str, zone: Zone) -> str:
    return zone.short(zone.parse(text))
