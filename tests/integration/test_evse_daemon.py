"""The whole daemon on charging controllers: a simulated vehicle, cable and contactor behind a real Modbus server or a real serial line,
a meter, a reader on a pseudo-terminal, and an independent CSMS. The first station is that of docs/hardware.md, line by line.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from devices.modbus.register_map import load_map
from station.daemon import process
from station.settings.loading import parse_settings
from tests.contract.controllers import ControllerBus, SimController, SimMeter, SimOpenEvse, Vehicle
from tests.contract.serial_line import SerialLine
from tests.csms.independent import Csms
from tests.integration.test_gpio_daemon import seen
from tests.unit.devices.gpio.reference import HARDWARE
from tests.unit.devices.modbus.meter_server import from_another_unit

pytestmark = pytest.mark.asyncio

TAG = "04A1B2C3"
METER = "eastron-sdm72d-m-2"
HEAD = '[station]\nidentity = "CB-0001"\n[csms]\nurl = "wss://csms.example.com/ocpp"\n[board]\nkind = "evse"\nfixed_cable = true\n'
READER = '[[board.wiring.readers]]\nkind = "serial"\ndevice = "READER"\nrepeat_ms = 0\n'
LINES = 20
"""The documented station has so many."""


def documented() -> str:
    """The settings of the station from bought parts, as the document has them."""
    return (
        HARDWARE.read_text(encoding="utf-8")
        .partition("## A station from bought parts")[2]
        .partition("```toml\n")[2]
        .partition("```")[0]
    )


def now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1_000)


class Parts:
    """What hangs on the station, and the hands at it."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack
        self.vehicle = Vehicle(now_ms)
        self.reader = SerialLine()
        stack.callback(self.reader.close)
        self._hand = os.open(self.reader.theirs, os.O_RDWR | os.O_NOCTTY)
        stack.callback(os.close, self._hand)
        self.controller: SimController | SimOpenEvse
        self.bus: ControllerBus | None = None

    async def on_modbus(self, name: str, kind: str, *, meter: bool, unit: int = 0, baudrate: int = 0) -> str:
        """A controller and perhaps a meter on a bus; the place of the bus as settings say it."""
        self.controller = SimController(name, self.vehicle, now_ms, unit=unit)
        devices: tuple[SimController | SimMeter, ...] = (self.controller,)
        if meter:
            devices = (self.controller, SimMeter(load_map(METER), self.vehicle, 2))
        self.bus = await self.stack.enter_async_context(ControllerBus(kind, devices, baudrate))
        return self.bus.line.ours if self.bus.line is not None else str(self.bus.port)

    def on_rapi(self) -> str:
        """An OpenEVSE; its device."""
        self.controller = SimOpenEvse(self.vehicle, now_ms)
        self.stack.callback(self.controller.close)
        return self.controller.line.ours

    def plug(self) -> None:
        self.vehicle.socket.ev_plugged = self.vehicle.socket.station_plugged = True

    def unplug(self) -> None:
        self.vehicle.count()
        self.vehicle.socket.ev_plugged = self.vehicle.socket.station_plugged = False

    def swipe(self) -> None:
        os.write(self._hand, f"{TAG}\r\n".encode())


@asynccontextmanager
async def station(csms: Csms, directory: Path, text: str) -> AsyncIterator[None]:
    """The daemon in this process with these settings, at this CSMS, until SIGTERM ends it in order."""
    text = text.replace("wss://csms.example.com/ocpp", csms.url)
    text += f'[storage]\ndirectory = "{directory}"\n[service]\nlisten = ""\n'
    running = asyncio.create_task(process.run(parse_settings(text, "test")))
    try:
        yield
        os.kill(os.getpid(), signal.SIGTERM)
        assert (await asyncio.wait_for(running, timeout=60)).status == 0
    finally:
        running.cancel()
        await asyncio.wait([running])
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


async def charge(csms: Csms, parts: Parts, current_ma: int = 16_000) -> None:
    """Plug, swipe, charge."""
    await csms.expect("StatusNotification", connector_id=1, status="Available")
    parts.plug()
    await csms.expect("StatusNotification", connector_id=1, status="Preparing")
    parts.swipe()
    await csms.expect("Authorize", id_tag=TAG)
    await csms.expect("StartTransaction", connector_id=1, id_tag=TAG)
    await csms.expect("StatusNotification", connector_id=1, status="Charging")
    await seen(lambda: parts.vehicle.current_ma == current_ma, "the current")


async def stop(csms: Csms, parts: Parts) -> None:
    """Swipe again, and take the cable out."""
    parts.swipe()
    stopped = await csms.expect("StopTransaction")
    assert stopped.payload["reason"] == "Local"
    assert parts.vehicle.current_ma == 0
    parts.unplug()
    await csms.expect("StatusNotification", connector_id=1, status="Available")


async def documented_station(parts: Parts) -> str:
    """The settings of the document with these ports."""
    text = documented()
    assert len(text.splitlines()) == LINES
    bus, reader = (line.partition('"')[2].rstrip('"') for line in text.splitlines() if line.startswith("device"))
    place = await parts.on_modbus("evse-din", "rtu", meter=True, unit=1)
    return text.replace(bus, place).replace(reader, parts.reader.ours)


async def test_the_documented_station_charges_and_survives_a_controller_that_restarts(tmp_path: Path) -> None:
    async with Csms() as csms, AsyncExitStack() as stack:
        parts = Parts(stack)
        async with station(csms, tmp_path, await documented_station(parts)):
            await charge(csms, parts)
            assert isinstance(parts.controller, SimController)
            parts.controller.boot()
            await csms.expect(
                "StatusNotification",
                connector_id=1,
                error_code="InternalError",
                vendor_error_code="ControllerRestarted",
            )
            await csms.expect("StatusNotification", connector_id=1, status="Charging", error_code="NoError")
            await seen(lambda: parts.vehicle.current_ma == 16_000, "the current")
            await stop(csms, parts)
            csms.assert_conforming()
    assert parts.controller.told_ma == 0


Harm = Callable[[Parts, bool], None]


def _silent(parts: Parts, on: bool) -> None:
    parts.controller.faults.silent = on


def _refuses(parts: Parts, on: bool) -> None:
    parts.controller.faults.refuses = on


def _another_unit(parts: Parts, on: bool) -> None:
    assert parts.bus is not None
    parts.bus.spoil = from_another_unit("rtu") if on else (lambda packet: packet)


def _lies(parts: Parts, on: bool) -> None:
    parts.controller.faults.state_word = 77 if on else None


FAULTS: dict[str, tuple[Harm, str]] = {
    "silence": (_silent, "ControllerSilent"),
    "exceptions": (_refuses, "ControllerRefuses"),
    "another unit's answers": (_another_unit, "ControllerSilent"),
    "a state that is none": (_lies, "ControllerImplausible"),
}


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
async def test_the_documented_station_survives(tmp_path: Path, fault: str) -> None:
    harm, code = FAULTS[fault]
    async with Csms() as csms, AsyncExitStack() as stack:
        parts = Parts(stack)
        async with station(csms, tmp_path, await documented_station(parts)):
            await charge(csms, parts)
            harm(parts, True)
            await csms.expect("StatusNotification", status="Faulted", vendor_error_code=code)
            harm(parts, False)
            await csms.expect("StatusNotification", connector_id=1, status="Charging", error_code="NoError")
            await seen(lambda: parts.vehicle.current_ma == 16_000, "the current")
            await stop(csms, parts)
            csms.assert_conforming()


@pytest.mark.long
async def test_the_documented_station_finds_a_relay_that_stays_closed(tmp_path: Path) -> None:
    async with Csms() as csms, AsyncExitStack() as stack:
        parts = Parts(stack)
        async with station(csms, tmp_path, await documented_station(parts)):
            await charge(csms, parts)
            parts.vehicle.socket.defect = "welded"
            await csms.request("RemoteStopTransaction", transaction_id=1001)
            found = await csms.expect("StatusNotification", status="Faulted", error_code="PowerSwitchFailure")
            assert found.payload["info"] == "Contactor welded"
            await csms.expect("StopTransaction")
            parts.vehicle.socket.defect = ""
            parts.vehicle.offer(0)
            csms.assert_conforming()


@pytest.mark.long
async def test_the_documented_station_repeats_what_is_lost(tmp_path: Path) -> None:
    async with Csms() as csms, AsyncExitStack() as stack:
        parts = Parts(stack)
        async with station(csms, tmp_path, await documented_station(parts)):
            await charge(csms, parts)
            parts.controller.faults.loses_writes = True
            await csms.request("RemoteStopTransaction", transaction_id=1001)
            await csms.expect("StatusNotification", vendor_error_code="ControllerDisobeys")
            assert parts.vehicle.current_ma == 16_000
            parts.controller.faults.loses_writes = False
            await seen(lambda: parts.vehicle.current_ma == 0, "the current to end")
            await csms.expect("StopTransaction")
            csms.assert_conforming()


async def _wired(name: str, parts: Parts) -> str:
    """Settings of a station with that controller."""
    bus, more = "", ""
    if name == "openevse":
        place = f'device = "{parts.on_rapi()}"\n'
    else:
        kind = "rtu" if name in {"heidelberg-ec", "phoenix-ev-cc-serial"} else "tcp"
        own = name != "phoenix-ev-cc-serial"
        at = await parts.on_modbus(name, kind, meter=not own)
        where = f'device = "{at}"' if kind == "rtu" else f'host = "127.0.0.1"\nport = {at}'
        bus = f'[board.wiring.bus.a]\nkind = "{kind}"\n{where}\n'
        place = 'bus = "a"\n'
        more = "" if own else f'meter = {{ bus = "a", unit = 2, map = "{METER}" }}\n'
    phases = "phases = 1\n" if name == "openevse" else ""
    return f'{HEAD}{phases}{bus}[board.wiring.connector.1]\ncontroller = "{name}"\n{place}{more}' + READER.replace(
        "READER", parts.reader.ours
    )


@pytest.mark.parametrize(
    "name",
    [
        "openevse",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in (
                "heidelberg-ec",
                "phoenix-charx",
                "phoenix-em-cp-pp-eth",
                "phoenix-ev-cc-eth",
                "phoenix-ev-cc-serial",
            )
        ),
    ],
)
async def test_a_session_with_each_controller(tmp_path: Path, name: str) -> None:
    async with Csms() as csms, AsyncExitStack() as stack:
        parts = Parts(stack)
        if name == "openevse":
            parts.vehicle.socket.phases = 1
        async with station(csms, tmp_path, await _wired(name, parts)):
            await charge(csms, parts)
            await stop(csms, parts)
            csms.assert_conforming()
    assert parts.controller.told_ma == 0
