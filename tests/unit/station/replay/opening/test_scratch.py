"""The directory that a log is copied to: gone at the end, and after a kill at the next run."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from station.replay.opening.scratch import PREFIX, scratch_directory

HOLDS = (
    "import time; from station.replay.opening.scratch import scratch_directory\n"
    "with scratch_directory() as found:\n"
    "    (found / 'copy').write_text('a log'); print(found, flush=True); time.sleep(600)"
)


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_it_is_for_its_owner_alone_and_gone_at_the_end(base: Path) -> None:
    with scratch_directory() as directory:
        assert directory.parent == base
        assert directory.stat().st_mode & 0o777 == 0o700
        (directory / "copy").write_text("a log")
    assert list(base.iterdir()) == []


def test_what_a_killed_run_left_is_gone_at_the_next_one_and_what_another_run_reads_stays(base: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        held = Path(other.stdout.readline().strip())
        try:
            with scratch_directory():
                assert (held / "copy").exists()
        finally:
            other.send_signal(signal.SIGKILL)
        other.wait()
        assert (held / "copy").exists()
    with scratch_directory() as directory:
        assert list(base.iterdir()) == [directory]


def test_nothing_else_is_removed(base: Path) -> None:
    (base / f"{PREFIX}file").write_text("")
    elsewhere = base / "elsewhere"
    elsewhere.mkdir()
    (base / f"{PREFIX}link").symlink_to(elsewhere)
    with scratch_directory():
        pass
    assert sorted(each.name for each in base.iterdir()) == [f"{PREFIX}file", f"{PREFIX}link", "elsewhere"]
