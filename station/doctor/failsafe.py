"""`doctor --failsafe`: what switches the contactors is left alone while a vehicle draws, and the current must fall.

It needs the board for itself: not while the daemon runs, and not while the log has a transaction open, unless it is wanted anyway.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from eventstore.database import DATABASE_NAME
from station.boards import module_of
from station.doctor.board import as_findings
from station.doctor.findings import Finding, Level, fault
from station.doctor.logbook import is_running
from station.doctor.provisioning import read_settings
from station.replay.opening.errors import ReplayError
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.settings.loading import Settings, SettingsError

SUBJECT = "failsafe"
EXIT_OK, EXIT_FAULT = 0, 1


def try_failsafe(settings_file: Path, tell: Callable[[str], None], *, anyway: bool) -> int:
    """Print what goes on and what was found; 1 if there is a fault, else 0."""
    settings, problems = read_settings(settings_file)
    found = list(problems) if settings is None else list(_findings(settings, tell, anyway=anyway))
    for finding in found:
        tell(str(finding))
    return EXIT_FAULT if any(finding.level is Level.FAULT for finding in found) else EXIT_OK


def _findings(settings: Settings, tell: Callable[[str], None], *, anyway: bool) -> Iterator[Finding]:
    directory = settings.storage.directory
    if is_running(directory):
        yield fault(SUBJECT, "not tried: a daemon runs and has the board", "stop it first")
        return
    refusal = None if anyway else open_transaction(directory)
    if refusal is not None:
        yield fault(SUBJECT, f"not tried: {refusal}", "let the daemon end it, or add --anyway")
        return
    try:
        yield from as_findings(SUBJECT, module_of(settings).try_failsafe(settings, tell))
    except SettingsError as error:
        yield from (fault(SUBJECT, problem, "nothing was tried") for problem in error.problems)


def open_transaction(directory: Path) -> str | None:
    """Why the log speaks against a trial; None if it does not."""
    if not (directory / DATABASE_NAME).exists():
        return None
    try:
        with open_log(directory) as reader:
            running = state_at(reader, reader.head.seq).state.transactions.running()
    except (ReplayError, OSError) as error:
        return f"the log cannot be read: {error}"
    numbers = ", ".join(str(transaction.number) for transaction in running)
    return f"transaction {numbers} is open in the log" if numbers else None
