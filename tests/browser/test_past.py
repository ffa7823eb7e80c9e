"""The past of a living station in a real browser: any moment of it, while the station goes on, and back to now at one click."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Browser
from tests.browser.test_page import beside, looked_at

VIEWS = {
    "sessions": "Nothing to show.",
    "story": "Connected to the CSMS",
    "conversation": "BootNotification",
    "schedule": "Connector 1",
    "configuration": "HeartbeatInterval",
}
CHANGES = {
    "sessions": ("Transaction 1", "Δ new"),
    "conversation": ("StartTransaction Δ new",),
    "story": ("Transaction 1 ended on connector 1", "Δ new"),
}
"""What is marked from before the tag was presented to the end of its session."""
PLACE = "return Number(document.querySelector('input[type=range]').value)"


def moved(browser: Browser, seq: int) -> None:
    """As with the slider."""
    script = "const it = document.querySelector('input[type=range]'); it.value = arguments[0]; it.dispatchEvent(new Event('input', { bubbles: true }))"
    browser.run(script, seq)
    browser.until_says(f"as it was after event {seq}", selector=".log")


async def seq_of(daemon: Any, kind: str) -> int:
    """The last event of a kind."""
    events = await daemon.api.get("/api/events?after=0&limit=1000")
    return max(event["seq"] for event in events["events"] if event["type"] == kind)


@pytest.mark.asyncio
async def test_any_past_moment_is_looked_at_while_the_station_goes_on(browser: Browser, tmp_path: Path) -> None:
    async with looked_at(browser, tmp_path) as (daemon, _, url):
        await daemon.api.plug(1)
        await beside(browser.open, url, width=360)
        await beside(browser.until_says, "Preparing")
        await daemon.api.swipe("DEADBEEF", 1)
        await beside(browser.until_says, "Charging", "The vehicle is being charged.")
        assert await beside(browser.violations) == []
        before = await seq_of(daemon, "IdTagPresented") - 1

        await beside(moved, browser, before)
        await beside(browser.until_says, "Preparing", "nobody has authorized it")
        assert "This is the past" in await beside(browser.text, ".log")
        for view, says in VIEWS.items():
            await beside(browser.run, f"location.hash = '#{view}'")
            await beside(browser.until_says, says)
            assert await beside(browser.violations) == [], view
            assert await beside(browser.run, "return document.documentElement.scrollWidth") <= 360
        names = await beside(browser.run, "return [...document.querySelectorAll('nav a')].map((link) => link.hash)")
        assert "#bench" not in names, "nothing acts on the past"

        await daemon.api.swipe("DEADBEEF", 1)  # the station goes on meanwhile
        await beside(browser.run, "location.hash = '#now'")
        await beside(browser.until_says, "Preparing")
        await beside(browser.click, "button[aria-label='One event on']")
        await beside(browser.until_says, f"as it was after event {before + 1}", selector=".log")
        await beside(browser.click_on, "Back to now")
        await beside(browser.until_says, "Finishing")
        assert "This is the past" not in await beside(browser.text, ".log")

        stopped = await seq_of(daemon, "TransactionStopped")
        await beside(moved, browser, before)
        await beside(moved, browser, stopped)
        await beside(browser.until_says, "Δ before: Preparing", "closed Δ before: open")
        assert f"Δ marks what has changed since event {before}" in await beside(browser.text, ".log")
        for view, marks in CHANGES.items():
            await beside(browser.run, f"location.hash = '#{view}'")
            await beside(browser.until_says, *marks)
            assert await beside(browser.violations) == [], view
        await beside(moved, browser, before)
        await beside(browser.until, lambda: "Δ new" not in browser.text(), "marks to go")
        await beside(browser.click_on, "Play")
        await beside(browser.until, lambda: browser.run(PLACE) > before, "time to go by")
        await beside(browser.until_says, "Transaction 1 started")
