"""Messages of the RemoteTrigger profile (fields in OCPP 1.6 section 6)."""

from eventstore.frozen import dataclass
from station.wire.enums import MessageTrigger, TriggerMessageStatus

__all__ = [
    "TriggerMessage",
    "TriggerMessageResponse",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerMessage:
    """TriggerMessage.req (6.51)."""

    requested_message: MessageTrigger
    connector_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerMessageResponse:
    """TriggerMessage.conf (6.52)."""

    status: TriggerMessageStatus
