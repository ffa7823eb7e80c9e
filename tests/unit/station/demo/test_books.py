import copy
from typing import Any

import pytest

from station.demo.books import REGISTER, books_of_csms, books_of_log, differences
from station.demo.csms import Received

UTC_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
OFFSET_MS = UTC_MS - 1_000


def event(kind: str, **payload: Any) -> dict[str, Any]:
    return {"type": kind, "payload": payload}


def moment(at_ms: int, *, known: bool = True) -> dict[str, Any]:
    return {"at_ms": at_ms, "boot": 1, "utc_ms": OFFSET_MS + at_ms if known else None}


def sampled(at_ms: int, register_wh: int, number: int | None = 1) -> dict[str, Any]:
    sample = {"taken": moment(at_ms), "context": "Sample.Periodic", "values": []}
    return event("MeterSampled", connector_id=1, number=number, register_wh=register_wh, sample=sample)


LOG = [
    event("StationBooted", boot=1, offset_ms=5, clock_trusted=False),
    event(
        "TransactionStarted",
        number=1,
        connector_id=1,
        id_tag="DEADBEEF",
        meter_start_wh=100,
        started=moment(1_000, known=False),
    ),
    event("ClockAdjusted", offset_ms=OFFSET_MS, trusted=True, source="CSMS"),
    event("ClockAdjusted", offset_ms=OFFSET_MS + 9, trusted=True, source="CSMS"),
    event("TransactionIdAssigned", number=1, transaction_id=9001, conflict=False),
    sampled(2_000, 110),
    sampled(2_500, 999, number=None),
    sampled(3_000, 120),
    event("TransactionStopped", number=1, reason="Local", meter_stop_wh=125, stopped=moment(3_500)),
]


def received(action: str, payload: dict[str, Any], answer: dict[str, Any] | None = None) -> Received:
    return Received(connection=1, message_id="m", action=action, payload=payload, answer=answer or {}, repeated=False)


def meter_values(second: int, register_wh: int, transaction_id: int = 9001) -> Received:
    values = [
        {"value": "22100", "measurand": "Power.Active.Import"},
        {"value": str(register_wh), "measurand": REGISTER},
    ]
    meter_value = {"timestamp": f"2026-01-05T00:00:0{second}.000Z", "sampledValue": values}
    return received("MeterValues", {"connectorId": 1, "transactionId": transaction_id, "meterValue": [meter_value]})


START = received(
    "StartTransaction",
    {"connectorId": 1, "idTag": "DEADBEEF", "meterStart": 100, "timestamp": "2026-01-05T00:00:00Z"},
    {"transactionId": 9001},
)
STOP = received(
    "StopTransaction",
    {"transactionId": 9001, "meterStop": 125, "timestamp": "2026-01-05T00:00:02.500Z", "reason": "Local"},
)
CALLS = [received("BootNotification", {}), START, meter_values(1, 110), meter_values(2, 120), STOP]


def compared(calls: list[Received], events: list[dict[str, Any]] = LOG) -> list[str]:
    return differences(books_of_log(events), books_of_csms(calls))


def test_the_same_transaction_on_both_sides_agrees() -> None:
    assert compared(CALLS) == []
    (account,) = books_of_log(LOG).accounts
    assert (account.energy_wh, len(account.samples), account.started_utc_ms) == (25, 2, UTC_MS)


def test_a_repeated_call_counts_once() -> None:
    again = Received(
        connection=2, message_id="m", action="MeterValues", payload=CALLS[2].payload, answer={}, repeated=True
    )
    assert compared([*CALLS[:4], again, STOP]) == []


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([*CALLS[:2], *CALLS[3:]], "1 never arrived, 0 are not in the log"),
        ([*CALLS[:3], meter_values(2, 121), STOP], "1 never arrived, 1 are not in the log"),
        ([CALLS[0], START, CALLS[3], CALLS[2], STOP], "in another order"),
        ([*CALLS[:3], CALLS[2], CALLS[3], STOP], "more than once"),
        (CALLS[:-1], "meterStop is 125 in the log, the CSMS received None"),
        ([*CALLS[:-2], STOP, CALLS[3]], "MeterValues for transactionId 9001 after its StopTransaction"),
        ([*CALLS[:3], meter_values(2, 120, 77), STOP], "transactionId 77, which no StartTransaction got"),
        ([], "the log holds 1 transactions, the CSMS received 0"),
    ],
)
def test_what_differs_is_told(calls: list[Received], told: str) -> None:
    assert any(told in text for text in compared(calls)), compared(calls)


@pytest.mark.parametrize(
    ("index", "member", "value", "told"),
    [
        (1, "id_tag", "OTHER", "idTag is OTHER in the log"),
        (1, "meter_start_wh", 99, "meterStart is 99 in the log"),
        (4, "transaction_id", 9002, "transactionId is 9002 in the log"),
        (8, "reason", "PowerLoss", "reason is PowerLoss in the log"),
    ],
)
def test_each_fact_of_a_transaction_counts(index: int, member: str, value: Any, told: str) -> None:
    events = copy.deepcopy(LOG)
    events[index]["payload"][member] = value
    assert any(told in text for text in compared(CALLS, events))


def test_a_transaction_that_runs_on_in_the_log_is_told() -> None:
    assert "transaction 1: has not been stopped in the log" in compared(CALLS, LOG[:-1])
