"""Events about tags in plain words, as `station.telling.wording` has all others."""

from collections.abc import Mapping

from eventstore.catalogue import authorization
from eventstore.event import Event
from station.telling.amounts import plural
from station.telling.shown import where
from station.telling.upkeep_words import DETAIL, HEADLINE, Words

SOURCES: Mapping[str, str] = {
    "LocalList": "by the local list",
    "Cache": "by the cache",
    "CSMS": "by the CSMS",
    "Offline": "offline, though unknown",
    "Remote": "by remote start",
}
"""Who said that a tag is good."""


def _grant(event: authorization.AuthorizationGranted) -> str:
    place = ", for the next connector plugged in" if event.connector_id is None else where(event)
    return f"Tag {event.id_tag} authorized {SOURCES.get(event.source, event.source)}{place}"


AUTHORIZATION: Mapping[type[Event], tuple[int, Words]] = {
    authorization.PlugTakenAsTag: (
        HEADLINE,
        lambda e: f"The {'plug' if e.origin == 'plug' else 'id of the vehicle'}{where(e)} counts as tag {e.id_tag}",
    ),
    authorization.AuthorizeQueued: (DETAIL, lambda e: f"The CSMS is asked about tag {e.id_tag} (to {e.purpose})"),
    authorization.AuthorizationPostponed: (
        HEADLINE,
        lambda e: f"Tag {e.id_tag} has to wait{where(e)}: the CSMS has yet to hear of its last stop",
    ),
    authorization.IdTagInfoReceived: (DETAIL, lambda e: f"The CSMS says {e.info.status} of tag {e.id_tag}"),
    authorization.AuthorizationGranted: (HEADLINE, _grant),
    authorization.AuthorizationDenied: (HEADLINE, lambda e: f"Tag {e.id_tag} REFUSED{where(e)}: {e.reason}"),
    authorization.AuthorizationEnded: (HEADLINE, lambda e: f"The authorization{where(e)} is gone: {e.reason}"),
    authorization.CacheCleared: (DETAIL, lambda e: "The authorization cache was cleared"),
    authorization.LocalListReplaced: (
        DETAIL,
        lambda e: f"Local list replaced: version {e.version}, {plural(len(e.entries), 'entry', 'entries')}",
    ),
    authorization.LocalListAmended: (
        DETAIL,
        lambda e: f"Local list amended: version {e.version}, {plural(len(e.entries), 'entry', 'entries')}",
    ),
    authorization.LocalListConflictFound: (
        HEADLINE,
        lambda e: f"The CSMS contradicts the local list on tag {e.id_tag}",
    ),
    authorization.LocalListStoreFailed: (HEADLINE, lambda e: f"Local list version {e.version} could NOT be stored"),
}
