"""Messages of the RemoteTrigger profile (fields in OCPP 1.6 section 6)."""

from eventstore.value import Value
from station.wire.enums import MessageTrigger, TriggerMessageStatus

__all__ = [
    "TriggerMessage",
    "TriggerMessageResponse",
]


class TriggerMessage(Value, frozen=True, kw_only=True):
    """TriggerMessage.req (6.51)."""

    requested_message: MessageTrigger
    connector_id: int | None = None


class TriggerMessageResponse(Value, frozen=True, kw_only=True):
    """TriggerMessage.conf (6.52)."""

    status: TriggerMessageStatus
