"""The page of a log in a real browser, as `chargebox replay LOG page` serves it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.chromium import Browser
from tests.replay_logs import lost_session, write_log

MIDDLE = "300"
VIEWS = {
    "story": "Transaction 2 started",
    "conversation": "StartTransaction",
    "schedule": "Connector 1",
    "configuration": "HeartbeatInterval",
}


@contextmanager
def served(log: Path, *options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "station.cli", "replay", str(log), "page", "--json", "--no-cache", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told: Any = json.loads(process.stdout.read(1) + _rest(process))
        try:
            yield told["url"]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0


def _rest(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    text = ""
    while not text.rstrip().endswith("}"):
        text += process.stdout.readline()
    return text


def test_a_moment_of_a_log_is_looked_at_in_every_view(browser: Browser, tmp_path: Path) -> None:
    log = write_log(lost_session(), tmp_path / "log")
    before = {path: path.read_bytes() for path in log.iterdir() if path.is_file()}
    with served(log, "--at", MIDDLE) as url:
        for width in (360, 1280):
            browser.open(url, width=width, is_dark=width == 360)
            head = browser.until_says("A log, read from", MIDDLE, "Nothing of this log was verified", selector=".log")
            assert "WHOLE" not in head
            browser.until_says("Connector 1", "Connector 2")
            assert browser.violations() == []
            for view, says in VIEWS.items():
                browser.run(f"location.hash = '#{view}'")
                browser.until_says(says)
                assert browser.violations() == [], view
                assert browser.run("return document.documentElement.scrollWidth") <= width
        names = browser.run("return [...document.querySelectorAll('nav a')].map((link) => link.hash.slice(1))")
        assert names == ["now", *VIEWS]
        browser.leave()
    assert {path: path.read_bytes() for path in log.iterdir() if path.is_file()} == before


def test_what_was_verified_stands_above_everything(browser: Browser, tmp_path: Path) -> None:
    with served(write_log(lost_session(), tmp_path / "log"), "--verify", "decide") as url:
        browser.open(url, width=360)
        browser.until_says("The log is WHOLE", selector=".log")
        browser.click(".log summary")
        browser.until_says("NOT proven: that it is the log which the station wrote", selector=".log")
        assert browser.violations() == []
        browser.leave()
