"""The level of each kind of event in the journal; an event of the story that is not named here is logged at info."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue import (
    authorization,
    certificates,
    commissioning,
    configuration,
    connectors,
    hardware,
    lifecycle,
    limits,
    link,
    maintenance,
    registration,
    security,
    temperatures,
    transactions,
)
from eventstore.event import Event
from projections.outside_limits import SILENT
from station.telling.line import ERROR, INFO, WARNING

CLOSED_BY_US = "closed by the station"


def _progress(event: maintenance.FirmwareProgressed) -> int:
    return WARNING if "Failed" in event.status or event.status == "InvalidSignature" else INFO


def _disk(event: lifecycle.DiskSpaceObserved) -> int:
    return {"ok": INFO, "low": WARNING}.get(event.level, ERROR)


_LEVELS: Mapping[type[Event], int | Callable[[Any], int]] = {
    lifecycle.StationBooted: lambda e: INFO if e.orderly else WARNING,
    lifecycle.LogSalvaged: ERROR,
    lifecycle.LogDamageFound: ERROR,
    lifecycle.DecisionFailed: ERROR,
    lifecycle.ObservationRejected: ERROR,
    lifecycle.ObservationsDropped: ERROR,
    lifecycle.ClockDisagreed: WARNING,
    lifecycle.DiskSpaceObserved: _disk,
    hardware.FaultObserved: ERROR,
    hardware.ContactorObserved: ERROR,  # logged only if it does not obey
    hardware.MeterFailed: WARNING,
    hardware.ResidualMonitorObserved: lambda e: ERROR if e.outcome == "failed" else INFO,
    hardware.EmergencyStopObserved: lambda e: WARNING if e.pressed else INFO,
    security.TamperObserved: lambda e: WARNING if e.open else INFO,
    security.TlsFailed: ERROR,
    security.SecurityProfileFallenBack: WARNING,
    hardware.MainsObserved: lambda e: INFO if e.present else WARNING,
    limits.SiteMeterFailed: WARNING,
    limits.OutsideLimitChanged: lambda e: WARNING if e.why == SILENT else INFO,
    link.LinkClosed: lambda e: INFO if e.reason.startswith(CLOSED_BY_US) else WARNING,
    link.ConnectFailed: WARNING,
    link.FrameRefused: WARNING,
    link.CallTimedOut: WARNING,
    link.CallSettled: WARNING,  # logged only if it was no answer
    link.CallShed: WARNING,
    link.OwedEventsLost: ERROR,
    link.DeliveryRecovered: WARNING,
    link.FloodFound: WARNING,
    configuration.AuthorizationKeyRefused: WARNING,
    configuration.AuthorizationKeysFound: lambda e: ERROR if e.missing or e.damaged else INFO,
    certificates.CertificateCheckConcluded: lambda e: INFO if e.outcome == "Accepted" else WARNING,
    certificates.CertificateSigningEnded: WARNING,
    certificates.StationCertificateRefused: WARNING,
    certificates.StationCertificatesFound: lambda e: ERROR if e.missing else INFO,
    certificates.RootsFound: lambda e: ERROR if e.missing else INFO,
    commissioning.CommissioningStepEnded: lambda e: INFO if e.passed else WARNING,
    commissioning.CommissioningEnded: lambda e: INFO if e.passed else WARNING,
    registration.RegistrationAnswered: lambda e: WARNING if e.status == "Rejected" else INFO,
    registration.RegistrationLost: WARNING,
    authorization.LocalListConflictFound: WARNING,
    authorization.LocalListStoreFailed: WARNING,
    transactions.TransactionRecovered: WARNING,
    transactions.TransactionInvalidated: WARNING,
    transactions.MeterSamplesDropped: WARNING,
    transactions.MeterResetFound: WARNING,
    transactions.MeterDoubted: WARNING,
    transactions.TransactionIdAssigned: lambda e: WARNING if e.conflict else INFO,
    connectors.LockFailureFound: WARNING,
    temperatures.DeratingChanged: lambda e: ERROR if e.overheated else INFO if e.limit_ma is None else WARNING,
    maintenance.ResetFailed: ERROR,
    maintenance.ResetAbandoned: WARNING,
    maintenance.TransferRefused: WARNING,
    maintenance.FirmwareProgressed: _progress,
    maintenance.SignedUpdateAnswered: lambda e: INFO if e.status.startswith("Accepted") else WARNING,
    maintenance.DiagnosticsProgressed: lambda e: INFO if e.status == "Uploaded" else WARNING,
}


def level(event: Event) -> int:
    """The level of the line for this event."""
    known = _LEVELS.get(type(event), INFO)
    return known if isinstance(known, int) else known(event)
