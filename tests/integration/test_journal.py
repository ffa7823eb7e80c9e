"""The journal of a real daemon: what it says of a day, under systemd and without, as text and as JSON, and to the supervisor."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from station import VERSION
from station.demo.bench_station import BenchStation
from station.demo.csms import Csms as DemoCsms
from station.demo.screen import Narrator, Speaker
from station.demo.story import AGREED, DemoStory
from station.runtime.clock import SystemClock
from tests.csms.independent import Csms
from tests.daemon import ROOT, Daemon
from tests.integration.stations import end_transaction, settings_for, start_transaction, until

GOLDEN = Path(__file__).parents[1] / "corpora" / "journal"
# As systemd does it: JOURNAL_STREAM names the device and the inode of what stderr is (systemd.exec(5)).
UNDER_SYSTEMD = "s = os.fstat(2); os.environ['JOURNAL_STREAM'] = f'{s.st_dev}:{s.st_ino}'"
READY = "chargebox: ready"
LINK = re.compile(r"Connect|Could not connect|Registered")
SECRET = "s3cr3t-pass"


class Nothing:
    """A screen that shows nothing."""

    def line(self, voice: Speaker, text: str) -> None:
        pass

    def live(self, text: str) -> None:
        pass


async def journal_of_the_demo(directory: Path) -> list[str]:
    clock = SystemClock()
    async with DemoCsms(clock) as csms:
        bench = BenchStation(directory, csms.url)
        try:
            assert await DemoStory(Narrator(Nothing(), clock), clock, csms, bench, 0.1).tell() == AGREED
        finally:
            await bench.close()
        return bench.journal()


def normalised(line: str) -> str:
    """The line without what differs from run to run."""
    for pattern, instead in (
        (re.escape(VERSION), "VERSION"),
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"\d+\.\d{3} kWh", "ENERGY"),
        (r"(?:in|next try in) \d+(?:\.\d)? (?:ms|s|min)(?: \d+ s)?\b", "in TIME"),
        (r"\d+ failed attempts?", "SOME failed attempts"),
        (r"since \d\d:\d\d", "since TIME"),
    ):
        line = re.sub(pattern, instead, line)
    return line


def told(lines: list[str]) -> str:
    """What is told of the sessions, and then of the link: they run side by side. Repetitions are a matter of how long it took."""
    once = [normalised(line) for line in lines if " time since " not in line and line != READY]
    sessions = [line for line in once if not LINK.search(line)]
    return "\n".join([*sessions, "", *(line for line in once if LINK.search(line))]) + "\n"


@pytest.mark.asyncio
async def test_the_journal_of_the_demonstration_is_as_it_was(tmp_path: Path) -> None:
    lines = await journal_of_the_demo(tmp_path)
    assert told(lines) == (GOLDEN / "demo.txt").read_text(encoding="utf-8")
    assert lines.count(READY) == 2
    assert len(lines) < 50


@pytest.mark.asyncio
async def test_under_systemd_each_line_has_its_priority_and_the_ready_line_is_as_ever(tmp_path: Path) -> None:
    async with Csms() as csms:
        csms.always("Authorize", {"id_tag_info": {"status": "Invalid"}})
        async with Daemon(tmp_path, settings_for(csms.url), wrapper=UNDER_SYSTEMD) as daemon:
            await csms.expect("BootNotification")
            await daemon.api.plug(1)
            await daemon.api.swipe("STRANGER", 1)
            await csms.expect("Authorize")
            await daemon.api.fault(1, "GroundFailure")
            await daemon.api.clear_fault(1)
            assert await daemon.stop() == 0
    lines = daemon.stderr
    assert READY in lines
    others = [line for line in lines if line != READY]
    assert all(re.match(r"<[2-7]>", line) for line in others)
    assert "<6>Tag …NGER REFUSED on connector 1: Invalid" in others
    assert "<3>FAULT GroundFailure on connector 1" in others
    assert "<6>Fault GroundFailure cleared on connector 1" in others
    assert others[-1] == "<6>Ended in order: SIGTERM"


@pytest.mark.asyncio
async def test_a_journal_stream_of_another_process_is_none(tmp_path: Path) -> None:
    async with (
        Csms() as csms,
        Daemon(tmp_path, settings_for(csms.url), {**os.environ, "JOURNAL_STREAM": "8:1"}) as daemon,
    ):
        await csms.expect("BootNotification")
        await daemon.stop()
    assert daemon.stderr[0].startswith("INFO chargebox: Boot 1")


@pytest.mark.asyncio
async def test_as_json_every_record_is_an_object_and_events_say_where_they_are_in_the_log(tmp_path: Path) -> None:
    async with Csms() as csms:
        settings = settings_for(csms.url, logging={"format": "json", "id_tags": "full"})
        async with Daemon(tmp_path, settings) as daemon:
            await start_transaction(daemon, "WHOLE-TAG")
            await end_transaction(daemon, "WHOLE-TAG")
            events = {event["seq"]: event["type"] for event in await daemon.api.events()}
            await daemon.stop()
    records = [json.loads(line) for line in daemon.stderr if line != READY]
    assert len(records) == len(daemon.stderr) - 1
    assert all({"time", "level", "logger", "message"} <= set(each) for each in records)
    started = next(each for each in records if each.get("type") == "TransactionStarted")
    assert (started["level"], started["logger"]) == ("info", "chargebox")
    assert (started["connector_id"], started["transaction_number"]) == (1, 1)
    assert "WHOLE-TAG" in started["message"]
    assert all(events[each["seq"]] == each["type"] for each in records if each.get("seq", 0) in events)


@pytest.mark.asyncio
async def test_warnings_alone_are_told_where_the_settings_say_so(tmp_path: Path) -> None:
    settings = settings_for("ws://127.0.0.1:9/ocpp", logging={"level": "warning"})
    async with Daemon(tmp_path, settings) as daemon:
        await until(daemon, lambda _: any("Could not connect" in line for line in daemon.stderr), "a failure")
        await daemon.stop()
    assert all(line.startswith("WARNING ") for line in daemon.stderr if line != READY)


@pytest.mark.asyncio
async def test_the_supervisor_is_told_that_it_is_ready_what_it_does_and_that_it_stops(tmp_path: Path) -> None:
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(supervisor, lambda: heard.append(supervisor.recv(4096).decode()))
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        async with Csms() as csms, Daemon(tmp_path / "station", settings_for(csms.url), environment) as daemon:
            await start_transaction(daemon, "A")
            await until(daemon, lambda state: state["connectors"][1]["status"] == "Charging", "energy")
            await daemon.stop()
            await until_heard(heard, "Ended in order: SIGTERM")
        loop.remove_reader(supervisor)
    assert heard.index("READY=1") < heard.index("STOPPING=1")
    charging = "STATUS=Connected and accepted; connector 1 Charging (transaction 1, 32.0 A). "
    assert any(text.startswith(charging) for text in heard)


async def until_heard(heard: list[str], last: str) -> None:
    async with asyncio.timeout(20):
        while not heard[-1].endswith(last):  # noqa: ASYNC110  # the socket's reader tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_stderr_that_nobody_reads_holds_up_neither_the_station_nor_its_end(tmp_path: Path) -> None:
    """The pipe is full before the daemon says its first word."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 65_536)
    except BlockingIOError:
        os.set_blocking(writing, True)
    async with Csms() as csms:
        daemon = Daemon(tmp_path, settings_for(csms.url))
        command = (sys.executable, "-m", "station.cli", "run", "--settings", str(daemon.write_settings()))
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=writing)
        os.close(writing)
        try:
            await csms.expect("BootNotification")
            await start_transaction(daemon, "A")
            await csms.expect("StartTransaction")
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                assert await process.wait() == 0
        finally:
            await daemon.api.close()
            os.close(reading)
            if process.returncode is None:
                process.kill()
                await process.wait()
        await csms.expect("StopTransaction")


@pytest.mark.asyncio
async def test_no_secret_is_in_it(tmp_path: Path) -> None:
    key = "0123456789abcdef0123456789abcdef"
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url, logging={"level": "debug"})) as daemon:
        await csms.expect("BootNotification")
        await csms.request("ChangeConfiguration", key="AuthorizationKey", value=key)
        location = f"ftp://user:{SECRET}@127.0.0.1:9/x?token={SECRET}"
        await csms.request("GetDiagnostics", location=location)
        await csms.request("UpdateFirmware", location=location, retrieve_date="2026-01-01T00:00:00Z")
        await until(daemon, lambda _: any("UploadFailed" in line for line in daemon.stderr), "a failed upload")
        await daemon.stop()
    text = daemon.stderr_text()
    assert SECRET not in text
    assert key not in text.lower()
    assert "Diagnostics asked for: ftp://127.0.0.1:9/x?(withheld)" in text
