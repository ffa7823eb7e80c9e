"""Messages of the security white paper, edition 3 (fields in its section 5)."""

from eventstore.value import Value
from station.wire.primitives import DateTime, Text50, Text255

__all__ = ["SecurityEventNotification", "SecurityEventNotificationResponse"]


class SecurityEventNotification(Value, frozen=True, kw_only=True):
    """SecurityEventNotification.req (5.15); the types are those of section 8, as 1.6 spells them."""

    type: Text50
    timestamp: DateTime
    tech_info: Text255 | None = None


class SecurityEventNotificationResponse(Value, frozen=True, kw_only=True):
    """SecurityEventNotification.conf (5.16)."""
