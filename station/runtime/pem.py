"""PEM as it comes over the wire (RFC 7468): read leniently, written strictly.

Line ends of any kind, none at all, or written as a backslash and an n are all met in the field; so is text around a block.
"""

import base64
import binascii
import hashlib
import re
import ssl
from pathlib import Path

from eventstore.descriptors import is_shortage
from eventstore.value import Value

CERTIFICATE = "CERTIFICATE"
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


class PemBlock(Value, frozen=True):
    """One block: its label, and what it holds, None if that is no base64."""

    label: str
    content: bytes | None


def blocks(text: str) -> tuple[PemBlock, ...]:
    """All blocks of a text, in their order."""
    plain = text.replace("\\r", "\n").replace("\\n", "\n")
    return tuple(PemBlock(found[1], _decoded(found[2])) for found in _BLOCK.finditer(plain))


def _decoded(body: str) -> bytes | None:
    try:
        return base64.b64decode("".join(body.split()), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def certificates(text: str) -> dict[str, bytes]:
    """The certificates of a text in DER, by fingerprint; what is none is left out."""
    found = (block.content for block in blocks(text) if block.label == CERTIFICATE)
    return {fingerprint(der): der for der in found if der is not None}


def content_of(path: Path | None) -> bytes | None:
    """What a file of the settings holds; nothing if none is named, None if it cannot be read: that says nothing of what it holds.

    Raises OSError when no descriptor is left to look with.
    """
    if path is None:
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        if is_shortage(error):
            raise
        return None


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, hexadecimal."""
    return hashlib.sha256(der).hexdigest()


def written(der: bytes) -> str:
    """The certificate in PEM."""
    return ssl.DER_cert_to_PEM_cert(der)
