"""Words of the demonstration: a CALL in a line, the closing table, and where things are when it stays up."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from station.demo.books import REGISTER, Account, Ledger
from station.demo.csms import Csms, Received
from station.demo.screen import Speaker
from station.wire.instants import format_utc_ms

if TYPE_CHECKING:
    from station.demo.bench_station import BenchStation

HEADS = ("", "source", "id", "tag", "start", "samples", "stop", "reason", "energy")
Line = tuple[Speaker, str]


def described(call: Received) -> str:
    """A CALL as the CSMS got it, in a line."""
    said = call.payload
    again = "  (again)" if call.repeated else ""
    match call.action:
        case "BootNotification":
            what = f"{said['chargePointVendor']} {said['chargePointModel']}"
        case "StatusNotification":
            where = f"connector {said['connectorId']}" if said["connectorId"] else "the station"
            what = f"{where} is {said['status']}"
        case "Authorize":
            what = said["idTag"]
        case "StartTransaction":
            what = f"{said['idTag']} at {said['meterStart']} Wh  → id {call.answer['transactionId']}"
        case "StopTransaction":
            what = f"id {said['transactionId']}, {said['reason']} at {said['meterStop']} Wh"
        case "MeterValues":
            what = f"id {said.get('transactionId', '-')}, {_measured(said['meterValue'])}"
        case _:
            what = ""
    return f"{call.action:19}{what}{again}".rstrip()


def _measured(meter_values: Sequence[Mapping[str, Any]]) -> str:
    values = {value.get("measurand", REGISTER): value["value"] for one in meter_values for value in one["sampledValue"]}
    power_w = values.get("Power.Active.Import")
    power = "" if power_w is None else f", {float(power_w) / 1000:.1f} kW"
    taken = meter_values[-1]["timestamp"]
    return f"{values.get(REGISTER, '?')} Wh{power}, taken {taken[11:19]}"


def summary(log: Ledger, csms: Ledger, differences: Sequence[str], seconds: float) -> Iterator[Line]:
    """The closing table and the verdict."""
    yield Speaker.PLAIN, ""
    yield Speaker.STORY, "What the station's log holds, and what the CSMS received:"
    yield Speaker.PLAIN, ""
    rows: list[tuple[str, ...]] = [HEADS]
    for number in range(max(len(log.accounts), len(csms.accounts))):
        for side, books in (("the log", log), ("the CSMS", csms)):
            account = books.accounts[number] if number < len(books.accounts) else None
            rows.append(_row(number + 1, side, account))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    for row in rows:
        yield (
            Speaker.PLAIN,
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(),
        )
    yield Speaker.PLAIN, ""
    for difference in differences:
        yield Speaker.BAD, f"  {difference}"
    if differences:
        yield Speaker.BAD, f"They do not agree ({seconds:.0f} s)."
        return
    samples = sum(len(account.samples) for account in log.accounts)
    told = f"{len(log.accounts)} transactions and {samples} samples, each once, in order, under the right id"
    yield Speaker.GOOD, f"They agree: {told} ({seconds:.0f} s)."


def _row(number: int, side: str, account: Account | None) -> tuple[str, ...]:
    if account is None:
        return str(number), side, *("-" for _ in HEADS[2:])
    energy_wh = account.energy_wh
    return (
        str(number),
        side,
        _text(account.transaction_id),
        account.id_tag,
        _time(account.started_utc_ms),
        str(len(account.samples)),
        _time(account.stopped_utc_ms),
        _text(account.reason),
        "-" if energy_wh is None else f"{energy_wh} Wh",
    )


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _time(utc_ms: int | None) -> str:
    return "-" if utc_ms is None else format_utc_ms(utc_ms)[11:19]


def addresses(csms: Csms, bench: "BenchStation") -> Iterator[str]:
    """Where everything is while the demonstration stays up."""
    yield ""
    yield "The station and the CSMS stay up until Ctrl-C; then everything is removed."
    yield f"  the page  {bench.url}/"
    yield f"  CSMS      {csms.url}"
    yield f"  station   {bench.url}/api/state   /api/events?after=0&limit=50   /metrics   (process {bench.pid})"
    yield f"  settings  {bench.settings_file}"
    yield f"  storage   {bench.storage}"
    yield f"  a car     curl -X POST {bench.url}/bench/connectors/1/plug -d '{{}}'"
    yield f'  a tag     curl -X POST {bench.url}/bench/swipe -d \'{{"id_tag": "DEADBEEF", "connector_id": 1}}\''
