"""The firmware image of the cases is one that the bench installer takes."""

import hashlib
import json

from station.certify.images import bench_image


def test_the_first_line_says_what_it_is() -> None:
    head, _, content = bench_image(model="Bench", version="9.9.9", content=b"bytes").partition(b"\n")
    assert json.loads(head) == {
        "chargebox_firmware": 1,
        "model": "Bench",
        "version": "9.9.9",
        "sha256": hashlib.sha256(b"bytes").hexdigest(),
    }
    assert content == b"bytes"
