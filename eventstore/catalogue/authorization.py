"""Who may charge: presentations, the CSMS's answers, the cache (3.5.1) and the Local Authorization List (3.5.2)."""

from typing import ClassVar

from eventstore.event import Decision
from eventstore.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTagInfo:
    """IdTagInfo (7.27): an AuthorizationStatus, the parent id tag if any, and until when it holds."""

    status: str
    parent_id_tag: str | None = None
    expiry_utc_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeQueued(Decision):
    """Authorize is queued for a tag; `purpose` is "start", "stop", "release" (the held lock), "start or stop" or "go on".

    `connector_id` None: whichever connector is plugged in next. `remote` marks RemoteStartTransaction.
    """

    NAME: ClassVar[str] = "AuthorizeQueued"

    id_tag: str
    connector_id: int | None
    purpose: str
    remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationPostponed(Decision):
    """ConcurrentTx, while a StopTransaction of the tag or its group is still queued: no refusal yet, the tag is asked about
    again once that has been answered.

    `purpose` as in AuthorizeQueued; "go on" is for a transaction that runs. `parent_id_tag` is the tag's group, if it is
    known. At `due_ms` it is a refusal after all (ConnectionTimeOut; None: never).
    """

    NAME: ClassVar[str] = "AuthorizationPostponed"

    id_tag: str
    connector_id: int | None
    purpose: str
    parent_id_tag: str | None
    due_ms: int | None
    remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTagInfoReceived(Decision):
    """The CSMS's idTagInfo for a tag, from Authorize, StartTransaction or StopTransaction; the cache follows it (3.5.1).

    `cache` false: it does not, because the cache is off, the tag is on the list, or only the group is meant.
    """

    NAME: ClassVar[str] = "IdTagInfoReceived"

    id_tag: str
    info: IdTagInfo
    cache: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationGranted(Decision):
    """The tag may start on the connector (None: on the next one plugged in).

    `source` tells who said so: "LocalList", "Cache", "CSMS", "Offline" (unknown tag, 3.5.4) or "Remote".
    """

    NAME: ClassVar[str] = "AuthorizationGranted"

    connector_id: int | None
    id_tag: str
    parent_id_tag: str | None
    source: str
    reservation_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationDenied(Decision):
    """The tag may not; `reason` is an AuthorizationStatus or what else stood against it."""

    NAME: ClassVar[str] = "AuthorizationDenied"

    connector_id: int | None
    id_tag: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationEnded(Decision):
    """A granted authorization is gone without a transaction: "ConnectionTimeOut", "Cancelled", "Unplugged", …"""

    NAME: ClassVar[str] = "AuthorizationEnded"

    connector_id: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheCleared(Decision):
    """The authorization cache is empty (5.4)."""

    NAME: ClassVar[str] = "CacheCleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalListEntry:
    """AuthorizationData (7.1): a tag and its info; None deletes the tag in a Differential update."""

    id_tag: str
    info: IdTagInfo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalListReplaced(Decision):
    """SendLocalList Full: the list is this, whole."""

    NAME: ClassVar[str] = "LocalListReplaced"

    version: int
    entries: tuple[LocalListEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalListAmended(Decision):
    """SendLocalList Differential: these entries are added, changed or deleted."""

    NAME: ClassVar[str] = "LocalListAmended"

    version: int
    entries: tuple[LocalListEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalListConflictFound(Decision):
    """The CSMS's answer on a tag contradicts the list (3.5.2): a StatusNotification on connector 0 reports it."""

    NAME: ClassVar[str] = "LocalListConflictFound"

    id_tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalListStoreFailed(Decision):
    """SendLocalList came to nothing: this version could not be stored, the list is as it was."""

    NAME: ClassVar[str] = "LocalListStoreFailed"

    version: int
