"""TLS with the CSMS, watched: what fails in it has the name of its security event (white paper, A00.FR.307 to 322, 411 to 426).

A handshake is refused by OpenSSL; here stands what that means. Two things it is not left to: the period of validity, where
the machine's clock is not the best time that the station has (`station.rules.certificate_time`), and what the CSMS
thinks of the station's own certificate, which in TLS 1.3 comes only with the first bytes that are read.
"""

import ssl
from typing import Any, Self

from eventstore.value import Value
from station.rules.certificate_time import CertificateTime
from station.runtime.validity import period_of

CERTIFICATE, VERSION, SUITE = "InvalidCentralSystemCertificate", "InvalidTLSVersion", "InvalidTLSCipherSuite"
NOT_AUTHENTICATED = "FailedToAuthenticateAtCentralSystem"

SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:AES128-GCM-SHA256:AES256-GCM-SHA384:"
    "ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM:@SECLEVEL=2"
)
"""The four of A00.FR.318 first. Level 2: RSA from 2048, EC from 224 bits, no SHA-1, in the whole chain (A00.FR.501 to 503)."""
VERIFICATION = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, for which `ssl` has no name

_CERTIFICATE_REASONS = frozenset(
    {"EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CERTIFICATE_VERIFY_FAILED"}
)
_VERSION_REASONS = frozenset(
    {"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "VERSION_TOO_LOW"}
)
_SUITE_REASONS = frozenset(
    {
        "COMPRESSION_DISABLED",
        "DH_KEY_TOO_SMALL",
        "INVALID_COMPRESSION_ALGORITHM",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "UNKNOWN_CIPHER_RETURNED",
        "UNSUPPORTED_COMPRESSION_ALGORITHM",
        "WRONG_CIPHER_RETURNED",
    }
)
_NOTHING_IN_COMMON = "SSLV3_ALERT_HANDSHAKE_FAILURE"
_OF_OUR_CERTIFICATE = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_DECRYPT_ERROR",
        "TLSV1_ALERT_UNKNOWN_CA",
    }
)


def harden(context: ssl.SSLContext) -> None:
    """TLS 1.2 or newer, and how a server's certificate is verified.

    The name is checked against the certificate's DNS names; where it has none, against its CN (white paper, A00.FR.308). The flags
    are the same on every Python: 3.13 would refuse private CAs that carry no key identifiers (VERIFY_X509_STRICT), and earlier ones
    an anchor that is no root.
    """
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags = VERIFICATION
    context.hostname_checks_common_name = True


class TlsFailure(Value, frozen=True, kw_only=True):
    """What failed: `type` is the name of its security event (section 8), `detail` what it was."""

    type: str
    detail: str


def failure_of(error: ssl.SSLError, *, has_answered: bool) -> TlsFailure | None:
    """What an error of TLS is in the words of section 8; None if nothing of it.

    `has_answered` says that the CSMS had chosen a cipher suite: what it refuses then is who we are, not how we talk.
    """
    reason = error.reason or ""
    detail = reason.replace("_", " ").lower()
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailure(type=CERTIFICATE, detail=str(error.verify_message or detail).rstrip("."))
    if reason in _CERTIFICATE_REASONS:
        return TlsFailure(type=CERTIFICATE, detail=detail)
    if reason in _VERSION_REASONS:
        return TlsFailure(type=VERSION, detail=detail)
    if reason in _SUITE_REASONS or (reason == _NOTHING_IN_COMMON and not has_answered):
        return TlsFailure(type=SUITE, detail=detail)
    if reason in _OF_OUR_CERTIFICATE or reason == _NOTHING_IN_COMMON:
        return TlsFailure(type=NOT_AUTHENTICATED, detail=detail)
    return None


class PeriodError(ssl.SSLCertVerificationError):
    """A certificate of the chain is outside of its period of validity, by the station's time."""

    def __init__(self, fault: str) -> None:
        super().__init__(1, f"certificate verify failed: {fault}")
        self.reason = "CERTIFICATE_VERIFY_FAILED"
        self.verify_message = fault


class _WatchedTls(ssl.SSLObject):
    """One connection under a `CsmsContext`: it notes there what fails."""

    def do_handshake(self) -> None:
        """As the library's; then the period of validity is judged where OpenSSL did not. Raises SSLError."""
        try:
            super().do_handshake()
            self._judge()
            self._watching.chain = tuple(self._chain())
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._note(error)
            raise

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002  # the library's name
        """As the library's; an alert that comes only now is noted. Raises SSLError."""
        try:
            return super().read(len, buffer)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLZeroReturnError):
            raise
        except ssl.SSLError as error:
            self._note(error)
            raise

    def _note(self, error: ssl.SSLError) -> None:
        failure = failure_of(error, has_answered=self.cipher() is not None)
        failures = self._watching.failures
        if failure is not None and failure not in failures:
            failures.append(failure)

    @property
    def _watching(self) -> "CsmsContext":
        assert isinstance(self.context, CsmsContext), "it is made by one"
        return self.context

    def _judge(self) -> None:
        when = self._watching.when
        if when is None:
            return
        try:
            periods = [period_of(der) for der in self._chain()]
        except ValueError as error:
            raise PeriodError(f"period of validity: {error}") from error
        period = max(begin for begin, _ in periods), min(end for _, end in periods)
        if fault := when.fault(*period):
            raise PeriodError(fault)
        self._watching.period = period

    def _chain(self) -> list[bytes]:
        """The chain as it was verified, from the CSMS's certificate up to the anchor, in DER."""
        if hasattr(ssl.SSLObject, "get_verified_chain"):  # Python 3.13
            found: list[bytes] = super().get_verified_chain()  # type: ignore[misc]
            return found
        from _ssl import ENCODING_DER

        return [each.public_bytes(ENCODING_DER) for each in self._sslobj.get_verified_chain()]  # type: ignore[attr-defined]


class CsmsContext(ssl.SSLContext):
    """TLS towards the CSMS: 1.2 or newer, the suites of the white paper, no compression, no renegotiation.

    `when` is the time at which certificates are judged, None for the machine's. `failures` is what failed, over all connections
    made with it, each once; `period` in which the whole chain of the last connection is valid, where `when` is given. `chain` is
    that chain, as it was verified, from the CSMS's certificate up to the anchor, in DER.
    """

    sslobject_class = _WatchedTls

    when: CertificateTime | None
    failures: list[TlsFailure]
    period: tuple[int, int] | None
    chain: tuple[bytes, ...]

    def __new__(cls, when: CertificateTime | None = None) -> Self:
        """A context that verifies the server, without trust anchors yet."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context.when, context.failures, context.period, context.chain = when, [], None, ()
        context.set_ciphers(SUITES)
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        harden(context)
        if when is not None:
            context.verify_flags = ssl.VerifyFlags(context.verify_flags | NO_CHECK_TIME)
        return context
