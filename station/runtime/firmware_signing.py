"""Whom the station believes about firmware: the maker's certificates, and the signatures made with them (security white paper, L01).

The chain is of two: a signing certificate, directly under a root of the manufacturer (L01, remarks: no intermediate certificates).
What a certificate must be stands in section 2.6.1 (A00.FR.501 to 512) and in RFC 5280. A signature is RSA-PSS or ECDSA with SHA-256 over
the whole file (L01.FR.04); PKCS#1 v1.5 is none.

`cryptography` is loaded when there is something to check, and not before.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.catalogue.maintenance import SignedUpdateOffered, SigningCertificateChecked
from station.runtime import pem, x509
from station.runtime.x509 import UnusableCertificateError
from station.settings.loading import Settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateRevocationList

SUBJECT_LENGTH_MAX = 100


def check_file(settings: Settings) -> None:
    """Raises SettingsError if the settings' file of revocation lists cannot be read."""
    file = settings.security.firmware_revocation_file
    if file is None:
        return
    try:
        file.read_bytes()
    except OSError as error:
        problem = f"{file}: cannot be read: {error.strerror}"
        raise settings.error("security", "firmware_revocation_file", problem) from error


class FirmwareSigning:
    """Checks signing certificates and signatures. `revocations` are lists in PEM or DER, read anew each time; None is no file."""

    def __init__(self, revocations: Path | None = None) -> None:
        self._revocations = revocations

    def check(self, offered: SignedUpdateOffered, roots: Iterable[bytes]) -> SigningCertificateChecked:
        """What the certificate of an offered update is worth, by these roots in DER. Takes a while: not for the loop."""
        try:
            certificate = _signing_certificate(offered.signing_certificate)
            _check_purpose(certificate)
            vouching = _roots_of(certificate, roots)
            revoked = self._is_revoked(certificate, vouching[0])
        except ImportError:
            return SigningCertificateChecked(job=offered.job, fault=x509.MISSING)
        except (UnusableCertificateError, OSError) as error:
            return SigningCertificateChecked(job=offered.job, fault=str(error))
        begin_ms, end_ms = _joint_period(vouching)
        return SigningCertificateChecked(
            job=offered.job,
            fault="",
            revoked=revoked,
            subject=_name(certificate),
            not_before_utc_ms=max(x509.utc_ms(certificate.not_valid_before_utc), begin_ms),
            not_after_utc_ms=min(x509.utc_ms(certificate.not_valid_after_utc), end_ms),
        )

    def signature_fault(self, offered: SignedUpdateOffered, sha256: str) -> str:
        """Why a file of that SHA-256 (hexadecimal) is not what was signed; "" if it is. Takes a while: not for the loop."""
        try:
            certificate = _signing_certificate(offered.signing_certificate)
            _verify(certificate, _decoded(offered.signature), bytes.fromhex(sha256))
        except ImportError:
            return x509.MISSING
        except UnusableCertificateError as error:
            return str(error)
        return ""

    def _is_revoked(self, certificate: "Certificate", root: "Certificate") -> bool:
        """Whether a list of the root names the certificate. Raises UnusableCertificateError for a file that is none, OSError."""
        if self._revocations is None:
            return False
        mine = [each for each in _revocation_lists(self._revocations) if each.issuer == root.subject]
        if not all(each.is_signature_valid(root.public_key()) for each in mine):  # type: ignore[arg-type]  # no other key signs
            raise UnusableCertificateError("the revocation list is not signed by the root that it is of")
        serial = certificate.serial_number
        return any(each.get_revoked_certificate_by_serial_number(serial) is not None for each in mine)


def _signing_certificate(text: str) -> "Certificate":
    """The first certificate; what else comes with it vouches for nothing and is not looked at. Raises UnusableCertificateError."""
    if "PRIVATE KEY" in text:
        raise UnusableCertificateError("there is a private key with the signing certificate: it is in wrong hands")
    found = [block for block in pem.blocks(text) if block.label == pem.CERTIFICATE]
    if not found or found[0].content is None:
        raise UnusableCertificateError("the signing certificate is no certificate in PEM")
    return x509.load(found[0].content)


def _check_purpose(certificate: "Certificate") -> None:
    """Raises UnusableCertificateError unless it is one to sign firmware with."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import BasicConstraints, ExtendedKeyUsage, KeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID

    x509.check_strength(certificate)
    if not isinstance(certificate.public_key(), RSAPublicKey | EllipticCurvePublicKey):
        raise UnusableCertificateError("its key is neither RSA nor EC")
    judged = BasicConstraints, KeyUsage, ExtendedKeyUsage
    for extension in certificate.extensions:
        usage = extension.value
        if extension.critical and not isinstance(usage, judged):  # RFC 5280, 4.2
            raise UnusableCertificateError(f"its critical extension {extension.oid.dotted_string} is not judged here")
        if isinstance(usage, KeyUsage) and not usage.digital_signature:
            raise UnusableCertificateError("it is not for signatures (keyUsage)")
        wanted = ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
        if isinstance(usage, ExtendedKeyUsage) and not any(oid in usage for oid in wanted):
            raise UnusableCertificateError("it is not for signing code (extendedKeyUsage)")


def _roots_of(certificate: "Certificate", roots: Iterable[bytes]) -> list["Certificate"]:
    """The roots that vouch for the certificate; several if one was renewed for the same key.

    Raises UnusableCertificateError, with why there is none.
    """
    found, why = [], "no root certificate of the manufacturer is installed"
    for der in roots:
        try:
            root = x509.load(der)
            if x509.is_signed_by(certificate, root):
                x509.check_strength(root)
                x509.check_authority(root)
                found.append(root)
            why = f"no installed root of the manufacturer vouches for {_name(certificate)}"
        except UnusableCertificateError as error:
            why = f"a root of the manufacturer cannot be used: {error}"
    if not found:
        raise UnusableCertificateError(why)
    return found


def _joint_period(roots: Iterable["Certificate"]) -> tuple[int, int]:
    """From when to when one of the roots is valid without a gap, up to the last end, in milliseconds of UTC."""
    periods = [(x509.utc_ms(root.not_valid_after_utc), x509.utc_ms(root.not_valid_before_utc)) for root in roots]
    (end_ms, begin_ms), *others = sorted(periods, reverse=True)
    for other_end_ms, other_begin_ms in others:
        if other_end_ms >= begin_ms:
            begin_ms = min(begin_ms, other_begin_ms)
    return begin_ms, end_ms


def _revocation_lists(file: Path) -> "Iterator[CertificateRevocationList]":
    """The lists in a file, PEM (any number) or DER. Raises UnusableCertificateError if there is none, OSError."""
    from cryptography.x509 import load_der_x509_crl

    content = file.read_bytes()
    lists = [block.content for block in pem.blocks(content.decode(errors="replace")) if block.label == "X509 CRL"]
    try:
        for der in lists or [content]:
            yield load_der_x509_crl(der or b"")
    except ValueError as error:
        raise UnusableCertificateError(f"{file} holds no revocation list that can be read") from error


def _decoded(signature: str) -> bytes:
    """Base64, however its lines are broken. Raises UnusableCertificateError."""
    try:
        return base64.b64decode("".join(signature.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableCertificateError("the signature is not base64") from error


def _verify(certificate: "Certificate", signature: bytes, digest: bytes) -> None:
    """Raises UnusableCertificateError unless the signature is one of that certificate's key over that SHA-256."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256

    key, hashed = certificate.public_key(), Prehashed(SHA256())
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, digest, padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO), hashed)
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey), "no other certificate is accepted"
            key.verify(signature, digest, ec.ECDSA(hashed))
    except InvalidSignature as error:
        raise UnusableCertificateError("the signature is not one of this file by this certificate's key") from error


def _name(certificate: "Certificate") -> str:
    text = certificate.subject.rfc4514_string()[:SUBJECT_LENGTH_MAX]
    return "".join(sign if sign.isprintable() else " " for sign in text)
