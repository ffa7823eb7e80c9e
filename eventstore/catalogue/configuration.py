"""OCPP configuration keys (section 9): what the CSMS set, and which AuthorizationKey is used (OCPP-J 6.2.2)."""

from typing import ClassVar

from eventstore.event import Decision, Observation


class ConfigurationChanged(Decision, frozen=True, kw_only=True):
    """A key has a new value, which outlives restarts; a secret stands here by its fingerprint only."""

    NAME: ClassVar[str] = "ConfigurationChanged"

    key: str
    value: str


class AuthorizationKeysFound(Observation, frozen=True, kw_only=True):
    """The files of the AuthorizationKeys are not what the log said last; keys stand here by their fingerprints.

    `settings` is the key that the settings name, "" if that cannot be used. `missing` and `damaged` are keys set by the CSMS
    whose file is gone, or does not hold what its fingerprint says. `unnamed` are keys that a salvaged log does not name any more.
    """

    NAME: ClassVar[str] = "AuthorizationKeysFound"

    settings: str
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()


class AuthorizationKeyRefused(Observation, frozen=True, kw_only=True):
    """The CSMS refused the key of this fingerprint with HTTP `status` 401 or 403; `source` is "csms" or "settings"."""

    NAME: ClassVar[str] = "AuthorizationKeyRefused"

    key: str
    source: str
    status: int


class AuthorizationKeyProven(Observation, frozen=True, kw_only=True):
    """A connection was opened with the key of this fingerprint; `source`, who set it, is "csms" or "settings"."""

    NAME: ClassVar[str] = "AuthorizationKeyProven"

    key: str
    source: str
