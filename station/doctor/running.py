"""What can be looked at while the daemon runs, without being in its way: `python -m station.doctor.running SETTINGS PROFILE`.

The daemon starts this for its page, as a process of its own with low priority, so that neither its loop nor its memory is
concerned. Each finding is a line of JSON. LEFT_OUT names what would disturb: it reads the whole log, writes to its disk, or connects
as the station.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

import orjson

from station.doctor.board import board_findings
from station.doctor.csms import csms_findings
from station.doctor.disk import disk_findings
from station.doctor.examination import machine_findings
from station.doctor.findings import Finding, ok
from station.doctor.listening import listening_finding
from station.doctor.provisioning import file_findings, read_settings

NICENESS = 10
LEFT_OUT = "how long a sync takes, the log, keys and certificates in it, the WebSocket"
ADVICE = "`chargebox doctor` on the station looks at them too"


async def findings_beside(
    settings_file: Path, security_profile: int, machine: Callable[[], Iterable[Finding]] = machine_findings
) -> AsyncIterator[Finding]:
    """All findings; `security_profile` is the one in force, `machine` finds what needs no settings."""
    for finding in machine():
        yield finding
    settings, found = read_settings(settings_file)
    for finding in found:
        yield finding
    if settings is None:
        return
    for finding in file_findings(settings):
        yield finding
    for finding in board_findings(settings):
        yield finding
    for finding in disk_findings(settings.storage.directory, None):
        yield finding
    yield await asyncio.to_thread(listening_finding, settings, running=True)
    async for finding in csms_findings(settings, running=True, security_profile=security_profile):
        yield finding
    yield ok("left out", f"not looked at while the daemon runs: {LEFT_OUT}; {ADVICE}")


async def _tell(settings_file: Path, security_profile: int) -> None:
    async for finding in findings_beside(settings_file, security_profile):
        members = {name: str(getattr(finding, name)) for name in finding.__struct_fields__}
        sys.stdout.buffer.write(orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()


def main(arguments: Sequence[str]) -> None:
    """The settings file, and the security profile in force."""
    with contextlib.suppress(OSError):  # where a sandbox forbids it, it is as urgent as the daemon
        os.nice(NICENESS)
    asyncio.run(_tell(Path(arguments[0]), int(arguments[1])))


if __name__ == "__main__":
    main(sys.argv[1:])
