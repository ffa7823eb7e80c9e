"""The life of the process, in this process: how it ends, and with which status. (As a real process: tests/integration.)"""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from eventstore.catalogue.lifecycle import DeadlineReached, StationBooted, StationStopped, StationStopping
from eventstore.catalogue.link import ConnectFailed, LinkOpened
from eventstore.catalogue.maintenance import ResetFailed
from eventstore.database import DATABASE_NAME
from eventstore.event import Event
from eventstore.log import EventLog
from eventstore.value import replace
from projections.digest import fingerprint
from station.daemon import process
from station.daemon.life import RESET
from station.daemon.process import EXIT_DONE, EXIT_FAILED, EXIT_LOG, ProcessEnding
from station.settings.loading import Settings, parse_settings
from tests.csms.faulty import FaultyCsms, lost

During = Callable[[], Awaitable[None]]


def settings(directory: Path, url: str = "ws://127.0.0.1:9/ocpp", listen: str = "", more: str = "") -> Settings:
    text = f"""
        [station]
        identity = "CB-0001"
        [csms]
        url = "{url}"
        [storage]
        directory = "{directory}"
        [service]
        listen = "{listen}"
        {more}
    """
    return parse_settings(text, "chargebox.toml")


async def until(condition: Callable[[], bool]) -> None:
    """Looks again and again, as there is nobody to tell."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # the daemon knows nothing of its test
            await asyncio.sleep(0.01)


async def lived(found: Settings, during: During) -> ProcessEnding:
    """Runs the daemon beside this; how it ended."""
    running = asyncio.create_task(process.run(found))
    acting = asyncio.ensure_future(during())
    try:
        async with asyncio.timeout(30):
            return await running
    finally:
        running.cancel()
        await acting


async def logged(directory: Path) -> list[Event]:
    log = await EventLog.open(directory, identity="CB-0001")
    try:
        assert await log.load_snapshot(fingerprint()) is not None, "the next process need not fold"
        return [recorded.event for recorded in await log.read(0)]
    finally:
        await log.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.asyncio
async def test_a_signal_ends_it_in_order_with_the_last_word_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    async def during() -> None:
        await until(lambda: "chargebox: ready" in capfd.readouterr().err)
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)  # once more changes nothing

    assert await lived(settings(tmp_path), during) == ProcessEnding(status=EXIT_DONE)
    events = await logged(tmp_path)
    assert events[-1] == StationStopped(why=number.name)
    assert [event for event in events if isinstance(event, StationStopping)] == [StationStopping(why=number.name)]


@pytest.mark.asyncio
async def test_a_link_that_is_lost_while_it_ends_is_not_made_anew_and_the_last_word_is_the_last(tmp_path: Path) -> None:
    """Messages are still owed, so the station waits for their answers; then the CSMS goes."""
    async with FaultyCsms() as csms:
        csms.always("StatusNotification", lost())

        async def during() -> None:
            await csms.connected()
            await csms.expect("StatusNotification")
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: "StationStopping" in types_so_far(tmp_path))
            csms.cut()

        found = settings(tmp_path, csms.url)
        found = replace(found, csms=replace(found.csms, reconnect_min_s=0, reconnect_max_s=0))
        assert await lived(found, during) == ProcessEnding(status=EXIT_DONE)
        assert len(csms.links) == 1
    events = await logged(tmp_path)
    assert events[-1] == StationStopped(why="SIGTERM")
    stopping = events.index(StationStopping(why="SIGTERM"))
    assert [type(event).__name__ for event in events[stopping:]][-2:] == ["LinkClosed", "StationStopped"]
    assert not [event for event in events[stopping:] if isinstance(event, DeadlineReached | LinkOpened | ConnectFailed)]


@pytest.mark.asyncio
async def test_a_signal_that_comes_during_the_boot_is_obeyed_after_it(tmp_path: Path) -> None:
    async def during() -> None:
        os.kill(os.getpid(), signal.SIGTERM)  # the daemon has begun, and has not come further than its first wait

    assert await lived(settings(tmp_path), during) == ProcessEnding(status=EXIT_DONE)
    events = await logged(tmp_path)
    assert isinstance(events[0], StationBooted)
    assert events[-1] == StationStopped(why="SIGTERM")


@pytest.mark.asyncio
async def test_a_taken_address_is_status_1_and_costs_no_boot(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert await process.run(settings(tmp_path / "storage", listen=listen)) == ProcessEnding(status=EXIT_FAILED)
    assert listen in capfd.readouterr().err
    assert not (tmp_path / "storage").exists()


@pytest.mark.asyncio
async def test_a_log_that_another_holds_is_status_3(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = await EventLog.open(tmp_path, identity="CB-0001")
    try:
        assert await process.run(settings(tmp_path)) == ProcessEnding(status=EXIT_LOG)
    finally:
        await log.close()
    assert str(os.getpid()) in capfd.readouterr().err


@pytest.mark.asyncio
async def test_a_directory_that_cannot_be_made_is_status_3(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert await process.run(settings(tmp_path / "file" / "storage")) == ProcessEnding(status=EXIT_LOG)
    assert str(tmp_path / "file" / "storage") in capfd.readouterr().err


def types_so_far(directory: Path) -> list[str]:
    """The names of the events in a log that is being written."""
    with closing(sqlite3.connect(f"{(directory / DATABASE_NAME).as_uri()}?mode=ro", uri=True)) as reader:
        return [name for (name,) in reader.execute("SELECT type FROM event ORDER BY seq")]


async def reset(csms: FaultyCsms) -> None:
    await csms.connected()
    await csms.expect("BootNotification")
    answer = await csms.request("Reset", type="Soft")
    assert answer.payload == {"status": "Accepted"}


@pytest.mark.parametrize(("on_reset", "replace"), [("exec", True), ("exit", False)])
@pytest.mark.asyncio
async def test_a_reset_asks_for_a_new_process_in_place_or_just_ends(
    tmp_path: Path, on_reset: str, replace: bool
) -> None:
    async with FaultyCsms() as csms:
        found = settings(tmp_path, csms.url, more=f'[daemon]\non_reset = "{on_reset}"')
        assert await lived(found, lambda: reset(csms)) == ProcessEnding(status=EXIT_DONE, replace=replace)
    assert (await logged(tmp_path))[-1] == StationStopped(why="Reset")


@pytest.mark.asyncio
async def test_a_reset_that_cannot_be_done_is_on_record_and_the_station_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """9.1.22: it is tried again, then given up; whoever stops the station afterwards still can."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    async with FaultyCsms() as csms:

        async def during() -> None:
            await reset(csms)
            await until(lambda: "ResetAbandoned" in types_so_far(tmp_path))
            answer = await csms.request("DataTransfer", vendor_id="org.example")
            assert answer.kind == "result"
            os.kill(os.getpid(), signal.SIGTERM)

        ending = await lived(settings(tmp_path, csms.url, more="[config]\nResetRetries = 2"), during)
    assert ending == ProcessEnding(status=EXIT_DONE)
    events = await logged(tmp_path)
    assert sum(isinstance(event, ResetFailed) for event in events) == 3
    assert events[-1] == StationStopped(why="SIGTERM")


@pytest.mark.asyncio
async def test_a_signal_outranks_a_reset_and_the_first_signal_counts() -> None:
    endings = process._Endings()
    for why in (RESET, "SIGTERM", "SIGINT", "SIGTERM"):
        endings.ask(why)
    assert await endings.asked() == "SIGTERM"
    endings.forget_reset()
    assert await endings.asked() == "SIGTERM"
