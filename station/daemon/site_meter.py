"""The meter at the supply of the site, as the settings describe it. Imported only where they name one."""

import asyncio
from collections.abc import Callable

from devices.kinds import Problem
from devices.modbus.bus import BusLine, ModbusBus
from devices.modbus.meter import MeterPlace, ModbusMeter, measured_by
from devices.modbus.register_map import MapError, RegisterMap, load_map
from devices.protocols import StationBoard
from devices.site_load import SiteLoad
from eventstore.event import Observation
from station.runtime.site_meter import SiteMeter
from station.settings.lines import find_line
from station.settings.loading import Settings, SettingsError

PHASES = 3
TIMEOUT_MS = 400


def site_map(settings: Settings) -> RegisterMap:
    """The register map of the site meter. Raises SettingsError if there is none of use."""
    name = settings.limits.site_meter.map
    try:
        found = load_map(name)
    except MapError as error:
        raise _error(settings, str(error)) from error
    if "current_ma" not in measured_by(found, PHASES):
        raise _error(settings, f"{name} does not give the current of each phase")
    return found


def _error(settings: Settings, text: str) -> SettingsError:
    problem = Problem(path=("limits", "site_meter", "map"), text=text)
    line = find_line(settings.lines, problem.path)
    place = settings.source if line is None else f"{settings.source}:{line}"
    return SettingsError((f"{place}: {problem}",))


def make_site_meter(
    settings: Settings, board: StationBoard, now_ms: Callable[[], int], submit: Callable[[Observation], None]
) -> SiteMeter:
    """The site meter and its bus, not started. Raises SettingsError for a map that is of no use."""
    site, voltage_v = settings.limits.site_meter, settings.board.voltage_v
    place = MeterPlace(
        connector_id=0,
        unit=site.unit,
        stale_ms=int(site.stale_s * 1000),
        phases=PHASES,
        voltage_v=voltage_v,
        max_current_ma=int(site.fuse_a * 1000),
    )
    meter = ModbusMeter(place, site_map(settings), started_at_ms=now_ms())
    line = BusLine(
        kind="tcp" if site.host else "rtu",
        device=site.device,
        baudrate=site.baudrate,
        parity=site.parity,
        stop_bits=site.stop_bits,
        host=site.host,
        port=site.port,
        timeout_ms=TIMEOUT_MS,
        period_ms=int(site.period_s * 1000),
    )
    return SiteMeter(
        ModbusBus(line, (meter,), now_ms=now_ms, pause_ms=_pause),
        meter,
        SiteLoad(int(site.raise_after_s * 1000), feeds_in=site.feed_in),
        board,
        places=["RST".index(letter) for letter in site.phases][: settings.board.phases],
        now_ms=now_ms,
        submit=submit,
    )


async def _pause(duration_ms: int) -> None:
    await asyncio.sleep(duration_ms / 1000)
