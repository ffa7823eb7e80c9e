"""A certificate authority of the tests' own, for security profiles 2 and 3: nothing of it is worth keeping secret."""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate and its private key, kept as PEM files."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    certificate_file: Path
    key_file: Path


def make_authority(directory: Path, *, name: str = "test authority") -> Identity:
    """A self-signed root (P-256) whose PEM files lie in `directory`."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return _written(directory, name, builder.sign(key, hashes.SHA256()), key)


def issue(
    directory: Path,
    authority: Identity,
    *,
    name: str = "localhost",
    client: bool = False,
    lasting: timedelta = timedelta(days=30),
    also: Sequence[x509.GeneralName] | None = None,
) -> Identity:
    """A certificate under `authority` for a server on loopback, or for a client named `name`.

    `also` are its alternative names, by default the name and 127.0.0.1; where they are empty, it has none.
    """
    if also is None:
        also = (x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        _builder(name, str(issuer), key.public_key(), lasting)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if also:
        builder = builder.add_extension(x509.SubjectAlternativeName(also), critical=False)
    return _written(directory, name, builder.sign(authority.key, hashes.SHA256()), key)


def server_context(server: Identity, *, client_authority: Identity | None = None) -> ssl.SSLContext:
    """The TLS side of a CSMS; with `client_authority` a client certificate is required (profile 3)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(server.certificate_file, server.key_file)
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority.certificate_file)
    return context


def _builder(
    subject: str, issuer: str, public_key: ec.EllipticCurvePublicKey, lasting: timedelta = timedelta(days=30)
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + lasting)
    )


def _written(directory: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Identity:
    stem = name.replace(" ", "-")
    certificate_file, key_file = directory / f"{stem}.pem", directory / f"{stem}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    key_file.chmod(0o600)
    return Identity(certificate=certificate, key=key, certificate_file=certificate_file, key_file=key_file)
