"""Which AuthorizationKey the station shows to the CSMS, and which it falls back to (OCPP-J 6.2.2, white paper A01).

Theory of operation
    A key that the CSMS has set goes first and is on trial until a connection opens with it; until then the key before it is
    kept. HTTP 401 and 403 refuse a key (RFC 9110 15.5.2, 15.5.4: another may be tried): the next attempt goes with the next one,
    and once all were refused with the one whose refusal is oldest, so that they take turns. Whichever opens a connection goes first
    from then on. An attempt that fails by the network says nothing of a key. A key whose trial was won puts an end to those
    before it; one that was refused stays as a spare, since the CSMS, which got Accepted, may yet come round to it (A01.FR.03).

    Keys are known by fingerprint; "" is the key of the settings, whatever that is at the time. It is always the last resort, and
    goes first where nothing else does, or once it has changed: then somebody at the station wants it tried.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from eventstore.catalogue.configuration import (
    AuthorizationKeyProven,
    AuthorizationKeyRefused,
    AuthorizationKeysFound,
    ConfigurationChanged,
)
from eventstore.catalogue.lifecycle import LogSalvaged
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.clock import Clock

AUTHORIZATION_KEY = "AuthorizationKey"
FINGERPRINT = "fp:"
"""How the name of a secret begins that stands in its place in everything that is recorded; its file has the rest."""
OF_SETTINGS = ""
CSMS, SETTINGS = "csms", "settings"
SPARES_MAX = 3


class Credentials(Value, frozen=True, kw_only=True):
    """`first` is the key that goes first and `spares` those after it. `proven` is the fingerprint that opened a connection last.

    `refused` are keys refused since a connection opened, the latest refusal last. `settings` is the fingerprint of the settings' key as
    last seen, `unusable` the keys whose files are missing or damaged, `since_utc_ms` when `first` came to be first or was proven.
    `salvaged` says that the log has lost events, perhaps of a key, and nobody has looked for its file yet.
    """

    first: str = OF_SETTINGS
    on_trial: bool = False
    spares: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    proven: str = ""
    settings: str = ""
    unusable: tuple[str, ...] = ()
    since_utc_ms: int | None = None
    salvaged: bool = False

    @property
    def stored(self) -> tuple[str, ...]:
        """The keys whose files must be kept."""
        return tuple(name for name in (self.first, *self.spares) if name != OF_SETTINGS)

    def next_key(self, usable: Collection[str]) -> str | None:
        """Which of the usable keys ("" for the settings') the next attempt goes with; None if there is none."""
        ranked = [name for name in dict.fromkeys((self.first, *self.spares, OF_SETTINGS)) if name in usable]
        return min(ranked, key=lambda name: self.refused.index(name) + 1 if name in self.refused else 0, default=None)


def _without(names: tuple[str, ...], *gone: str) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(names) if name not in gone)


def _on_changed(credentials: Credentials, event: ConfigurationChanged, recorded: Recorded, _: Clock) -> Credentials:
    if event.key != AUTHORIZATION_KEY:
        return credentials
    unusable = _without(credentials.unusable, event.value)
    if event.value == credentials.first:
        return replace(credentials, refused=(), unusable=unusable)
    # While the first one is on trial, what it fell back to stays before it.
    before = (*credentials.spares, credentials.first) if credentials.on_trial else (credentials.first,)
    spares = _without(before, event.value)
    return replace(
        credentials,
        first=event.value,
        on_trial=event.value != credentials.proven,
        spares=spares if len(spares) <= SPARES_MAX else (spares[0], *spares[1 - SPARES_MAX :]),
        refused=(),
        unusable=unusable,
        since_utc_ms=recorded.utc_ms,
    )


def keys_found(credentials: Credentials, event: AuthorizationKeysFound, utc_ms: int | None = None) -> Credentials:
    """What the files of the keys come to."""
    spares = _without((*credentials.spares, *event.unnamed), credentials.first)
    found = replace(credentials, spares=spares, unusable=(*event.missing, *event.damaged), salvaged=False)
    if event.settings in ("", credentials.settings):
        return found
    found = replace(found, settings=event.settings)
    if credentials.settings == "" or event.settings == credentials.first:
        return found
    # The settings have another key than before: somebody at the station wants that one used.
    return replace(
        found,
        first=OF_SETTINGS,
        on_trial=event.settings != credentials.proven,
        spares=_without((credentials.first, *spares), OF_SETTINGS),
        refused=(),
        since_utc_ms=utc_ms,
    )


def _on_found(credentials: Credentials, event: AuthorizationKeysFound, recorded: Recorded, _: Clock) -> Credentials:
    return keys_found(credentials, event, recorded.utc_ms)


def _name(key: str, source: str) -> str:
    return OF_SETTINGS if source == SETTINGS else key


def key_refused(credentials: Credentials, event: AuthorizationKeyRefused) -> Credentials:
    """A key was refused: it is the last one to be tried again."""
    name = _name(event.key, event.source)
    return replace(credentials, refused=(*_without(credentials.refused, name), name))


def _on_refused(credentials: Credentials, event: AuthorizationKeyRefused, recorded: Recorded, _: Clock) -> Credentials:
    return key_refused(credentials, event)


def key_proven(credentials: Credentials, event: AuthorizationKeyProven, utc_ms: int | None = None) -> Credentials:
    """A key opened a connection: it goes first, and if its trial ends with that, those before it are done with."""
    name = _name(event.key, event.source)
    is_first = name == credentials.first
    if is_first and not credentials.on_trial and credentials.proven == event.key:
        return replace(credentials, refused=()) if credentials.refused else credentials
    if is_first:
        spares = () if credentials.on_trial else credentials.spares
    else:
        spares = _without((credentials.first, *credentials.spares), name, OF_SETTINGS, *credentials.unusable)
    return replace(
        credentials,
        first=name,
        on_trial=False,
        spares=spares,
        refused=(),
        proven=event.key,
        settings=event.key if event.source == SETTINGS else credentials.settings,
        unusable=tuple(each for each in credentials.unusable if each in spares),
        since_utc_ms=utc_ms,
    )


def _on_proven(credentials: Credentials, event: AuthorizationKeyProven, recorded: Recorded, _: Clock) -> Credentials:
    return key_proven(credentials, event, recorded.utc_ms)


def _on_salvaged(credentials: Credentials, event: LogSalvaged, recorded: Recorded, _: Clock) -> Credentials:
    return replace(credentials, salvaged=True)


FOLDS: Mapping[type[Event], Callable[[Credentials, Any, Recorded, Clock], Credentials]] = {
    ConfigurationChanged: _on_changed,
    AuthorizationKeysFound: _on_found,
    AuthorizationKeyRefused: _on_refused,
    AuthorizationKeyProven: _on_proven,
    LogSalvaged: _on_salvaged,
}
