"""What an error of TLS is in the words of section 8 of the white paper."""

import ssl

import pytest

from station.runtime.csms_tls import (
    CERTIFICATE,
    NOT_AUTHENTICATED,
    SUITE,
    VERSION,
    CsmsContext,
    PeriodError,
    TlsFailure,
    failure_of,
)


def error(reason: str | None) -> ssl.SSLError:
    found = ssl.SSLError(1, "text")
    found.reason = reason  # type: ignore[assignment]
    return found


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("EE_KEY_TOO_SMALL", CERTIFICATE),
        ("CA_MD_TOO_WEAK", CERTIFICATE),
        ("TLSV1_ALERT_PROTOCOL_VERSION", VERSION),
        ("UNSUPPORTED_PROTOCOL", VERSION),
        ("WRONG_CIPHER_RETURNED", SUITE),
        ("DH_KEY_TOO_SMALL", SUITE),
        ("UNSUPPORTED_COMPRESSION_ALGORITHM", SUITE),
        ("TLSV1_ALERT_UNKNOWN_CA", NOT_AUTHENTICATED),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", NOT_AUTHENTICATED),
    ],
)
def test_the_reason_says_which_security_event_it_is(reason: str, kind: str) -> None:
    for has_answered in (False, True):
        detail = reason.replace("_", " ").lower()
        assert failure_of(error(reason), has_answered=has_answered) == TlsFailure(type=kind, detail=detail)


@pytest.mark.parametrize(("has_answered", "kind"), [(False, SUITE), (True, NOT_AUTHENTICATED)])
def test_a_refusal_before_a_suite_was_chosen_is_about_suites_and_after_it_about_the_station(
    *, has_answered: bool, kind: str
) -> None:
    """OpenSSL's servers say handshake_failure for both up to TLS 1.2."""
    found = failure_of(error("SSLV3_ALERT_HANDSHAKE_FAILURE"), has_answered=has_answered)
    assert found is not None
    assert found.type == kind


@pytest.mark.parametrize("reason", [None, "WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING"])
def test_what_is_no_tls_at_all_is_none_of_them(reason: str | None) -> None:
    """A port that talks HTTP, or hangs up."""
    assert failure_of(error(reason), has_answered=False) is None


def test_a_period_that_does_not_hold_is_the_certificates_fault() -> None:
    found = failure_of(PeriodError("certificate has expired"), has_answered=True)
    assert found == TlsFailure(type=CERTIFICATE, detail="certificate has expired")


def test_without_a_time_of_its_own_openssl_judges_by_the_machines() -> None:
    ignoring = 0x200000
    assert not CsmsContext().verify_flags & ignoring
