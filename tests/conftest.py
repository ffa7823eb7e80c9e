"""What holds for every test: what is said of tests left out, and a clean end."""

import gc
import os
from collections import Counter

import pytest

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
