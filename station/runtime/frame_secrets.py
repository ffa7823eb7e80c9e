"""Taking the secrets out of a frame before it is recorded, however badly it is formed.

Theory of operation
    A ChangeConfiguration of AuthorizationKey as the standard has it gets a fingerprint as its value, and so do user and password in
    the location of a job. Whatever else names AuthorizationKey is taken for a request that went wrong, with a secret somewhere in
    it: its texts are withheld and its large numbers are 0, but for the name itself. What it is (its shape, its types) stays, so
    that it is refused for the reason for which it must be. Members that stand twice count with both their values.

    A private key that is sent by mistake, as PEM in whatever text, is withheld, and so is all that stands in place of a certificate
    and holds none: it may be a key in another form.

    A frame that is left as it is stays so to the byte.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from projections.credentials import FINGERPRINT

KEY_NAME = "AuthorizationKey"
UNUSABLE = "unusable"
UNREADABLE = "[unreadable frame with a secret]"
WITHHELD = "(withheld)"
WITHHELD_USER = "withheld"
WITHHELD_PRIVATE_KEY = "(withheld: a PRIVATE KEY)"

Keep = Callable[[str], str]
"""Keeps a secret; returns what stands in its place."""

_CALL, _CALL_RESULT, _CALL_ERROR = 2, 3, 4
_NAME = re.compile(r"fp:[0-9a-f]{16}")
_KEY = re.compile(r"authorization[\W_]*key", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=:)((?:\\?/){2})[^/\s\"]*@")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_MEMBER_NAME = re.compile(r"[A-Za-z][A-Za-z]{0,24}")
_CONFIG_NAME = re.compile(r"[A-Za-z][\w.\-]{0,49}")
_LOCATIONS = frozenset({"location", "remotelocation"})
_CERTIFICATES = frozenset({"certificate", "certificatechain", "signingcertificate"})
_PRIVATE_KEY = re.compile(r"PRIVATE[\W_]*KEY", re.IGNORECASE)
_CERTIFICATE_BLOCK = "-----BEGIN CERTIFICATE-----"
_HARMLESS_LENGTH = 8  # of what a CALLERROR says: too short for a key, and long enough for "no"
_HARMLESS_NUMBER = 10_000_000


def is_name(text: str) -> bool:
    """Whether the text is exactly the name of a secret."""
    return _NAME.fullmatch(text) is not None


def names_in(text: str) -> list[str]:
    """The names of secrets in a frame that was redacted, as often as they stand there."""
    return _NAME.findall(text) if FINGERPRINT in text else []


def may_hold_secret(text: str) -> bool:
    """Whether a frame names a secret, or may do so in escaped letters, so that it must be redacted before it is recorded."""
    return "\\u" in text or "@" in text or "ertificate" in text or _names_key(text)


def _names_key(text: str) -> bool:
    return _KEY.search(text) is not None or _PRIVATE_KEY.search(text) is not None


def redact(text: str, keep_key: Keep, keep_userinfo: Keep) -> str:
    """The frame without its secrets; what can be used is given to `keep_key` (as hexadecimal) and `keep_userinfo`."""
    if not may_hold_secret(text):
        return text
    reading = _Reading()
    try:
        frame = json.loads(text, object_pairs_hook=reading.members)
    except (ValueError, RecursionError):
        return _illegible(text)
    changed = _Redaction(reading, keep_key, keep_userinfo).frame(_without_private_keys(frame))
    # Of members of one name, reading keeps the last, and the text has the others too.
    return text if changed == frame and not reading.hides_secret else json.dumps(changed, separators=(",", ":"))


def _illegible(text: str) -> str:
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    if _names_key(plain) or (plain != text and _USERINFO.search(plain)):
        return UNREADABLE
    return _USERINFO.sub(_MASKED, text)


def _without_private_keys(value: Any, name: str = "") -> Any:
    """The same with every text withheld that is a private key, or that stands in place of a certificate and is none."""
    match value:
        case str() if _PRIVATE_KEY.search(value):
            return WITHHELD_PRIVATE_KEY
        case str() if name.casefold() in _CERTIFICATES and value and _CERTIFICATE_BLOCK not in value:
            return WITHHELD
        case list():
            return [_without_private_keys(item, name) for item in value]
        case dict():
            return {
                WITHHELD_PRIVATE_KEY if _PRIVATE_KEY.search(member) else member: _without_private_keys(content, member)
                for member, content in value.items()
            }
        case _:
            return value


class _Reading:
    """What was seen while a frame was read: `hides_secret` if a member that reading drops holds one."""

    def __init__(self) -> None:
        self.repeats = False
        self.hides_secret = False

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object of its members; the last of one name counts."""
        found = dict(pairs)
        if len(found) < len(pairs):
            self.repeats = True
            self.hides_secret |= any(may_hold_secret(text) for text in _texts([list(pair) for pair in pairs]))
        return found


def _texts(value: Any) -> Iterator[str]:
    """All texts of a JSON value, the names of members among them."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for name, content in value.items():
                yield name
                yield from _texts(content)
        case _:
            return


class _Redaction:
    """Redacts one frame that was read."""

    def __init__(self, reading: _Reading, keep_key: Keep, keep_userinfo: Keep) -> None:
        self._reading = reading
        self._keep_key = keep_key
        self._keep_userinfo = keep_userinfo

    def frame(self, frame: Any) -> Any:
        """The frame as it may be recorded."""
        named = self._reading.hides_secret or any(_KEY.search(text) for text in _texts(frame))
        if not isinstance(frame, list) or not named:
            return _withheld(frame) if named else self._without_passwords(frame)
        if self._is_change(frame):
            return [*frame[:3], self._changed(frame[3])]
        if _is_question(frame):
            asked = [name if _is_plain_name(name) else WITHHELD for name in frame[3]["key"]]
            return [*frame[:3], {"key": asked}]
        # Its message id says nothing, and is needed for an answer.
        if frame[:1] == [_CALL_RESULT]:
            return [*frame[:2], *(_withheld(item) if self._reading.repeats else _answer(item) for item in frame[2:])]
        if frame[:1] == [_CALL_ERROR]:
            described = (text if len(str(text)) < _HARMLESS_LENGTH else _withheld(text) for text in frame[3:4])
            return [*frame[:2], *(_word(item) for item in frame[2:3]), *described, *(_withheld(it) for it in frame[4:])]
        return [*frame[:2], *(_word(item) for item in frame[2:3]), *(_withheld(item) for item in frame[3:])]

    def _without_passwords(self, frame: Any) -> Any:
        """The content of DataTransfer is agreed between others (4.3, 5.6): it is left as it is."""
        is_call = isinstance(frame, list) and len(frame) > 3 and frame[0] == _CALL
        if not is_call or frame[2] == "DataTransfer":
            return frame
        return [*frame[:3], *(self._locations(item) for item in frame[3:])]

    def _is_change(self, frame: list[Any]) -> bool:
        """Whether the frame is a ChangeConfiguration of the key as the standard has it, perhaps with members too many."""
        if len(frame) != 4 or frame[0] != _CALL or frame[2] != "ChangeConfiguration" or self._reading.repeats:
            return False
        payload = frame[3]
        if not isinstance(payload, dict) or not isinstance(payload.get("value"), str):
            return False
        return str(payload.get("key")).casefold() == KEY_NAME.casefold()

    def _changed(self, payload: dict[str, Any]) -> dict[str, Any]:
        kept = {name: content for name, content in payload.items() if name in ("key", "value")}
        rest = {name: content for name, content in payload.items() if name not in kept}
        if rest:  # it will be refused for them: nothing is kept
            return {"key": kept["key"], "value": UNUSABLE, **_withheld(rest)}
        return {**kept, "value": self._keep_key(kept["value"])}

    def _locations(self, value: Any, name: str = "") -> Any:
        match value:
            case str():
                return self._location(value) if name.casefold() in _LOCATIONS else _USERINFO.sub(_MASKED, value)
            case list():
                return [self._locations(item) for item in value]
            case dict():
                return {member: self._locations(content, member) for member, content in value.items()}
            case _:
                return value

    def _location(self, text: str) -> str:
        """A location with user and password by name; one that is no URL cannot be used, and is masked."""
        if "@" not in text:
            return text
        userinfo = ""
        try:
            parts = urlsplit(text)
            userinfo, host = parts.netloc.rpartition("@")[0], parts.hostname and (parts.port or True)
        except ValueError:
            host = None
        if not host or f"{userinfo}@" not in text:
            return re.sub(".*@", f"{WITHHELD_USER}@", text, flags=re.DOTALL)
        return text.replace(f"{userinfo}@", f"{self._keep_userinfo(userinfo)}@", 1) if userinfo else text


_MASKED = rf"\1{WITHHELD_USER}@"


def _is_question(frame: list[Any]) -> bool:
    """Whether the frame is a GetConfiguration as the standard has it: it asks for names, and holds no value."""
    if len(frame) != 4 or frame[0] != _CALL or frame[2] != "GetConfiguration" or not isinstance(frame[3], dict):
        return False
    names = frame[3].get("key")
    return list(frame[3]) == ["key"] and isinstance(names, list) and all(isinstance(name, str) for name in names)


def _is_plain_name(text: str) -> bool:
    """Whether the text may be the name of a configuration key (7.33: CiString50)."""
    return _CONFIG_NAME.fullmatch(text) is not None and not _is_hexadecimal(text)


def _is_hexadecimal(text: str) -> bool:
    return re.fullmatch(r"[0-9A-Fa-f]+", text) is not None


def _word(text: Any) -> Any:
    """An action, error code or status."""
    return text if isinstance(text, str) and _MEMBER_NAME.fullmatch(text) else _withheld(text)


def _answer(value: Any) -> Any:
    """A CALLRESULT's payload: withheld where it names the key, since the rest is what a call of ours waits for."""
    match value:
        case str():
            return _withheld(value) if _KEY.search(value) else value
        case list():
            named = any(isinstance(item, str) and _KEY.search(item) for item in value)
            return [_withheld(item) if named else _answer(item) for item in value]
        case dict():
            named = any(isinstance(content, str) and _KEY.search(content) for content in value.values())
            return {
                _member(name, number): _answered(name, content, named)
                for number, (name, content) in enumerate(value.items())
            }
        case _:
            return value


def _answered(name: str, content: Any, named: bool) -> Any:
    if name == "status":
        return _word(content)
    return _withheld(content) if named or _KEY.search(name) else _answer(content)


def _withheld(value: Any) -> Any:
    """The same without any text or number that could be a secret; what it is made of stays."""
    match value:
        case bool() | None:
            return value
        case int() | float():
            return value if abs(value) < _HARMLESS_NUMBER else 0
        case str():
            return value if _is_key_name(value) else _masked(value)
        case list():
            return [_withheld(item) for item in value]
        case dict():
            return {_member(name, number): _withheld(content) for number, (name, content) in enumerate(value.items())}
        case _:
            return WITHHELD


def _is_key_name(text: str) -> bool:
    return text.strip().casefold() == KEY_NAME.casefold()


def _masked(text: str) -> str:
    return WITHHELD if text else text


def _member(name: str, number: int) -> str:
    plain = _MEMBER_NAME.fullmatch(name) is not None and not _is_hexadecimal(name)
    return name if plain or _is_key_name(name) else f"{WITHHELD} {number}"
