"""The CSMS's idTagInfo for a tag (7.27), wherever it comes from: it updates the cache and is held against the list."""

from eventstore.catalogue.authorization import IdTagInfo, IdTagInfoReceived, LocalListConflictFound
from projections.station import StationState
from station.core.feature import Events
from station.rules import local_list
from station.rules.identification import AUTHORIZATION_CACHE_ENABLED, known
from station.rules.transaction_rules import group
from station.wire.messages import types as wire


def info_of(message: wire.WireIdTagInfo) -> IdTagInfo:
    """The event's form of the message's."""
    return IdTagInfo(
        status=message.status.value, parent_id_tag=message.parent_id_tag, expiry_utc_ms=message.expiry_date
    )


def passing_word(id_tag: str, info: IdTagInfo) -> Events:
    """The answer is recorded for the group that it names, and not cached: its status is about something else than the tag."""
    return (IdTagInfoReceived(id_tag=id_tag, info=info, cache=False),)


def named_group(id_tag: str, info: IdTagInfo) -> Events:
    """The same, if it names a group at all."""
    return () if group(info.parent_id_tag) is None else passing_word(id_tag, info)


def received(state: StationState, id_tag: str, info: IdTagInfo, at_ms: int) -> Events:
    """The answer is recorded; the cache takes it unless the tag is on the list (3.5.3, 4.1). Where the list says valid
    and the CSMS does not, or the reverse, that is reported to the CSMS (3.5.2)."""
    listed = local_list.is_enabled(state) and state.authorization.listed(id_tag) is not None
    word = IdTagInfoReceived(id_tag=id_tag, info=info, cache=AUTHORIZATION_CACHE_ENABLED.of(state) and not listed)
    found = known(state, id_tag, at_ms)
    if not listed or found is None or (found[1] == "Accepted") == (info.status in ("Accepted", "ConcurrentTx")):
        return (word,)
    return (word, LocalListConflictFound(id_tag=id_tag))
