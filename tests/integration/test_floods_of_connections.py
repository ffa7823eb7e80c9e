"""Strangers with a thousand connections: nothing changes for the driver at the socket, nor for who asks from this machine.

The daemon has 1,024 file descriptors, as systemd gives it. Nothing is measured to the millisecond: SERVED_S is far above what
a request takes, and far below what a silent connection may stay.
"""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import delivered, end_transaction, settings_for, start_transaction, until

DESCRIPTORS = 1_024
STRANGERS = 1_100
CONNECTIONS_MAX = 128
SERVED_S = 60.0
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "
HALF_A_BODY = b"POST /bench/swipe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """For the strangers, who are this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = STRANGERS + 500
    if before[1] != resource.RLIM_INFINITY and before[1] < wanted:
        pytest.skip(f"this process may have {before[1]} descriptors only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], wanted), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def strangers(port: int, count: int, words: bytes = b"") -> Iterator[None]:
    """So many connections at once, each of which says this and then nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stranger = stack.enter_context(socket.socket())
            stranger.setblocking(False)
            stranger.connect_ex(("127.0.0.1", port))
            if words:
                with contextlib.suppress(OSError):  # not connected yet, or sent away already
                    stranger.send(words)
        yield


def descriptors_of(pid: int) -> int:
    """How many are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  # their number is all that is wanted


@pytest_asyncio.fixture
async def daemon(tmp_path: Path, many_descriptors: None) -> AsyncIterator[Daemon]:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        await until(daemon, lambda state: state["registration"]["status"] == "Accepted", "registration")
        yield daemon


async def served(daemon: Daemon) -> None:
    """A request of this machine is answered."""
    async with asyncio.timeout(SERVED_S):
        assert await daemon.api.healthy()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(b"", id="silent"),
        pytest.param(HALF_A_HEAD, id="half a head"),
        pytest.param(HALF_A_BODY, id="half a body"),
    ],
)
async def test_a_thousand_connections_stop_neither_a_session_nor_a_request(daemon: Daemon, words: bytes) -> None:
    before = descriptors_of(daemon.pid)
    with strangers(daemon.service_port, STRANGERS, words):
        await served(daemon)
        await start_transaction(daemon, "A")
        await served(daemon)
        at_most = descriptors_of(daemon.pid)
        await end_transaction(daemon, "A")
        await until(daemon, delivered, "the session to be told")
    assert at_most <= before + CONNECTIONS_MAX + 16
    print(f"{before} descriptors before, {at_most} with {STRANGERS} strangers")
    assert await daemon.stop() == 0
    crowd = [line for line in daemon.stderr if "too many connections" in line]
    assert len(crowd) <= 2, "one line for many"


@pytest.mark.asyncio
async def test_who_comes_again_and_again_keeps_nobody_from_being_served(daemon: Daemon) -> None:
    async def come_again() -> None:
        while True:
            with strangers(daemon.service_port, 50):
                await asyncio.sleep(0.05)

    flood = asyncio.create_task(come_again())
    try:
        for _ in range(5):
            await served(daemon)
        await start_transaction(daemon, "A")
        await end_transaction(daemon, "A")
    finally:
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
    assert await daemon.stop() == 0


@pytest.mark.asyncio
async def test_a_station_with_few_descriptors_left_goes_on_and_ends_in_order(daemon: Daemon) -> None:
    """Nothing can be opened any more: a transaction is recorded and witnessed even so."""
    await start_transaction(daemon, "A")
    asking = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{daemon.service_port}", trust_env=False)
    async with asking:
        await asking.get("/healthz")  # the connection that the test goes on with
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, DESCRIPTORS))
        response = await asking.post("/bench/swipe", json={"id_tag": "A", "connector_id": 1})
        assert response.status_code == 200, response.text
        assert daemon.running
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    await until(daemon, delivered, "the session to be told")
    assert await daemon.stop() == 0


ORIGIN = {"Origin": "http://localhost:3000"}


@pytest.mark.asyncio
async def test_a_page_of_another_port_of_this_machine_drives_nothing(daemon: Daemon) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{daemon.service_port}", trust_env=False) as page:
        for method, path in (("POST", "/bench/emergency-stop"), ("POST", "/api/data-transfer"), ("GET", "/api/state")):
            response = await page.request(method, path, headers=ORIGIN, content=b'{"pressed": true}')
            assert (response.status_code, list(response.json())) == (403, ["error"]), path
    state: Any = await daemon.api.state()
    assert state["connectors"][0]["error_code"] == "NoError"


@pytest.mark.asyncio
async def test_wrong_tokens_are_slowed_and_told_in_one_line_and_the_right_one_is_let_in(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("the-right-one")
    token.chmod(0o600)
    settings = settings_for("ws://127.0.0.1:9/ocpp", service={"token_file": str(token)})
    async with Daemon(tmp_path, settings) as daemon:
        base = f"http://127.0.0.1:{daemon.service_port}"
        async with httpx2.AsyncClient(base_url=base, trust_env=False, timeout=SERVED_S) as http:

            async def ask(word: str) -> int:
                return (await http.get("/healthz", headers={"Authorization": f"Bearer {word}"})).status_code

            for number in range(5):
                assert await ask(f"guess-{number}") == 401
            statuses = await asyncio.gather(*(ask(f"guess-{number}") for number in range(40)), ask("the-right-one"))
            assert set(statuses[:-1]) == {401, 429}
            assert statuses.count(401) <= 12, "most were not even waited for"
            assert statuses[-1] == 200
        assert await daemon.stop() == 0
        assert sum("wrong or no token" in line for line in daemon.stderr) == 1
        assert "guess" not in daemon.stderr_text()
