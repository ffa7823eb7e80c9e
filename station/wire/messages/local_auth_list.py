"""Messages of the LocalAuthListManagement profile (fields in OCPP 1.6 section 6)."""

from eventstore.frozen import dataclass
from station.wire.enums import UpdateStatus, UpdateType
from station.wire.messages.types import AuthorizationData

__all__ = [
    "GetLocalListVersion",
    "GetLocalListVersionResponse",
    "SendLocalList",
    "SendLocalListResponse",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetLocalListVersion:
    """GetLocalListVersion.req (6.27)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetLocalListVersionResponse:
    """GetLocalListVersion.conf (6.28): 0 is an empty list, -1 no support."""

    list_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendLocalList:
    """SendLocalList.req (6.41)."""

    list_version: int
    update_type: UpdateType
    local_authorization_list: tuple[AuthorizationData, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendLocalListResponse:
    """SendLocalList.conf (6.42)."""

    status: UpdateStatus
