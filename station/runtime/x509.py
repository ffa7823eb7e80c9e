"""What a certificate is, found out with `cryptography`: that takes memory and time, so it is loaded by the first who needs it.

Nothing here decides: facts come out, and what is wrong with the certificate itself, in words.
"""

import contextlib
import hashlib
import importlib.util
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eventstore.catalogue.certificates import CertificateFacts, IssuerHashes
from eventstore.value import Value
from station.runtime import pem

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

ALGORITHMS = ("SHA256", "SHA384", "SHA512")
RSA_BITS_MIN, EC_BITS_MIN = 2048, 224  # A00.FR.502, 503
NAME_LENGTH_MAX = 255
CHAIN_LENGTH_MAX = 10
MISSING = "certificates need the package cryptography (chargebox[security])"
_WEAK_HASHES = frozenset({"md5", "sha1"})


def is_available() -> bool:
    """Whether the library is installed; it is not loaded for that."""
    return importlib.util.find_spec("cryptography") is not None


class Examination(Value, frozen=True, kw_only=True):
    """What a text that should be a root certificate holds; `der` is the certificate, if there is exactly one."""

    problem: str = ""
    facts: CertificateFacts | None = None
    signed_by: tuple[str, ...] = ()
    der: bytes = b""


class UnusableCertificateError(Exception):
    """A text that is no certificate, or one that must not be used; the text says why."""


def examine_root(text: str, trusted: Iterable[bytes]) -> Examination:
    """A root certificate in PEM, held against those that are trusted (in DER)."""
    try:
        der = _only_one(text)
        certificate = load(der)
        check_strength(certificate)
        check_authority(certificate)
        others = {pem.fingerprint(each): load(each) for each in trusted}
        signed_by = tuple(name for name, other in others.items() if is_signed_by(certificate, other))
        if certificate.issuer == certificate.subject and not is_signed_by(certificate, certificate):
            raise UnusableCertificateError("its signature is wrong")
        issuer = certificate if certificate.issuer == certificate.subject else None
        issuer = issuer or next((others[name] for name in signed_by), None)
        if issuer is None:
            raise UnusableCertificateError("it is no root: it is signed by another one, which is not trusted here")
        facts = _facts(der, certificate, issuer)
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001  # as in `load`
        return Examination(problem=_why(error))
    return Examination(facts=facts, signed_by=signed_by, der=der)


def _why(error: Exception) -> str:
    """What is wrong with a certificate: in our words where we found it, else in the library's."""
    return str(error) if isinstance(error, UnusableCertificateError) else f"it cannot be read: {_one_line(error)}"


def facts_of(der: bytes, among: Iterable[bytes] = ()) -> CertificateFacts:
    """The facts of a certificate, its issuer looked for in itself and `among`. Raises UnusableCertificateError."""
    certificate = load(der)
    return _facts_among(der, certificate, [certificate, *_loaded(among)])


def facts_of_all(ders: Mapping[str, bytes]) -> tuple[CertificateFacts, ...]:
    """The facts of several that belong together; those that are no certificates are left out."""
    loaded, found = _loaded(ders.values()), []
    for each in loaded:
        with contextlib.suppress(UnusableCertificateError):
            found.append(_facts_among(_der(each), each, loaded))
    return tuple(found)


def _loaded(ders: Iterable[bytes]) -> list["Certificate"]:
    """Those that are certificates."""
    found = []
    for der in ders:
        with contextlib.suppress(UnusableCertificateError):
            found.append(load(der))
    return found


def _facts_among(der: bytes, certificate: "Certificate", candidates: Iterable["Certificate"]) -> CertificateFacts:
    try:
        issuer = next((each for each in candidates if is_signed_by(certificate, each)), None)
        return _facts(der, certificate, issuer)
    except ImportError:
        raise
    except Exception as error:  # as in `load`
        raise UnusableCertificateError(_why(error)) from error


def _der(certificate: "Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _only_one(text: str) -> bytes:
    if "PRIVATE KEY" in text:
        raise UnusableCertificateError("a private key was sent with it")
    found = [block for block in pem.blocks(text) if block.label == pem.CERTIFICATE]
    if len(found) != 1:
        raise UnusableCertificateError(f"{len(found)} certificates in PEM, instead of one")
    if found[0].content is None:
        raise UnusableCertificateError("it is damaged: no base64")
    return found[0].content


def load(der: bytes) -> "Certificate":
    """The certificate, which can be read in all parts that count. Raises UnusableCertificateError."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.extensions, certificate.subject, certificate.issuer, certificate.public_key()
        _ = certificate.signature_hash_algorithm
    except Exception as error:  # whatever the library finds wrong with a stranger's bytes, it is no certificate
        raise UnusableCertificateError(f"it cannot be read: {_one_line(error)}") from error
    return certificate


def _one_line(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return "".join(sign if sign.isprintable() else " " for sign in text)[:NAME_LENGTH_MAX]


def check_strength(certificate: "Certificate") -> None:
    """A00.FR.501 to 504. Raises UnusableCertificateError."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey() if key.key_size < RSA_BITS_MIN:
            raise UnusableCertificateError(f"its RSA key has {key.key_size} bits, fewer than {RSA_BITS_MIN}")
        case ec.EllipticCurvePublicKey() if key.key_size < EC_BITS_MIN:
            raise UnusableCertificateError(f"its EC key has {key.key_size} bits, fewer than {EC_BITS_MIN}")
        case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey() | ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            pass
        case _:
            raise UnusableCertificateError("its key is neither RSA nor EC")
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _WEAK_HASHES:
        raise UnusableCertificateError(f"it is signed with {algorithm.name.upper()}, which is not safe")


def check_authority(certificate: "Certificate") -> None:
    """Whether it may sign others (RFC 5280, 4.2.1.9 and 4.2.1.3). Raises UnusableCertificateError."""
    from cryptography import x509

    try:
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        raise UnusableCertificateError("it is no CA certificate (basicConstraints)")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.key_cert_sign:
        raise UnusableCertificateError("it must not sign certificates (keyUsage)")


def is_signed_by(certificate: "Certificate", issuer: "Certificate") -> bool:
    """Whether the name and the signature say so; what else there is to say of the issuer is another question."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _facts(der: bytes, certificate: "Certificate", issuer: "Certificate | None") -> CertificateFacts:
    return CertificateFacts(
        fingerprint=pem.fingerprint(der),
        subject=certificate.subject.rfc4514_string()[:NAME_LENGTH_MAX],
        issuer=certificate.issuer.rfc4514_string()[:NAME_LENGTH_MAX],
        serial=f"{certificate.serial_number:X}",
        not_before_utc_ms=utc_ms(certificate.not_valid_before_utc),
        not_after_utc_ms=utc_ms(certificate.not_valid_after_utc),
        key=_key_words(certificate),
        issuer_hashes=() if issuer is None else tuple(_hashes(certificate, issuer, name) for name in ALGORITHMS),
    )


def utc_ms(moment: datetime) -> int:
    """Milliseconds of UTC."""
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1000


def _key_words(certificate: "Certificate") -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"EC {key.curve.name}"
        case _:
            return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def _hashes(certificate: "Certificate", issuer: "Certificate", algorithm: str) -> IssuerHashes:
    """Of the DER form of the issuer's name in the certificate, and of the issuer's public key without tag and length (6.1, RFC 6960)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    bits = _bit_string(issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    name = certificate.issuer.public_bytes()
    return IssuerHashes(algorithm=algorithm, issuer_name=_digest(algorithm, name), issuer_key=_digest(algorithm, bits))


def _digest(algorithm: str, content: bytes) -> str:
    return hashlib.new(algorithm, content).hexdigest().upper()


def _bit_string(spki: bytes) -> bytes:
    """The content of the BIT STRING of a SubjectPublicKeyInfo: the sequence's second member, without the count of unused bits."""
    inside, _ = _member(spki)
    _, rest = _member(inside)
    bits, _ = _member(rest)
    return bits[1:]


def _member(der: bytes) -> tuple[bytes, bytes]:
    """The content of the first member, and what comes after it."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return der[start : start + length], der[start + length :]


class ChainExamination(Value, frozen=True, kw_only=True):
    """What a text that should be a certificate of the station holds: the certificate, and what its chain is worth.

    `chain` are the certificates to show to the CSMS, in DER: the station's own, then those above it but for a root.
    """

    problem: str = ""
    facts: CertificateFacts | None = None
    public_key: str = ""
    common_name: str = ""
    organisation: str = ""
    is_anchored: bool = False
    ends_utc_ms: int = 0
    chain: tuple[bytes, ...] = ()


def examine_chain(text: str, trusted: Iterable[bytes], keys: Collection[str]) -> ChainExamination:
    """A certificate for one of `keys` (fingerprints of public keys) with what leads up to a root, in PEM, in any order.

    `trusted` are roots in DER. A root that was sent with it counts as well (A02.FR.06).
    """
    try:
        sent = [load(der) for der in _some(text)]
        for certificate in sent:
            check_strength(certificate)
        leaf = next((each for each in sent if key_fingerprint(each.public_key()) in keys), sent[0])
        _check_use(leaf)
        return _chain_examined(leaf, *_path(leaf, sent, _loaded(trusted)))
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001  # as in `load`
        return ChainExamination(problem=_why(error))


def _chain_examined(leaf: "Certificate", path: list["Certificate"], is_anchored: bool) -> ChainExamination:
    issuer = path[1] if len(path) > 1 else None
    shown = [each for each in path if each is leaf or each.issuer != each.subject]
    return ChainExamination(
        facts=_facts(_der(leaf), leaf, issuer),
        public_key=key_fingerprint(leaf.public_key()),
        common_name=_part(leaf, "2.5.4.3"),
        organisation=_part(leaf, "2.5.4.10"),
        is_anchored=is_anchored,
        ends_utc_ms=min(utc_ms(each.not_valid_after_utc) for each in path),
        chain=tuple(_der(each) for each in shown),
    )


def _some(text: str) -> list[bytes]:
    if "PRIVATE KEY" in text:
        raise UnusableCertificateError("a private key was sent with it")
    found = [block.content for block in pem.blocks(text) if block.label == pem.CERTIFICATE]
    if not 1 <= len(found) <= CHAIN_LENGTH_MAX:
        raise UnusableCertificateError(f"{len(found)} certificates in PEM, instead of 1 to {CHAIN_LENGTH_MAX}")
    whole = [content for content in found if content is not None]
    if len(whole) < len(found):
        raise UnusableCertificateError("it is damaged: no base64")
    return whole


def _path(
    leaf: "Certificate", sent: Iterable["Certificate"], trusted: Iterable["Certificate"]
) -> tuple[list["Certificate"], bool]:
    """The chain from the certificate upwards, and whether it ends in a root that is trusted or was sent."""
    path, roots, others = [leaf], list(trusted), [each for each in sent if each is not leaf]
    while True:
        last = path[-1]
        if root := next((each for each in roots if is_signed_by(last, each)), None):
            return ([*path, root] if root != last else path), True
        if last is not leaf and last.issuer == last.subject:
            return path, is_signed_by(last, last)
        above = next((each for each in others if each not in path and is_signed_by(last, each)), None)
        if above is None:
            return path, False
        check_authority(above)
        path.append(above)


def _check_use(certificate: "Certificate") -> None:
    """That a TLS client may show it (A00.FR.512)."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    extensions = certificate.extensions
    with contextlib.suppress(x509.ExtensionNotFound):
        if not extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature:
            raise UnusableCertificateError("it must not be used for signatures (keyUsage)")
    with contextlib.suppress(x509.ExtensionNotFound):
        uses = set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        if not uses & {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}:
            raise UnusableCertificateError("it is not for TLS clients (extendedKeyUsage)")


def _part(certificate: "Certificate", oid: str) -> str:
    """One part of the subject's name; the last, where there are several."""
    from cryptography.x509 import ObjectIdentifier

    found = certificate.subject.get_attributes_for_oid(ObjectIdentifier(oid))
    return str(found[-1].value)[:NAME_LENGTH_MAX] if found else ""


def key_fingerprint(public_key: Any) -> str:
    """SHA-256 of a public key (SubjectPublicKeyInfo in DER), hexadecimal."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return pem.fingerprint(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


class KeyPair(Value, frozen=True, kw_only=True):
    """A private key in PEM and the fingerprint of its public one, with a request for a certificate in PEM (RFC 2986)."""

    private_pem: bytes
    fingerprint: str
    csr: str


def make_key_pair(kind: str, organisation: str, common_name: str) -> KeyPair:
    """A new key of this kind ("P-256", "RSA-2048" or "RSA-3072"), and the request that names these (A02.FR.02, FR.03, FR.13)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID

    key: Any
    if kind == "P-256":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65537, int(kind.removeprefix("RSA-")))
    names = ((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common_name))
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in names if text])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    csr = request.public_bytes(serialization.Encoding.PEM).decode()
    return KeyPair(private_pem=private_pem, fingerprint=key_fingerprint(key.public_key()), csr=csr)


def key_of(der: bytes) -> str:
    """The fingerprint of the public key of a certificate. Raises UnusableCertificateError."""
    return key_fingerprint(load(der).public_key())
