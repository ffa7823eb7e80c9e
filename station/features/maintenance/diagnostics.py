"""What GetDiagnostics asked for (5.9, errata 3.31): its upload, and what the CSMS hears of it."""

from collections.abc import Iterator

from eventstore.catalogue.maintenance import DiagnosticsStatusQueued
from projections.station import StationState
from station.core.feature import Deadline, Events
from station.rules.uploads import advance_upload, upload_deadlines
from station.wire.enums import DiagnosticsStatus

WAIT = "diagnostics_wait"


def diagnostics_deadlines(state: StationState) -> Iterator[Deadline]:
    """The next upload, after one that failed."""
    return upload_deadlines(state.maintenance.diagnostics, WAIT)


def advance_diagnostics(state: StationState, at_ms: int) -> Events:
    """What follows for the upload under way: at most one step, and the status that goes with it."""
    return advance_upload(state.maintenance.diagnostics, at_ms, _queued, DiagnosticsStatus.UPLOAD_FAILED)


def _queued(status: str) -> DiagnosticsStatusQueued:
    return DiagnosticsStatusQueued(status=status)
