"""The page when things are rough: a bad network, hostile texts, ten thousand events, a page that is older than the station."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.browser.chromium import Browser
from tests.browser.test_log_page import served
from tests.browser.test_page import LINES, LONG, beside, looked_at
from tests.integration.stations import until
from tests.replay_logs import many_days, story, write_log

PHONE = {"latency_ms": 300, "bytes_per_s": 50_000}
"""A phone far from its mast."""
HEBREW = "\u05e9\u05dc\u05d5\u05dd (1)"
TURNED = f"\u202egnp.exe {HEBREW}"
"""What follows a right-to-left override is shown backwards, unless it is set apart."""
EVENTS = 10_000


@pytest.mark.asyncio
async def test_a_phone_in_a_bad_network_sees_the_station_and_what_happened_while_it_was_cut_off(
    browser: Browser, tmp_path: Path
) -> None:
    async with looked_at(browser, tmp_path) as (daemon, _, url):
        await beside(browser.network, **PHONE)
        try:
            await beside(browser.open, f"{url}#story", width=360)
            await beside(browser.until_says, "Connected to the CSMS")
            await beside(browser.network, is_cut=True)
            await daemon.api.plug(1)
            await daemon.api.swipe("DEADBEEF", 1)
            await beside(browser.until_says, "The station does not answer since", selector=".notices")
            await beside(browser.network, **PHONE)
            await beside(browser.until_says, "Transaction 1 started")
            await beside(browser.until, lambda: "does not answer" not in browser.text(".notices"), "all to be well")
            last = (await daemon.api.get("/api/view/story?limit=500"))["lines"]
            await beside(browser.until, lambda: browser.run(LINES)[:1] == [last[-1]["seq"]], "the last line")
            assert await beside(browser.run, LINES) == [line["seq"] for line in reversed(last)], "no gap and no double"
        finally:
            await beside(browser.network)
    await beside(cut_off_only, browser)


def cut_off_only(browser: Browser) -> None:
    """While it was cut off nothing could be asked, and nothing else went wrong."""
    assert [line for line in browser.console() if "ERR_" not in line or "/api/" not in line] == []


@pytest.mark.asyncio
async def test_texts_of_any_direction_and_length_stay_in_their_place(browser: Browser, tmp_path: Path) -> None:
    async with looked_at(browser, tmp_path) as (daemon, csms, url):
        await daemon.api.fault(1, "GroundFailure", info=HEBREW)
        await csms.request("DataTransfer", vendor_id=TURNED, data=LONG)
        await beside(browser.open, url, width=360)
        await beside(browser.until_says, "Faulted", HEBREW)
        apart = (
            "return [...document.querySelectorAll('bdi')].every((it) => getComputedStyle(it).unicodeBidi === 'isolate')"
        )
        assert await beside(browser.run, apart)
        for view in ("story", "conversation"):
            await beside(browser.run, f"location.hash = '#{view}'")
            await beside(browser.until_says, TURNED if view == "conversation" else HEBREW)
            assert await beside(browser.run, "return document.documentElement.scrollWidth") == 360, view
        opened = "[...document.querySelectorAll('li')].find((it) => it.innerText.includes('DataTransfer')).querySelector('button').click()"
        await beside(browser.run, opened)
        await beside(browser.until, lambda: len(browser.text("pre")) > len(LONG), "the whole frame")
        assert await beside(browser.run, "return document.querySelectorAll('main b b, main pre b').length") == 0
        assert await beside(browser.run, "return document.documentElement.scrollWidth") == 360


@pytest.mark.asyncio
async def test_a_page_that_is_older_than_the_station_says_so_and_loads_the_new_one(
    browser: Browser, tmp_path: Path
) -> None:
    async with looked_at(browser, tmp_path) as (daemon, _, url):
        await beside(browser.open, url, width=360)
        await beside(browser.until_says, "Available")
        newer = """
            window.isOld = true;
            const real = window.fetch;
            window.fetch = async (path, options) => {
              const answer = await real(path, options);
              return String(path).includes("/api/view/") ? new Response(JSON.stringify({ ...(await answer.json()), page: "newer" })) : answer;
            };
        """
        await beside(browser.run, newer)
        await daemon.api.plug(1)
        await beside(browser.until_says, "The station has a newer page", selector=".notices")
        await beside(browser.until, lambda: not browser.run("return window.isOld"), "the page to be loaded anew")
        await beside(browser.until_says, "Preparing")
        assert await beside(browser.text, ".notices") == ""


def test_a_story_of_ten_thousand_events_is_read_back_piece_by_piece(browser: Browser, tmp_path: Path) -> None:
    station = story()
    station.checked = False
    log = write_log(many_days(station, EVENTS), tmp_path / "log")
    shown = "return document.querySelectorAll('.story li').length"
    with served(log) as url:
        browser.open(f"{url}#story", width=360)
        browser.until_says("Transaction")
        before = browser.run(shown)
        assert 0 < before <= 200
        browser.click_on("Earlier")
        browser.until(lambda: browser.run(shown) > before, "earlier lines")
        lines = browser.run(LINES)
        assert lines == sorted(set(lines), reverse=True), "in order and none twice"
        browser.run("location.hash = '#conversation'")
        browser.until_says("StatusNotification")
        assert browser.run("return document.querySelectorAll('.talk > li').length") <= 1_000
        browser.leave()


@pytest.mark.asyncio
async def test_what_is_pressed_on_the_bench_is_recorded_kept_and_played_again(browser: Browser, tmp_path: Path) -> None:
    async with looked_at(browser, tmp_path) as (daemon, _, url):
        await beside(browser.open, f"{url}#bench", width=360)
        await beside(browser.until_says, "Connector 1: Available")
        await beside(browser.click_on, "Record")
        await beside(browser.click_on, "Plug in")
        await beside(browser.until_says, "Connector 1: Preparing")
        await beside(browser.click_on, "Unplug")
        await beside(browser.until_says, "Connector 1: Available", "Recording; steps so far: 2")
        await beside(browser.click_on, "End recording")
        await beside(browser.keep_downloads, tmp_path)
        await beside(browser.click_on, "Download the scenario")
        file = tmp_path / "scenario.json"
        await beside(browser.until, file.exists, "the file")
        kept = json.loads(await asyncio.to_thread(file.read_text))
        steps = [(step["method"], step["path"], step["body"]) for step in kept["steps"]]
        assert steps == [("POST", "connectors/1/plug", {}), ("POST", "connectors/1/unplug", {})]
        assert kept["steps"][0]["after_ms"] == 0 < kept["steps"][1]["after_ms"]

        kept["steps"][1]["after_ms"] = 700
        kept["steps"].append({"after_ms": 0, "method": "POST", "path": "connectors/9/plug", "body": {}})
        kept["steps"].append({"after_ms": 3_600_000, "method": "POST", "path": "connectors/1/plug", "body": {}})
        file.write_text(json.dumps(kept))
        await beside(browser.choose_file, "input[type=file]", file)
        await beside(browser.until_says, "Loaded; steps: 4")
        before = (await daemon.api.state())["log"]["last_seq"]
        await beside(browser.click_on, "Play again")
        await beside(browser.until_says, "Playing, step 4/4")
        await beside(browser.click_on, "Stop playing")
        await beside(browser.until_says, "Stopped. Refused were 3: connector 9 does not exist")
        events = (await daemon.api.get(f"/api/events?after={before}&limit=100"))["events"]
        cables = [event for event in events if event["type"] == "ProximityObserved"]
        assert [event["payload"]["cable_rating_ma"] is None for event in cables] == [False, True]
        assert cables[1]["at_ms"] - cables[0]["at_ms"] >= 650
        assert await beside(browser.violations) == []

        for wrong, said in (
            ("{}", "This file is no scenario of a bench."),
            (
                '{"chargebox_bench_scenario": 1, "steps": [{"after_ms": 0, "method": "POST", "path": "../api/tag"}]}',
                "step 1",
            ),
        ):
            file.write_text(wrong)
            await beside(browser.choose_file, "input[type=file]", file)
            await beside(browser.until_says, said)
        await until(daemon, lambda state: state["connectors"][1]["status"] == "Available", "nothing to be done")
    await beside(refused_only, browser)


def refused_only(browser: Browser) -> None:
    """A browser counts a refusal as an error."""
    assert [line for line in browser.console() if "404" not in line] == []
