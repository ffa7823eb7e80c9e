"""How a CSMS that knows nothing of the station makes its acquaintance: it asks for everything and takes what it finds."""

from pathlib import Path
from typing import Any

import pytest

from station.wire.enums import Measurand
from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import settings_for, start_transaction

SAMPLED = "MeterValuesSampledData"
EVERY_MEASURAND = ",".join(Measurand)
SHOWN = {"Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage"}


async def value_of(csms: Csms, key: str) -> str:
    answer = await csms.request("GetConfiguration", key=[key])
    return str(answer["configurationKey"][0]["value"])


def told(frame: Any) -> set[str]:
    """The measurands in the samples of a MeterValues."""
    return {item["measurand"] for value in frame.payload["meterValue"] for item in value["sampledValue"]}


@pytest.mark.asyncio
async def test_a_csms_that_takes_what_it_finds_is_told_power_current_and_voltage(tmp_path: Path) -> None:
    """It sets all 22 measurands of 7.31 at once, is refused, reads the list back and shows what is in it."""
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await csms.expect("BootNotification")
        assert EVERY_MEASURAND.count(",") == 21
        answer = await csms.request("ChangeConfiguration", key=SAMPLED, value=EVERY_MEASURAND)
        assert answer == {"status": "Rejected"}
        assert set((await value_of(csms, SAMPLED)).split(",")) == SHOWN
        assert set((await value_of(csms, "MeterValuesAlignedData")).split(",")) == SHOWN
        await csms.request("ChangeConfiguration", key="MeterValueSampleInterval", value="1")
        await start_transaction(daemon, "A")
        frame = await csms.expect("MeterValues")
        assert told(frame) == SHOWN
        assert await csms.request("TriggerMessage", requested_message="BootNotification") == {"status": "Accepted"}
        await csms.expect("BootNotification")
        csms.assert_conforming()
