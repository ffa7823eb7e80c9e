"""Who may charge: presentations, the CSMS's answers, the cache (3.5.1) and the Local Authorization List (3.5.2)."""

from typing import ClassVar

from eventstore.event import Decision
from eventstore.value import Value


class IdTagInfo(Value, frozen=True, kw_only=True):
    """IdTagInfo (7.27): an AuthorizationStatus, the parent id tag if any, and until when it holds."""

    status: str
    parent_id_tag: str | None = None
    expiry_utc_ms: int | None = None


class AuthorizeQueued(Decision, frozen=True, kw_only=True):
    """Authorize is queued for a tag; `purpose` is "start", "stop", "release" (the held lock), "start or stop" or "go on".

    `connector_id` None: whichever connector is plugged in next. `remote` marks RemoteStartTransaction.
    """

    NAME: ClassVar[str] = "AuthorizeQueued"

    id_tag: str
    connector_id: int | None
    purpose: str
    remote: bool = False


class PlugTakenAsTag(Decision, frozen=True, kw_only=True):
    """A plugged vehicle counts as the presentation of this tag: no card is needed.

    `origin` says why: "plug", the connector has a tag of its own; "vehicle", the vehicle gave its id, and the tag is made of that.
    """

    NAME: ClassVar[str] = "PlugTakenAsTag"

    connector_id: int
    id_tag: str
    origin: str


class AuthorizationPostponed(Decision, frozen=True, kw_only=True):
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


class IdTagInfoReceived(Decision, frozen=True, kw_only=True):
    """The CSMS's idTagInfo for a tag, from Authorize, StartTransaction or StopTransaction; the cache follows it (3.5.1).

    `cache` false: it does not, because the cache is off, the tag is on the list, or only the group is meant.
    """

    NAME: ClassVar[str] = "IdTagInfoReceived"

    id_tag: str
    info: IdTagInfo
    cache: bool


class AuthorizationGranted(Decision, frozen=True, kw_only=True):
    """The tag may start on the connector (None: on the next one plugged in).

    `source` tells who said so: "LocalList", "Cache", "CSMS", "Offline" (unknown tag, 3.5.4) or "Remote".
    """

    NAME: ClassVar[str] = "AuthorizationGranted"

    connector_id: int | None
    id_tag: str
    parent_id_tag: str | None
    source: str
    reservation_id: int | None = None


class AuthorizationDenied(Decision, frozen=True, kw_only=True):
    """The tag may not; `reason` is an AuthorizationStatus or what else stood against it."""

    NAME: ClassVar[str] = "AuthorizationDenied"

    connector_id: int | None
    id_tag: str
    reason: str


class AuthorizationEnded(Decision, frozen=True, kw_only=True):
    """A granted authorization is gone without a transaction: "ConnectionTimeOut", "Cancelled", "Unplugged", …"""

    NAME: ClassVar[str] = "AuthorizationEnded"

    connector_id: int | None
    reason: str


class CacheCleared(Decision, frozen=True, kw_only=True):
    """The authorization cache is empty (5.4)."""

    NAME: ClassVar[str] = "CacheCleared"


class LocalListEntry(Value, frozen=True, kw_only=True):
    """AuthorizationData (7.1): a tag and its info; None deletes the tag in a Differential update."""

    id_tag: str
    info: IdTagInfo | None


class LocalListReplaced(Decision, frozen=True, kw_only=True):
    """SendLocalList Full: the list is this, whole."""

    NAME: ClassVar[str] = "LocalListReplaced"

    version: int
    entries: tuple[LocalListEntry, ...]


class LocalListAmended(Decision, frozen=True, kw_only=True):
    """SendLocalList Differential: these entries are added, changed or deleted."""

    NAME: ClassVar[str] = "LocalListAmended"

    version: int
    entries: tuple[LocalListEntry, ...]


class LocalListConflictFound(Decision, frozen=True, kw_only=True):
    """The CSMS's answer on a tag contradicts the list (3.5.2): a StatusNotification on connector 0 reports it."""

    NAME: ClassVar[str] = "LocalListConflictFound"

    id_tag: str


class LocalListStoreFailed(Decision, frozen=True, kw_only=True):
    """SendLocalList came to nothing: this version could not be stored, the list is as it was."""

    NAME: ClassVar[str] = "LocalListStoreFailed"

    version: int
