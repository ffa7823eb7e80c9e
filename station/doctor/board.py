"""The board as its kind judges it: the wiring alone and on this machine. No pin is touched."""

from collections.abc import Iterable, Iterator

from devices.findings import ERROR, SOUND, BoardFinding
from station.boards import module_of
from station.doctor.findings import Finding, fault, ok, warning
from station.settings.loading import Settings, SettingsError

SUBJECT = "board"
ADVICE = "[board.wiring]"


def board_findings(settings: Settings) -> Iterator[Finding]:
    """What there is to say of `[board]`."""
    try:
        found = module_of(settings).findings(settings)
    except SettingsError as error:
        yield from (fault(SUBJECT, problem, f"put {ADVICE} right") for problem in error.problems)
        return
    yield from as_findings(SUBJECT, found)


def as_findings(subject: str, found: Iterable[BoardFinding]) -> Iterator[Finding]:
    """What was found about a board, as the doctor says it."""
    for finding in found:
        text = f"{finding.where}: {finding.text}"
        if finding.level == SOUND:
            yield ok(subject, text)
        else:
            yield (fault if finding.level == ERROR else warning)(subject, text, f"see {ADVICE}")
