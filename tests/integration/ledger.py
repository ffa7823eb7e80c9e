"""The books of a CSMS after the fact: what was delivered, grouped by transaction and told apart by content.

A retry repeats its payload byte for byte, so identical payloads count once; anything else is a second message.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.csms.frames import Frame, utc_of
from tests.csms.record import Record

TRANSACTIONAL = frozenset({"StartTransaction", "MeterValues", "StopTransaction"})


@dataclass(slots=True, kw_only=True)
class Account:
    """One transaction as the CSMS knows it: its start, the ids given to it, its samples and stops by content."""

    start: Frame
    transaction_ids: set[int]
    samples: list[Frame] = field(default_factory=list)
    stops: list[Frame] = field(default_factory=list)

    @property
    def id_tag(self) -> str:
        """Who started it."""
        return str(self.start.payload["idTag"])

    def sample_times(self) -> list[str]:
        """The timestamps of all samples, in the order of their delivery."""
        return [value["timestamp"] for frame in self.samples for value in frame.payload["meterValue"]]


def first_deliveries(record: Record[Any]) -> list[Frame]:
    """Every transactional call of the station once, at its first delivery."""
    seen: set[tuple[str, str]] = set()
    found = []
    for frame in record.calls():
        content = (frame.action, frame.payload_text)
        if frame.action in TRANSACTIONAL and content not in seen:
            seen.add(content)
            found.append(frame)
    return found


def accounts(record: Record[Any]) -> list[Account]:
    """The transactions in the order in which their starts were first delivered.

    Raises AssertionError for a sample or stop whose transaction id was not given to a start before it.
    """
    given = _ids_given(record)
    opened: list[Account] = []
    for frame in first_deliveries(record):
        if frame.action == "StartTransaction":
            opened.append(Account(start=frame, transaction_ids=given.get(frame.payload_text, set())))
            continue
        transaction_id = frame.payload.get("transactionId")
        owners = [account for account in opened if transaction_id in account.transaction_ids]
        assert len(owners) == 1, f"{frame} belongs to {len(owners)} transactions"
        (owners[0].samples if frame.action == "MeterValues" else owners[0].stops).append(frame)
    return opened


def _ids_given(record: Record[Any]) -> dict[str, set[int]]:
    """The ids that the CSMS gave to each StartTransaction, by the start's content."""
    content_of = {frame.message_id: frame.payload_text for frame in record.calls("StartTransaction")}
    given: dict[str, set[int]] = {}
    for frame in record.frames:
        if frame.outbound and frame.kind == "result" and frame.action == "StartTransaction":
            given.setdefault(content_of[frame.message_id], set()).add(frame.payload["transactionId"])
    return given


def assert_balanced(account: Account) -> None:
    """Exactly one stop, after every sample, with one and the same id; time and register never run backwards."""
    assert len(account.stops) == 1, f"{account.start}: {len(account.stops)} stops: {account.stops}"
    (stop,) = account.stops
    calls = [*account.samples, stop]
    assert [frame.order for frame in calls] == sorted(frame.order for frame in calls), "the stop came before a sample"
    assert len({frame.payload["transactionId"] for frame in calls}) == 1, "the transaction changed its id"
    times = [account.start.payload["timestamp"], *account.sample_times(), stop.payload["timestamp"]]
    instants = [utc_of(time) for time in times]
    assert instants == sorted(instants), f"times run backwards: {times}"
    registers = [account.start.payload["meterStart"], *_registers(account.samples), stop.payload["meterStop"]]
    assert registers == sorted(registers), f"the register runs backwards: {registers}"


def _registers(samples: Iterable[Frame]) -> list[int]:
    return [
        int(value["value"])
        for frame in samples
        for meter_value in frame.payload["meterValue"]
        for value in meter_value["sampledValue"]
        if value.get("measurand", "Energy.Active.Import.Register") == "Energy.Active.Import.Register"
    ]


def assert_same_as_log(books: list[Account], events: list[Any]) -> None:
    """The books and the station's own log tell the same: transactions in order, every sample, every stop."""
    started = [event["payload"] for event in events if event["type"] == "TransactionStarted"]
    assert [account.id_tag for account in books] == [one["id_tag"] for one in started]
    for account, begun in zip(books, started, strict=True):
        number = begun["number"]
        sampled = [
            event["payload"]["sample"]["taken"]
            for event in events
            if event["type"] == "MeterSampled" and event["payload"]["number"] == number
        ]
        assert len(account.sample_times()) == len(sampled), f"transaction {number}"
        stopped = [
            event["payload"]
            for event in events
            if event["type"] == "TransactionStopped" and event["payload"]["number"] == number
        ]
        assert len(stopped) == 1, f"transaction {number} stopped {len(stopped)} times in the log"
        assert account.stops[0].payload["meterStop"] == stopped[0]["meter_stop_wh"]
        assert account.start.payload["meterStart"] == begun["meter_start_wh"]
