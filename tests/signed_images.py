"""A manufacturer of the tests' own: roots, signing certificates good and bad, signatures, revocation lists."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey
BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2080, 1, 1, tzinfo=UTC)
SIGNATURES_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def ec_key() -> ec.EllipticCurvePrivateKey:
    """P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Takes a moment for many bits."""
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def sign(self, content: bytes) -> str:
        """The signature of a file, in base64: RSA-PSS or ECDSA, with SHA-256."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            return base64.b64encode(self.key.sign(content, pss, hashes.SHA256())).decode()
        assert isinstance(self.key, ec.EllipticCurvePrivateKey), "no other key signs firmware"
        return base64.b64encode(self.key.sign(content, ec.ECDSA(hashes.SHA256()))).decode()


def manufacturer(
    name: str = "maker",
    *,
    authority: bool = True,
    key: Key | None = None,
    begin: datetime = BEGIN,
    end: datetime = END,
) -> Signer:
    """A self-signed root; one that is no `authority` says so."""
    key = key or ec_key()
    basic = x509.BasicConstraints(ca=authority, path_length=None)
    return Signer(certificate=_made(name, name, key, key, [(basic, True)], begin=begin, end=end), key=key)


def signing_certificate(
    root: Signer,
    *,
    key: Key | None = None,
    name: str = "firmware",
    begin: datetime = BEGIN,
    end: datetime = END,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = ((SIGNATURES_ONLY, True),),
) -> Signer:
    """A certificate to sign firmware with, under the root."""
    key = key or ec_key()
    issuer = str(root.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    made = _made(name, issuer, key, root.key, extensions, begin=begin, end=end)
    return Signer(certificate=made, key=key)


def revocation_list(root: Signer, *revoked: Signer, signed_by: Signer | None = None) -> bytes:
    """The root's list of certificates that are revoked, in PEM."""
    issuer_key = (signed_by or root).key
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey), "as manufacturer makes it"
    builder = x509.CertificateRevocationListBuilder().issuer_name(root.certificate.subject)
    builder = builder.last_update(BEGIN).next_update(END)
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(BEGIN).build())
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _made(
    name: str,
    issuer: str,
    key: Key,
    issuer_key: Key,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
    *,
    begin: datetime = BEGIN,
    end: datetime = END,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())
