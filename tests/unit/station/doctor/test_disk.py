import itertools
from pathlib import Path

import pytest

from station.doctor.disk import SYNCS, disk_findings, measure_syncs, read_mounts
from station.doctor.findings import Finding, Level


def mounted(directory: Path, kind: str, options: str, *, extra: str = "") -> Path:
    """A mountinfo in which a directory is mounted so."""
    file = directory.parent / "mountinfo"
    point = str(directory).replace(" ", "\\040")
    file.write_text(
        f"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
        f"23 22 8:2 / {point} {options} shared:2 - {kind} /dev/sda2 rw\n{extra}nonsense\n"
    )
    return file


def found_of(directory: Path, mounts: Path, slow_s: float = 0.0005) -> list[Finding]:
    ticks = itertools.count()
    return list(disk_findings(directory, lambda: next(ticks) * slow_s, mounts))


def storage(tmp_path: Path, mode: int = 0o700) -> Path:
    directory = tmp_path / "my station"
    directory.mkdir()
    directory.chmod(mode)
    return directory


def test_a_private_directory_on_a_local_disk_is_well(tmp_path: Path) -> None:
    directory = storage(tmp_path)
    access, system, space, syncs = found_of(directory, mounted(directory, "ext4", "rw,noatime"))
    assert (access.level, system.level, syncs.level) == (Level.OK, Level.OK, Level.OK)
    assert "ext4 at " in system.text
    assert "noatime" in system.text
    assert "MiB are free" in space.text
    assert syncs.text == f"a sync takes 0.50 ms (median of {SYNCS}, longest 0.5 ms)"


@pytest.mark.parametrize(
    ("kind", "options", "level", "says"),
    [
        ("nfs4", "rw", Level.FAULT, "network file system"),
        ("ext4", "ro", Level.FAULT, "read-only"),
        ("tmpfs", "rw", Level.WARNING, "is memory"),
        ("ext4", "rw,nobarrier", Level.WARNING, "nobarrier: mount with barriers"),
        ("ext4", "rw,data=writeback", Level.WARNING, "data=ordered"),
    ],
)
def test_a_file_system_that_cannot_keep_a_log_is_named(
    tmp_path: Path, kind: str, options: str, level: Level, says: str
) -> None:
    directory = storage(tmp_path)
    finding = found_of(directory, mounted(directory, kind, options))[1]
    assert (finding.level, says in str(finding)) == (level, True)


def test_the_last_of_two_file_systems_on_one_place_is_the_one_that_counts(tmp_path: Path) -> None:
    directory = storage(tmp_path)
    again = f"24 23 8:3 / {str(directory).replace(' ', chr(92) + '040')} rw - xfs /dev/sdb rw\n"
    assert "xfs at" in found_of(directory, mounted(directory, "ext4", "rw", extra=again))[1].text
    assert len(read_mounts(tmp_path / "mountinfo")) == 3


def test_unknown_mounts_are_a_warning(tmp_path: Path) -> None:
    finding = found_of(storage(tmp_path), tmp_path / "none")[1]
    assert (finding.level, "not known" in finding.text) == (Level.WARNING, True)


def test_others_who_may_read_the_directory_are_a_warning(tmp_path: Path) -> None:
    directory = storage(tmp_path, 0o755)
    assert found_of(directory, tmp_path / "none")[0].advice == f"chmod 0700 {directory}"


def test_a_directory_that_is_not_there_yet_is_judged_by_what_is_above_it(tmp_path: Path) -> None:
    found = found_of(tmp_path / "a" / "b", mounted(tmp_path, "ext4", "rw"))
    assert "the first start makes it" in found[0].text
    assert not (tmp_path / "a").exists()


def test_a_slow_disk_is_a_warning(tmp_path: Path) -> None:
    syncs = found_of(storage(tmp_path), tmp_path / "none", slow_s=0.05)[-1]
    assert (syncs.level, "50.00 ms" in syncs.text) == (Level.WARNING, True)


def test_measuring_leaves_no_trace(tmp_path: Path) -> None:
    directory = storage(tmp_path)
    before = directory.stat()
    try:
        assert len(measure_syncs(directory, itertools.count().__next__)) == SYNCS
    except OSError as error:  # this file system knows no files without a name
        assert error.errno is not None
    assert list(directory.iterdir()) == []
    assert directory.stat().st_mtime_ns == before.st_mtime_ns
