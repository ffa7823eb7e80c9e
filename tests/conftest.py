"""What holds for every test: what branch coverage is measured on, what is said of tests left out, a clean end."""

import gc
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MEASURED = (
    "tests/scenarios",
    "tests/unit/projections",
    *(f"tests/unit/station/{folder}" for folder in ("core", "features", "rules", "telling", "wire")),
)
"""The tests of the pure modules that pyproject.toml measures; tracing the others would cost time and add nothing."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Coverage pauses in every test that is not `MEASURED`."""
    if not config.pluginmanager.hasplugin("_cov"):
        return
    folders = tuple(ROOT / folder for folder in MEASURED)
    for item in items:
        if not any(item.path.is_relative_to(folder) for folder in folders):
            item.add_marker("no_cover")


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
