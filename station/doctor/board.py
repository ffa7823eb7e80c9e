"""The board: a bench has nothing to check; of real pins, the wiring alone and on this machine. No pin is touched."""

from collections.abc import Iterator

from station.doctor.findings import Finding, fault, ok, warning
from station.runtime.wiring import read_wiring
from station.settings.loading import Settings, SettingsError

SUBJECT = "board"
ADVICE = "[board.wiring]"


def board_findings(settings: Settings) -> Iterator[Finding]:
    """What there is to say of `[board]`."""
    if settings.board.kind == "bench":
        yield ok(SUBJECT, f"bench: {settings.station.connectors} simulated connectors")
        return
    from devices.gpio.findings import ERROR, machine_findings, wiring_findings

    try:
        wiring = read_wiring(settings)
    except SettingsError as error:
        yield from (fault(SUBJECT, problem, f"put {ADVICE} right") for problem in error.problems)
        return
    found = (*wiring_findings(wiring), *machine_findings(wiring))
    for finding in found:
        make = fault if finding.level == ERROR else warning
        yield make(SUBJECT, f"{finding.where}: {finding.text}", f"see {ADVICE}")
    if not any(finding.level == ERROR for finding in found):
        yield ok(SUBJECT, f"gpio: {len(wiring.connectors)} connectors are wired without contradiction")
