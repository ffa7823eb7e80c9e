"""Names in place of tags and identities, the same for the same one everywhere (`station.telling.redacting`).

Without a key, tags are numbered in the order in which they appear: "tag-1", "tag-2", … With a key, a name is a keyed digest
(HMAC-SHA-256), so that one tag has one name over thousands of logs, and only the owner of the key can find out which: tags are
short, and an unkeyed digest of them is soon undone.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from eventstore.value import Value
from station.telling.redacting import Redacting, numbered

_NAME_DIGITS = 12
_TAG_PREFIX, _STATION_PREFIX = "tag-", "station-"


class RedactionRules(Value, frozen=True, kw_only=True):
    """What is replaced; `key` b"" numbers the names instead."""

    tags: bool = False
    identity: bool = False
    key: bytes = b""

    @property
    def is_on(self) -> bool:
        """Whether anything is replaced at all."""
        return self.tags or self.identity


class Redaction:
    """Redacts what belongs to one log. `station` is the name that the identity gets; `identities` are all texts that tell it."""

    def __init__(self, rules: RedactionRules, *, identity: str = "", identities: Iterable[str] = ()) -> None:
        self.rules = rules
        self.station = identity
        own: list[tuple[str, str]] = []
        if rules.identity and identity:
            self.station = self._keyed(_STATION_PREFIX, identity) if rules.key else f"{_STATION_PREFIX}1"
            texts = sorted({identity, *identities} - {""}, key=len, reverse=True)  # one may stand in another
            own = [(text, self.station) for text in texts]
        self._redacting = Redacting(tags=rules.tags, named=self._named if rules.key else numbered, own=own)

    def _named(self, tag: str, number: int) -> str:
        return self._keyed(_TAG_PREFIX, tag)

    def _keyed(self, prefix: str, text: str) -> str:
        digest = hmac.new(self.rules.key, f"{prefix}{text.casefold()}".encode(), sha256).hexdigest()
        return f"{prefix}{digest[:_NAME_DIGITS]}"

    def learn(self, value: Any) -> None:
        """Look for tags beforehand in what will be redacted."""
        self._redacting.learn(value)

    def tag(self, text: str | None) -> str | None:
        """The name of a tag."""
        return None if text is None else self._redacting.tag(text)

    def value(self, value: Any) -> Any:
        """A JSON-able value, redacted."""
        return self._redacting.value(value) if self.rules.is_on else value

    def members(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The members of an event of this type, redacted."""
        return self._redacting.members(kind, payload) if self.rules.is_on else payload

    def text(self, text: str) -> str:
        """A text that may be JSON, redacted."""
        return self._redacting.text(text) if self.rules.is_on else text
