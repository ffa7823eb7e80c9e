"""The whole examination; a check comes after those that it depends on. Findings are printed as they come."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

from station.doctor.board import board_findings
from station.doctor.broker import broker_findings
from station.doctor.calendar_clock import clock_finding
from station.doctor.certificate_report import certificate_findings
from station.doctor.csms import csms_findings
from station.doctor.disk import disk_findings
from station.doctor.findings import Finding, Level, ok
from station.doctor.installation import installation_findings
from station.doctor.limits import limit_findings
from station.doctor.listening import listening_finding
from station.doctor.logbook import is_running, log_findings
from station.doctor.provisioning import key_findings, read_settings
from station.doctor.temperature import temperature_findings
from station.runtime.clock import SystemClock
from station.settings.loading import Settings

EXIT_OK, EXIT_FAULT = 0, 1


def machine_findings() -> Iterator[Finding]:
    """What is found without settings: the installation, and the clock."""
    yield from installation_findings()
    yield clock_finding(SystemClock())


def examine(
    settings_file: Path | None,
    tell: Callable[[str], None],
    machine: Callable[[], Iterable[Finding]] = machine_findings,
) -> int:
    """Print a line for each finding and one that counts them; 1 if there is a fault, else 0. `machine` finds what needs no settings."""
    return asyncio.run(_examine(settings_file, tell, machine))


async def _examine(
    settings_file: Path | None, tell: Callable[[str], None], machine: Callable[[], Iterable[Finding]]
) -> int:
    counted: Counter[Level] = Counter()
    async for finding in findings(settings_file, machine):
        counted[finding.level] += 1
        tell(str(finding))
    tell(f"{counted[Level.FAULT]} faults, {counted[Level.WARNING]} warnings")
    return EXIT_FAULT if counted[Level.FAULT] else EXIT_OK


async def findings(
    settings_file: Path | None, machine: Callable[[], Iterable[Finding]] = machine_findings
) -> AsyncIterator[Finding]:
    """All findings; without settings, or with unusable ones, only what does not depend on them."""
    for finding in machine():
        yield finding
    if settings_file is None:
        yield ok("settings", "none given: board, disk, log, service and CSMS are not checked (--settings FILE)")
        return
    settings, found = read_settings(settings_file)
    for finding in found:
        yield finding
    if settings is not None:
        async for finding in _station(settings):
            yield finding


async def _station(settings: Settings) -> AsyncIterator[Finding]:
    directory = settings.storage.directory
    for finding in key_findings(settings):
        yield finding
    for finding in certificate_findings(settings):
        yield finding
    for finding in board_findings(settings):
        yield finding
    for finding in temperature_findings(settings):
        yield finding
    for finding in limit_findings(settings):
        yield finding
    for finding in disk_findings(directory, asyncio.get_running_loop().time):
        yield finding
    for finding in log_findings(directory, settings.station.identity):
        yield finding
    running = is_running(directory)
    yield listening_finding(settings, running=running)
    async for finding in csms_findings(settings, running=running):
        yield finding
    async for finding in broker_findings(settings):
        yield finding
