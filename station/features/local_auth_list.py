"""Local Auth List Management: GetLocalListVersion (5.10) and SendLocalList (5.15, 3.5.2).

Theory of operation
    An update is one event: all of it holds, or nothing changed. Whether it may be applied follows from the request, the
    list as it is and the limits that the keys give; what a tag on the list may do is decided where tags are presented.
"""

from collections.abc import Sequence

from eventstore.catalogue.authorization import (
    IdTagInfo,
    LocalListAmended,
    LocalListEntry,
    LocalListReplaced,
    LocalListStoreFailed,
)
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import Answer, Feature, Reply
from station.rules.local_list import LOCAL_AUTH_LIST_ENABLED, PROFILE, is_enabled
from station.wire.enums import UpdateStatus, UpdateType
from station.wire.messages.local_auth_list import (
    GetLocalListVersion,
    GetLocalListVersionResponse,
    SendLocalList,
    SendLocalListResponse,
)
from station.wire.messages.types import AuthorizationData
from station.wire.primitives import is_blank

NOT_SUPPORTED_VERSION = -1

LOCAL_AUTH_LIST_MAX_LENGTH = ConfigKey(
    name="LocalAuthListMaxLength",
    kind=Integer(minimum=1, maximum=10_000),
    access=Access.READ_ONLY,
    default=10_000,
    required=True,
    unit="entries",
    clause="9.2.2",
    doc="How many tags the Local Authorization List can hold.",
)
SEND_LOCAL_LIST_MAX_LENGTH = ConfigKey(
    name="SendLocalListMaxLength",
    kind=Integer(minimum=1, maximum=1_000),
    access=Access.READ_ONLY,
    default=1_000,
    required=True,
    unit="entries",
    clause="9.2.3",
    doc="How many tags one SendLocalList can carry.",
)


def decide_get_local_list_version(state: StationState, request: GetLocalListVersion, at_ms: int) -> Reply:
    """The list's version: 0 if it is empty, -1 while LocalAuthListEnabled is false (5.10)."""
    version = state.authorization.list_version if is_enabled(state) else NOT_SUPPORTED_VERSION
    return Reply(GetLocalListVersionResponse(list_version=version))


def decide_send_local_list(state: StationState, request: SendLocalList, at_ms: int) -> Reply:
    """Accepted with the one event that holds the update, or why not: the list is then as it was (5.15)."""
    if not is_enabled(state):
        return Reply(SendLocalListResponse(status=UpdateStatus.NOT_SUPPORTED))
    if state.authorization.store_failing:
        return Reply(
            SendLocalListResponse(status=UpdateStatus.FAILED), (LocalListStoreFailed(version=request.list_version),)
        )
    status = _judge(state, request)
    if status is not UpdateStatus.ACCEPTED:
        return Reply(SendLocalListResponse(status=status))
    kind = LocalListReplaced if request.update_type is UpdateType.FULL else LocalListAmended
    entries = tuple(_entry(data) for data in _entries(request))
    return Reply(SendLocalListResponse(status=status), (kind(version=request.list_version, entries=entries),))


def _judge(state: StationState, request: SendLocalList) -> UpdateStatus:
    """Accepted if the update can be applied; VersionMismatch for a Differential that does not go forward."""
    entries = _entries(request)
    full = request.update_type is UpdateType.FULL
    clears = full and request.list_version == 0 and not entries
    if request.list_version <= 0 and not clears:
        return UpdateStatus.FAILED  # 0 and -1 have a special meaning (errata 3.52)
    if len(entries) > SEND_LOCAL_LIST_MAX_LENGTH.of(state):
        return UpdateStatus.FAILED
    if any(is_blank(data.id_tag) for data in entries):
        return UpdateStatus.FAILED  # an entry that names nobody
    if len({data.id_tag.casefold() for data in entries}) < len(entries):
        return UpdateStatus.FAILED
    if full and any(data.id_tag_info is None for data in entries):
        return UpdateStatus.FAILED
    if not full and request.list_version <= state.authorization.list_version:
        return UpdateStatus.VERSION_MISMATCH
    length = len(entries) if full else _length_after(state, entries)
    return UpdateStatus.ACCEPTED if length <= LOCAL_AUTH_LIST_MAX_LENGTH.of(state) else UpdateStatus.FAILED


def _entries(request: SendLocalList) -> Sequence[AuthorizationData]:
    return request.local_authorization_list or ()


def _length_after(state: StationState, changes: Sequence[AuthorizationData]) -> int:
    """How long the list is after a Differential update without duplicates."""
    listed = state.authorization.local_list
    length = len(listed)
    for data in changes:
        known = data.id_tag.casefold() in listed
        length += (data.id_tag_info is not None) - known
    return length


def _entry(data: AuthorizationData) -> LocalListEntry:
    info = data.id_tag_info
    if info is None:
        return LocalListEntry(id_tag=data.id_tag, info=None)
    kept = IdTagInfo(status=info.status.value, parent_id_tag=info.parent_id_tag, expiry_utc_ms=info.expiry_date)
    return LocalListEntry(id_tag=data.id_tag, info=kept)


def _no_version(request: GetLocalListVersion) -> GetLocalListVersionResponse:
    return GetLocalListVersionResponse(list_version=NOT_SUPPORTED_VERSION)


def _not_supported(request: SendLocalList) -> SendLocalListResponse:
    return SendLocalListResponse(status=UpdateStatus.NOT_SUPPORTED)


FEATURE = Feature(
    name="local_auth_list",
    ocpp_profile=PROFILE,
    answers=(
        Answer(action="GetLocalListVersion", decide=decide_get_local_list_version),
        Answer(action="SendLocalList", decide=decide_send_local_list),
    ),
    config_keys=(LOCAL_AUTH_LIST_ENABLED, LOCAL_AUTH_LIST_MAX_LENGTH, SEND_LOCAL_LIST_MAX_LENGTH),
    off_answers={"GetLocalListVersion": _no_version, "SendLocalList": _not_supported},
)
