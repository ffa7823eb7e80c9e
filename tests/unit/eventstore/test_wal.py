"""SQLite's write-ahead log, read without SQLite: always the same verdict as SQLite's where nothing is damaged."""

import sqlite3
from pathlib import Path

import pytest

from eventstore.database import DATABASE_NAME, migrate, open_writer
from eventstore.wal import FRAME_HEADER_BYTES, HEADER_BYTES, NO_CONTENT, checksum, read_wal

FRAME_BYTES = FRAME_HEADER_BYTES + 4096
COMMITS = 40


@pytest.fixture
def files(tmp_path: Path) -> tuple[bytes, bytes]:
    """Database and WAL of a process that was killed after some commits of one event each."""
    path = tmp_path / DATABASE_NAME
    connection = open_writer(path)
    migrate(connection)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for seq in range(1, COMMITS + 1):
        connection.execute(f"INSERT INTO event VALUES ({seq}, 1, 1, 1, 'X', 1, NULL, '{seq:0300d}', x'00')")
    found = path.read_bytes(), path.with_name(f"{DATABASE_NAME}-wal").read_bytes()
    connection.close()
    return found


def seqs_of(tmp_path: Path, database: bytes, wal: bytes) -> list[int]:
    """The events in the database with the intact pages of the WAL laid over it."""
    content = read_wal(wal)
    image = bytearray(database.ljust(content.pages_after * 4096, b"\0"))
    for page, found in content.pages.items():
        image[(page - 1) * 4096 : page * 4096] = found
    path = tmp_path / "image.db"
    path.write_bytes(image)
    connection = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    seqs = [row[0] for row in connection.execute("SELECT seq FROM event ORDER BY seq")]
    connection.close()
    return seqs


def test_the_pages_of_a_whole_wal_hold_every_commit(tmp_path: Path, files: tuple[bytes, bytes]) -> None:
    assert read_wal(files[1]).damaged_frames == 0
    assert seqs_of(tmp_path, *files) == list(range(1, COMMITS + 1))


@pytest.mark.parametrize("kept_frames", [0, 1, 2, 3, 10, 41])
def test_a_wal_cut_anywhere_holds_the_commits_before_and_is_not_damaged(
    tmp_path: Path, files: tuple[bytes, bytes], kept_frames: int
) -> None:
    for extra in (0, 17, 512, 4096):
        wal = files[1][: HEADER_BYTES + kept_frames * FRAME_BYTES + extra]
        assert read_wal(wal).damaged_frames == 0
        seqs = seqs_of(tmp_path, files[0], wal)
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) <= (kept_frames + 1) // 2


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_last_commit_torn_in_any_order_is_not_damage(files: tuple[bytes, bytes], sector: int) -> None:
    wal = files[1]
    last = len(wal) - 2 * FRAME_BYTES  # a one-page commit and its repetition
    for start in range(last, len(wal), sector):
        torn = wal[:start] + bytes(min(sector, len(wal) - start)) + wal[start + sector :]
        assert read_wal(torn).damaged_frames == 0


@pytest.mark.parametrize("frame", [0, 1, 7, 20, 33])
def test_what_was_committed_behind_a_damaged_frame_is_found(
    tmp_path: Path, files: tuple[bytes, bytes], frame: int
) -> None:
    database, wal = files
    at = HEADER_BYTES + frame * FRAME_BYTES + 300
    damaged = wal[:at] + bytes([wal[at] ^ 1]) + wal[at + 1 :]
    assert read_wal(damaged).damaged_frames == 1
    assert seqs_of(tmp_path, database, damaged) == list(range(1, COMMITS + 1))


def test_a_lost_block_costs_no_later_commit(tmp_path: Path, files: tuple[bytes, bytes]) -> None:
    database, wal = files
    for block in (0, 5, 20):
        damaged = wal[: block * 4096] + bytes(4096) + wal[(block + 1) * 4096 :]
        assert read_wal(damaged).damaged_frames > 0
        assert seqs_of(tmp_path, database, damaged) == list(range(1, COMMITS + 1))


def test_frames_of_an_earlier_round_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / DATABASE_NAME
    connection = open_writer(path)
    migrate(connection)
    for seq in range(1, 200):
        connection.execute(f"INSERT INTO event VALUES ({seq}, 1, 1, 1, 'X', 1, NULL, '{seq:0300d}', x'00')")
    database, wal = path.read_bytes(), path.with_name(f"{DATABASE_NAME}-wal").read_bytes()
    connection.close()
    content = read_wal(wal)
    assert len(wal) >= HEADER_BYTES + 100 * FRAME_BYTES
    assert content.damaged_frames == 0
    assert seqs_of(tmp_path, database, wal) == list(range(1, 200))


@pytest.mark.parametrize("raw", [b"", b"\0" * 31, b"\xff" * 20_000, b"\0" * 20_000])
def test_what_is_no_wal_has_no_content(raw: bytes) -> None:
    assert read_wal(raw) == NO_CONTENT


@pytest.mark.parametrize("page_bytes", [0, 1, 4_095, 1 << 31])
def test_a_header_with_pages_of_no_size_that_there_is_counts_as_lost(
    page_bytes: int, files: tuple[bytes, bytes]
) -> None:
    _, wal = files
    start = wal[:8] + page_bytes.to_bytes(4, "big") + wal[12:24]
    first, second = checksum(start, (0, 0), is_big=bool(wal[3] & 1))
    content = read_wal(start + first.to_bytes(4, "big") + second.to_bytes(4, "big") + wal[32:])
    assert content.page_bytes == 4096
    assert len(content.pages) > 0


def test_a_frame_of_page_0_is_damage(files: tuple[bytes, bytes]) -> None:
    _, wal = files
    is_big = bool(wal[3] & 1)
    body = bytes(4) + wal[HEADER_BYTES + 4 : HEADER_BYTES + 8] + wal[HEADER_BYTES + 24 : HEADER_BYTES + FRAME_BYTES]
    seed = (int.from_bytes(wal[24:28], "big"), int.from_bytes(wal[28:32], "big"))
    first, second = checksum(body, seed, is_big=is_big)
    sums = first.to_bytes(4, "big") + second.to_bytes(4, "big")
    frame = body[:8] + wal[HEADER_BYTES + 8 : HEADER_BYTES + 16] + sums + body[8:]
    assert 0 not in read_wal(wal[:HEADER_BYTES] + frame + wal[HEADER_BYTES + FRAME_BYTES :]).pages
