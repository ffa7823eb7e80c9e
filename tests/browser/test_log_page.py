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
    "sessions": "Transaction 2",
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


def moved(browser: Browser, seq: int) -> None:
    """As with the slider."""
    script = "const it = document.querySelector('input[type=range]'); it.value = arguments[0]; it.dispatchEvent(new Event('input', { bubbles: true }))"
    browser.run(script, seq)
    browser.until(
        lambda: browser.run("return document.querySelector('input[type=number]').value") == str(seq), "the moment"
    )


def test_the_slider_moves_every_view_and_time_goes_by_in_it(browser: Browser, tmp_path: Path) -> None:
    log = write_log(lost_session(), tmp_path / "log")
    lines = "return [...document.querySelectorAll('.story li')].map((line) => line.value)"
    with served(log) as url:
        browser.open(f"{url}#story", width=360)
        browser.until_says("Transaction 3 ended")
        moved(browser, 300)
        browser.until(lambda: max(browser.run(lines), default=999) <= 300, "the story to end there")
        moved(browser, 450)
        browser.until(lambda: 430 < max(browser.run(lines), default=0) <= 450, "the story to go on")
        assert browser.run(lines) == sorted(set(browser.run(lines)), reverse=True), "no line twice"
        browser.click("button[aria-label='One event back']")
        browser.until(
            lambda: browser.run("return document.querySelector('input[type=range]').value") == "449", "one back"
        )
        assert browser.violations() == []
        browser.run("location.hash = '#now'")
        browser.until_says("Connector 1")
        browser.run(
            "const it = document.querySelector('.moments select'); it.value = '600'; it.dispatchEvent(new Event('change', { bubbles: true }))"
        )
        moved(browser, 480)
        browser.click_on("Play")
        browser.until(
            lambda: int(browser.run("return document.querySelector('input[type=range]').value")) > 480, "time to go by"
        )
        browser.click_on("Play")
        browser.leave()
