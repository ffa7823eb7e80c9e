"""The page of a log in one file, opened from the disk in a real browser that has no network."""

from pathlib import Path
from typing import Any

from station.cli.main import main
from tests.browser.chromium import Browser
from tests.replay_logs import lost_session, write_log

LINES = "return [...document.querySelectorAll('.story li')].map((line) => line.value)"
VIEWS = {
    "sessions": ("Transaction 2",),
    "story": ("Transaction 2 started",),
    "conversation": ("StartTransaction",),
    "schedule": ("Connector 1",),
    "configuration": ("HeartbeatInterval",),
}


def written(tmp_path: Path, *options: str) -> str:
    """The address of the file."""
    log, file = write_log(lost_session(), tmp_path / "log"), tmp_path / "page.html"
    assert main(["replay", str(log), "page", "--no-cache", "--out", str(file), *options]) == 0
    return file.as_uri()


def moved(browser: Browser, seq: int) -> None:
    """As with the slider."""
    script = "const it = document.querySelector('input[type=range]'); it.value = arguments[0]; it.dispatchEvent(new Event('input', { bubbles: true }))"
    browser.run(script, seq)
    browser.until_says(f"as it was after event {seq}", selector=".log")


def attribute(browser: Browser, name: str) -> Any:
    return browser.run("return Number(document.querySelector('input[type=range]')[arguments[0]])", name)


def test_a_transaction_is_looked_at_from_a_disk_without_a_network(browser: Browser, tmp_path: Path) -> None:
    url = written(tmp_path, "--transaction", "2", "--verify", "decide")
    with browser.offline():
        for width in (360, 1280):
            browser.open(url, width=width, is_dark=width == 360)
            browser.until_says("One file with events 165–421 (1–515)", "It proves nothing by itself", selector=".log")
            browser.until_says("The log is WHOLE", "It is an excerpt", selector=".log")
            browser.until_says("Connector 1", "Connector 2")
            for view, says in VIEWS.items():
                browser.run(f"location.hash = '#{view}'")
                browser.until_says(*says[:1])
                assert browser.violations() == [], view
                assert browser.run("return document.documentElement.scrollWidth") <= width
        assert (attribute(browser, "min"), attribute(browser, "max")) == (165, 421)
        browser.run("location.hash = '#now'")
        moved(browser, 185)
        browser.until_says("Charging", "Transaction 2")
        moved(browser, 262)
        browser.until_says("Finishing", "Δ before: Charging")
        browser.run("location.hash = '#story'")
        browser.until_says("Transaction 2 ended on connector 1", "Δ new")
        moved(browser, 200)
        browser.until(lambda: max(browser.run(LINES)) <= 200, "the story to end there")
        browser.run("location.hash = '#conversation'")
        moved(browser, 421)
        browser.until_says("StartTransaction")
        browser.click("button.small")
        browser.until_says("meterStop", selector="pre")
        browser.run("location.hash = '#sessions'")
        browser.until_says("Transaction 2")
        browser.click("button.small")
        browser.until_says("9.568 kWh", "Transaction 2 started")
        browser.until(lambda: browser.run("return !!document.querySelector('.curve canvas')"), "a curve")
        moved(browser, 171)
        browser.run(
            "const it = document.querySelector('.moments select'); it.value = '600'; it.dispatchEvent(new Event('change', { bubbles: true }))"
        )
        browser.click_on("Play")
        browser.until(lambda: attribute(browser, "value") > 171, "time to go by")
        browser.click_on("Play")
        assert browser.violations() == []
        browser.leave()
