"""Fixtures of the conformance suite, and the page of its results.

CHARGEBOX_CONFORMANCE_TABLE=FILE makes a run of the suite write its table there (`make conformance-table`); without it
nothing is written.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio

from station.certify.registry import Case
from station.certify.rig import Rig
from tests.conformance.laboratory import laboratory
from tests.conformance.table import Shown, table

TABLE_VARIABLE = "CHARGEBOX_CONFORMANCE_TABLE"


class Boot(Protocol):
    """Starts the station that a case needs, in the start state."""

    async def __call__(self, case: Case) -> Rig: ...


@pytest_asyncio.fixture
async def boot(tmp_path: Path) -> AsyncIterator[Boot]:
    """A station in the start state: booted, Accepted, every connector Available, nothing queued."""
    async with AsyncExitStack() as stack:

        async def start(case: Case) -> Rig:
            return await stack.enter_async_context(laboratory(case, tmp_path))

        yield start


# The table --------------------------------------------------------------------------------------------------------


class Table:
    """Collects what the tests of a run showed, from their reports, which may come from other processes."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._shown: dict[str, Shown] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties: Mapping[str, Any] = dict(report.user_properties)
        if "case" in properties:
            before = self._shown.get(report.nodeid)
            passed = not report.failed and (before is None or before.passed)
            self._shown[report.nodeid] = Shown(label=properties["case"], passed=passed)

    def pytest_sessionfinish(self) -> None:
        self._page.write_text(table(self._shown.values()))


def pytest_configure(config: pytest.Config) -> None:
    page = os.environ.get(TABLE_VARIABLE)
    if page and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Table(Path(page)))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Which case a test played travels with its reports."""
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")  # type: ignore[attr-defined]
    if isinstance(case, Case):
        item.user_properties.append(("case", case.label))
