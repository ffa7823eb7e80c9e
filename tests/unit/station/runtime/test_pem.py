"""PEM as it comes over the wire, and as a file of the settings holds it."""

from pathlib import Path

import pytest

from station.runtime.pem import CERTIFICATE, blocks, certificates, content_of, fingerprint, written
from tests.csms.odd_certificates import certificate, der, ec_key
from tests.shortage import no_descriptors

DER = der(certificate("CB-1", ec_key()))
PEM = written(DER)


@pytest.mark.parametrize("end", ["\n", "\r\n", "", "\\n", "\\r\\n"], ids=repr)
def test_line_ends_of_any_kind_are_read(end: str) -> None:
    text = "kept by the maker" + PEM.replace("\n", end)
    assert [block.label for block in blocks(text)] == [CERTIFICATE]
    assert certificates(text) == {fingerprint(DER): DER}


def test_what_is_no_base64_is_no_certificate() -> None:
    text = "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n"
    assert [block.content for block in blocks(text)] == [None]
    assert certificates(text + PEM) == {fingerprint(DER): DER}


def test_a_file_that_is_not_named_holds_nothing_and_one_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    assert content_of(tmp_path / "ca.pem") == PEM.encode()
    assert content_of(None) == b""
    assert content_of(tmp_path / "gone.pem") is None
    assert content_of(tmp_path) is None


def test_without_a_free_descriptor_nothing_is_said_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        content_of(tmp_path / "ca.pem")
