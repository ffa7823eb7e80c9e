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

from tests.conformance.cases import Shown, table
from tests.conformance.rig import Rig
from tests.csms.independent import Csms
from tests.daemon import Daemon, Settings, merged

TABLE_VARIABLE = "CHARGEBOX_CONFORMANCE_TABLE"

# The start state of every case: nothing runs by itself, so that whatever comes was caused by the case.
QUIET: Settings = {
    "station": {"identity": "CB-0001", "connectors": 2},
    "csms": {"reconnect_min_s": 1, "reconnect_max_s": 60, "call_timeout_s": 300},
    "board": {"kind": "bench"},
    "config": {
        "HeartbeatInterval": 86_400,
        "MeterValueSampleInterval": 0,
        "ClockAlignedDataInterval": 0,
        "MinimumStatusDuration": 0,
        "WebSocketPingInterval": 0,
        "ConnectionTimeOut": 120,
    },
}


class Boot(Protocol):
    """Starts a station with these settings tables over the quiet ones; its CSMS takes the options."""

    async def __call__(self, settings: Mapping[str, Mapping[str, Any]] | None = None, **csms: Any) -> Rig: ...


@pytest_asyncio.fixture
async def boot(tmp_path: Path) -> AsyncIterator[Boot]:
    """A station in the start state: booted, Accepted, every connector Available, nothing owed."""
    async with AsyncExitStack() as stack:
        rigs: list[Rig] = []

        async def start(settings: Mapping[str, Mapping[str, Any]] | None = None, **csms_options: Any) -> Rig:
            csms = await stack.enter_async_context(Csms(**{"heartbeat_interval_s": 86_400} | csms_options))
            layered = merged(QUIET, {"csms": {"url": csms.url}}, settings or {})
            daemon = await stack.enter_async_context(Daemon(tmp_path, layered))
            rig = Rig(daemon, csms)
            rigs.append(rig)
            await rig.expect_boot()
            await rig.settled()
            return rig

        yield start
        for rig in rigs:
            print(rig.csms.tail(200))
            rig.csms.assert_conforming()


@pytest_asyncio.fixture
async def rig(boot: Boot) -> Rig:
    """The ordinary station: two sockets with locks, no back-up power, every feature profile on."""
    return await boot()


# The table --------------------------------------------------------------------------------------------------------


class Table:
    """Collects what the tests of a run showed, from their reports, which may come from other processes."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._shown: dict[str, Shown] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties: Mapping[str, Any] = dict(report.user_properties)
        if "case" in properties:
            case_id, shows = properties["case"]
            before = self._shown.get(report.nodeid)
            passed = not report.failed and (before is None or before.passed)
            self._shown[report.nodeid] = Shown(case=case_id, shows=shows, passed=passed)

    def pytest_sessionfinish(self) -> None:
        self._page.write_text(table(self._shown.values()))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "case(id): the conformance case that a test stands for")
    page = os.environ.get(TABLE_VARIABLE)
    if page and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Table(Path(page)))


def pytest_itemcollected(item: pytest.Item) -> None:
    """What a test shows travels with its reports."""
    mark = item.get_closest_marker("case")
    if mark is not None and isinstance(item, pytest.Function):
        lines = (item.function.__doc__ or item.name).strip().splitlines()
        variant = f" ({item.callspec.id})" if hasattr(item, "callspec") else ""
        item.user_properties.append(("case", (mark.args[0], f"{lines[0].rstrip('.')}{variant}")))
