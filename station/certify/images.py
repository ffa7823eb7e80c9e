"""A firmware image for the bench installer: one line that says what it is, then bytes that mean nothing."""

import hashlib
import json


def bench_image(*, model: str, version: str, content: bytes = b"firmware " * 1000) -> bytes:
    """An image that the bench installer takes on a station of that model."""
    head = {
        "chargebox_firmware": 1,
        "model": model,
        "version": version,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return json.dumps(head).encode() + b"\n" + content
