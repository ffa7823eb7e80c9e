"""What a CSMS gets wrong, by name: in its answers, and in its books."""

from typing import Any

import pytest

from station.replay.answers.transactions import TransactionRow
from station.swarm.csms_books import Booked
from station.swarm.faults import (
    KINDS,
    CsmsFault,
    against_books,
    counted,
    of_exchange,
    of_sessions,
    of_statuses,
    same_ids,
)
from station.views.exchanges import Exchange
from station.wire.instants import parse_utc_ms

START, STOP = "2026-01-01T10:00:00.500Z", "2026-01-01T11:00:00.500Z"
START_MS, STOP_MS = parse_utc_ms(START), parse_utc_ms(STOP)
LATE_MS = 10_000


def row(number: int, **facts: Any) -> TransactionRow:
    usual: dict[str, Any] = {
        "number": number,
        "transaction_id": 100 + number,
        "connector_id": 1,
        "id_tag": f"TAG{number}",
        "parent_id_tag": None,
        "authorized_by": "CSMS",
        "reservation_id": None,
        "started_utc": START,
        "stopped_utc": STOP,
        "duration_ms": 3_600_000,
        "meter_start_wh": 1_000 * number,
        "meter_stop_wh": 1_000 * number + 500,
        "energy_wh": 500,
        "reason": "Local",
        "stop_id_tag": None,
        "meter_stale": False,
        "other_ids": (),
        "start_outcome": "result",
        "stop_outcome": "result",
        "start_told": "",
        "stop_told": "",
        "settled": True,
        "first_seq": 10 * number,
        "stop_seq": 10 * number + 5,
        "settled_seq": 10 * number + 6,
    }
    return TransactionRow(**{**usual, **facts})


def booked(number: int, line: int | None = None, **facts: Any) -> Booked:
    usual: dict[str, Any] = {
        "line": number + 1 if line is None else line,
        "station": "CB-1",
        "connector_id": 1,
        "transaction_id": 100 + number,
        "id_tag": f"TAG{number}",
        "started_utc_ms": START_MS,
        "stopped_utc_ms": STOP_MS,
        "meter_start_wh": 1_000 * number,
        "meter_stop_wh": 1_000 * number + 500,
    }
    return Booked(**{**usual, **facts})


def kinds(rows: list[TransactionRow], books: list[Booked]) -> list[tuple[str, int | None]]:
    return [(fault.kind, fault.transaction) for fault in against_books({"CB-1": rows}, {"CB-1": books})]


def test_books_that_agree_are_no_fault_though_they_are_kept_to_the_second() -> None:
    books = [booked(1, started_utc_ms=START_MS - 500), booked(2, id_tag="tag2", stopped_utc_ms=STOP_MS + 1_999)]
    assert kinds([row(1), row(2)], books) == []


def test_what_the_books_need_not_have_is_not_missed() -> None:
    assert kinds([row(1)], [booked(1, meter_start_wh=None, meter_stop_wh=None)]) == []
    assert kinds([row(1, settled=False)], [booked(1, stopped_utc_ms=None, meter_stop_wh=None)]) == []
    assert kinds([row(1, transaction_id=None, settled=False)], []) == [], "it was never told"
    assert kinds([row(1, transaction_id=None, settled=False)], [booked(1)]) == [], "it was told, and its answer lost"


@pytest.mark.parametrize(
    ("books", "found"),
    [
        ([booked(2)], [("lost", 1)]),
        ([booked(1), booked(1, 9), booked(2)], [("doubled", 1)]),
        ([booked(1), booked(1, 9, transaction_id=999), booked(2)], [("doubled", 1)]),
        ([booked(1, transaction_id=999), booked(2)], [("wrong_id", 1)]),
        ([booked(1, transaction_id=102), booked(2, transaction_id=101)], [("swapped", 1), ("swapped", 2)]),
        ([booked(1, meter_start_wh=999), booked(2)], [("wrong_energy", 1)]),
        ([booked(1), booked(2, meter_stop_wh=1)], [("wrong_energy", 2)]),
        ([booked(1, stopped_utc_ms=STOP_MS + 2_001), booked(2)], [("wrong_time", 1)]),
        ([booked(1, started_utc_ms=START_MS - 2_001), booked(2)], [("wrong_time", 1)]),
        ([booked(1, id_tag="OTHER"), booked(2)], [("wrong_tag", 1)]),
        ([booked(1, connector_id=2), booked(2)], [("wrong_connector", 1)]),
        ([booked(1, stopped_utc_ms=None, meter_stop_wh=None), booked(2)], [("not_stopped", 1)]),
        ([booked(1, 9), booked(2)], [("wrong_order", 2)]),
        ([booked(1), booked(2), booked(3)], [("invented", None)]),
    ],
)
def test_each_way_to_keep_books_badly_has_its_name(books: list[Booked], found: list[tuple[str, int | None]]) -> None:
    assert kinds([row(1), row(2)], books) == found


def test_sessions_of_stations_that_are_none_of_ours_are_invented() -> None:
    found = list(against_books({"CB-1": []}, {"CB-9": [booked(1, station="CB-9")]}))
    assert [(fault.kind, fault.station, fault.transaction_id) for fault in found] == [("invented", "CB-9", 101)]


def test_an_id_that_is_given_twice_is_a_fault_of_the_second_session() -> None:
    found = list(same_ids({"CB-1": [row(1)], "CB-2": [row(3, transaction_id=101), row(4)]}))
    assert [(fault.kind, fault.station, fault.transaction) for fault in found] == [("same_id", "CB-2", 3)]
    assert "transaction 1 of CB-1" in found[0].says


def test_answers_that_contradict_each_other_are_found() -> None:
    rows = [
        row(1, other_ids=(999,)),
        row(2, reason="DeAuthorized"),
        row(3, reason="DeAuthorized", authorized_by="Cache"),
    ]
    assert [(fault.kind, fault.transaction) for fault in of_sessions("CB-1", rows)] == [
        ("changed_id", 1),
        ("contradiction", 2),
    ]


def exchange(**facts: Any) -> Exchange:
    usual: dict[str, Any] = {
        "seq": 5,
        "utc_ms": START_MS,
        "certain": True,
        "ours": True,
        "connection": 1,
        "message_id": "m-1",
        "action": "MeterValues",
        "transaction": 1,
        "owed_seq": 4,
        "attempt": 1,
        "request": '[2,"m-1","MeterValues",{}]',
        "outcome": "result",
        "answer": '[3,"m-1",{}]',
        "answer_seq": 6,
        "answer_utc_ms": START_MS + 100,
        "latency_ms": 100,
    }
    return Exchange(**{**usual, **facts})


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, []),
        ({"latency_ms": LATE_MS}, []),
        ({"latency_ms": LATE_MS + 1}, ["late"]),
        ({"late": True}, ["late"]),
        ({"outcome": "timeout"}, ["unanswered"]),
        ({"outcome": "error", "error": "InternalError"}, ["refused"]),
        ({"deviations": ("currentTime: no zone",)}, ["malformed"]),
        ({"outcome": "ignored", "error": "answer to a call that was not made"}, ["unasked"]),
        ({"ours": False, "outcome": "error", "error": "NotSupported"}, []),
        ({"ours": False, "deviations": ("type: a number",)}, ["malformed"]),
        ({"outcome": "lost"}, []),
        ({"outcome": "open"}, []),
        ({"outcome": "closed"}, []),
    ],
)
def test_each_way_to_answer_badly_has_its_name(facts: dict[str, Any], found: list[str]) -> None:
    faults = list(of_exchange("CB-1", exchange(**facts), LATE_MS))
    assert [fault.kind for fault in faults] == found
    assert all((fault.message_id, fault.transaction) == ("m-1", 1) for fault in faults)


def test_a_status_that_was_left_is_stale() -> None:
    told = {0: "Available", 1: "Charging", 2: "Available"}
    assert list(of_statuses("CB-1", told, {0: "Available", 2: "Available", 3: "Faulted"})) == []
    found = list(of_statuses("CB-1", told, {1: "Available"}))
    assert [(fault.kind, fault.says) for fault in found] == [
        ("stale_status", "connector 1 is shown as Available, Charging was sent last")
    ]


def test_faults_are_counted_in_the_order_in_which_they_are_explained() -> None:
    faults = [CsmsFault(kind=kind, station="CB-1", says="") for kind in ("lost", "late", "lost")]
    assert counted(faults) == {"late": 1, "lost": 2}
    assert list(counted(CsmsFault(kind=kind, station="", says="") for kind in reversed(list(KINDS)))) == list(KINDS)
