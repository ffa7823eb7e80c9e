"""Connectors: the status that follows from the facts (4.9), what was reported of it, availability (5.2)."""

from typing import ClassVar

from eventstore.catalogue.transactions import Moment
from eventstore.event import Decision
from eventstore.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorStatusChanged(Decision):
    """The connector's ChargePointStatus is another one, or its error changed."""

    NAME: ClassVar[str] = "ConnectorStatusChanged"

    connector_id: int
    status: str
    error_code: str
    info: str
    vendor_error_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNotificationQueued(Decision):
    """StatusNotification is queued: this status, as of the moment it was reported."""

    NAME: ClassVar[str] = "StatusNotificationQueued"

    connector_id: int
    status: str
    error_code: str
    info: str
    vendor_error_code: str
    reported: Moment
    triggered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityChanged(Decision):
    """The connector (0: the station) is Operative or Inoperative from now on, across restarts."""

    NAME: ClassVar[str] = "AvailabilityChanged"

    connector_id: int
    availability: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityScheduled(Decision):
    """A change of availability waits for the transaction to end; "" withdraws it."""

    NAME: ClassVar[str] = "AvailabilityScheduled"

    connector_id: int
    availability: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparingTimedOut(Decision):
    """ConnectionTimeOut passed while the cable was in and nobody was authorized: Finishing (errata 3.20)."""

    NAME: ClassVar[str] = "PreparingTimedOut"

    connector_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparingRestarted(Decision):
    """A tag was presented at a timed-out connector: Preparing begins anew (F2)."""

    NAME: ClassVar[str] = "PreparingRestarted"

    connector_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyAskedBack(Decision):
    """Nothing is offered any more to a vehicle that may draw: the pilot goes steady.

    The contactor opens when the vehicle has left C and D, at `due_ms` (station time) at the latest.
    """

    NAME: ClassVar[str] = "EnergyAskedBack"

    connector_id: int
    due_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockRequested(Decision):
    """The lock is to be driven open, whatever holds it (5.18, or the held cable's owner)."""

    NAME: ClassVar[str] = "UnlockRequested"

    connector_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFailureFound(Decision):
    """The lock did not close: no energy through this cable (ConnectorLockFailure)."""

    NAME: ClassVar[str] = "LockFailureFound"

    connector_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFailureEnded(Decision):
    """The connector was unplugged or the lock moved after all."""

    NAME: ClassVar[str] = "LockFailureEnded"

    connector_id: int
