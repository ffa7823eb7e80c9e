"""Registration with the CSMS (4.2), and the calls that are made for its own sake."""

from typing import ClassVar

from eventstore.event import Decision


class RegistrationAnswered(Decision, frozen=True, kw_only=True):
    """BootNotification.conf: Accepted, Pending or Rejected; `retry_due_ms` is the next BootNotification, if any."""

    NAME: ClassVar[str] = "RegistrationAnswered"

    status: str
    interval_s: int
    retry_due_ms: int | None


class RegistrationLost(Decision, frozen=True, kw_only=True):
    """The CSMS does not hold us registered any more, or did not answer: BootNotification is due at `retry_due_ms`."""

    NAME: ClassVar[str] = "RegistrationLost"

    reason: str
    retry_due_ms: int


class BootNotificationQueued(Decision, frozen=True, kw_only=True):
    """BootNotification is queued: after a boot, after its interval, or because the CSMS asked (`triggered`)."""

    NAME: ClassVar[str] = "BootNotificationQueued"

    triggered: bool


class HeartbeatQueued(Decision, frozen=True, kw_only=True):
    """Heartbeat is queued (4.6)."""

    NAME: ClassVar[str] = "HeartbeatQueued"

    triggered: bool


class DataTransferQueued(Decision, frozen=True, kw_only=True):
    """A DataTransfer of ours is queued (4.3)."""

    NAME: ClassVar[str] = "DataTransferQueued"

    vendor_id: str
    message_id: str | None
    data: str | None
