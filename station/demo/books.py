"""Two books on the same transactions: what the station's log holds, and what the CSMS received; and how they differ.

Each side is read from its own source: events as GET /api/events gives them, CALLs as the CSMS recorded them. Nothing is carried
from one to the other. A repeated CALL counts once; one that comes out of order is a finding.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from station.demo.csms import Received
from station.wire.instants import parse_utc_ms

REGISTER = "Energy.Active.Import.Register"

Sample = tuple[int | None, int]
"""The UTC milliseconds of a sample and the register in Wh."""


@dataclass(slots=True, kw_only=True)
class Account:
    """One transaction as one side has it. Times are UTC milliseconds, registers Wh; None: not there."""

    transaction_id: int | None
    id_tag: str
    connector_id: int
    started_utc_ms: int | None
    meter_start_wh: int
    samples: list[Sample] = field(default_factory=list)
    stopped_utc_ms: int | None = None
    meter_stop_wh: int | None = None
    reason: str | None = None

    @property
    def energy_wh(self) -> int | None:
        """What was charged; None while it is not stopped."""
        return None if self.meter_stop_wh is None else self.meter_stop_wh - self.meter_start_wh


@dataclass(slots=True, kw_only=True)
class Ledger:
    """One side's accounts in the order in which the transactions began, and what was wrong with how they came about."""

    accounts: list[Account] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


_NAMES: Mapping[str, str] = {
    "transaction_id": "transactionId",
    "id_tag": "idTag",
    "connector_id": "connectorId",
    "started_utc_ms": "start time",
    "meter_start_wh": "meterStart",
    "stopped_utc_ms": "stop time",
    "meter_stop_wh": "meterStop",
    "reason": "reason",
}


class _Calendar:
    """What each boot's station time was in UTC: a moment recorded before the clock was trusted takes its boot's first offset."""

    def __init__(self, events: Iterable[Mapping[str, Any]]) -> None:
        self._offsets: dict[int, int] = {}
        boot = 0
        for event in events:
            facts = event["payload"]
            if event["type"] == "StationBooted":
                boot = facts["boot"]
            if facts.get("clock_trusted") or (event["type"] == "ClockAdjusted" and facts["trusted"]):
                self._offsets.setdefault(boot, facts["offset_ms"])

    def utc_ms(self, moment: Mapping[str, Any]) -> int | None:
        if moment["utc_ms"] is not None:
            return int(moment["utc_ms"])
        offset_ms = self._offsets.get(moment["boot"])
        return None if offset_ms is None else int(moment["at_ms"]) + offset_ms


def books_of_log(events: Sequence[Mapping[str, Any]]) -> Ledger:
    """The station's side, from the events of its log in order."""
    calendar = _Calendar(events)
    by_number: dict[int, Account] = {}
    for event in events:
        facts = event["payload"]
        match event["type"]:
            case "TransactionStarted":
                by_number[facts["number"]] = Account(
                    transaction_id=None,
                    id_tag=facts["id_tag"],
                    connector_id=facts["connector_id"],
                    started_utc_ms=calendar.utc_ms(facts["started"]),
                    meter_start_wh=facts["meter_start_wh"],
                )
            case "TransactionIdAssigned":
                by_number[facts["number"]].transaction_id = facts["transaction_id"]
            case "MeterSampled" if facts["number"] is not None:
                sample = (calendar.utc_ms(facts["sample"]["taken"]), facts["register_wh"])
                by_number[facts["number"]].samples.append(sample)
            case "TransactionStopped":
                account = by_number[facts["number"]]
                account.stopped_utc_ms = calendar.utc_ms(facts["stopped"])
                account.meter_stop_wh = facts["meter_stop_wh"]
                account.reason = facts["reason"]
    return Ledger(accounts=list(by_number.values()))


def books_of_csms(calls: Iterable[Received]) -> Ledger:
    """The CSMS's side, from the CALLs that it recorded in order."""
    books = Ledger()
    by_id: dict[int, Account] = {}
    for call in calls:
        if call.repeated:
            continue
        said = call.payload
        if call.action == "StartTransaction":
            account = Account(
                transaction_id=call.answer["transactionId"],
                id_tag=said["idTag"],
                connector_id=said["connectorId"],
                started_utc_ms=parse_utc_ms(said["timestamp"]),
                meter_start_wh=said["meterStart"],
            )
            by_id[call.answer["transactionId"]] = account
            books.accounts.append(account)
        elif call.action == "StopTransaction" or (call.action == "MeterValues" and "transactionId" in said):
            _enter(books, by_id.get(said["transactionId"]), call)
    return books


def _enter(books: Ledger, account: Account | None, call: Received) -> None:
    """A sample or a stop into the account that it names."""
    said = call.payload
    if account is None:
        books.findings.append(f"{call.action} for transactionId {said['transactionId']}, which no StartTransaction got")
        return
    if account.meter_stop_wh is not None:
        books.findings.append(f"{call.action} for transactionId {said['transactionId']} after its StopTransaction")
    if call.action == "MeterValues":
        account.samples += _samples(said["meterValue"])
        return
    account.stopped_utc_ms = parse_utc_ms(said["timestamp"])
    account.meter_stop_wh = said["meterStop"]
    account.reason = said.get("reason", "Local")  # 6.47: what an absent reason means


def _samples(meter_values: Sequence[Mapping[str, Any]]) -> Iterator[Sample]:
    for meter_value in meter_values:
        for value in meter_value["sampledValue"]:
            if value.get("measurand", REGISTER) == REGISTER:
                yield parse_utc_ms(meter_value["timestamp"]), int(value["value"])


def differences(log: Ledger, csms: Ledger) -> list[str]:
    """What the two do not agree on, a sentence each; nothing if they agree."""
    found = [*log.findings, *csms.findings]
    if len(log.accounts) != len(csms.accounts):
        found.append(f"the log holds {len(log.accounts)} transactions, the CSMS received {len(csms.accounts)}")
    for number, (ours, theirs) in enumerate(zip(log.accounts, csms.accounts, strict=False), 1):
        found += [f"transaction {number}: {text}" for text in _unlike(ours, theirs)]
    return found


def _unlike(ours: Account, theirs: Account) -> Iterator[str]:
    if ours.meter_stop_wh is None:
        yield "has not been stopped in the log"
    for name in (each.name for each in fields(Account) if each.name in _NAMES):
        left, right = getattr(ours, name), getattr(theirs, name)
        if left != right:
            yield f"{_NAMES[name]} is {left} in the log, the CSMS received {right}"
    missing = len([sample for sample in ours.samples if sample not in theirs.samples])
    strange = len([sample for sample in theirs.samples if sample not in ours.samples])
    if missing or strange:
        yield (
            f"{len(ours.samples)} samples in the log, {len(theirs.samples)} at the CSMS: "
            f"{missing} never arrived, {strange} are not in the log"
        )
    elif ours.samples != theirs.samples:
        yield "the samples came in another order than they were taken, or more than once"
