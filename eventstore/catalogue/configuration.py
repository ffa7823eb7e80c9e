"""OCPP configuration keys (section 9): what the CSMS set."""

from typing import ClassVar

from eventstore.event import Decision
from eventstore.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChanged(Decision):
    """A key has a new value, which outlives restarts; a secret stands here by its fingerprint only."""

    NAME: ClassVar[str] = "ConfigurationChanged"

    key: str
    value: str
