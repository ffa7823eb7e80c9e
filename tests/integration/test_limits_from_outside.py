"""The real daemon under limits from outside: a program, the grid operator's contact, a site meter on a real Modbus server.

Each limit is obeyed by the current that the bench's vehicle draws; the figures are the medians in docs/performance.md.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import settings_for, start_transaction, until
from tests.integration.test_reflex import hanging_disk
from tests.unit.devices.modbus.meter_server import MeterServer, silence

MAP = "eastron-sdm630"


class Limited:
    """A charging station and those who limit it."""

    def __init__(self, daemon: Daemon, meter: MeterServer) -> None:
        self.daemon = daemon
        self.meter = meter

    async def put(self, **said: Any) -> int:
        return (await self.daemon.api.call("PUT", "/api/limit", said)).status_code

    async def limit(self, amperes: float) -> Any:
        return await until(self.daemon, lambda state: state["connectors"][1]["limit_a"] == amperes, f"{amperes} A")

    def flows(self, amperes: float) -> None:
        """What flows at the supply of the site on each phase, the station included."""
        self.meter.values = site_values(amperes)


def site_values(amperes: float) -> dict[str, float]:
    phases = ("l1", "l2", "l3")
    shown = {f"current_{phase}_ma": amperes for phase in phases} | {f"voltage_{phase}_mv": 230 for phase in phases}
    return {"energy_import_wh": 1, "frequency_mhz": 50, **shown}


def limits_tables(meter: MeterServer, **site: Any) -> dict[str, dict[str, Any]]:
    """The settings of all sources, for a station whose main fuse bears 63 A."""
    return {
        "limits": {"min_pause_s": 0},
        "limits.api": {"failsafe_current_a": 7},
        "limits.contact": {"dims_when": "closed"},
        "limits.site_meter": {
            "fuse_a": 63,
            "map": MAP,
            "host": "127.0.0.1",
            "port": meter.line.port,
            "feed_in": True,
            "raise_after_s": 1,
            "failsafe_current_a": 8,
            "period_s": 0.1,
            **site,
        },
    }


@pytest_asyncio.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Limited]:
    async with MeterServer("tcp", MAP, site_values(2)) as meter, Csms() as csms:
        settings = settings_for(csms.url, **limits_tables(meter))
        async with Daemon(tmp_path, settings) as daemon:
            await daemon.api.vehicle(1, max_current_a=6)
            await start_transaction(daemon, "A")
            await csms.expect("StartTransaction", id_tag="A")
            under_test = Limited(daemon, meter)
            await under_test.limit(32)
            yield under_test


@pytest.mark.asyncio
async def test_a_program_the_contact_and_the_site_meter_limit_what_is_drawn_and_the_lowest_counts(
    limited: Limited,
) -> None:
    api = limited.daemon.api
    assert await limited.put(source="ems", max_current_a=16, valid_s=600) == 200
    assert (await api.connector(1))["limit_a"] == 16, "obeyed when it is answered"
    assert await limited.put(source="ems", max_current_a=-1, valid_s=600) == 422
    await api._post("limit-contact", closed=True)
    state = await limited.limit(6.086)
    assert state["connectors"][1]["power_w"] <= 4_200
    assert state["connectors"][1]["limit_by"]["outside"]["kind"] == "contact"
    assert await limited.put(source="ems", max_power_w=4_000, valid_s=600) == 200
    await limited.limit(0)
    assert await limited.put(source="ems", max_power_w=None) == 200
    await api._post("limit-contact", closed=False)
    await limited.limit(32)
    limited.flows(56)  # of that 6 A are the vehicle's
    state = await limited.limit(12)
    assert [each["kind"] for each in state["limits"]] == ["site_meter"]
    limited.meter.spoil = silence
    await limited.limit(8)
    limited.meter.spoil = lambda packet: packet
    limited.flows(2)
    await limited.limit(32)


@pytest.mark.asyncio
async def test_a_limit_takes_energy_away_though_the_disk_hangs(limited: Limited) -> None:
    """The meter is read when it is asked for, so the state shows the current although nothing becomes durable."""
    storage = limited.daemon.directory / "storage"
    await limited.daemon.api.vehicle(1, max_current_a=32)
    await until(limited.daemon, lambda state: state["connectors"][1]["power_w"] > 20_000, "the vehicle to draw")
    with hanging_disk(storage):
        asked = asyncio.create_task(limited.put(source="ems", max_current_a=6, valid_s=600))
        state = await until(
            limited.daemon, lambda state: state["connectors"][1]["power_w"] <= 4_140, "the current to fall"
        )
        assert state["connectors"][1]["limit_a"] == 32, "nothing of it is on record yet"
        assert not asked.done()
    assert await asked == 200
    await limited.limit(6)
