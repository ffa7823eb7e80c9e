"""`chargebox demo` as a newcomer runs it, and what it says when the books do not agree."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from station.demo.csms import Csms, Received
from station.demo.story import AGREED, DISAGREED, Options, play
from tests.paper import Paper

FAST = "0.1"
IN_S = 90


class ForgetfulCsms(Csms):
    """Answers everything, but forgets the first sample."""

    forgotten = False

    def note(self, received: Received) -> None:
        if received.action == "MeterValues" and not self.forgotten:
            self.forgotten = True
            return
        super().note(received)


def leftovers(directory: Path) -> list[Path]:
    return list(directory.iterdir())


@asynccontextmanager
async def demo(tmp_path: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command in a process group of its own, its files under `tmp_path`; nothing of it may be left afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "station.cli", "demo", "--pace", FAST, *options),
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(IN_S):
            yield process
            await process.wait()
        assert leftovers(tmp_path) == []
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def read_until(process: asyncio.subprocess.Process, wanted: str) -> str:
    """What the command writes up to and with the line that holds this."""
    assert process.stdout is not None
    text = ""
    while wanted not in text:
        line = await process.stdout.readline()
        assert line, f"the output ended before {wanted!r}:\n{text}"
        text += line.decode()
    return text


@pytest.mark.asyncio
async def test_the_story_ends_with_books_that_agree_and_stays_up_if_asked_to(tmp_path: Path) -> None:
    async with demo(tmp_path, "--keep") as process:
        text = await read_until(process, "a tag ")
        assert "They agree: 2 transactions" in text
        for told in ("kill -9", "The network is cut", "PowerLoss", "in the outbox"):
            assert told in text
        assert "\x1b" not in text, "plain text where no terminal is"
        (url,) = set(re.findall(r"http://127\.0\.0\.1:\d+", text))
        assert f"the page  {url}/\n" in text
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            assert "<title>chargebox</title>" in (await http.get("/")).text
            state = (await http.get("/api/state")).json()
        assert (state["outbox"]["pending"], state["transactions"]) == (0, [])
        process.send_signal(signal.SIGINT)
    assert process.returncode == AGREED


@pytest.mark.asyncio
async def test_a_call_that_the_csms_never_noted_makes_it_fail() -> None:
    paper = Paper()
    assert await play(paper, Options(pace=float(FAST)), ForgetfulCsms()) == DISAGREED
    assert "1 never arrived" in paper.text()
    assert "They do not agree" in paper.text()


@pytest.mark.asyncio
@pytest.mark.parametrize("line", ["is switched on", "holds the tag", "kill -9"])
async def test_ctrl_c_ends_it_cleanly_wherever_it_is(tmp_path: Path, line: str) -> None:
    async with demo(tmp_path) as process:
        await read_until(process, line)
        os.killpg(process.pid, signal.SIGINT)  # a terminal tells the whole group
    assert process.returncode == 128 + signal.SIGINT


@pytest.mark.asyncio
async def test_it_ends_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "station.cli", "demo", "--pace", FAST),
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    os.close(reading)
    async with asyncio.timeout(IN_S):
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (128 + signal.SIGPIPE, b"")
    assert leftovers(tmp_path) == []
