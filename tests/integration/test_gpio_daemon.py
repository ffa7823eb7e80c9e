"""The whole daemon on the board of real pins, with an electrical model where the copper would be.

The kernel is the only thing that is not real: our pins and their thread, the converter's thread, the event loop, the log on a disk,
and an independent CSMS over a websocket. `gpiozero.Device.pin_factory` is set before the daemon starts, as an embedder would.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from devices.iec61851 import ma_from_duty_permille
from station.daemon import process
from station.settings.loading import parse_settings
from tests.contract.electrical import Model
from tests.contract.rigs import wiegand_bits, wiring, wiring_text
from tests.csms.independent import Csms
from tests.daemon import free_port

pytestmark = pytest.mark.asyncio

HUNDREDTH_MS = 36_000
"""A hundredth of an hour: what the wiring can carry in the seconds of a test is not much more."""
TAG = "04A1B2C3"
SETTINGS = """
[station]
identity = "CB-0001"
[csms]
url = "{url}"
reconnect_min_s = 1
[storage]
directory = "{directory}"
[service]
listen = ""
[board]
kind = "gpio"
[config]
MeterValueSampleInterval = 0
ClockAlignedDataInterval = 0
MinimumStatusDuration = 0
WebSocketPingInterval = 0
[board.wiring]
"""
METER = "pulse_ms = 0\n"


def settings_text(url: str, directory: Path, wired: str = "") -> str:
    """Settings with the wiring of the model, its tables moved to where settings have them."""
    text = wired or wiring_text("peak", extra=METER)
    for opening in ("[[", "["):
        text = text.replace(f"\n{opening}", f"\n{opening}board.wiring.")
    return SETTINGS.format(url=url, directory=directory) + text.replace(
        "[board.wiring.[board.wiring.", "[[board.wiring."
    )


class Copper:
    """The hands at the model, and what they see."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.socket = model.sockets[1]

    def plug(self) -> None:
        self.socket.ev_plugged = self.socket.station_plugged = True
        self.model.settle()

    def unplug(self) -> None:
        assert not self.socket.locked, "a locked plug does not come out"
        self.socket.ev_plugged = self.socket.station_plugged = False
        self.model.settle()

    def trip(self, tripped: bool) -> None:
        self.socket.tripped["GroundFailure"] = tripped
        self.model.settle()

    def swipe(self) -> None:
        """The reader's pulses, as fast as they come."""
        for bit in wiegand_bits(bytes.fromhex(TAG)):
            for high in (False, True):
                self.model.factory.put(("GPIO20", "GPIO21")[bit], high)

    @property
    def offered_ma(self) -> int:
        return ma_from_duty_permille(self.model.duty_permille(1))


@asynccontextmanager
async def station(
    csms: Csms, directory: Path, model: Model, wired: str = "", port: int | None = None
) -> AsyncIterator[None]:
    """The daemon in this process, until SIGTERM ends it in order; `wired` is the model's wiring if it is none of pulses.

    With a `port` its service listens there.
    """
    text = settings_text(csms.url, directory, wired)
    if port is not None:
        text = text.replace('listen = ""', f'listen = "127.0.0.1:{port}"')
    settings = parse_settings(text, "test")
    with model.installed():
        running = asyncio.create_task(process.run(settings))
        try:
            yield
            os.kill(os.getpid(), signal.SIGTERM)
            assert (await asyncio.wait_for(running, timeout=60)).status == 0
        finally:
            running.cancel()
            await asyncio.wait([running])
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)


async def seen(condition: Callable[[], bool], what: str, within_s: float = 30) -> None:
    """Wait for something that shows at the pins."""
    for _ in range(int(within_s * 200)):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"waited {within_s} s for {what}")


async def commissioned(http: httpx2.AsyncClient, port: int, condition: Callable[[Any], bool], what: str) -> Any:
    """Wait until the service says so of the commissioning test; what it says."""
    for _ in range(600):
        test = (await http.get(f"http://127.0.0.1:{port}/api/service")).json()["commissioning"]
        if condition(test):
            return test
        await asyncio.sleep(0.05)
    raise AssertionError(f"waited for {what}: {test}")


async def begin(csms: Csms, copper: Copper) -> int:
    """Plug, swipe, charge; the meter's start in Wh."""
    await csms.expect("BootNotification")
    await csms.expect("StatusNotification", connector_id=1, status="Available")
    copper.plug()
    await csms.expect("StatusNotification", connector_id=1, status="Preparing")
    copper.swipe()
    await csms.expect("Authorize", id_tag=TAG)
    started = await csms.expect("StartTransaction", connector_id=1, id_tag=TAG)
    await csms.expect("StatusNotification", connector_id=1, status="Charging")
    await seen(lambda: copper.socket.poles_closed, "the contactor to close")
    assert copper.socket.locked
    return int(started.payload["meterStart"])


async def test_a_charge_from_the_reader_to_the_fault_and_the_bill(tmp_path: Path) -> None:
    copper = Copper(Model(wiring("peak", extra=METER)))
    async with Csms() as csms, station(csms, tmp_path, copper.model):
        start_wh = await begin(csms, copper)
        assert copper.offered_ma == 31_980  # 32 A in steps of a thousandth, rounded down
        copper.model.count(1, HUNDREDTH_MS)
        answer = await csms.request(
            "SetChargingProfile",
            connector_id=1,
            cs_charging_profiles={
                "chargingProfileId": 1,
                "stackLevel": 1,
                "chargingProfilePurpose": "TxProfile",
                "chargingProfileKind": "Absolute",
                "transactionId": 1001,
                "chargingSchedule": {
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
                },
            },
        )
        assert answer["status"] == "Accepted"
        await seen(lambda: copper.offered_ma == 9_960, "the new limit at the pilot")
        copper.model.count(1, HUNDREDTH_MS)
        copper.trip(True)
        await seen(lambda: not copper.socket.poles_closed, "the contactor to open")
        await csms.expect("StatusNotification", connector_id=1, status="Faulted", error_code="GroundFailure")
        stopped = await csms.expect("StopTransaction", transaction_id=1001)
        assert stopped.payload["reason"] == "Other"
        assert stopped.payload["meterStop"] - start_wh == (16_000 + 9_960) * 690 // 100_000
        copper.trip(False)
        await seen(lambda: not copper.socket.locked, "the lock to open")
        copper.unplug()
        await csms.expect("StatusNotification", connector_id=1, status="Available")
        csms.assert_conforming()
    assert not copper.socket.poles_closed
    assert copper.model.duty_permille(1) == 1_000


@pytest.mark.parametrize(
    ("harm", "status"),
    [("ready", "SuspendedEV"), ("emergency_stop", "Faulted")],
)
async def test_what_the_copper_says_opens_the_contactor_and_shows_as_a_status(
    tmp_path: Path, harm: str, status: str
) -> None:
    copper = Copper(Model(wiring("peak", extra=METER)))
    async with Csms() as csms, station(csms, tmp_path, copper.model):
        await begin(csms, copper)
        if harm == "ready":
            copper.socket.ready = False
        else:
            copper.model.emergency_stop = True
        copper.model.settle()
        await seen(lambda: not copper.socket.poles_closed, "the contactor to open")
        await csms.expect("StatusNotification", connector_id=1, status=status)
        if harm == "ready":
            copper.socket.ready = True
            copper.model.settle()
            await csms.expect("StatusNotification", connector_id=1, status="Charging")
            await seen(lambda: copper.socket.poles_closed, "the contactor to close again")
        else:
            assert (await csms.expect("StopTransaction")).payload["reason"] == "EmergencyStop"
        csms.assert_conforming()


async def test_a_commissioning_test_moves_the_lock_and_leaves_it_to_the_vehicle_that_comes(tmp_path: Path) -> None:
    copper, port = Copper(Model(wiring("peak", extra=METER))), free_port()
    path = f"http://127.0.0.1:{port}/api/service/commissioning"
    async with Csms() as csms, station(csms, tmp_path, copper.model, port=port):
        await csms.expect("StatusNotification", connector_id=1, status="Available")
        async with httpx2.AsyncClient(timeout=60) as http:
            assert (await http.post(path, json={"connector_id": 1})).status_code == 200
            await commissioned(http, port, lambda test: test["found"] == "closed", "the board to say so")
            assert copper.socket.locked
            answered = await http.post(f"{path}/answer", json={"step": "lock_closes", "confirmed": True})
            assert answered.status_code == 200
            await seen(lambda: not copper.socket.locked, "the lock to open")
            copper.plug()
            test = await commissioned(http, port, lambda test: not test["running"], "the vehicle to end it")
        assert (test["ended"], [each["passed"] for each in test["results"]]) == ("vehicle", [True])
        assert not copper.socket.poles_closed


async def test_a_daemon_that_ends_while_it_charges_leaves_everything_safe(tmp_path: Path) -> None:
    copper = Copper(Model(wiring("peak", extra=METER)))
    async with Csms() as csms, station(csms, tmp_path, copper.model):
        await begin(csms, copper)
    assert (await csms.expect("StopTransaction")).payload["reason"] == "Reboot"
    assert not copper.socket.poles_closed
    assert copper.model.factory.released()
