"""The page in a real browser, on a real daemon: what somebody sees who stands in front of the station."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.browser.chromium import Browser
from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import settings_for, until

T = TypeVar("T")
HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script> \u05e9\u05dc\u05d5\u05dd"
LONG = "<b>" + 9_990 * "x"
TAB, ENTER = "\ue004", "\ue007"
VIEWS = {
    "sessions": "Transaction 1, Connector 1",
    "story": "Transaction 1 started",
    "conversation": "StartTransaction",
    "schedule": "A transaction runs: this is its limit.",
    "configuration": "HeartbeatInterval",
    "bench": "Each button is a hand on the simulated world.",
    "service": "No tag was refused of late.",
}
"""What each of the other views says once a transaction runs."""
LINES = "return [...document.querySelectorAll('.story li')].map((line) => line.value)"


async def beside(work: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """The browser's turn, in a thread: the CSMS lives on this loop."""
    return await asyncio.to_thread(work, *arguments, **named)


@asynccontextmanager
async def looked_at(browser: Browser, directory: Path) -> AsyncIterator[tuple[Daemon, Csms, str]]:
    """A station that a CSMS has accepted, that CSMS, and the address of the page, which is left before they end."""
    async with Csms() as csms, Daemon(directory, settings_for(csms.url)) as daemon:
        await accepted(daemon)
        try:
            yield daemon, csms, f"http://127.0.0.1:{daemon.service_port}/"
        finally:
            await beside(browser.leave)


async def accepted(daemon: Daemon) -> None:
    await until(daemon, lambda state: state["registration"]["status"] == "Accepted", "the CSMS to accept the station")


@pytest.mark.asyncio
async def test_a_session_a_cut_and_a_kill_are_seen_through_the_page(browser: Browser, tmp_path: Path) -> None:
    async with looked_at(browser, tmp_path) as (daemon, _, url):
        await beside(browser.open, url, width=360)
        await beside(browser.until_says, "Available", "no vehicle is connected", "Connect a vehicle and present a tag")
        await daemon.api.plug(1)
        await beside(browser.until_says, "Preparing", "nobody has authorized it", "Present a tag.")
        await daemon.api.swipe("DEADBEEF", 1)
        await beside(
            browser.until_says, "Charging", "The vehicle is being charged.", "by the station's maximum current"
        )
        assert "DEADBEEF" not in await beside(browser.text, "body")
        await beside(browser.until, lambda: "kW" in browser.text(".figures"), "figures")
        await beside(browser.until, lambda: browser.run("return !!document.querySelector('.curve canvas')"), "a curve")

        await daemon.api.network(False)
        await daemon.api.swipe("DEADBEEF", 1)
        await beside(browser.until_says, "Finishing", "not connected", "They wait for the connection; nothing is lost.")
        await daemon.api.network(True)
        await beside(browser.until_says, "none: the CSMS has everything")

        await beside(browser.click, "a[href='#story']")
        await beside(browser.until_says, "Transaction 1 ended on connector 1 by the presented tag")
        await daemon.kill()
        await beside(browser.until_says, "The station does not answer", selector=".notices")
        await daemon.start()
        await beside(browser.until_says, "Boot 2")
        await accepted(daemon)
        await daemon.api.unplug(1)
        await beside(browser.click, "a[href='#now']")
        await beside(browser.until_says, "Available", "after a sudden end")
        await beside(browser.click, "a[href='#story']")
        last = (await daemon.api.get("/api/view/story?limit=500"))["lines"]
        await beside(browser.until, lambda: browser.run(LINES)[:1] == [last[-1]["seq"]], "the last line")
        assert await beside(browser.run, LINES) == [line["seq"] for line in reversed(last)], "no gap and no double"
        await beside(expected_errors, browser)


def expected_errors(browser: Browser) -> None:
    """While the daemon was dead nobody answered, and nothing else went wrong."""
    assert [line for line in browser.console() if "ERR_" not in line or "/api/" not in line] == []


@pytest.mark.asyncio
async def test_what_others_say_is_text_and_never_markup(browser: Browser, tmp_path: Path) -> None:
    async with looked_at(browser, tmp_path) as (daemon, csms, url):
        await daemon.api.plug(1)
        await daemon.api.swipe("<b>TAG", 1)
        await until(daemon, lambda state: state["connectors"][1]["status"] == "Charging", "a session")
        await daemon.api.fault(1, "GroundFailure", info=HOSTILE[:50])
        await csms.request("UpdateFirmware", location=f"ftp://127.0.0.1/{LONG}", retrieve_date="2030-01-01T00:00:00Z")
        await beside(browser.open, url, width=360)
        shown = await beside(browser.until_says, "Faulted", HOSTILE[:28])
        assert "Residual current was found." in shown
        await beside(browser.click, "a[href='#story']")
        await beside(browser.until_says, "Firmware update asked for: ftp://127.0.0.1/<b>xxx", HOSTILE[:28])
        assert (
            await beside(browser.run, "return document.querySelectorAll('main img, main script, main b').length") == 0
        )
        assert await beside(browser.run, "return document.documentElement.scrollWidth") == 360
        await beside(browser.click, "a[href='#sessions']")
        await beside(browser.until_says, "Transaction 1, Connector 1")
        await beside(browser.click_on, "Show")
        await beside(browser.until_says, "Transaction 1 started", HOSTILE[:28])
        await beside(browser.click, "summary")
        await beside(browser.until_says, "idTag=<b>TAG")
        assert (
            await beside(browser.run, "return document.querySelectorAll('main img, main script, main bdi b').length")
            == 0
        )
        assert await beside(browser.run, "return document.documentElement.scrollWidth") == 360


@pytest.mark.asyncio
async def test_everybody_can_use_it_in_both_languages_and_both_schemes(browser: Browser, tmp_path: Path) -> None:
    """Keyboard alone, names for a screen reader, contrast: axe-core finds nothing."""
    async with looked_at(browser, tmp_path) as (daemon, _, url):
        await daemon.api.plug(1)
        await daemon.api.swipe("DEADBEEF", 1)
        await daemon.api.fault(0, "ReaderFailure")
        for width, is_dark in ((360, False), (1280, True)):
            await beside(browser.open, url, width=width, is_dark=is_dark)
            await beside(browser.until_says, "Charging", "A warning: charging goes on.")
            assert await beside(browser.violations) == []
            assert await beside(browser.run, "return document.documentElement.scrollWidth") <= width
            for view, shown in VIEWS.items():
                await beside(browser.run, f"location.hash = '#{view}'")
                await beside(browser.until_says, shown)
                assert await beside(browser.violations) == [], view
                assert await beside(browser.run, "return document.documentElement.scrollWidth") <= width, view
                if view == "sessions":
                    await beside(browser.click_on, "Show")
                    await beside(browser.until_says, "Transaction 1 started", "StartTransaction taken")
                    await beside(browser.click, "summary")
                    await beside(browser.until_says, "answered")
                    assert await beside(browser.violations) == [], "one session"
                    assert await beside(browser.run, "return document.documentElement.scrollWidth") <= width, view
        await beside(browser.open, url)
        await beside(browser.until_says, "Charging")
        for _ in (
            "skip",
            "now",
            "sessions",
            "story",
            "conversation",
            "schedule",
            "configuration",
            "bench",
            "service",
            "en",
            "de",
        ):
            await beside(browser.press, TAB)
        await beside(browser.press, ENTER)
        await beside(browser.until_says, "Das Fahrzeug wird geladen.", "Lädt")
        assert await beside(browser.run, "return document.documentElement.lang") == "de"
        await beside(browser.run, "location.hash = '#story'")
        await beside(
            browser.until_says, "Ladevorgang 1 begonnen an Anschluss 1: Karte …BEEF, freigegeben durch das CSMS"
        )
        await beside(browser.run, "location.hash = '#configuration'")
        await beside(browser.until_says, "Wie lange eine Anfrage auf ihre Antwort wartet.")
        await beside(browser.run, "location.hash = '#sessions'")
        await beside(browser.until_says, "Ladevorgang 1, Anschluss 1")
        await beside(browser.run, "localStorage.clear()")


@pytest.mark.asyncio
async def test_the_bench_is_worked_by_buttons_and_says_what_it_refuses(browser: Browser, tmp_path: Path) -> None:
    async with looked_at(browser, tmp_path) as (daemon, _, url):
        await beside(browser.open, f"{url}#bench", width=360)
        await beside(browser.until_says, "Connector 1: Available")
        await beside(browser.click_on, "Plug in")
        await beside(browser.until_says, "Connector 1: Preparing", "Plug in: done, up to event")
        await beside(browser.click_on, "Present the tag here")
        await beside(browser.until_says, "Connector 1: Charging")
        await beside(browser.click_on, "Unplug")
        await beside(browser.until_says, "Unplug: ", "locked", selector=".outcome")
        assert (await daemon.api.connector(1))["plugged"]
        await beside(browser.click_on, "Fault comes")
        await beside(browser.until_says, "Connector 1: Faulted")
        await beside(browser.click_on, "Faults clear")
        await beside(browser.until_says, "Faults clear: done")
        await beside(expected_refusals, browser)


@pytest.mark.asyncio
async def test_who_services_the_station_copies_a_tag_and_has_it_checked(browser: Browser, tmp_path: Path) -> None:
    async with looked_at(browser, tmp_path) as (daemon, csms, url):
        csms.always("Authorize", {"id_tag_info": {"status": "Invalid"}})
        await daemon.api.swipe("04A1B2C3", 1)
        await beside(browser.open, f"{url}#service", width=360)
        await beside(browser.until_says, "Last refused tag", "Invalid")
        await beside(browser.click_on, "Copy")
        await beside(browser.until_says, "Copied.")
        await beside(browser.click_on, "Check now")
        shown = await beside(browser.until_says, "python: Python 3.", "not looked at while the daemon runs")
        assert "the running daemon answers" in shown
        assert await beside(browser.run, "return document.querySelector('#tag-text').value") == "04A1B2C3"
        await beside(browser.click_on, "Test connector 1")
        await beside(browser.until_says, "1/7 The lock is driven closed.", "The board says: closed")
        assert await beside(browser.violations) == []
        await beside(browser.click_on, "Yes")
        await beside(browser.until_says, "2/7", "lock closes: passed")
        await beside(browser.click_on, "No")
        await beside(browser.until_says, "3/7", "lock opens: failed")
        await daemon.api.plug(1)
        await beside(browser.until_says, "Last test", "A vehicle is connected.")
        assert await beside(browser.violations) == []
        assert await beside(browser.run, "return document.documentElement.scrollWidth") == 360


def expected_refusals(browser: Browser) -> None:
    """A browser counts a refusal as an error."""
    assert [line for line in browser.console() if "409" not in line] == []


@pytest.mark.asyncio
async def test_where_a_token_is_asked_for_a_browser_logs_in(browser: Browser, tmp_path: Path) -> None:
    """Reading and acting are separate rights, and a page that is loaded again goes on."""
    file, reading = tmp_path / "token", tmp_path / "reading"
    for path, text in ((file, "s3cret\n"), (reading, "l00k\n")):
        path.write_text(text)
        path.chmod(0o600)
    service = {"token_file": str(file), "read_token_file": str(reading)}
    settings = settings_for("ws://127.0.0.1:9/ocpp", service=service)
    async with Daemon(tmp_path, settings) as daemon:
        url = f"http://127.0.0.1:{daemon.service_port}/"
        await beside(browser.open, url, width=360)
        await beside(browser.until_says, "Log in")
        assert await beside(browser.violations) == []
        await beside(browser.type_into, "#token", "guess")
        await beside(browser.click, "button[type=submit]")
        await beside(browser.until_says, "wrong or no token")
        await beside(browser.type_into, "#token", "s3cret")
        await beside(browser.click, "button[type=submit]")
        await beside(browser.until_says, "The CSMS has never accepted this station.")
        assert "s3cret" not in await beside(browser.run, "return document.cookie + JSON.stringify(localStorage)")
        await beside(browser.open, f"{url}#bench", width=360)
        await beside(browser.until_says, "Connector 1: Available")
        await beside(browser.click_on, "Plug in")
        await beside(browser.until_says, "this session may not act", selector=".outcome")
        await beside(browser.forget)
        await beside(browser.open, f"{url}#bench", width=360)
        await beside(browser.until_says, "Log in")
        await beside(browser.type_into, "#token", "l00k")
        await beside(browser.click, "#may-act")
        await beside(browser.click, "button[type=submit]")
        await beside(browser.until_says, "Connector 1: Available")
        assert "Service" not in await beside(browser.text, "nav"), "a token that may only read"
        await beside(browser.until_says, "This session may only look", selector=".outcome")
        await beside(browser.click_on, "Plug in")
        await beside(browser.until_says, "this session may not act", selector=".outcome")
        await beside(browser.forget)
        await beside(browser.open, f"{url}#bench", width=360)
        await beside(browser.until_says, "Log in")
        await beside(browser.type_into, "#token", "s3cret")
        await beside(browser.click, "#may-act")
        await beside(browser.click, "button[type=submit]")
        await beside(browser.until_says, "Connector 1: Available")
        await beside(browser.click_on, "Plug in")
        await beside(browser.until_says, "Plug in: done", selector=".outcome")
        await beside(browser.click, "a[href='#service']")
        await beside(browser.until_says, "No tag was refused of late.")
        await beside(browser.leave)
        await beside(browser.forget)
    await beside(denied_only, browser)


def denied_only(browser: Browser) -> None:
    """A browser counts a refusal as an error."""
    assert [line for line in browser.console() if "401" not in line and "403" not in line] == []
