"""Secrets, kept beside the log and never in it: files of mode 0600, found by the fingerprint that the log knows.

AuthorizationKey (OCPP-J 6.2.2, errata 3.10) arrives in a frame; the link takes it out before the frame becomes an
observation and puts its fingerprint in its place. The key that holds is the one whose fingerprint the configuration
names, so that there is nothing to promote and nothing that a power cut could leave half done.
"""

import base64
import hashlib
import json
import logging
import re
from pathlib import Path

from eventstore.directory import StorageDirectory
from station.features.configuration import FINGERPRINT, KEY_NAME

LOGGER = logging.getLogger(__name__)

KEY_BYTES = range(16, 21)
CALL = 2
UNREADABLE = "[unreadable frame with a secret]"
UNUSABLE = "unusable"
_KEY_FRAME = re.compile(r'"AuthorizationKey"', re.IGNORECASE)


def fingerprint(secret: bytes) -> str:
    """How the log names a secret: enough to tell two apart, too little to find it."""
    return FINGERPRINT + hashlib.sha256(b"chargebox secret\0" + secret).hexdigest()[:16]


def may_hold_secret(text: str) -> bool:
    """Whether a frame names a secret, or may do so in escaped letters, so that it must be redacted before it is recorded."""
    return "\\u" in text or _KEY_FRAME.search(text) is not None


def _decoded(value: object) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        secret = bytes.fromhex(value)
    except ValueError:
        return None
    return secret if len(secret) in KEY_BYTES and len(value) == 2 * len(secret) else None


class Secrets:
    """The secrets of one storage directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "secrets"

    def keep(self, secret: bytes) -> str:
        """Stores a secret durably; returns its fingerprint. Raises OSError."""
        name = fingerprint(secret)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        StorageDirectory(self._directory).write_file(self._path(name).name, secret)
        return name

    def find(self, name: str) -> bytes | None:
        """The secret of a fingerprint, or None."""
        try:
            return self._path(name).read_bytes() if name else None
        except OSError:
            return None

    def _path(self, name: str) -> Path:
        return self._directory / f"{name.removeprefix(FINGERPRINT)}.key"

    def redact(self, text: str) -> str:
        """A frame without its secret: a ChangeConfiguration of AuthorizationKey has the fingerprint as its value.

        A value that is no key of 16 to 20 bytes in hexadecimal is replaced by nothing that could be taken for one.
        """
        if not may_hold_secret(text):
            return text
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            return UNREADABLE if _KEY_FRAME.search(text) else text
        if not isinstance(frame, list) or not frame or frame[0] != CALL:
            return text
        if len(frame) != 4 or not isinstance(frame[3], dict):
            return UNREADABLE if KEY_NAME.casefold() in json.dumps(frame).casefold() else text
        payload = frame[3]
        if str(payload.get("key", "")).casefold() != KEY_NAME.casefold() or "value" not in payload:
            return text
        if isinstance(payload["value"], str):
            payload["value"] = self._kept(payload["value"])
        return json.dumps(frame, separators=(",", ":"))

    def _kept(self, value: str) -> str:
        """The fingerprint of the key that was kept; "unusable" for what is none, or cannot be kept."""
        secret = _decoded(value)
        if secret is None:
            return UNUSABLE
        try:
            return self.keep(secret)
        except OSError as error:
            LOGGER.error("a key cannot be kept and is refused: %s", error)
            return UNUSABLE

    def prune(self, kept: str) -> None:
        """Removes every secret but the one of this fingerprint."""
        for path in self._directory.glob("*.key"):
            if path != self._path(kept):
                path.unlink(missing_ok=True)


def basic_credentials(identity: str, key: bytes) -> str:
    """The Authorization header of Basic authentication: the key's bytes, whatever they are (OCPP-J 6.2.2)."""
    return "Basic " + base64.b64encode(identity.encode() + b":" + key).decode()
