"""How long it takes from a limit to the current, for each source; `python -m tests.performance.limit_times` prints the table's lines.

Median and worst of several changes on a daemon with its bench, an independent CSMS, and a site meter on a Modbus server.
"""

import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import settings_for, start_transaction, until
from tests.integration.test_limits_from_outside import MAP, Limited, limits_tables, site_values
from tests.unit.devices.modbus.meter_server import MeterServer, silence

TIMES = 15


async def until_drawn(limited: Limited, watts: int, *, below: bool) -> float:
    """Seconds until the vehicle draws no more (or no less) than this."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while True:
        power_w = (await limited.daemon.api.connector(1))["power_w"]
        if (power_w <= watts) if below else (power_w >= watts):
            return loop.time() - began_s
        await asyncio.sleep(0.005)


async def measured(
    limited: Limited, lower: Callable[[], Awaitable[object]], lift: Callable[[], Awaitable[object]]
) -> str:
    found = []
    for _ in range(TIMES):
        began_s = asyncio.get_running_loop().time()
        await lower()
        await until_drawn(limited, 11_100, below=True)
        found.append(asyncio.get_running_loop().time() - began_s)
        await lift()
        await until_drawn(limited, 20_000, below=False)
    return f"{statistics.median(found) * 1000:.0f} ms | {max(found) * 1000:.0f} ms"


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with MeterServer("tcp", MAP, site_values(2)) as meter, Csms() as csms:
            settings = settings_for(csms.url, **limits_tables(meter, period_s=0.5, failsafe_current_a=8))
            async with Daemon(Path(directory), settings) as daemon:
                await daemon.api.vehicle(1, max_current_a=32)
                await start_transaction(daemon, "A")
                limited = Limited(daemon, meter)
                await limited.limit(32)
                await until(daemon, lambda state: state["connectors"][1]["power_w"] > 20_000, "the vehicle to draw")

                async def flows(amperes: float) -> None:
                    limited.flows(amperes)

                async def silent(spoil: Callable[[bytes], bytes]) -> None:
                    meter.spoil = spoil

                rows = {
                    "`PUT /api/limit`": (
                        lambda: limited.put(source="ems", max_current_a=16, valid_s=600),
                        lambda: limited.put(source="ems", max_current_a=None),
                    ),
                    "the contact": (
                        lambda: daemon.api._post("limit-contact", closed=True),
                        lambda: daemon.api._post("limit-contact", closed=False),
                    ),
                    "a source that falls silent, from the end of `valid_s` (1 s) on": (
                        lambda: limited.put(source="ems", max_current_a=32, valid_s=1),
                        lambda: limited.put(source="ems", max_current_a=None),
                    ),
                    "more current at the site, read each half second": (lambda: flows(85), lambda: flows(2)),
                    "a site meter that falls silent (`stale_s` 2 s)": (
                        lambda: silent(silence),
                        lambda: silent(lambda packet: packet),
                    ),
                }
                for name, (lower, lift) in rows.items():
                    print(f"| {name} | {await measured(limited, lower, lift)} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
