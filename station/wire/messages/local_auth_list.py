"""Messages of the LocalAuthListManagement profile (fields in OCPP 1.6 section 6)."""

from eventstore.value import Value
from station.wire.enums import UpdateStatus, UpdateType
from station.wire.messages.types import AuthorizationData

__all__ = [
    "GetLocalListVersion",
    "GetLocalListVersionResponse",
    "SendLocalList",
    "SendLocalListResponse",
]


class GetLocalListVersion(Value, frozen=True, kw_only=True):
    """GetLocalListVersion.req (6.27)."""


class GetLocalListVersionResponse(Value, frozen=True, kw_only=True):
    """GetLocalListVersion.conf (6.28): 0 is an empty list, -1 no support."""

    list_version: int


class SendLocalList(Value, frozen=True, kw_only=True):
    """SendLocalList.req (6.41)."""

    list_version: int
    update_type: UpdateType
    local_authorization_list: tuple[AuthorizationData, ...] | None = None


class SendLocalListResponse(Value, frozen=True, kw_only=True):
    """SendLocalList.conf (6.42)."""

    status: UpdateStatus
