"""Exports: what goes out comes back the same, in every form; partitions, redaction, and files that are whole or not there."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from pyarrow import parquet

from station.cli.main import main
from station.replay.export.tables import PARTITION, TABLES
from station.replay.export.writing import FORMATS
from station.replay.opening.errors import LogUnreadable
from station.replay.opening.importing import read_events
from station.replay.opening.source import open_log
from station.replay.proof.verify import verify
from tests.duck import ask
from tests.replay_logs import StoryStation, lost_session, write_log


@pytest.fixture(scope="module")
def station() -> StoryStation:
    return lost_session()


@pytest.fixture(scope="module")
def log(station: StoryStation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(station, tmp_path_factory.mktemp("export") / "log")


def export(log: Path, *words: str) -> None:
    assert main(["replay", str(log), "export", *words]) == 0


@pytest.mark.parametrize("form", FORMATS)
def test_exported_events_come_back_equal_and_verify(
    log: Path, station: StoryStation, form: str, tmp_path: Path
) -> None:
    file = tmp_path / f"events.{form}"
    export(log, "--output", str(file))
    with open_log(log) as reader:
        rows = [row for rows in reader.rows() for row in rows]
    assert [told.row for told in read_events(file)] == rows
    with open_log(file) as again:
        assert list(again.recorded()) == station.log
        verdict = verify(again)
        assert (verdict.verdict, verdict.findings, verdict.head_digest) == ("whole", (), rows[-1].digest.hex())


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_form_has_the_same_rows_and_the_documented_columns(log: Path, table: str, tmp_path: Path) -> None:
    names = [column.name for column in (*PARTITION, *TABLES[table])]
    for form in FORMATS:
        export(log, "--output", str(tmp_path / f"t.{form}"), "--table", table)
    from_json = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    with (tmp_path / "t.csv").open(newline="") as stream:
        from_csv = list(csv.DictReader(stream))
    from_parquet = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert len(from_json) == len(from_csv) == len(from_parquet) > 0
    assert list(from_json[0]) == list(from_csv[0]) == list(from_parquet[0]) == names
    for one, other, third in zip(from_json, from_csv, from_parquet, strict=True):
        plain = {name: json.dumps(v) if name in ("payload", "proof") else v for name, v in one.items()}
        for name in {"payload", "proof"} & third.keys():
            third[name] = json.dumps(json.loads(third[name]))
        assert plain == {name: third[name] for name in names}
        assert {name: value for name, value in other.items() if value}.keys() <= set(names)


def test_partitions_lie_by_station_and_day_and_read_as_one_table(
    log: Path, station: StoryStation, tmp_path: Path
) -> None:
    export(log, "--output", str(tmp_path / "all"))
    found = ask(
        f"SELECT station, day, count(*) FROM read_parquet('{tmp_path}/all/events/*/*/*.parquet', hive_partitioning = true) "
        "GROUP BY ALL"
    )
    assert [(name, str(day), count) for name, day, count in found] == [("CB-0417", "2026-01-01", len(station.log))]


def test_exporting_again_replaces_and_does_not_add(log: Path, tmp_path: Path) -> None:
    for _ in range(2):
        export(log, "--output", str(tmp_path / "all"), "--format", "jsonl", "--table", "transactions")
    files = sorted((tmp_path / "all").rglob("*.*"))
    assert len(files) == 1
    assert len(files[0].read_text().splitlines()) == 3


def test_a_range_is_exported_alone_and_reads_as_an_excerpt(log: Path, tmp_path: Path) -> None:
    file = tmp_path / "part.jsonl"
    export(log, "--output", str(file), "--from", "100", "--to", "150")
    with open_log(file) as reader:
        assert (reader.first_seq, reader.head.seq) == (100, 150)
        verdict = verify(reader)
        assert (verdict.verdict, verdict.findings) == ("unchecked", ())
        assert "events 1 to 99: not in what was given" in verdict.skipped


def redacted(log: Path, tmp_path: Path, name: str, *words: str) -> str:
    for table in TABLES:
        export(log, "--output", str(tmp_path / f"{name}-{table}.jsonl"), "--table", table, "--redact", *words)
    return "".join((tmp_path / f"{name}-{table}.jsonl").read_text() for table in TABLES)


@pytest.mark.parametrize("keyed", [False, True])
def test_redaction_leaves_no_tag_and_no_identity_anywhere(log: Path, tmp_path: Path, keyed: bool) -> None:
    key = tmp_path / "key"
    key.write_text("a secret\n")
    text = redacted(log, tmp_path, "a", *(["--redact-key", str(key)] if keyed else []))
    for known in ("04A2B3C4", "04a2b3c4", "0411D0D0", "0411d0d0", "CB-0417", "SN-0417"):
        assert known not in text
    assert "station-" in text
    assert "tag-" in text


def test_with_a_key_a_tag_has_the_same_name_in_every_table_and_at_every_time(log: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("a secret")
    assert redacted(log, tmp_path, "a", "--redact-key", str(key)) == redacted(
        log, tmp_path, "b", "--redact-key", str(key)
    )
    rows = [json.loads(line) for line in (tmp_path / "a-transactions.jsonl").read_text().splitlines()]
    assert rows[0]["id_tag"] == rows[1]["id_tag"] != rows[2]["id_tag"]
    frames = (tmp_path / "a-frames.jsonl").read_text()
    assert rows[0]["id_tag"] in frames


def test_a_failed_export_leaves_nothing_behind(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("station.replay.export.writing._ParquetWriter.write", fails)
    assert main(["replay", str(log), "export", "--output", str(tmp_path / "all"), "--table", "events"]) == 1
    assert main(["replay", str(log), "export", "--output", str(tmp_path / "one.parquet")]) == 1
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_the_standard_output_takes_json_lines_and_csv(log: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    export(log, "--table", "transactions")
    out = capsysbinary.readouterr().out
    assert [json.loads(line)["number"] for line in out.splitlines()] == [1, 2, 3]


@pytest.mark.parametrize("below", ["", "events", "events/station=CB-0417"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_partitioned_export_of_a_station_is_a_log(
    log: Path, station: StoryStation, form: str, below: str, tmp_path: Path
) -> None:
    export(log, "--output", str(tmp_path / "all"), "--table", "all", "--format", form)
    with open_log(tmp_path / "all" / below) as again:
        assert list(again.recorded()) == station.log
        assert (verify(again).verdict, verify(again).skipped) == ("whole", ())


def test_an_export_of_several_stations_asks_for_one(log: Path, tmp_path: Path) -> None:
    export(log, "--output", str(tmp_path / "all"), "--table", "events")
    shutil.copytree(tmp_path / "all/events/station=CB-0417", tmp_path / "all/events/station=CB-0418")
    with pytest.raises(LogUnreadable, match="events of 2 stations"), open_log(tmp_path / "all"):
        pass
