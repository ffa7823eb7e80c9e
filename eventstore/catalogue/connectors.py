"""Connectors: the status that follows from the facts (4.9), what was reported of it, availability (5.2)."""

from typing import ClassVar

from eventstore.catalogue.transactions import Moment
from eventstore.event import Decision


class ConnectorStatusChanged(Decision, frozen=True, kw_only=True):
    """The connector's ChargePointStatus is another one, or its error changed."""

    NAME: ClassVar[str] = "ConnectorStatusChanged"

    connector_id: int
    status: str
    error_code: str
    info: str
    vendor_error_code: str


class StatusNotificationQueued(Decision, frozen=True, kw_only=True):
    """StatusNotification is queued: this status, as of the moment it was reported."""

    NAME: ClassVar[str] = "StatusNotificationQueued"

    connector_id: int
    status: str
    error_code: str
    info: str
    vendor_error_code: str
    reported: Moment
    triggered: bool = False


class AvailabilityChanged(Decision, frozen=True, kw_only=True):
    """The connector (0: the station) is Operative or Inoperative from now on, across restarts."""

    NAME: ClassVar[str] = "AvailabilityChanged"

    connector_id: int
    availability: str


class AvailabilityScheduled(Decision, frozen=True, kw_only=True):
    """A change of availability waits for the transaction to end; "" withdraws it."""

    NAME: ClassVar[str] = "AvailabilityScheduled"

    connector_id: int
    availability: str


class PreparingTimedOut(Decision, frozen=True, kw_only=True):
    """ConnectionTimeOut passed while the cable was in and nobody was authorized: Finishing (errata 3.20)."""

    NAME: ClassVar[str] = "PreparingTimedOut"

    connector_id: int


class PreparingRestarted(Decision, frozen=True, kw_only=True):
    """A tag was presented at a timed-out connector: Preparing begins anew (F2)."""

    NAME: ClassVar[str] = "PreparingRestarted"

    connector_id: int


class EnergyAskedBack(Decision, frozen=True, kw_only=True):
    """Nothing is offered any more to a vehicle that may draw: the pilot goes steady.

    The contactor opens when the vehicle has left C and D, at `due_ms` (station time) at the latest.
    """

    NAME: ClassVar[str] = "EnergyAskedBack"

    connector_id: int
    due_ms: int


class PilotInterrupted(Decision, frozen=True, kw_only=True):
    """A vehicle is offered a current and says nothing: the pilot goes steady until `until_ms` (station time), to wake it.

    `attempt` counts the interruptions since the offer began, from 1 on.
    """

    NAME: ClassVar[str] = "PilotInterrupted"

    connector_id: int
    attempt: int
    until_ms: int


class UnlockRequested(Decision, frozen=True, kw_only=True):
    """The lock is to be driven open, whatever holds it (5.18, or the held cable's owner)."""

    NAME: ClassVar[str] = "UnlockRequested"

    connector_id: int


class LockFailureFound(Decision, frozen=True, kw_only=True):
    """The lock did not close: no energy through this cable (ConnectorLockFailure)."""

    NAME: ClassVar[str] = "LockFailureFound"

    connector_id: int


class LockFailureEnded(Decision, frozen=True, kw_only=True):
    """The connector was unplugged or the lock moved after all."""

    NAME: ClassVar[str] = "LockFailureEnded"

    connector_id: int
