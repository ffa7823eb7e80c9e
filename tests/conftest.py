"""What holds for every test: what is said of tests left out, and a clean end."""

import gc
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("chargebox", deadline=None)
settings.load_profile("chargebox")

RAM_DISK = Path("/dev/shm")
ROOM_BYTES = 2 << 30


def _on_a_ram_disk() -> None:
    """Tests keep their files in memory where there is plenty: thousands of them wait for the disk, and none is about how long.

    What a disk may lose, tear and refuse is played by the tests themselves (`tests/reliability`), on any file system.
    """
    try:
        memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free_bytes = min(shutil.disk_usage(RAM_DISK).free, int(memory["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError):
        return
    if free_bytes >= ROOM_BYTES and os.access(RAM_DISK, os.W_OK):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(RAM_DISK))


_on_a_ram_disk()

os.environ.pop("COLUMNS", None)  # pytest-xdist sets it, and what is printed would be laid out for it


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason why tests were left out; a reason says what is missing and how to get it."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ())
    )
    for reason, count in reasons.items():
        terminalreporter.write_line(f"left out: {count} tests: {reason}")


def pytest_unconfigure() -> None:
    """The daemon exempts its objects from garbage collection; a test process that ran one has to free them at its end."""
    gc.unfreeze()
