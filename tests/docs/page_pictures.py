"""Takes the pictures of docs/page.md from the running page: `make pictures`, or

    python -m tests.docs.page_pictures

at the root of the project. It needs Chromium (`tests/browser`). A station with two connectors and a CSMS are started, a car charges
under a profile, another one waits with a fault, an installer tries a connector, and the page is photographed on a phone and on a desk.
"""

import asyncio
import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from tests.browser.chromium import Browser, started
from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import settings_for, until

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
PHONE, DESK = 360, 1100
HEIGHT_MAX, COLOURS = 1_100, 64


async def main() -> None:
    """Takes all of them."""
    station = {"station": {"connectors": 2, "identity": "CB-0001"}, "config": {"MeterValueSampleInterval": 60}}
    with tempfile.TemporaryDirectory() as directory, started() as browser:
        async with Csms() as csms, Daemon(Path(directory), settings_for(csms.url, **station)) as daemon:
            url = f"http://127.0.0.1:{daemon.service_port}/"
            await _commission(daemon, csms)
            await _take(browser, url, "service", "The lock is driven open.", width=DESK, is_dark=False)
            await daemon.api.call("DELETE", "/api/service/commissioning")
            await _live(daemon, csms)
            await _take(browser, url, "now", "The vehicle is being charged.", width=PHONE, is_dark=False)
            await _take(browser, url, "now", "The vehicle is being charged.", width=DESK, is_dark=True)
            await _take(browser, url, "story", "Transaction 1 started", width=PHONE, is_dark=False)
            await _take(browser, url, "sessions", "Transaction 1", width=PHONE, is_dark=False)
            await _take(browser, url, "conversation", "StartTransaction", width=DESK, is_dark=False)
            await _take(browser, url, "schedule", "A transaction runs", width=DESK, is_dark=False)
            await _take_past(daemon, browser, url)


async def _commission(daemon: Daemon, csms: Csms) -> None:
    """An installer tries connector 2, and somebody has presented a tag that nobody knows."""
    await until(daemon, lambda state: state["registration"]["status"] == "Accepted", "the CSMS to accept the station")
    csms.answer("Authorize", {"id_tag_info": {"status": "Invalid"}})
    await daemon.api.swipe("04F00BA4C0FFEE", 1)
    await until(daemon, lambda state: state["outbox"]["pending"] == 0, "the CSMS to refuse it")
    await daemon.api.call("POST", "/api/service/commissioning", {"connector_id": 2})
    await until(daemon, lambda state: state["connectors"][2]["locked"], "the lock to close")
    step = {"step": "lock_closes", "confirmed": True}
    await daemon.api.call("POST", "/api/service/commissioning/answer", step)


async def _live(daemon: Daemon, csms: Csms) -> None:
    """Half an hour of a station's life."""
    await until(daemon, lambda state: state["registration"]["status"] == "Accepted", "the CSMS to accept the station")
    await daemon.api.plug(1)
    await daemon.api.swipe("04A1B2C3D4", 1)
    await until(daemon, lambda state: state["connectors"][1]["power_w"], "a car that charges")
    periods = [
        {"startPeriod": start, "limit": limit}
        for start, limit in ((0, 32.0), (600, 16.0), (1200, 10.0), (2400, 20.0), (36000, 6.0))
    ]
    profile: dict[str, Any] = {
        "chargingProfileId": 12,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods},
    }
    await csms.request("SetChargingProfile", connector_id=1, cs_charging_profiles=profile)
    for _ in range(30):
        csms.advance(60)
        await daemon.api.clock(advance_s=60)
    await daemon.api.plug(2)
    await daemon.api.fault(2, "HighTemperature")


async def _take_past(daemon: Daemon, browser: Browser, url: str) -> None:
    """The moment in which the first transaction had begun, and what had changed since the vehicle came."""
    events = (await daemon.api.get("/api/events?after=0&limit=1000"))["events"]
    came = next(event["seq"] for event in events if event["type"] == "IdTagPresented") - 1
    began = next(
        event["seq"] for event in events if event["type"] == "ContactorObserved" and event["payload"]["closed"]
    )
    await asyncio.to_thread(browser.open, url, width=PHONE, is_dark=False)
    for seq in (came, began):
        move = "const it = document.querySelector('input[type=range]'); it.value = arguments[0]; it.dispatchEvent(new Event('input', { bubbles: true }))"
        await asyncio.to_thread(browser.until_says, "Connector 1")
        await asyncio.to_thread(browser.run, move, seq)
        await asyncio.to_thread(browser.until_says, f"as it was after event {seq}", selector=".log")
    await asyncio.to_thread(browser.until_says, "Δ before")
    await _save(browser, "page-past-phone.png")


async def _take(browser: Browser, url: str, view: str, shown: str, *, width: int, is_dark: bool) -> None:
    await asyncio.to_thread(browser.open, f"{url}#{view}", width=width, is_dark=is_dark)
    await asyncio.to_thread(browser.until_says, shown)
    if view in ("now", "schedule"):
        await asyncio.to_thread(
            browser.until, lambda: browser.run("return !!document.querySelector('.curve canvas')"), "a curve"
        )
    await _save(browser, f"page-{view}-{'phone' if width == PHONE else 'desk'}{'-dark' if is_dark else ''}.png")


async def _save(browser: Browser, name: str) -> None:
    file = PICTURES / name
    taken = Image.open(io.BytesIO(await asyncio.to_thread(browser.picture)))
    picture = taken.crop((0, 0, taken.width, min(taken.height, HEIGHT_MAX))).convert("RGB")
    picture.quantize(COLOURS).save(file, optimize=True)
    print(file)


if __name__ == "__main__":
    asyncio.run(main())
