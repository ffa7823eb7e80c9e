"""Meters that err, whole: from registers on a bus, from pulses and from the bench to the bill that an independent CSMS gets."""

import asyncio
import json
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from devices.gpio.wiring import parse_wiring
from eventstore.database import DATABASE_NAME
from tests.contract.electrical import Model
from tests.contract.rigs import wiring, wiring_text
from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.test_gpio_daemon import METER, TAG, Copper, begin, seen, station
from tests.unit.devices.modbus.meter_server import MeterServer

pytestmark = pytest.mark.asyncio

SDM = "eastron-sdm630"
SHOWN = {
    "energy_import_wh": 12_345.678,
    "power_w": 11_040.0,
    "frequency_mhz": 50.0,
    **{f"voltage_l{n}_mv": 230.0 for n in (1, 2, 3)},
    **{f"current_l{n}_ma": 16.0 for n in (1, 2, 3)},
}
S0_METER = '[connector.1.meter]\nkind = "s0"\npulse = "GPIO26"\n' + METER


def modbus(server: MeterServer) -> str:
    """The wiring of the model with that meter in place of the pulses."""
    line = server.line
    where = (
        f'host = "{line.host}"\nport = {line.port}'
        if line.kind == "tcp"
        else f'device = "{line.device}"\nbaudrate = 115200'
    )
    table = (
        f'[connector.1.meter]\nkind = "modbus"\nbus = "m"\nmap = "{SDM}"\nstale_ms = 1000\n'
        f'[bus.m]\nkind = "{line.kind}"\n{where}\ntimeout_ms = 200\nperiod_ms = 100\n'
    )

    text = wiring_text("peak", extra=METER)
    assert text.count(S0_METER) == 1
    return text.replace(S0_METER, table)


def with_meter(wired: str) -> Copper:
    return Copper(Model(parse_wiring(tomllib.loads(wired), connectors=1, fixed_cable=False)))


def shown_wh(server: MeterServer) -> int:
    return round(server.values["energy_import_wh"] * 1_000)


async def read_once(csms: Csms) -> None:
    """The CSMS asks for the register, and the meter was read when its MeterValues are here: no reading falls together with the next."""
    await csms.request("TriggerMessage", requested_message="MeterValues", connector_id=1)
    await csms.expect("MeterValues", connector_id=1)


async def shows(csms: Csms, server: MeterServer, *registers_wh: int) -> None:
    """The meter shows one register after the other, and the CSMS asks for each: read, logged, judged."""
    for energy_wh in registers_wh:
        server.values["energy_import_wh"] = energy_wh / 1_000
        await asyncio.sleep(0.35)
        await read_once(csms)


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
@pytest.mark.parametrize("glitch", [0, 99_000_000], ids=["zero", "jump"])
async def test_the_bill_of_a_modbus_meter_that_errs_is_what_it_counted(tmp_path: Path, kind: str, glitch: int) -> None:
    async with MeterServer(kind, SDM, SHOWN) as server:
        wired = modbus(server)
        copper = with_meter(wired)
        async with Csms() as csms, station(csms, tmp_path, copper.model, wired):
            start_wh = await begin(csms, copper)
            assert start_wh == shown_wh(server)
            await shows(csms, server, start_wh + 5, glitch, glitch, glitch, start_wh + 20)
            await csms.request("RemoteStopTransaction", transaction_id=1001)
            stopped = await csms.expect("StopTransaction")
            assert stopped.payload["meterStop"] - start_wh == 20
            csms.assert_conforming()


async def test_a_modbus_meter_that_is_exchanged_while_it_is_read_goes_on(tmp_path: Path) -> None:
    async with MeterServer("tcp", SDM, SHOWN) as server:
        wired = modbus(server)
        copper = with_meter(wired)
        async with Csms() as csms, station(csms, tmp_path, copper.model, wired):
            start_wh = await begin(csms, copper)
            await shows(csms, server, start_wh + 5, 70, 73, 76, 79, 82)
            await csms.request("RemoteStopTransaction", transaction_id=1001)
            stopped = await csms.expect("StopTransaction")
            assert stopped.payload["meterStop"] - start_wh == 5 + 12


async def test_a_meter_of_pulses_that_begins_at_zero_with_each_process_bills_what_flowed(tmp_path: Path) -> None:
    """An S0 meter shows no register: each process counts anew, and the register that is told goes on."""
    assert await billed_wh(tmp_path) == (0, 55)
    assert await billed_wh(tmp_path) == (55, 110)  # 3 x 230 V x 16 A for 18 s, twice


async def billed_wh(directory: Path) -> tuple[int, int]:
    """A charge of 18 s with a daemon, and a meter, that begin anew; meterStart and meterStop."""
    copper = Copper(Model(wiring("peak", extra=METER)))
    async with Csms() as csms, station(csms, directory, copper.model):
        start_wh = await begin(csms, copper)
        for counted_wh in (11, 22, 33, 44, 55):
            copper.model.count(1, 3_600)
            async with asyncio.timeout(60):
                while recorded_wh(directory) != counted_wh:  # the thread that counts pulses wants its turn
                    await read_once(csms)
        await csms.request("RemoteStopTransaction", transaction_id=1001)
        stopped = await csms.expect("StopTransaction")
        await seen(lambda: not copper.socket.locked, "the lock to open")
        copper.unplug()
    return start_wh, int(stopped.payload["meterStop"])


def recorded_wh(directory: Path) -> int:
    """What the meter itself showed when it was read last, by the log."""
    with closing(sqlite3.connect(f"file:{directory / DATABASE_NAME}?mode=ro", uri=True)) as log:
        found = log.execute(
            "SELECT payload FROM event WHERE type = 'MeterObserved' ORDER BY seq DESC LIMIT 1"
        ).fetchone()
    return int(json.loads(found[0])["energy_wh"])


def settings(url: str, policy: str = "stop") -> dict[str, dict[str, Any]]:
    return {
        "station": {"identity": "CB-0001"},
        "csms": {"url": url, "reconnect_min_s": 1},
        "daemon": {"power_loss_policy": policy},
    }


async def charging(daemon: Daemon, csms: Csms, register_wh: int) -> int:
    """A session that begins at that register; meterStart."""
    await csms.expect("BootNotification")
    await daemon.api.meter(1, energy_wh=register_wh)
    await daemon.api.plug(1)
    await daemon.api.swipe(TAG, 1)
    started = await csms.expect("StartTransaction")
    await csms.expect("StatusNotification", connector_id=1, status="Charging")
    return int(started.payload["meterStart"])


async def bench_shows(daemon: Daemon, csms: Csms, *registers_wh: int) -> None:
    for energy_wh in registers_wh:
        await daemon.api.meter(1, energy_wh=energy_wh)
        await read_once(csms)


@pytest.mark.parametrize(
    "glitches",
    [(0, 0, 12_345_700), (16_345_678, 12_345_700), (2**31, 2**32, 0, 12_345_700)],
    ids=["zero", "jump", "wild"],
)
async def test_the_bill_of_the_bench_is_what_its_meter_counted(tmp_path: Path, glitches: tuple[int, ...]) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings(csms.url)) as daemon:
        start_wh = await charging(daemon, csms, 12_345_678)
        assert start_wh == 12_345_678
        await bench_shows(daemon, csms, *glitches)
        await daemon.api.swipe(TAG, 1)
        stopped = await csms.expect("StopTransaction")
        assert 22 <= stopped.payload["meterStop"] - start_wh < 1_000
        csms.assert_conforming()


@pytest.mark.parametrize("policy", ["stop", "resume"])
@pytest.mark.parametrize("found_wh", [0, 99_000_000])
async def test_a_register_that_is_another_after_a_power_cut_is_not_billed(
    tmp_path: Path, policy: str, found_wh: int
) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings(csms.url, policy)) as daemon:
        start_wh = await charging(daemon, csms, 500_000)
        await bench_shows(daemon, csms, 500_050, found_wh)
        await daemon.kill()
        await daemon.start()
        await csms.expect("BootNotification")
        if policy == "resume":
            await bench_shows(daemon, csms, 500_090)
            await daemon.api.swipe(TAG, 1)
        stopped = await csms.expect("StopTransaction")
        assert 50 <= stopped.payload["meterStop"] - start_wh < 1_000
