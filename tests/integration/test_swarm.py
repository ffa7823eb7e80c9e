"""`chargebox swarm` against an independent CSMS that keeps books: what it gets wrong is found, by name, and nothing else."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from tests.csms.bookkeeping import BookkeepingCsms
from tests.daemon import ROOT

WITHIN_S = 240.0
SCENARIO = """
duration_s = 24
ramp_s = 12
drain_s = 60
[sessions]
per_hour = 3600
most = 2
hands_s = 0.4
shortest_s = 1.5
longest_s = 2.5
[sessions.endings]
unplug = 0
done = 0
[[outages]]
at_s = 15
lasts_s = 1
[config]
MeterValueSampleInterval = 1
MinimumStatusDuration = 0
TransactionMessageAttempts = 1
AllowOfflineTxForUnknownId = true
"""
EXPECTED = {
    "loses": {"lost"},
    "doubles": {"doubled"},
    "swaps": {"swapped"},
    "reorders": {"wrong_order"},
    "forgets the end": {"not_stopped"},
    "miscounts": {"wrong_energy"},
    "misdates": {"wrong_time"},
    "invents": {"invented"},
    "refuses": {"refused"},
    "answers twice": {"unasked"},
    "same id": {"same_id"},
}
"""What each way to err is called in the verdict."""


@asynccontextmanager
async def swarm(directory: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "station.cli", "swarm", "--out", str(directory), *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    async with asyncio.timeout(WITHIN_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def until(condition: Callable[[], Any] | Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110  # what it waits for is in another process
            await asyncio.sleep(0.02)


def workers_of(pid: int) -> list[int]:
    """The processes of a swarm."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"station.swarm.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.asyncio
async def test_a_csms_that_errs_is_found_out_though_a_worker_is_killed_and_the_network_goes(tmp_path: Path) -> None:
    scenario, books = tmp_path / "scenario.toml", tmp_path / "books.csv"
    scenario.write_text(SCENARIO)
    errs = {f"CB-{number:05}": how for number, how in enumerate((*EXPECTED, "same id"), start=13)}
    async with BookkeepingCsms(errs) as csms:
        show = f"!{sys.executable} -c \"print(open('{books}').read())\""
        arguments = ("--csms", csms.url, "--stations", "24", "--scenario", str(scenario), "--workers", "2", "--json")
        async with swarm(tmp_path / "out", *arguments, "--books", show) as process:
            await until(lambda: len(set(csms.connections)) == 24)
            os.kill(workers_of(process.pid)[0], signal.SIGKILL)  # of the stations that nobody errs about
            running = asyncio.create_task(ended(process))
            while not running.done():
                books.write_text(csms.books())
                await asyncio.wait({running}, timeout=0.2)
            status, out, err = running.result()
    assert status == 1, err
    report = json.loads(out)
    assert len(report["stations"]) == 24
    told = [(row["sessions"], row["sessions_confirmed"], row["boots"]) for row in report["stations"]]
    assert all(boots == 2 and sessions == wholly for sessions, wholly, boots in told[:12]), told
    assert told[12:] == [(2, 2, 1)] * 12, told
    found: dict[str, set[str]] = {}
    for fault in report["faults"]:
        found.setdefault(fault["station"], set()).add(fault["kind"])
    assert set(found) == set(errs)
    assert found == {station: EXPECTED[how] for station, how in errs.items()}


@pytest.mark.asyncio
async def test_ctrl_c_ends_a_swarm_in_order_and_it_goes_on_from_its_logs(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(SCENARIO.replace("duration_s = 24", "duration_s = 3600"))
    async with BookkeepingCsms() as csms:
        arguments = ("--csms", csms.url, "--stations", "3", "--scenario", str(scenario), "--workers", "1", "--json")
        for sessions_before in (0, 1):
            async with swarm(tmp_path / "out", *arguments) as process:
                await until(lambda seen=sessions_before: len(csms.rows) > seen)
                process.send_signal(signal.SIGINT)
                status, out, err = await ended(process)
            assert (status, "ending in order" in err) == (0, True), err
            rows = json.loads(out)["stations"]
            assert all(row["sessions"] == row["sessions_confirmed"] for row in rows), rows
        assert [row["boots"] for row in rows] == [2, 2, 2]
        assert sum(row["sessions"] for row in rows) == len(csms.rows)
        assert all(row["stopped"] for row in csms.rows.values())


@pytest.mark.long
@pytest.mark.asyncio
async def test_two_hundred_stations_and_a_storm_lose_and_double_nothing(tmp_path: Path) -> None:
    scenario, books = tmp_path / "scenario.toml", tmp_path / "books.csv"
    scenario.write_text(SCENARIO.replace("duration_s = 24", "duration_s = 90").replace("at_s = 15", "at_s = 30"))
    async with BookkeepingCsms() as csms:
        arguments = ("--csms", csms.url, "--stations", "200", "--scenario", str(scenario), "--json")
        show = f"!{sys.executable} -c \"print(open('{books}').read())\""
        async with swarm(tmp_path / "out", *arguments, "--books", show) as process:
            running = asyncio.create_task(ended(process))
            while not running.done():
                books.write_text(csms.books())
                await asyncio.wait({running}, timeout=1)
            status, out, err = running.result()
    report = json.loads(out)
    assert (status, report["faults"]) == (0, []), err
    assert [(row["sessions"], row["sessions_confirmed"]) for row in report["stations"]] == [(2, 2)] * 200


@pytest.mark.long
@pytest.mark.asyncio
async def test_a_cluster_of_two_workers_gives_the_same_rows_as_one_process(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(SCENARIO)
    found = []
    start: Any = LocalCluster  # distributed is untyped
    with start(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        for name, more in (
            ("one", ("--workers", "1")),
            ("cluster", ("--workers", "2", "--scheduler", str(cluster.scheduler_address))),
        ):
            async with BookkeepingCsms({"CB-00002": "refuses"}) as csms:
                arguments = ("--csms", csms.url, "--stations", "6", "--scenario", str(scenario), "--json", *more)
                async with swarm(tmp_path / name, *arguments) as process:
                    status, out, err = await ended(process)
            assert status == 1, err
            report = json.loads(out)
            rows = [
                (row["station"], row["sessions"], row["sessions_confirmed"], row["boots"]) for row in report["stations"]
            ]
            found.append((rows, {(fault["station"], fault["kind"]) for fault in report["faults"]}))
    assert found[0] == found[1]
