"""What must not leave a station, or a desk, taken out of events, frames and states: passwords always, tags if so wished.

Each tag gets a name that is the same wherever the tag stands: as a value, within a longer text, in another case (tags compare without
regard to case, errata 3.73), and in JSON inside of texts. `learn` looks for tags beforehand, so that none slips through where it stands
before, or elsewhere than, the place that tells that it is one. What a maker put into DataTransfer may be anything and is withheld.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from station.telling.masking import without_credentials

WITHHELD = "(withheld)"
_TAG_MEMBERS = frozenset({"idtag", "parentidtag", "stopidtag", "freeidtags", "evccid"})
_AUTHORIZATION_KEY = "authorizationkey"
_VENDOR_DATA = "data"
_DIGESTS = {
    "BooksClosed": "state_digest",
    "FrameCondensed": "digest",
    "ArchiveThinned": "seal",
    "LogSalvaged": "old_head_digest",
}
"""Members that are digests of what has tags in it: whoever has the rest could try all tags."""
_PEM = "-----BEGIN"
_WORD = re.compile(r"[^\W_]+")
_WITHIN_MIN = 4
"""A shorter tag is found as a word of its own only: else every text would be full of it."""

Named = Callable[[str, int], str]
"""The name of a tag, given in lower case, that is so and so many among those that were come across."""


def numbered(tag: str, number: int) -> str:
    """Names by the order in which tags appear."""
    return f"tag-{number}"


class Redacting:
    """Redacts JSON-able values. Without `tags` only passwords and the AuthorizationKey are taken out. `own` are texts that are replaced too."""

    def __init__(
        self, *, tags: bool, named: Named = numbered, known: Iterable[str] = (), own: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._tags = tags
        self._named = named
        self._names: dict[str, str] = {}
        self._within: set[int] = set()
        self._odd: set[str] = set()
        self._own = tuple((re.compile(re.escape(text), re.IGNORECASE), name) for text, name in own if text)
        for tag in known:
            self.tag(tag)

    @property
    def known(self) -> frozenset[str]:
        """The tags that were come across, in lower case."""
        return frozenset(self._names)

    @property
    def looks_for_tags(self) -> bool:
        """Whether tags are replaced."""
        return self._tags

    def tag(self, text: str) -> str:
        """The name of a tag; the text itself where tags stay, or where it is empty."""
        if not self._tags or not text:
            return text
        folded = text.casefold()
        if folded not in self._names:
            self._names[folded] = self._named(folded, len(self._names) + 1)
            if _WORD.fullmatch(folded) is None:
                self._odd.add(folded)
            elif len(folded) >= _WITHIN_MIN:
                self._within.add(len(folded))
        return self._names[folded]

    def learn(self, value: Any) -> None:
        """Look for tags where they are named as such."""
        if not self._tags:
            return
        match value:
            case dict():
                for name, content in value.items():
                    if _bare(name) in _TAG_MEMBERS:
                        self._learn_tag(content)
                    else:
                        self.learn(content)
            case list():
                for item in value:
                    self.learn(item)
            case str() if value[:1] in ("{", "["):
                for found in _read(value):
                    self.learn(found)

    def _learn_tag(self, content: Any) -> None:
        match content:
            case str():
                self.tag(content)
            case int() | float() if not isinstance(content, bool):
                self.tag(str(content))
            case list():
                for item in content:
                    self._learn_tag(item)
            case dict():
                self.learn(content)

    def value(self, value: Any) -> Any:
        """The same without what must not leave; JSON inside of texts is looked at as well."""
        match value:
            case dict():
                key = value.get("key", "")
                is_key = isinstance(key, str) and key.casefold() == _AUTHORIZATION_KEY
                return {
                    self._plain(name): self._content(name, content, is_key=is_key) for name, content in value.items()
                }
            case list():
                return [self.value(item) for item in value]
            case str():
                return self.text(value)
            case _:
                return value

    def members(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The members of an event of this type, redacted."""
        found = {name: self._content(name, content, is_key=False) for name, content in payload.items()}
        if self._tags and (digest := _DIGESTS.get(kind)) in found:
            found[digest] = WITHHELD
        if str(payload.get("key", "")).casefold() == _AUTHORIZATION_KEY and "value" in found:
            found["value"] = WITHHELD
        return found

    def _content(self, name: str, content: Any, *, is_key: bool) -> Any:
        bare = _bare(name)
        if bare == _AUTHORIZATION_KEY or (is_key and bare == "value"):
            return WITHHELD
        if self._tags and bare in _TAG_MEMBERS:
            return self._tag_content(content)
        if self._tags and bare == _VENDOR_DATA and isinstance(content, str):
            return WITHHELD
        return self.value(content)

    def _tag_content(self, content: Any) -> Any:
        match content:
            case str():
                return self.tag(content)
            case int() | float() if not isinstance(content, bool):
                return self.tag(str(content))
            case list():
                return [self._tag_content(item) for item in content]
            case _:
                return self.value(content)

    def text(self, text: str) -> str:
        """A text that may be JSON, redacted. Where nothing was, it stays to the byte."""
        if text[:1] in ("{", "["):
            try:
                plain = json.loads(text)
            except (ValueError, RecursionError):
                return WITHHELD if self._tags else self._plain(text)
            redacted = self.value(plain)
            if redacted == plain and _is_all(text):
                return text
            return json.dumps(redacted, ensure_ascii=False, separators=(",", ":"))
        return self._plain(text)

    def _plain(self, text: str) -> str:
        if self._own and _PEM in text:  # a certificate or a request for one names the station, in base64
            return WITHHELD
        for own, name in self._own:
            text = own.sub(name.replace("\\", "\\\\"), text)
        return without_credentials(self._without_tags(text) if self._names else text)

    def _without_tags(self, text: str) -> str:
        folded = text.casefold()
        name = self._names.get(folded)
        if name is not None:
            return name
        found = {odd for odd in self._odd if odd in folded}
        for word in set(_WORD.findall(folded)):
            if word in self._names:
                found.add(word)
            for length in self._within:
                for begin in range(len(word) - length + 1):
                    if word[begin : begin + length] in self._names:
                        found.add(word[begin : begin + length])
        if not found:
            return text
        replaced = _any_of(found).sub(lambda match: self._names.get(match[0].casefold(), WITHHELD), text)
        return WITHHELD if any(tag in replaced.casefold() for tag in found if len(tag) >= _WITHIN_MIN) else replaced


def _any_of(tags: Iterable[str]) -> re.Pattern[str]:
    parts = []
    for tag in sorted(tags, key=len, reverse=True):
        part = re.escape(tag)
        is_word = len(tag) < _WITHIN_MIN and _WORD.fullmatch(tag) is not None
        parts.append(rf"(?<![^\W_]){part}(?![^\W_])" if is_word else part)
    return re.compile("|".join(parts), re.IGNORECASE)


def _bare(name: str) -> str:
    return name.replace("_", "").casefold()


def _read(text: str) -> Iterable[Any]:
    """What a text holds as JSON, and each value of a name that stands in it twice."""
    repeated: list[Any] = []

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) < len(members):
            repeated.extend({name: content} for name, content in members)
        return found

    try:
        return json.loads(text, object_pairs_hook=pairs), *repeated
    except (ValueError, RecursionError):
        return ()


def _is_all(text: str) -> bool:
    """Whether reading it keeps all that the text holds: of members of one name, reading keeps the last, and the text has the others too."""
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
