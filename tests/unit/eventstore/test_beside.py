"""What stands beside the database: missed, named, and made anew."""

from pathlib import Path

import pytest

from eventstore.boot import BootReport, Opener
from eventstore.database import DATABASE_NAME
from eventstore.directory import IDENTITY_NAME, StorageDirectory
from eventstore.witness import WITNESS_NAME, read_witness
from tests.logs import close_segment, execute_behind_its_back, fill, opened


def booted(path: Path) -> BootReport:
    directory = StorageDirectory(path)
    boot = Opener(directory, identity="CB-OTHER")
    boot.open().close()
    directory.close()
    return boot.report


async def written(path: Path, events: int = 5) -> None:
    async with opened(path) as log:
        await fill(log, events)


@pytest.mark.parametrize(
    ("content", "state"), [(None, "has vanished"), (b"", "is illegible"), (b"\xa5" * 9_000, "is illegible")]
)
@pytest.mark.asyncio
async def test_a_witness_that_is_gone_or_illegible_is_named_once_and_made_anew(
    content: bytes | None, state: str, tmp_path: Path
) -> None:
    await written(tmp_path)
    assert booted(tmp_path).notices == ()
    (tmp_path / WITNESS_NAME).unlink()
    if content is not None:
        (tmp_path / WITNESS_NAME).write_bytes(content)
    report = booted(tmp_path)
    (notice,) = report.notices
    assert notice.startswith(f"the witness {state}")
    assert report.recovered == ()
    assert read_witness(tmp_path) == report.head
    assert booted(tmp_path).notices == ()


@pytest.mark.asyncio
async def test_the_witness_is_missed_by_each_segment_and_by_a_log_in_which_nothing_was_critical(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 5)
        assert await close_segment(log)
    (tmp_path / WITNESS_NAME).unlink()
    assert len(booted(tmp_path).notices) == 1


@pytest.mark.asyncio
async def test_the_log_of_a_version_that_kept_no_witness_misses_none(tmp_path: Path) -> None:
    await written(tmp_path)
    execute_behind_its_back(tmp_path, "DELETE FROM meta WHERE name = 'witness'")
    (tmp_path / WITNESS_NAME).unlink()
    assert booted(tmp_path).notices == ()
    (tmp_path / WITNESS_NAME).unlink()
    assert len(booted(tmp_path).notices) == 1


@pytest.mark.parametrize(
    ("content", "state"), [(None, "has vanished"), (b"", "has vanished"), (b"CB-2\n", "says 'CB-2'")]
)
@pytest.mark.asyncio
async def test_an_identity_that_is_gone_or_another_is_named_and_set_right_by_the_log(
    content: bytes | None, state: str, tmp_path: Path
) -> None:
    await written(tmp_path)
    (tmp_path / IDENTITY_NAME).unlink()
    if content is not None:
        (tmp_path / IDENTITY_NAME).write_bytes(content)
    report = booted(tmp_path)
    (notice,) = report.notices
    assert state in notice
    assert (report.created, report.identity) == (False, "CB-TEST")
    assert (tmp_path / IDENTITY_NAME).read_text() == "CB-TEST\n"
    assert booted(tmp_path).notices == ()


def test_a_first_start_and_one_that_was_cut_before_its_marker_miss_nothing(tmp_path: Path) -> None:
    assert booted(tmp_path).notices == ()
    (tmp_path / IDENTITY_NAME).unlink()
    report = booted(tmp_path)
    assert (report.notices, report.created) == ((), True)
    assert (tmp_path / DATABASE_NAME).exists()
