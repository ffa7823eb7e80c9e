"""What people and machines do wrong around the daemon: settings, storage, addresses, bodies, and how it ends.

What a CSMS does wrong stands in test_call_errors.py, test_faulty_csms.py and test_faulty_links.py.
"""

import asyncio
import contextlib
import ctypes
import http.server
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.csms.independent import Csms
from tests.daemon import ROOT, Daemon, free_port, to_toml
from tests.integration.stations import advance, delivered, end_transaction, settings_for, start_transaction, until

DATABASE = "chargebox.db"
NOWHERE = "ws://127.0.0.1:9/ocpp"


def ended(directory: Path, text: str, *, before_exec: Callable[[], None] | None = None) -> tuple[int, str]:
    """`chargebox run` with this settings file, which it cannot run with: the exit status and what it said."""
    file = directory / "chargebox.toml"
    file.write_text(text)
    command = [sys.executable, "-m", "station.cli", "run", "--settings", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, preexec_fn=before_exec)
    assert "Traceback" not in done.stderr, done.stderr
    assert "chargebox: ready" not in done.stderr
    return done.returncode, done.stderr


def written(directory: Path, **tables: Any) -> str:
    """The text of settings with a storage directory and a port of their own."""
    own = {"storage": {"directory": str(directory / "storage")}, "service": {"listen": f"127.0.0.1:{free_port()}"}}
    return to_toml(settings_for(NOWHERE, **{**own, **tables}))


def content(directory: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


# ---- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"csms": {"ulr": "ws://127.0.0.1:1"}, "weather": {"rain": True}}, ("[csms] ulr", "weather")),
        (
            {"csms": {"url": "ws://127.0.0.1:99999/ocpp"}, "station": {"connectors": "one"}},
            ("[csms] url", "connectors"),
        ),
        ({"config": {"HeartBeat": 5}}, ("[config] HeartBeat",)),
        ({"csms": {"security_profile": 1, "authorization_key_file": "/nowhere/key"}}, ("/nowhere/key",)),
        ({"service": {"listen": "127.0.0.1:0", "token_file": "/nowhere/token"}}, ("/nowhere/token",)),
        ({"csms": {"ca_file": "/nowhere/ca.pem"}}, ("[csms] ca_file: /nowhere/ca.pem: cannot be read",)),
        (
            {"storage": {"signing_key_file": "/nowhere/key.pem"}},
            ("chargebox.toml:", "[storage] signing_key_file: /nowhere/key.pem: No such file or directory"),
        ),
    ],
    ids=[
        "unknown",
        "wrong",
        "unknown configuration key",
        "no key file",
        "no token file",
        "no trust anchors",
        "no signing key",
    ],
)
def test_settings_that_cannot_be_used_are_status_2_and_named(
    tmp_path: Path, tables: dict[str, Any], said: tuple[str, ...]
) -> None:
    status, error = ended(tmp_path, written(tmp_path, **tables))
    assert status == 2, error
    assert all(word in error for word in said), error


# ---- storage -----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_log_of_a_newer_version_is_status_3_and_left_as_it_is(tmp_path: Path) -> None:
    async with Daemon(tmp_path, settings_for(NOWHERE)) as daemon:
        await daemon.stop()
    storage = tmp_path / "storage"
    with closing(sqlite3.connect(storage / DATABASE)) as log, log:
        log.execute("INSERT INTO migration VALUES (99, 'from_the_future', 'ab', 99)")
    before = (storage / DATABASE).read_bytes()
    status, error = await asyncio.to_thread(ended, tmp_path, to_toml(daemon.settings))
    assert status == 3, error
    assert "newer version" in error
    assert (storage / DATABASE).read_bytes() == before
    assert not list(storage.glob("quarantine-*"))


@pytest.mark.asyncio
async def test_a_log_that_another_daemon_holds_is_status_3_and_names_it(tmp_path: Path) -> None:
    async with Daemon(tmp_path, settings_for(NOWHERE)) as daemon:
        (tmp_path / "second").mkdir()
        second = daemon.settings | {"service": {"listen": f"127.0.0.1:{free_port()}"}}
        status, error = await asyncio.to_thread(ended, tmp_path / "second", to_toml(second))
        assert status == 3, error
        assert str(daemon.pid) in error
        await daemon.api.plug(1)
        assert await daemon.stop() == 0


def without_privileges() -> None:
    """Before exec: root keeps its files, and loses the right to write where permissions forbid it."""
    libc = ctypes.CDLL(None)
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; nobody else has any to drop


def test_a_directory_that_takes_no_writes_is_status_3(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    storage.mkdir(mode=0o555)
    if os.geteuid() == 0:
        os.chown(storage, 12345, 12345)
    status, error = ended(tmp_path, written(tmp_path), before_exec=without_privileges)
    storage.chmod(0o755)
    assert status == 3, error
    assert str(storage) in error
    assert content(storage) == {}


def test_a_directory_below_a_file_is_status_3(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    storage = tmp_path / "file" / "storage"
    status, error = ended(tmp_path, written(tmp_path, storage={"directory": str(storage)}))
    assert status == 3, error
    assert str(storage) in error


@pytest.mark.asyncio
async def test_a_log_that_vanished_under_a_commissioned_station_is_a_fresh_one_that_names_the_gap(
    tmp_path: Path,
) -> None:
    async with Daemon(tmp_path, settings_for(NOWHERE)) as daemon:
        await daemon.kill()
        for file in (tmp_path / "storage").glob(f"{DATABASE}*"):
            file.unlink()
        await daemon.start()
        events = await daemon.api.events()
        (salvaged,) = [event for event in events if event["type"] == "LogSalvaged"]
        assert salvaged["payload"]["findings"]
        await daemon.restart()
        events = await daemon.api.events()
        assert sum(event["type"] == "LogSalvaged" for event in events) == 1


# ---- addresses ---------------------------------------------------------------------------------------------------


def test_a_taken_listen_address_is_status_1_and_costs_no_boot(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        status, error = ended(tmp_path, written(tmp_path, service={"listen": listen}))
    assert status == 1, error
    assert listen in error
    assert not (tmp_path / "storage").exists()


class _Refusal(http.server.BaseHTTPRequestHandler):
    """A web server that knows nothing of WebSockets."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"hi\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name of the standard library
        return


@contextlib.contextmanager
def plain_http() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusal) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"ws://127.0.0.1:{server.server_port}/ocpp"
        server.shutdown()


@contextlib.contextmanager
def silent_tcp() -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/ocpp"


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    yield NOWHERE


@pytest.mark.parametrize("server", [plain_http, nobody], ids=["no WebSocket", "nobody"])
@pytest.mark.asyncio
async def test_a_csms_that_cannot_be_had_is_tried_again_while_the_station_works(
    tmp_path: Path, server: Callable[[], contextlib.AbstractContextManager[str]]
) -> None:
    with server() as url:
        async with Daemon(tmp_path, settings_for(url, csms={"reconnect_min_s": 0.1, "reconnect_max_s": 0.2})) as daemon:

            async def failures() -> list[Any]:
                return [event for event in await daemon.api.events() if event["type"] == "ConnectFailed"]

            async with asyncio.timeout(20):
                while len(await failures()) < 3:  # noqa: ASYNC110  # the daemon knows nothing of its test
                    await asyncio.sleep(0.05)
            assert all(failure["payload"]["reason"] for failure in await failures())
            assert await daemon.api.healthy()
            await daemon.api.plug(1)
            assert (await daemon.api.connector(1))["plugged"]
            assert await daemon.stop() == 0


@pytest.mark.asyncio
async def test_a_csms_that_never_answers_the_handshake_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with silent_tcp() as url:
        async with Daemon(tmp_path, settings_for(url)) as daemon:
            assert await daemon.api.healthy()
            assert await daemon.stop() == 0


@pytest.mark.asyncio
async def test_bodies_that_are_no_json_or_say_nonsense_are_refused_and_change_nothing(tmp_path: Path) -> None:
    async with Daemon(tmp_path, settings_for(NOWHERE)) as daemon:
        before = (await daemon.api.state())["connectors"]
        base = f"http://127.0.0.1:{daemon.service_port}"
        async with httpx2.AsyncClient(base_url=base, trust_env=False) as http_client:
            for path, body, status in (
                ("/bench/swipe", b"{", 400),
                ("/bench/swipe", b"\xff\xfe", 400),
                ("/bench/swipe", b"[1]", 422),
                ("/bench/swipe", b'{"id_tag": 5}', 422),
                ("/bench/swipe", b'{"id_tag": "' + b"X" * 21 + b'"}', 422),
                ("/bench/connectors/1/plug", b'{"ev": "yes"}', 422),
                ("/bench/connectors/1/plug", b'{"elephant": 1}', 422),
                ("/bench/connectors/9/plug", b"{}", 404),
                ("/bench/connectors/1/fault", b'{"error_code": "NoError"}', 422),
                ("/bench/clock", b'{"utc": "tomorrow"}', 422),
                ("/bench/nothing", b"{}", 404),
            ):
                response = await http_client.post(path, content=body)
                assert response.status_code == status, (path, body, response.text)
                assert "Traceback" not in response.text
        assert (await daemon.api.state())["connectors"] == before


# ---- the end -----------------------------------------------------------------------------------------------------


def send(daemon: Daemon, *signals: signal.Signals) -> None:
    for number in signals:
        os.kill(daemon.pid, number)


@pytest.mark.parametrize(
    ("signals", "policy"),
    [
        ((signal.SIGTERM, signal.SIGTERM), "stop"),
        ((signal.SIGINT,), "stop"),
        ((signal.SIGTERM,), "resume"),
    ],
    ids=["SIGTERM twice", "SIGINT", "SIGTERM, resume"],
)
@pytest.mark.asyncio
async def test_a_signal_while_charging_ends_it_in_bounded_time_and_nothing_is_lost(
    tmp_path: Path, signals: tuple[signal.Signals, ...], policy: str
) -> None:
    """With "stop" it ends with Reboot before the exit, with "resume" it stays open."""
    async with Csms() as csms:
        settings = settings_for(csms.url, daemon={"power_loss_policy": policy}, config={"MeterValueSampleInterval": 60})
        async with Daemon(tmp_path, settings) as daemon:
            await start_transaction(daemon, "A")
            start = await csms.expect("StartTransaction", id_tag="A")
            await advance(daemon, csms, 120)
            send(daemon, *signals)
            assert await daemon.exited() == 0
            stops = csms.calls("StopTransaction")
            assert [stop.payload["reason"] for stop in stops] == (["Reboot"] if policy == "stop" else [])
            await daemon.start()
            if policy == "resume":
                await until(daemon, lambda state: state["connectors"][1]["status"] == "Charging", "charging to go on")
                await end_transaction(daemon, "A")
            await until(daemon, delivered, "everything to be delivered")
            (stop,) = csms.calls("StopTransaction")
            assert stop.payload["meterStop"] > start.payload["meterStart"]
            assert len(csms.calls("StartTransaction")) == 1
            stopped = [event for event in await daemon.api.events() if event["type"] == "StationStopped"]
            assert [event["payload"]["why"] for event in stopped] == [signals[0].name]


@pytest.mark.asyncio
async def test_a_signal_while_the_csms_is_silent_ends_it_all_the_same(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await start_transaction(daemon, "A")
        await csms.expect("StartTransaction")
        await until(daemon, lambda state: state["outbox"]["pending"] == 0, "the start to be delivered")
        await daemon.api.network(False, silent=True)
        assert await daemon.stop() == 0
        await daemon.start()
        await until(daemon, delivered, "everything to be delivered")
        (stop,) = csms.calls("StopTransaction")
        assert stop.payload["reason"] == "Reboot"


@pytest.mark.asyncio
async def test_a_reset_replaces_the_process_in_place(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await start_transaction(daemon, "A")
        await csms.expect("StartTransaction")
        pid, boot = daemon.pid, (await daemon.api.state())["station"]["boot"]
        assert (await csms.request("Reset", type="Soft"))["status"] == "Accepted"
        await daemon.ready(2)
        state = await until(daemon, delivered, "everything to be delivered")
        assert state["station"]["boot"] == boot + 1
        assert daemon.running
        assert daemon.pid == pid
        assert [call.payload["reason"] for call in csms.calls("StopTransaction")] == ["SoftReset"]
        assert len(csms.calls("BootNotification")) == 2
        assert await daemon.stop() == 0


@pytest.mark.asyncio
async def test_a_reset_ends_the_process_if_the_settings_say_so(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url, daemon={"on_reset": "exit"})) as daemon:
        await csms.expect("BootNotification")
        assert (await csms.request("Reset", type="Hard"))["status"] == "Accepted"
        assert await daemon.exited() == 0
        assert daemon.ready_count == 1


@pytest.mark.asyncio
async def test_a_storage_that_fails_while_charging_is_status_70_and_nothing_that_was_told_is_lost(
    tmp_path: Path,
) -> None:
    """A stranger holds the database for longer than SQLite waits: no retry, outputs safe, the next process goes on."""
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await start_transaction(daemon, "A")
        await csms.expect("StartTransaction")
        await until(daemon, lambda state: state["outbox"]["pending"] == 0, "the start to be delivered")
        with closing(sqlite3.connect(tmp_path / "storage" / DATABASE, isolation_level=None)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            with contextlib.suppress(httpx2.HTTPError, AssertionError):
                await daemon.api.swipe("B", 1)
            assert await daemon.exited() == 70
            stranger.execute("ROLLBACK")
        assert "storage" in daemon.stderr_text() or "locked" in daemon.stderr_text()
        await daemon.start()
        await until(daemon, delivered, "everything to be delivered")
        (stop,) = csms.calls("StopTransaction")
        assert stop.payload["reason"] in {"PowerLoss", "Reboot"}


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket that a supervisor gives, which wants a sign of life every 200 ms (sd_notify(3))."""
    address = Path(f"/tmp/chargebox-notify-{os.getpid()}")  # the path of a socket has 107 characters at most
    monkeypatch.setenv("NOTIFY_SOCKET", str(address))
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(address))
        listening.setblocking(False)
        yield listening
    address.unlink()


@pytest.mark.asyncio
async def test_the_supervisor_is_told_ready_alive_and_stopping(tmp_path: Path, supervisor: socket.socket) -> None:
    told: list[str] = []
    async with Daemon(tmp_path, settings_for(NOWHERE), fresh=True) as daemon:
        async with asyncio.timeout(20):
            while "READY=1" not in told or told.count("WATCHDOG=1") < 3:
                told.append((await asyncio.get_running_loop().sock_recv(supervisor, 100)).decode())
        assert await daemon.stop() == 0
    with contextlib.suppress(BlockingIOError):
        while True:
            told.append(supervisor.recv(100).decode())
    assert told.count("READY=1") == 1
    assert told.count("STOPPING=1") == 1
    assert told.index("READY=1") < told.index("STOPPING=1")
