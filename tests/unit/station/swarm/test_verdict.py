"""The verdict on the logs of several stations, and on the books beside them."""

from pathlib import Path

from station.swarm.csms_books import read_books
from station.swarm.one_station import directory_of
from station.swarm.verdict import judge, judge_all, verdict
from tests.replay_logs import metered, session, story, write_log

LATE_MS = 10_000


def swarm(root: Path, names: list[str]) -> Path:
    """The logs of some stations, each of which charged once."""
    for number, name in enumerate(names):
        station = metered(story(connectors=1, identity=name, serial=name))
        station.checked = False
        session(station, tag=f"TAG{number}", minutes=5)
        write_log(station, directory_of(root, name))
    return root


def test_one_log_is_judged_by_what_the_csms_answered(tmp_path: Path) -> None:
    swarm(tmp_path, ["CB-1"])
    found = judge(tmp_path, "CB-1", LATE_MS)
    assert (found.row.sessions, found.row.sessions_confirmed, found.row.faults, found.row.error) == (1, 1, 0, "")
    assert found.row.energy_wh > 0
    assert found.row.calls > 5
    assert found.statuses == {0: "Available", 1: "Available"}
    assert sum(found.latencies["StartTransaction"].values()) == 1


def test_an_answer_is_late_by_what_is_allowed(tmp_path: Path) -> None:
    swarm(tmp_path, ["CB-1"])
    assert {fault.kind for fault in judge(tmp_path, "CB-1", -1).faults} == {"late"}


def test_a_log_that_cannot_be_read_is_a_row_that_says_so(tmp_path: Path) -> None:
    found = judge(tmp_path, "CB-9", LATE_MS)
    assert found.row.station == "CB-9"
    assert found.row.error
    assert verdict([found]).rows[0].error == found.row.error


def test_what_several_logs_say_against_each_other_is_found_whoever_reads_them(tmp_path: Path) -> None:
    names = [f"CB-{number}" for number in range(1, 4)]
    swarm(tmp_path, names)
    here = verdict([judge(tmp_path, name, LATE_MS) for name in names])
    assert verdict(judge_all(tmp_path, names, LATE_MS)) == here
    assert [fault.kind for fault in here.faults] == ["same_id", "same_id"], (
        "the CSMS of each story counts from the same number"
    )
    assert [row.faults for row in here.rows] == [0, 1, 1]


def test_books_statuses_and_stations_that_failed_come_into_it(tmp_path: Path) -> None:
    swarm(tmp_path, ["CB-1"])
    judged = [judge(tmp_path, "CB-1", LATE_MS)]
    row = judged[0].sessions[0]
    books = tmp_path / "books.csv"
    head = "station,connector_id,transaction_id,id_tag,started,stopped,meter_start_wh,meter_stop_wh\n"
    books.write_text(
        f"{head}CB-1,1,{row.transaction_id},{row.id_tag},{row.started_utc},{row.stopped_utc},{row.meter_start_wh},"
        f"{row.meter_stop_wh}\n"
    )
    honest = verdict(judged, read_books(str(books)), {"CB-1": {1: "Available"}})
    assert (honest.faults, honest.judged_books) == ((), True)
    books.write_text(head)
    found = verdict(judged, read_books(str(books)), {"CB-1": {1: "Charging"}}, {"CB-1": "no space"})
    assert sorted(fault.kind for fault in found.faults) == ["lost", "stale_status"]
    assert (found.rows[0].faults, found.rows[0].error) == (2, "no space")
