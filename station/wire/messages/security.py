"""Messages of the security white paper, edition 3 (fields in its section 5)."""

from eventstore.frozen import dataclass
from station.wire.primitives import DateTime, Text50, Text255

__all__ = ["SecurityEventNotification", "SecurityEventNotificationResponse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEventNotification:
    """SecurityEventNotification.req (5.15); the types are those of section 8, as 1.6 spells them."""

    type: Text50
    timestamp: DateTime
    tech_info: Text255 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEventNotificationResponse:
    """SecurityEventNotification.conf (5.16)."""
