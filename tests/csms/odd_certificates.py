"""Certificates of all kinds, good and bad ones, for whoever has to judge them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = Any
DAY = timedelta(days=1)


def ec_key(curve: ec.EllipticCurve | None = None) -> Key:
    return ec.generate_private_key(curve or ec.SECP256R1())


def rsa_key(bits: int = 2048) -> Key:
    return rsa.generate_private_key(65537, bits)


def named(name: str, organisation: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(
    name: str | x509.Name = "root",
    key: Key | None = None,
    *,
    issuer: x509.Certificate | None = None,
    issuer_key: Key | None = None,
    public_key: Key | None = None,
    is_ca: bool | None = True,
    may_sign: bool | None = None,
    digital: bool = True,
    uses: str = "",
    serial: int | None = None,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> x509.Certificate:
    """Signed by `issuer_key` in the name of `issuer`, by default by its own; for TLS clients or servers where `uses` says so."""
    key = key or ec_key()
    now = datetime.now(UTC)
    subject = named(name) if isinstance(name, str) else name
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(public_key or key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(begins or now - DAY)
        .not_valid_after(ends or now + 365 * DAY)
    )
    if is_ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    if may_sign is not None:
        usage = {"digital_signature": digital, "key_cert_sign": may_sign, "crl_sign": False}
        others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        only = {"encipher_only": False, "decipher_only": False}
        builder = builder.add_extension(x509.KeyUsage(**usage, **dict.fromkeys(others, False), **only), critical=True)
    if uses:
        use = ExtendedKeyUsageOID.CLIENT_AUTH if uses == "client" else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    return builder.sign(issuer_key or key, hashes.SHA256())


def pem(found: x509.Certificate) -> str:
    return found.public_bytes(serialization.Encoding.PEM).decode()


def der(found: x509.Certificate) -> bytes:
    return found.public_bytes(serialization.Encoding.DER)


def private_pem(key: Key) -> str:
    form = serialization.PrivateFormat.PKCS8
    text: bytes = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return text.decode()
