"""The period of validity in a certificate's bytes, against the library that knows all of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from station.runtime.validity import period_of
from tests.csms.tls import issue, make_authority, rsa_key

KEY = ec.generate_private_key(ec.SECP256R1())
TIMES = st.integers(-631_152_000, 253_402_214_400).map(
    lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
"""1950 to 9999."""


def certificate(begin: datetime, end: datetime) -> x509.Certificate:
    name = x509.Name([])
    return (
        x509.CertificateBuilder(name, name, KEY.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .sign(KEY, hashes.SHA256())
    )


def expected(found: x509.Certificate) -> tuple[int, int]:
    begin, end = found.not_valid_before_utc, found.not_valid_after_utc
    return int(begin.timestamp()) * 1000, int(end.timestamp()) * 1000


@settings(max_examples=50)
@given(TIMES, TIMES)
def test_both_ways_to_write_a_time_are_read(one: datetime, other: datetime) -> None:
    """UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5)."""
    found = certificate(*sorted((one, other)))
    assert period_of(found.public_bytes(Encoding.DER)) == expected(found)


def test_certificates_with_all_their_extensions_are_read(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, key=rsa_key(2048))
    for each in (authority, issue(tmp_path, authority)):
        assert period_of(each.certificate.public_bytes(Encoding.DER)) == expected(each.certificate)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_a_value_error_and_nothing_else(rubbish: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whichever it is
        period_of(rubbish)


def test_a_certificate_that_ends_early_is_read_or_a_value_error() -> None:
    whole = certificate(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    data = whole.public_bytes(Encoding.DER)
    for length in range(len(data)):
        try:
            assert period_of(data[:length]) == expected(whole)
        except ValueError:
            continue


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x84"])
def test_an_end_too_early_is_said(data: bytes) -> None:
    with pytest.raises(ValueError, match="ends too early"):
        period_of(data)
