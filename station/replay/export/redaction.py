"""Names in place of tags and identities, the same for the same one everywhere, in values and in the JSON texts inside of them.

Without a key, tags are numbered in the order in which they appear: "tag-1", "tag-2", … With a key, a name is a keyed digest
(HMAC-SHA-256), so that one tag has one name over thousands of logs, and only the owner of the key can find out which: tags are
short, and an unkeyed digest of them is soon undone. Tags compare case-insensitively (errata 3.73).
"""

import hmac
from hashlib import sha256
from typing import Any

import orjson

from eventstore.value import Value
from station.telling.masking import without_credentials

_TAG_MEMBERS = frozenset({"idtag", "parentidtag", "stopidtag"})
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
    """Redacts what belongs to one log. `station` is the name that the identity gets; `known` are other texts that tell it."""

    def __init__(self, rules: RedactionRules, *, identity: str = "", serial: str = "") -> None:
        self.rules = rules
        self._tags: dict[str, str] = {}
        self.station = identity
        self._own: tuple[tuple[str, str], ...] = ()
        if rules.identity and identity:
            self.station = self._named(_STATION_PREFIX, identity, "1")
            self._own = tuple((text, self.station) for text in dict.fromkeys((identity, serial)) if text)

    def _named(self, prefix: str, text: str, number: str) -> str:
        if not self.rules.key:
            return f"{prefix}{number}"
        digest = hmac.new(self.rules.key, f"{prefix}{text.casefold()}".encode(), sha256).hexdigest()
        return f"{prefix}{digest[:_NAME_DIGITS]}"

    def tag(self, text: str | None) -> str | None:
        """The name of a tag."""
        if text is None or not self.rules.tags or text == "" or text.startswith(_TAG_PREFIX):
            return text
        folded = text.casefold()
        if folded not in self._tags:
            self._tags[folded] = self._named(_TAG_PREFIX, text, str(len(self._tags) + 1))
        return self._tags[folded]

    def value(self, value: Any) -> Any:
        """A JSON-able value, redacted."""
        match value:
            case dict():
                return {self._text(str(name)): self._member(str(name), content) for name, content in value.items()}
            case list():
                return [self.value(item) for item in value]
            case str():
                return self._text(value)
            case _:
                return value

    def _member(self, name: str, content: Any) -> Any:
        if isinstance(content, str) and name.replace("_", "").casefold() in _TAG_MEMBERS:
            return self.tag(content)
        return self.value(content)

    def text(self, text: str) -> str:
        """A text that may be JSON, redacted."""
        return self._text(text) if self.rules.is_on else text

    def _text(self, text: str) -> str:
        if text[:1] in ("{", "["):
            try:
                return orjson.dumps(self.value(orjson.loads(text))).decode()
            except orjson.JSONDecodeError:
                pass  # no JSON after all: what follows does for any text
        named = self._tags.get(text.casefold()) if self.rules.tags else None
        if named is not None:
            return named
        for own, name in self._own:
            if own in text:
                text = text.replace(own, name)
        return without_credentials(text)
