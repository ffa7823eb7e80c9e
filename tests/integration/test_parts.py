"""The real daemon charges without a card, tries its residual current monitor, and gives a warm connector less."""

from pathlib import Path
from typing import Any

import pytest

from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import settings_for, until

SETTINGS = {
    "authorization": {"free_id_tag": "HOME", "autocharge_prefix": "VID:"},
    "temperature": {"derating": [[60, 32], [80, 6]], "silent_current_a": 8},
}


async def bench(daemon: Daemon, name: str, **body: Any) -> None:
    answer = await daemon.api.call("POST", f"/bench/connectors/1/{name}", body)
    assert answer.status_code == 200, answer.text


async def limited(daemon: Daemon, amperes: float, kind: str) -> None:
    def is_so(state: Any) -> bool:
        connector = state["connectors"][1]
        return bool(connector["limit_a"] == amperes and (connector["limit_by"] or {}).get("kind") == kind)

    await until(daemon, is_so, f"{amperes} A by the {kind}")


async def faulted(daemon: Daemon, error_code: str) -> None:
    def is_so(state: Any) -> bool:
        connector = state["connectors"][1]
        return (connector["status"], connector["error_code"], connector["contactor"]) == ("Faulted", error_code, "open")

    await until(daemon, is_so, f"{error_code}, and the contactor open")


@pytest.mark.asyncio
async def test_a_plug_charges_behind_a_monitor_that_passes_and_slower_when_it_is_warm(tmp_path: Path) -> None:
    settings = settings_for("", **SETTINGS)
    async with Csms() as csms, Daemon(tmp_path, settings | {"csms": {"url": csms.url}}) as daemon:
        await bench(daemon, "residual-monitor", defect="does not trip")
        await daemon.api.plug(1)
        await faulted(daemon, "GroundFailure")
        await bench(daemon, "residual-monitor", defect="")
        await daemon.api.unplug(1)
        await until(daemon, lambda state: state["connectors"][1]["status"] == "Available", "the test without a cable")
        await daemon.api.plug(1)
        await csms.expect("StartTransaction", id_tag="HOME")
        await until(daemon, lambda state: state["connectors"][1]["contactor"] == "closed", "the contactor to close")
        await bench(daemon, "temperature", celsius=70)
        await limited(daemon, 19, "temperature")
        await bench(daemon, "temperature", silent=True)
        await limited(daemon, 8, "temperature")
        await bench(daemon, "temperature", celsius=85)
        await faulted(daemon, "HighTemperature")
        await bench(daemon, "temperature", celsius=40)
        await limited(daemon, 32, "station")
        await until(daemon, lambda state: state["connectors"][1]["contactor"] == "closed", "energy to return")
