"""Where a tag is looked up, in which order, online and offline: the authorization rules as one table (3.5, 4.1).

The table can be read against the standard:

    inquiry        list     cache    CSMS     unknown tag
    start, online    a        a        ask      -          a: only with LocalPreAuthorize (9.1.13)
    start, offline   b        b        -        c          b: with LocalAuthorizeOffline (9.1.12); c: with
                                                              AllowOfflineTxForUnknownId, unless known as not valid
    start, unread    b        b        -        -          the answer to Authorize cannot be read: as offline, but the
                                                              link is up, so it is no offline start of an unknown tag
    group, online    yes      yes      ask      -          a tag that wants to stop another tag's transaction, or use
    group, offline   yes      yes      -        -          another tag's reservation: only its parentIdTag counts, so
                                                              the CSMS is asked also where they name none

The list goes before the cache (3.5.3); a tag on the list is not in the cache. A tag that the cache holds as not valid
is asked for while online (3.5.1). ConcurrentTx on the list is a valid tag (3.5.2), as an answer it is not valid. The tag
that started a transaction stops it without being looked up (4.1).
"""

from collections.abc import Mapping
from enum import StrEnum

from eventstore.catalogue.authorization import IdTagInfo
from eventstore.value import Value
from projections.authorization import OFFLINE, UNANSWERED
from projections.station import StationState
from station.core.config_keys import Access, Boolean, ConfigKey
from station.rules import local_list
from station.rules.transaction_rules import group

ID_TAG_LENGTH_MAX = 20


class Source(StrEnum):
    """Who says that a tag is good."""

    LOCAL_LIST = "LocalList"
    CACHE = "Cache"
    CSMS = "CSMS"
    OFFLINE = "Offline"
    REMOTE = "Remote"


class Inquiry(StrEnum):
    """What the look-up is for."""

    START_ONLINE = "start, online"
    START_OFFLINE = "start, offline"
    START_UNREAD = "start, unread"
    GROUP_ONLINE = "group, online"
    GROUP_OFFLINE = "group, offline"


class Granted(Value, frozen=True, kw_only=True):
    """The tag is good: who said so, and its group."""

    source: Source
    parent_id_tag: str | None = None


class Denied(Value, frozen=True, kw_only=True):
    """The tag is not good; `reason` is an AuthorizationStatus where one applies."""

    reason: str


class Ask(Value, frozen=True, kw_only=True):
    """Only the CSMS knows: Authorize."""


Verdict = Granted | Denied | Ask


def _boolean(name: str, clause: str, doc: str, *, default: bool, required: bool = False) -> ConfigKey[bool]:
    return ConfigKey(
        name=name,
        kind=Boolean(),
        access=Access.READ_WRITE,
        default=default,
        required=required,
        clause=clause,
        doc=doc,
    )


LOCAL_PRE_AUTHORIZE = _boolean(
    "LocalPreAuthorize",
    "9.1.13",
    "Online, a tag that list or cache hold as valid starts without asking the CSMS.",
    default=False,
    required=True,
)
LOCAL_AUTHORIZE_OFFLINE = _boolean(
    "LocalAuthorizeOffline",
    "9.1.12",
    "Offline, a tag that list or cache hold as valid may start.",
    default=True,
    required=True,
)
ALLOW_OFFLINE_TX_FOR_UNKNOWN_ID = _boolean(
    "AllowOfflineTxForUnknownId", "9.1.1", "Offline, an unknown tag may start.", default=False
)
AUTHORIZATION_CACHE_ENABLED = _boolean(
    "AuthorizationCacheEnabled", "9.1.2", "Tags the CSMS has answered for are remembered.", default=True
)

# The list has priority over the cache for the same tag (3.5.3).
LOCAL_SOURCES = (Source.LOCAL_LIST, Source.CACHE)
_GATES: Mapping[Inquiry, ConfigKey[bool] | None] = {
    Inquiry.START_ONLINE: LOCAL_PRE_AUTHORIZE,
    Inquiry.START_OFFLINE: LOCAL_AUTHORIZE_OFFLINE,
    Inquiry.START_UNREAD: LOCAL_AUTHORIZE_OFFLINE,
    Inquiry.GROUP_ONLINE: None,
    Inquiry.GROUP_OFFLINE: None,
}
_ONLINE = frozenset({Inquiry.START_ONLINE, Inquiry.GROUP_ONLINE})


def _word_of(state: StationState, source: Source, id_tag: str) -> IdTagInfo | None:
    if source is Source.LOCAL_LIST:
        return state.authorization.listed(id_tag) if local_list.is_enabled(state) else None
    return state.authorization.cached(id_tag) if AUTHORIZATION_CACHE_ENABLED.of(state) else None


def _status(state: StationState, source: Source, info: IdTagInfo, at_ms: int) -> str:
    """The tag's AuthorizationStatus now: what was valid expires with time (3.5.1, 3.5.4)."""
    valid = info.status == "Accepted" or (source is Source.LOCAL_LIST and info.status == "ConcurrentTx")
    if valid and info.expiry_utc_ms is not None and info.expiry_utc_ms <= state.clock.utc_ms(at_ms):
        return "Expired"
    return "Accepted" if valid else info.status


def known(state: StationState, id_tag: str, at_ms: int) -> tuple[Source, str, IdTagInfo] | None:
    """What list, else cache, know of a tag: the source, its status now, and its info; None if neither does."""
    for source in LOCAL_SOURCES:
        info = _word_of(state, source, id_tag)
        if info is not None:
            return source, _status(state, source, info, at_ms), info
    return None


def known_parent(state: StationState, id_tag: str, at_ms: int) -> str | None:
    """The parent id tag of a tag that list or cache hold as valid."""
    found = known(state, id_tag, at_ms)
    return group(found[2].parent_id_tag) if found is not None and found[1] == "Accepted" else None


def look_up(state: StationState, inquiry: Inquiry, id_tag: str, at_ms: int) -> Verdict:
    """The verdict on a tag without the CSMS, or Ask."""
    online = inquiry in _ONLINE
    gate = _GATES[inquiry]
    found = known(state, id_tag, at_ms) if gate is None or gate.of(state) else None
    if found is not None and found[1] == "Accepted":
        granted = Granted(source=found[0], parent_id_tag=group(found[2].parent_id_tag))
        tells_nothing = inquiry is Inquiry.GROUP_ONLINE and granted.parent_id_tag is None
        return Ask() if tells_nothing else granted
    if online:
        return Ask()
    if found is None:
        found = known(state, id_tag, at_ms)
        if found is None and inquiry is Inquiry.START_OFFLINE and ALLOW_OFFLINE_TX_FOR_UNKNOWN_ID.of(state):
            return Granted(source=Source.OFFLINE)
    if found is not None and found[1] != "Accepted":
        return Denied(reason=found[1])
    return Denied(reason=UNANSWERED if inquiry is Inquiry.START_UNREAD else OFFLINE)


def start_inquiry(state: StationState) -> Inquiry:
    """Whether a start is decided with the CSMS at hand."""
    return Inquiry.START_ONLINE if state.online else Inquiry.START_OFFLINE


def group_inquiry(state: StationState) -> Inquiry:
    """Whether the group of a tag can be asked for."""
    return Inquiry.GROUP_ONLINE if state.online else Inquiry.GROUP_OFFLINE
