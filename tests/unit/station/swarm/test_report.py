"""The papers of a swarm."""

import json
from pathlib import Path

from station.swarm import report
from station.swarm.faults import CsmsFault
from station.swarm.verdict import StationRow, SwarmVerdict
from tests.duck import ask

FAULT = CsmsFault(
    kind="lost", station="CB-1", says="the books do not have <b>session</b> 7", transaction=1, transaction_id=7, seq=12
)
FOUND = SwarmVerdict(
    rows=(
        StationRow(station="CB-1", sessions=2, energy_wh=1500, faults=1),
        StationRow(station="CB-2", error="no space"),
    ),
    faults=(FAULT,),
    latencies={"Heartbeat": {3: 9, 700: 1}},
    judged_books=True,
)
FACTS = {"csms": "ws://csms.example/ocpp", "seed": 1}


def test_the_rows_can_be_asked_with_duckdb(tmp_path: Path) -> None:
    assert report.write(tmp_path, FOUND, FACTS) == ["report.html", "report.json", "stations.parquet", "faults.parquet"]
    assert ask(f"SELECT station, sessions, error FROM '{tmp_path}/stations.parquet' ORDER BY station") == [
        ("CB-1", 2, ""),
        ("CB-2", 0, "no space"),
    ]
    query = f"SELECT kind, station, transaction_id, seq FROM '{tmp_path}/faults.parquet'"
    assert ask(query) == [("lost", "CB-1", 7, 12)]


def test_the_document_has_all_of_it(tmp_path: Path) -> None:
    report.write(tmp_path, FOUND, FACTS)
    document = json.loads((tmp_path / "report.json").read_bytes())
    assert document["faults_by_kind"] == {"lost": 1}
    assert document["latencies_ms"] == {"Heartbeat": {"calls": 10, "median": 3, "99 of 100": 700, "worst": 700}}
    assert [each["station"] for each in document["stations"]] == ["CB-1", "CB-2"]
    assert document["faults"][0]["says"] == FAULT.says
    assert document["csms"] == FACTS["csms"]


def test_the_page_names_station_session_and_fault_and_takes_no_markup_from_a_csms() -> None:
    page = report.page(FOUND, FACTS)
    assert "What the CSMS got wrong" in page
    assert "the books do not have &lt;b&gt;session&lt;/b&gt; 7" in page
    assert "the books have no such session" in page
    assert "no space" in page
    assert "its answers and its own books" in page


def test_without_a_fault_the_page_says_what_was_not_looked_at() -> None:
    honest = SwarmVerdict(rows=(StationRow(station="CB-1"),), faults=(), latencies={}, judged_books=False)
    page = report.page(honest, FACTS)
    assert "The CSMS got nothing wrong that could be seen" in page
    assert "it was not asked for its own books" in page


def test_of_very_many_faults_the_page_shows_the_first(tmp_path: Path) -> None:
    many = SwarmVerdict(rows=FOUND.rows, faults=(FAULT,) * (report.FAULTS_SHOWN + 5), latencies={}, judged_books=True)
    page = report.page(many, FACTS)
    assert "5 more stand in report.json" in page
    assert page.count("&lt;b&gt;session") == report.FAULTS_SHOWN
