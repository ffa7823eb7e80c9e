"""The CSMS's own books, as CSV."""

import sys
from pathlib import Path

import pytest

from station.swarm.csms_books import Booked, BooksError, read_books, read_statuses

HEAD = "station,connector_id,transaction_id,id_tag,started,stopped,meter_start_wh,meter_stop_wh\n"
ROW = "CB-1,1,7,ABC,2026-01-01T10:00:00Z,2026-01-01T11:00:00Z,100,1100\n"


def test_books_are_read_by_station_with_the_line_of_each_session(tmp_path: Path) -> None:
    (tmp_path / "books.csv").write_text(
        "\ufeff" + HEAD + ROW + ROW.replace(",7,", ",8,") + "CB-2,1,9,ABC,2026-01-01T10:00:00Z,,,\n"
    )
    found = read_books(str(tmp_path / "books.csv"))
    assert [(each.line, each.transaction_id) for each in found["CB-1"]] == [(2, 7), (3, 8)]
    assert found["CB-2"] == (
        Booked(
            line=4, station="CB-2", connector_id=1, transaction_id=9, id_tag="ABC", started_utc_ms=1_767_261_600_000
        ),
    )


def test_a_command_prints_them(tmp_path: Path) -> None:
    (tmp_path / "books.csv").write_text(HEAD + ROW)
    command = f"!{sys.executable} -c \"print(open('{tmp_path}/books.csv').read())\""
    assert read_books(command) == read_books(str(tmp_path / "books.csv"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("station,id_tag\n", "missing: connector_id, transaction_id, started"),
        (HEAD + ROW + ROW.replace(",7,", ",seven,"), ":3: invalid literal for int()"),
        (HEAD + ROW.replace("2026-01-01T10:00:00Z", "yesterday"), ":2: not an ISO 8601 date and time"),
        (HEAD + ROW.replace("2026-01-01T10:00:00Z", ""), ":2: started is required"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "books.csv").write_text(text)
    with pytest.raises(BooksError) as found:
        read_books(str(tmp_path / "books.csv"))
    assert says in str(found.value)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (f"!{sys.executable} -c \"import sys; sys.exit('no database')\"", "ended with status 1: no database"),
        ("!no-such-command", "No such file or directory: 'no-such-command'"),
        ('!"', "No closing quotation"),
    ],
)
def test_a_command_that_fails_is_named(command: str, says: str) -> None:
    with pytest.raises(BooksError) as found:
        read_books(command)
    assert says in str(found.value)


def test_statuses_are_read_by_station_and_connector(tmp_path: Path) -> None:
    (tmp_path / "now.csv").write_text("station,connector_id,status\nCB-1,0,Available\nCB-1,1,Charging\n")
    assert read_statuses(str(tmp_path / "now.csv")) == {"CB-1": {0: "Available", 1: "Charging"}}
    (tmp_path / "now.csv").write_text("station,connector_id,status\nCB-1,one,Charging\n")
    with pytest.raises(BooksError, match=r"now\.csv:2: invalid literal"):
        read_statuses(str(tmp_path / "now.csv"))
    (tmp_path / "now.csv").write_text("station,status\n")
    with pytest.raises(BooksError, match="missing: connector_id"):
        read_statuses(str(tmp_path / "now.csv"))
