"""Copies of one station's log are named and counted once; two histories of one station are told apart."""

import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from station.cli.main import main
from station.fleet.copies import COPY_OF, PARTS_FROM, counted, name_copies
from tests.forgeries import honest as honest_log
from tests.forgeries.honest import KEY, OTHER_KEY, Honest, make
from tests.replay_logs import disputed_bill, write_log

PARTS = "with_another_end"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Honest]:
    """A station with a copy, an older copy, a diagnostics-like export and a history that parts from it; and another station."""
    base = tmp_path_factory.mktemp("fleet")
    made = make(base / "a")
    shutil.copytree(made.directory, base / "b")
    older = made.rows[: made.ends[0]]
    shutil.copytree(made.directory, base / "c")
    honest_log.retell(base / "c", older, [])
    shutil.copytree(made.directory, base / PARTS)
    parted = [honest_log.member(row, why="Command") if row.type == "StationStopped" else row for row in made.rows]
    honest_log.retell(base / PARTS, parted, made.ends)
    write_log(disputed_bill(), base / "d")
    return base, made


def rows(capsys: pytest.CaptureFixture[str], base: Path, *words: str) -> dict[str, dict[str, object]]:
    main(["fleet", str(base), *words, "--workers", "1", "--json"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {Path(str(row["log"])).name: row for row in found}


@pytest.mark.parametrize("command", ["verify", "summary"])
def test_copies_of_one_station_are_named(
    fleet: tuple[Path, Honest], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    base, _ = fleet
    found = rows(capsys, base, command)
    assert {name: row.get(COPY_OF) for name, row in found.items() if row.get(COPY_OF)} == {
        "b": str(base / "a"),
        "c": str(base / "a"),
    }
    assert found[PARTS].get(PARTS_FROM) == str(base / "a")
    assert not {COPY_OF, PARTS_FROM} & set(found["d"])


def test_copies_count_once(fleet: tuple[Path, Honest], capsys: pytest.CaptureFixture[str]) -> None:
    base, made = fleet
    assert main(["fleet", f"{base}/[abc]", "summary", "--workers", "1"]) == 0
    told = capsys.readouterr().out
    assert "2 of them copies of others, which count for nothing" in told
    found = rows(capsys, base, "summary")
    kept = counted(found[name] for name in ("a", "b", "c"))
    assert [row["events"] for row in kept] == [len(made.rows)]


def test_a_row_of_no_station_is_left_as_it_is() -> None:
    row = {"log": "x", "status": "broken", "error": "no log"}
    assert name_copies([row, row]) == [row, row]


def test_a_fleet_is_proven_by_the_keys_of_its_stations(
    fleet: tuple[Path, Honest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, made = fleet
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other = OTHER_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "CB-0417-public.pem").write_bytes(pem)
    (tmp_path / "CB-0233.pem").write_bytes(other)
    proven = {
        name: row["anchored_seq"] for name, row in rows(capsys, base, "verify", "--public-key", str(tmp_path)).items()
    }
    assert (proven["a"], proven["b"], proven["d"]) == (made.head.seq, made.head.seq, 0)
    # The key of one station vouches for no other.
    (tmp_path / "CB-0417-public.pem").rename(tmp_path / "CB-0001.pem")
    assert rows(capsys, base, "verify", "--public-key", str(tmp_path))["a"]["anchored_seq"] == 0
    assert (
        rows(capsys, base, "verify", "--public-key", str(tmp_path / "CB-0001.pem"))["a"]["anchored_seq"]
        == made.head.seq
    )
    assert main(["fleet", str(base), "verify", "--public-key", str(base)]) == 2


def test_a_log_that_was_not_fully_checked_is_no_fault_and_not_in_order(
    fleet: tuple[Path, Honest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, _ = fleet
    shutil.copytree(base / "d", tmp_path / "logs" / "d")
    (tmp_path / "logs" / "d" / "witness").unlink()
    assert rows(capsys, tmp_path / "logs", "verify")["d"]["status"] == "unchecked"
    assert main(["fleet", str(tmp_path / "logs"), "verify", "--workers", "1"]) == 4
