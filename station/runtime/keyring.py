"""The AuthorizationKeys that a connection may be opened with: where they are, and with which of them it is tried.

Which one goes next follows from the state (`projections.credentials`); here are the files. They are looked at for each attempt, so
that one that is put in its place holds from the next connection on.
"""

import logging

from eventstore.catalogue.configuration import AuthorizationKeyProven, AuthorizationKeyRefused, AuthorizationKeysFound
from eventstore.descriptors import is_shortage
from eventstore.value import Value
from projections.credentials import CSMS, OF_SETTINGS, SETTINGS, Credentials, key_proven, key_refused, keys_found
from projections.security_profile import BASIC
from station.runtime.secrets import Secrets, fingerprint
from station.settings.loading import Settings, SettingsError, authorization_key_of

LOGGER = logging.getLogger(__name__)

REFUSALS = (401, 403)


class NoKeyLeftError(Exception):
    """There is no AuthorizationKey to connect with; the text says what became of each."""


class Key(Value, frozen=True, kw_only=True):
    """A key that can be used; `source` is "csms" or "settings"."""

    name: str
    source: str
    secret: bytes


class Keys(Value, frozen=True, kw_only=True):
    """The keys that can be used, by fingerprint or "" for the settings', what was found, and what is wrong with the settings'."""

    usable: dict[str, Key]
    found: AuthorizationKeysFound
    problem: str

    def lost(self) -> list[str]:
        """What is wrong with keys that the CSMS has set."""
        missing = [f"{name} is missing" for name in self.found.missing]
        return missing + [f"{name} is damaged" for name in self.found.damaged]

    def reason(self) -> str:
        """Why no key can be used."""
        return f"no AuthorizationKey is left: {'; '.join((*self.lost(), self.problem or 'the settings name none'))}"


def look(settings: Settings, secrets: Secrets, credentials: Credentials, *, unnamed: tuple[str, ...] = ()) -> Keys:
    """What there is of the keys that the state names and of the settings' own. Raises OSError when no descriptor is left to look with."""
    usable: dict[str, Key] = {}
    lost = []
    for name in (*credentials.stored, *unnamed):
        secret = secrets.find(name)
        if secret is None:
            lost.append(name)
        else:
            usable[name] = Key(name=name, source=CSMS, secret=secret)
    own, problem = None, ""
    try:
        own = authorization_key_of(settings)
    except SettingsError as error:
        if error.__cause__ is not None and is_shortage(error.__cause__):
            raise error.__cause__ from error
        problem = str(error)
    if own is not None and fingerprint(own) not in usable:
        usable[OF_SETTINGS] = Key(name=fingerprint(own), source=SETTINGS, secret=own)
    found = AuthorizationKeysFound(
        settings="" if own is None else fingerprint(own),
        missing=tuple(name for name in lost if not secrets.exists(name)),
        damaged=tuple(name for name in lost if secrets.exists(name)),
        unnamed=unnamed,
    )
    return Keys(usable=usable, found=found, problem=problem)


class Keyring:
    """The keys as one link uses them."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._used: Key | None = None
        self._said: set[str] = set()
        self._news: AuthorizationKeysFound | None = None

    def choose(self, credentials: Credentials, security_profile: int) -> Key | None:
        """The key of the next attempt; None without Basic authentication. Raises NoKeyLeftError, and OSError as `look` does."""
        self._used = None
        if security_profile not in BASIC:
            return None
        keys = look(self._settings, self._secrets, credentials)
        after = keys_found(credentials, keys.found)
        self._news = None if after == credentials or _is_first_sight(credentials, after) else keys.found
        for text in keys.lost():
            self._say(f"the AuthorizationKey {text}: it is not used")
        if keys.problem:
            self._say(keys.problem)
        name = after.next_key(keys.usable)
        if name is None:
            raise NoKeyLeftError(keys.reason())
        self._used = keys.usable[name]
        return self._used

    def news(self) -> AuthorizationKeysFound | None:
        """The observations to record about the files, once."""
        news, self._news = self._news, None
        return news

    def _say(self, text: str) -> None:
        """Once for each reason."""
        if text not in self._said:
            self._said.add(text)
            LOGGER.error("%s", text)

    def refused(self, credentials: Credentials, status: int | None) -> AuthorizationKeyRefused | None:
        """The observation to record about an attempt that an HTTP status ended; None if it is nothing new about the key."""
        if self._used is None or status not in REFUSALS:
            return None
        event = AuthorizationKeyRefused(key=self._used.name, source=self._used.source, status=status)
        if key_refused(credentials, event) == credentials:
            return None
        return event

    def proven(self, credentials: Credentials) -> AuthorizationKeyProven | None:
        """The observation to record about a connection that was opened; None if it is nothing new about the key."""
        if self._used is None:
            return None
        if self._used.source == SETTINGS and credentials.settings == "":
            return None  # a start puts it on record before anything else
        event = AuthorizationKeyProven(key=self._used.name, source=self._used.source)
        return None if key_proven(credentials, event, credentials.since_utc_ms) == credentials else event


def _is_first_sight(before: Credentials, after: Credentials) -> bool:
    """Whether nothing is new but that the settings' key is known now: opening a connection with it tells that as well."""
    return before.settings == "" and keys_found(before, AuthorizationKeysFound(settings=after.settings)) == after
