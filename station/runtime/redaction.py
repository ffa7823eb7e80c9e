"""Removes from a diagnostics file what must not leave the station: passwords always, id tags if the settings say so."""

import json
from collections.abc import Iterable
from typing import Any

import orjson

from station.settings.loading import WITHHELD
from station.telling.masking import without_credentials

_ID_TAG_MEMBERS = frozenset({"idtag", "parentidtag", "stopidtag"})
_AUTHORIZATION_KEY = "authorizationkey"


def _is_all(plain: Any, text: str) -> bool:
    """Whether the value is all that the text holds: of members of one name, reading keeps the last, and the text has the others too."""
    if orjson.dumps(plain).decode() == text:
        return True
    try:
        json.loads(text, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError):
        return False
    return True


def _without_repetition(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("two members of one name")
    return found


class Redactor:
    """Redacts JSON-able values. With `id_tags`, each tag is named "tag-1", "tag-2", … throughout what one instance sees.

    The numbers keep a tag's events together without telling the tag. `known` are tags that may stand anywhere.
    """

    def __init__(self, *, id_tags: bool, known: Iterable[str] = ()) -> None:
        self._id_tags = id_tags
        self._names: dict[str, str] = {}
        for tag in known:
            self._name(tag)

    def _name(self, tag: str) -> str:
        return self._names.setdefault(tag.casefold(), f"tag-{len(self._names) + 1}")

    def redacted(self, value: Any) -> Any:
        """The same without secrets; JSON inside of texts is looked at as well."""
        match value:
            case dict():
                return self._object(value)
            case list():
                return [self.redacted(item) for item in value]
            case str():
                return self._text(value)
            case _:
                return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        named = str(value.get("key", "")).casefold() == _AUTHORIZATION_KEY
        return {self._member(name): self._content(name, content, named) for name, content in value.items()}

    def _member(self, name: str) -> str:
        return self._names.get(name.casefold(), name) if self._id_tags else name

    def _content(self, name: str, content: Any, named: bool) -> Any:
        bare = name.replace("_", "").casefold()
        if bare == _AUTHORIZATION_KEY or (named and bare == "value"):
            return WITHHELD
        if self._id_tags and bare in _ID_TAG_MEMBERS and isinstance(content, str):
            return self._name(content)
        return self.redacted(content)

    def _text(self, text: str) -> str:
        if text[:1] in ("{", "["):
            try:
                plain = orjson.loads(text)
            except orjson.JSONDecodeError:
                return WITHHELD if self._id_tags else without_credentials(text)
            redacted = self.redacted(plain)
            # Where nothing was redacted, the text stays to the byte: the digest of its event then still fits.
            return text if redacted == plain and _is_all(plain, text) else orjson.dumps(redacted).decode()
        if self._id_tags and text.casefold() in self._names:
            return self._names[text.casefold()]
        return without_credentials(text)
