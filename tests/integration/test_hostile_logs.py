"""Real processes with little memory read logs that were made to exhaust them: one line, the right exit status, and the others are read."""

import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from eventstore.bounds import FRAME_BYTES_MAX, PAYLOAD_CHARS_MAX
from eventstore.database import DATABASE_NAME
from tests.hostile import DOOR, archive, bomb, bundle, chained, database, line, lying, zipped

MEMORY_BYTES = 1 << 30
GIB = 1 << 30
ROWS = chained([DOOR] * 3)
SCHEMA = "UPDATE sqlite_schema SET sql = ? WHERE name = 'event'"
COMPUTED = (
    "CREATE TABLE event(seq INTEGER PRIMARY KEY, cause, at_ms, utc_ms, type, version, connector_id, "
    "payload AS (printf('%.*c', 900000000, 'x')), digest)"
)


def sparse(path: Path, size: int) -> Path:
    path.touch()
    os.truncate(path, size)
    return path


def few_texts(path: Path) -> Path:
    """As much as a frame may hold, in characters that take four bytes each."""
    payload = '{"open":"\N{GRINNING FACE}' + "x" * (PAYLOAD_CHARS_MAX - 12) + '"}'
    rows = chained([("DoorObserved", 1, None, payload)] * (FRAME_BYTES_MAX // PAYLOAD_CHARS_MAX - 1))
    return archive(path, rows)


def odd_columns(path: Path) -> Path:
    frame = b'{"seq":1,"at_ms":0,"since_cause":{},"elapsed_ms":1,"offset_ms":null,"type":"","version":[],"connector_id":[],"payload":[]}'
    return archive(path, ROWS, frames=[bomb(frame, 0, head=frame)])


def with_wal(path: Path) -> Path:
    sparse(database(path) / f"{DATABASE_NAME}-wal", 20 * GIB)
    return path


def with_large_notes(path: Path) -> Path:
    database(path)
    for name in ("witness", "snapshot-2", "identity"):
        sparse(path / name, 20 * GIB)
    return path


def of_pipes(path: Path) -> Path:
    path.mkdir()
    os.mkfifo(path / DATABASE_NAME)
    return path


def of_zeros(path: Path) -> Path:
    path.mkdir()
    (path / DATABASE_NAME).symlink_to("/dev/zero")
    return path


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "bomb.cbz": (lambda path: archive(path, ROWS, frames=[bomb(b"x", 300 << 20)]), "unpacked it has more than 32 MiB"),
    "brackets.cbz": (
        lambda path: archive(path, ROWS, frames=[bomb(b"[],", 30 << 20, head=b"[", tail=b"1]")]),
        "outside of its texts",
    ),
    "texts.cbz": (few_texts, ""),
    "lying.cbz": (lambda path: archive(path, ROWS, frames=[lying(b"", 1 << 60)]), "unpacked it has more than"),
    "columns.cbz": (odd_columns, "events 1 to 3 are damaged"),
    "no-frames.cbz": (lambda path: archive(path, ROWS, frames=[]), "it has no frames"),
    "no-digest.cbz": (lambda path: archive(path, ROWS, header={"before": "zz"}), "illegible"),
    "last.cbz": (lambda path: archive(path, ROWS, header={"last_seq": 1 << 63}), "illegible"),
    "before.cbz": (lambda path: archive(path, ROWS, frame={"offset": -1}), "not in it"),
    "behind.cbz": (lambda path: archive(path, ROWS, frame={"length": 1 << 62}), "not in it"),
    "state.cbz": (lambda path: archive(path, ROWS, state=b"{}", index={"state_length": 1 << 60}), "not in it"),
    "deep.cbz": (lambda path: archive(path, ROWS, index=b"[" * 100_000), "illegible"),
    "index.cbz": (lambda path: archive(path, ROWS, index=b"[" + b"[]," * (2 << 20) + b"1]"), "its index has"),
    "bomb.zip": (lambda path: bundle(path, b"x" * (100 << 20)), "line 1 has more than 16 MiB"),
    "about.zip": (lambda path: bundle(path, line(ROWS[0]), b" " * (2 << 20)), "about.json has more than 1 MiB"),
    "list.zip": (lambda path: bundle(path, line(ROWS[0]), b"[]"), "about.json is no object"),
    "lzma.zip": (lambda path: bundle(path, line(ROWS[0]), method=zipfile.ZIP_LZMA), "in a way that no station uses"),
    "members.zip": (lambda path: path.write_bytes(zipped(40_000)), "more members than a station writes"),
    "cell": (
        lambda path: database(path, ("UPDATE event SET payload = ? WHERE seq = 2", ("x" * (100 << 20),))),
        "guards against change",
    ),
    "computed": (lambda path: database(path, (SCHEMA, (COMPUTED,))), "not laid out as those of a log"),
    "wal": (with_wal, "no station lets it grow so far"),
    "notes": (with_large_notes, ""),
    "pipes": (of_pipes, "is no regular file"),
    "zeros": (of_zeros, "is no regular file"),
}
EXPORTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "line.jsonl": (lambda path: sparse(path, 20 * GIB), "line 1 has more than 16 MiB"),
    "line.csv": (lambda path: sparse(path, 20 * GIB), "line 1 has more than 16 MiB"),
    "nested.jsonl": (lambda path: path.write_bytes(b'{"payload":' + b"[" * 1_000_000), "line 1 is no JSON"),
    "brackets.jsonl": (lambda path: path.write_bytes(b"[" + b"[]," * (5 << 20) + b"1]"), "outside of its texts"),
    "nan.jsonl": (lambda path: path.write_bytes(b'{"seq":NaN}'), "line 1 is no JSON"),
    "large.jsonl": (lambda path: path.write_bytes(line(ROWS[0], seq=1 << 63)), "line 1 is no event"),
}


def asked(*words: str) -> "subprocess.CompletedProcess[str]":
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    return subprocess.run(
        [sys.executable, "-m", "station.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=few,
    )


def test_a_fleet_of_hostile_logs_is_a_row_for_each_and_the_good_ones_are_read(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for name, (make, _) in HOSTILE.items():
        make(logs / name)
    archive(logs / "good.cbz", ROWS)
    (logs / "circle").symlink_to(logs)
    done = asked("fleet", str(logs), "verify", "--workers", "1", "--json")
    rows = {Path(row["log"]).name: row for row in map(orjson.loads, done.stdout.splitlines())}
    assert (done.returncode, done.stderr) == (1, "")
    assert rows.keys() == {*HOSTILE, "good.cbz"}
    for name, (_, reason) in HOSTILE.items():
        assert rows[name]["status"] in (("faulty", "broken") if reason else ("ok", "faulty")), rows[name]
        assert reason in rows[name]["error"], rows[name]
    assert rows["good.cbz"]["events"] == 3


@pytest.mark.parametrize("name", [*EXPORTS, "bomb.zip", "no-frames.cbz", "computed", "zeros"])
def test_a_hostile_log_costs_one_line_and_status_1(name: str, tmp_path: Path) -> None:
    make, reason = {**HOSTILE, **EXPORTS}[name]
    make(tmp_path / name)
    done = asked("replay", str(tmp_path / name), "summary")
    assert done.returncode == 1
    assert done.stderr.startswith("chargebox: ")
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["bomb.cbz", "texts.cbz", "cell"])
def test_what_is_whole_in_a_hostile_log_is_told_with_what_is_not(name: str, tmp_path: Path) -> None:
    HOSTILE[name][0](tmp_path / name)
    for command in ("summary", "export"):
        done = asked("replay", str(tmp_path / name), command)
        assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr


def test_a_statement_or_a_key_that_has_no_end_is_a_wrong_question(tmp_path: Path) -> None:
    log = archive(tmp_path / "good.cbz", ROWS)
    os.mkfifo(tmp_path / "pipe")
    for what in ("/dev/zero", str(tmp_path / "pipe"), str(sparse(tmp_path / "large", 20 * GIB))):
        done = asked("replay", str(log), "verify", "--statement", what, "--public-key", "00" * 32)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "Traceback" not in done.stderr
