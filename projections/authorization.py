"""Who may charge, as the station knows it: the Local Authorization List (3.5.2) and the cache (3.5.1).

idTags compare case-insensitively (errata 3.73): both maps are keyed by the casefolded tag and keep it as it came.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.authorization import (
    AuthorizationDenied,
    AuthorizationGranted,
    AuthorizationPostponed,
    AuthorizeQueued,
    CacheCleared,
    IdTagInfo,
    IdTagInfoReceived,
    LocalListAmended,
    LocalListConflictFound,
    LocalListReplaced,
    LocalListStoreFailed,
)
from eventstore.catalogue.connectors import StatusNotificationQueued
from eventstore.catalogue.hardware import LocalListStoreFailing
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.transactions import TransactionEnding, TransactionInvalidated, TransactionStopped
from eventstore.event import Event, Recorded
from eventstore.persistent import Map
from eventstore.value import Value, replace
from projections.clock import Clock

CACHE_MAX = 1_000
CONFLICTS_KEPT = 16
LOCAL_LIST_CONFLICT = "LocalListConflict"
ACCEPTED = "Accepted"
GO_ON = "go on"
OFFLINE, UNANSWERED = "Offline", "Authorize was not answered"
NO_CSMS = frozenset({OFFLINE, UNANSWERED})
"""Why a tag was refused that the CSMS could not be asked about."""


class Cached(Value, frozen=True, kw_only=True):
    """A cache entry: the tag as it came, the CSMS's idTagInfo, and the event that brought it (its age)."""

    id_tag: str
    info: IdTagInfo
    seq: int


class Authorization(Value, frozen=True, kw_only=True):
    """`list_version` 0 is an empty list; `store_failing`: the next list that is sent cannot be stored.

    `conflicts` are tags on which list and CSMS disagree, which is not reported to the CSMS yet (3.5.2). `postponed` are the
    tags that are asked about again once a StopTransaction of theirs is answered: for each connector (None: the next one
    that is plugged in) one that wants to start, and one whose transaction runs.
    """

    cache: Map[str, Cached] = Map()
    local_list: Map[str, IdTagInfo] = Map()
    list_version: int = 0
    store_failing: bool = False
    conflicts: tuple[str, ...] = ()
    postponed: tuple[AuthorizationPostponed, ...] = ()

    def listed(self, id_tag: str) -> IdTagInfo | None:
        """The Local Authorization List's entry for a tag."""
        return self.local_list.get(id_tag.casefold())

    def cached(self, id_tag: str) -> IdTagInfo | None:
        """The cache's entry for a tag."""
        found = self.cache.get(id_tag.casefold())
        return None if found is None else found.info


def _is_valid(entry: Cached, utc_ms: int) -> bool:
    expired = entry.info.expiry_utc_ms is not None and entry.info.expiry_utc_ms <= utc_ms
    return entry.info.status == ACCEPTED and not expired


def _room(cache: Map[str, Cached], utc_ms: int) -> Map[str, Cached]:
    """Makes room when full: the not-valid entries go, then if need be the oldest valid one (3.5.1)."""
    if len(cache) < CACHE_MAX:
        return cache
    with cache.mutate() as room:
        for key, entry in cache.items():
            if not _is_valid(entry, utc_ms):
                del room[key]
        valid = room.finish()
    if len(valid) < CACHE_MAX:
        return valid
    oldest = min(valid.items(), key=lambda item: item[1].seq)[0]
    return valid.delete(oldest)


def _on_info(authorization: Authorization, event: IdTagInfoReceived, recorded: Recorded, clock: Clock) -> Authorization:
    key = event.id_tag.casefold()
    if not event.cache or key in authorization.local_list:
        return authorization
    cache = (
        authorization.cache if key in authorization.cache else _room(authorization.cache, clock.utc_ms(recorded.at_ms))
    )
    entry = Cached(id_tag=event.id_tag, info=event.info, seq=recorded.seq)
    return replace(authorization, cache=cache.set(key, entry))


def _on_cleared(authorization: Authorization, event: CacheCleared, recorded: Recorded, _: Clock) -> Authorization:
    return replace(authorization, cache=Map())


def _without_listed(cache: Map[str, Cached], listed: Any) -> Map[str, Cached]:
    """Tags on the list are never cached (3.5.3)."""
    kept = cache.mutate()
    for key in listed:
        if key in kept:
            del kept[key]
    return kept.finish()


def _on_replaced(authorization: Authorization, event: LocalListReplaced, recorded: Recorded, _: Clock) -> Authorization:
    listed = Map({entry.id_tag.casefold(): entry.info for entry in event.entries if entry.info is not None})
    return replace(
        authorization,
        local_list=listed,
        list_version=event.version if listed else 0,
        cache=_without_listed(authorization.cache, listed),
    )


def _on_amended(authorization: Authorization, event: LocalListAmended, recorded: Recorded, _: Clock) -> Authorization:
    with authorization.local_list.mutate() as amended:
        for entry in event.entries:
            key = entry.id_tag.casefold()
            if entry.info is not None:
                amended[key] = entry.info
            elif key in amended:
                del amended[key]
        listed = amended.finish()
    touched = (entry.id_tag.casefold() for entry in event.entries if entry.info is not None)
    return replace(
        authorization,
        local_list=listed,
        list_version=event.version if listed else 0,
        cache=_without_listed(authorization.cache, touched),
    )


def _on_store_failing(
    authorization: Authorization, event: LocalListStoreFailing, recorded: Recorded, _: Clock
) -> Authorization:
    return replace(authorization, store_failing=event.failing)


def _on_store_failed(
    authorization: Authorization, event: LocalListStoreFailed, recorded: Recorded, _: Clock
) -> Authorization:
    return replace(authorization, store_failing=False)


def _on_conflict(
    authorization: Authorization, event: LocalListConflictFound, recorded: Recorded, _: Clock
) -> Authorization:
    others = tuple(known for known in authorization.conflicts if known.casefold() != event.id_tag.casefold())
    return replace(authorization, conflicts=(*others, event.id_tag)[-CONFLICTS_KEPT:])


def _on_told(
    authorization: Authorization, event: StatusNotificationQueued, recorded: Recorded, _: Clock
) -> Authorization:
    if event.error_code != LOCAL_LIST_CONFLICT or not authorization.conflicts:
        return authorization
    return replace(authorization, conflicts=authorization.conflicts[1:])


def _replaces(new: AuthorizationPostponed, old: AuthorizationPostponed) -> bool:
    if (new.purpose == GO_ON) != (old.purpose == GO_ON):
        return False
    # Who presents a tag again at a connector no longer waits for whichever is plugged in next.
    elsewhere = old.connector_id is None and new.id_tag.casefold() == old.id_tag.casefold()
    return new.connector_id == old.connector_id or elsewhere


def _on_postponed(
    authorization: Authorization, event: AuthorizationPostponed, recorded: Recorded, _: Clock
) -> Authorization:
    others = tuple(old for old in authorization.postponed if not _replaces(event, old))
    return replace(authorization, postponed=(*others, event))


def _on_concluded(
    authorization: Authorization,
    event: AuthorizeQueued | AuthorizationGranted | AuthorizationDenied,
    recorded: Recorded,
    _: Clock,
) -> Authorization:
    """It is asked about again, or decided otherwise."""
    key = event.id_tag.casefold()
    kept = tuple(
        item
        for item in authorization.postponed
        if item.connector_id != event.connector_id or item.id_tag.casefold() != key
    )
    return replace(authorization, postponed=kept)


def _on_transaction_over(
    authorization: Authorization,
    event: TransactionEnding | TransactionStopped | TransactionInvalidated,
    recorded: Recorded,
    _: Clock,
) -> Authorization:
    kept = tuple(
        item for item in authorization.postponed if item.purpose != GO_ON or item.connector_id != event.connector_id
    )
    return replace(authorization, postponed=kept)


def _on_boot(authorization: Authorization, event: StationBooted, recorded: Recorded, _: Clock) -> Authorization:
    # Who presented a tag before the power went is no longer there; a transaction may still go on.
    kept = tuple(item for item in authorization.postponed if item.purpose == GO_ON)
    return replace(authorization, postponed=kept)


FOLDS: Mapping[type[Event], Callable[[Authorization, Any, Recorded, Clock], Authorization]] = {
    IdTagInfoReceived: _on_info,
    LocalListConflictFound: _on_conflict,
    StatusNotificationQueued: _on_told,
    CacheCleared: _on_cleared,
    LocalListReplaced: _on_replaced,
    LocalListAmended: _on_amended,
    LocalListStoreFailing: _on_store_failing,
    LocalListStoreFailed: _on_store_failed,
    AuthorizationPostponed: _on_postponed,
    AuthorizeQueued: _on_concluded,
    AuthorizationGranted: _on_concluded,
    AuthorizationDenied: _on_concluded,
    TransactionEnding: _on_transaction_over,
    TransactionStopped: _on_transaction_over,
    TransactionInvalidated: _on_transaction_over,
    StationBooted: _on_boot,
}
