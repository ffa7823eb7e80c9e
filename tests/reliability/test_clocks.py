"""Clocks that are wrong, and a process that was stopped: on the real daemon, whose clocks the interposer sets."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.csms.faulty import FaultyCsms
from tests.csms.frames import utc_of
from tests.csms.independent import Csms
from tests.csms.tls import issue, make_authority, server_context
from tests.daemon import Daemon
from tests.integration.ledger import accounts, assert_balanced, assert_same_as_log
from tests.integration.stations import delivered, free_connector, settings_for, start_transaction, until
from tests.reliability.interposer import Control, environment

S = 1_000_000_000
HOUR_S = 3600
YEAR_S = 365 * 86_400
CONFIG = {"MeterValueSampleInterval": 30, "AllowOfflineTxForUnknownId": True}
PAUSE_S = 300


@pytest.fixture
def control(base: Path) -> Iterator[Control]:
    with Control(base / "control") as control:
        yield control


def watched(library: Path, base: Path, control: Control) -> dict[str, str]:
    (base / "storage").mkdir()
    return environment(library, base / "storage", control=control.path)


@pytest.mark.parametrize("error_s", [None, HOUR_S, -2 * HOUR_S], ids=["1970", "an hour ahead", "two hours back"])
@pytest.mark.asyncio
async def test_times_are_right_though_the_clock_was_wrong_at_boot(
    error_s: int | None, library: Path, base: Path, control: Control
) -> None:
    async with FaultyCsms() as csms:
        settings = settings_for(csms.url, config=CONFIG)
        async with Daemon(base, settings, watched(library, base, control)) as daemon:
            await until(daemon, delivered, "registration")
            await daemon.api.network(False, persist=True)
            await daemon.stop()
            error_s = -int(time.time()) + 100 if error_s is None else error_s
            control.set(realtime_offset_ns=error_s * S)
            await daemon.start()
            await start_transaction(daemon, "A")
            started = csms.utc()
            await daemon.api.clock(advance_s=65)
            csms.advance(65)
            await daemon.api.swipe("A", 1)
            stopped = csms.utc()
            await free_connector(daemon)
            await daemon.api.network(True)
            await until(daemon, delivered, "the session")
            (account,) = accounts(csms)
            assert_balanced(account)
            assert_same_as_log([account], await daemon.api.events())
            assert len(account.samples) == 2
            for told, true in ((account.start, started), (account.stops[0], stopped)):
                assert abs(utc_of(told.payload["timestamp"]) - true) < timedelta(seconds=5), f"{told}, it was {true}"
            for status in csms.calls("StatusNotification"):
                assert abs(utc_of(status.payload["timestamp"]) - csms.utc()) < timedelta(seconds=120), status
    csms.assert_conforming()


@pytest.mark.parametrize("jump_s", [HOUR_S, 10 * YEAR_S], ids=["an hour", "ten years"])
@pytest.mark.asyncio
async def test_a_calendar_that_jumps_between_boots_that_nobody_confirmed_moves_no_time(
    jump_s: int, library: Path, base: Path, control: Control
) -> None:
    """What it jumped by is not time that passed: a session is told when it was, counted back from the confirmed moment."""
    async with FaultyCsms() as csms:
        settings = settings_for(csms.url, config=CONFIG)
        async with Daemon(base, settings, watched(library, base, control)) as daemon:
            await until(daemon, delivered, "registration")
            await daemon.api.network(False, persist=True)
            await daemon.stop()
            control.set(realtime_offset_ns=-jump_s * S)
            await daemon.start()
            await start_transaction(daemon, "A")
            started = csms.utc()
            await daemon.kill()
            control.set(realtime_offset_ns=0)
            await daemon.start()
            await free_connector(daemon)
            await daemon.kill()
            control.set(realtime_offset_ns=jump_s * S)
            await daemon.start()
            await daemon.api.network(True)
            await until(daemon, delivered, "the session")
            (account,) = accounts(csms)
            assert_balanced(account)
            # The stop is the last moment that the log proves of the first of these boots.
            for told in (account.start, *account.stops):
                assert abs(utc_of(told.payload["timestamp"]) - started) < timedelta(seconds=60), (
                    f"{told}, not {started}"
                )
    csms.assert_conforming()


@pytest.mark.parametrize("utc", ["1970-01-01T00:00:00Z", "ahead", "back"])
@pytest.mark.asyncio
async def test_a_clock_that_is_stepped_while_charging_moves_no_sample_and_turns_no_time_back(
    utc: str, library: Path, base: Path, control: Control
) -> None:
    async with FaultyCsms() as csms:
        settings = settings_for(csms.url, config=CONFIG)
        async with Daemon(base, settings, watched(library, base, control)) as daemon:
            await until(daemon, delivered, "registration")
            await start_transaction(daemon, "A")
            await daemon.api.network(False)
            await daemon.api.clock(advance_s=35)
            step = {"ahead": timedelta(hours=1), "back": timedelta(hours=-2)}.get(utc)
            text = utc if step is None else (csms.utc() + step).strftime("%Y-%m-%dT%H:%M:%SZ")
            await daemon.api.clock(utc=text, trusted=False)
            await daemon.api.clock(advance_s=60)
            csms.advance(95)
            await daemon.api.swipe("A", 1)
            await free_connector(daemon)
            await daemon.api.network(True)
            await until(daemon, delivered, "the session")
            (account,) = accounts(csms)
            assert_balanced(account)
            times = [utc_of(value) for value in account.sample_times()]
            assert len(times) == 3
            assert all(later - earlier < timedelta(seconds=3 * HOUR_S) for earlier, later in itertools.pairwise(times))
    csms.assert_conforming()


@pytest.mark.asyncio
async def test_a_process_that_was_stopped_for_five_minutes_goes_on(library: Path, base: Path, control: Control) -> None:
    async with FaultyCsms() as csms:
        settings = settings_for(csms.url, config={**CONFIG, "WebSocketPingInterval": 60})
        async with Daemon(base, settings, watched(library, base, control)) as daemon:
            await until(daemon, delivered, "registration")
            await start_transaction(daemon, "A")
            await until(daemon, lambda state: state["transactions"][0]["start_confirmed"], "the start")
            os.kill(daemon.pid, signal.SIGSTOP)
            control.set(realtime_offset_ns=PAUSE_S * S, monotonic_offset_ns=PAUSE_S * S)
            csms.advance(PAUSE_S)
            await asyncio.sleep(0.3)
            os.kill(daemon.pid, signal.SIGCONT)
            await daemon.api.swipe("A", 1)
            await free_connector(daemon)
            await until(daemon, delivered, "the session")
            (account,) = accounts(csms)
            assert_balanced(account)
            assert_same_as_log([account], await daemon.api.events())
            lasted = utc_of(account.stops[0].payload["timestamp"]) - utc_of(account.start.payload["timestamp"])
            assert timedelta(seconds=PAUSE_S) <= lasted < timedelta(seconds=PAUSE_S + 30)
            assert len(account.samples) <= 1, "what was not measured was invented"
            assert await daemon.api.healthy()
            assert await daemon.stop() == 0
    csms.assert_conforming()


@pytest.mark.asyncio
async def test_a_station_that_thinks_it_is_1970_gets_in_over_tls_and_learns_the_time(
    library: Path, base: Path, control: Control
) -> None:
    """The certificate of the CSMS begins 56 years later by that clock (white paper, A00.FR.307)."""
    authority = make_authority(base)
    async with Csms(tls=server_context(issue(base, authority))) as csms:
        settings = settings_for(csms.url, csms={"ca_file": str(authority.certificate_file)})
        control.set(realtime_offset_ns=(-int(time.time()) + 100) * S)
        async with Daemon(base, settings, watched(library, base, control)) as daemon:
            state = await until(daemon, delivered, "registration")
            assert state["clock"]["source"] == "CSMS"
            await csms.hang_up()
            await csms.connected(after=1)  # judged by the time that it has learned
