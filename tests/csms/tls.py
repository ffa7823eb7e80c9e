"""A certificate authority of the tests' own, for security profiles 2 and 3: nothing of it is worth keeping secret."""

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate and its private key, kept as PEM files."""

    certificate: x509.Certificate
    key: Key
    certificate_file: Path
    key_file: Path


def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """A new RSA key, however weak."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def make_authority(
    directory: Path, *, name: str = "test authority", key: Key | None = None, lasting: timedelta = timedelta(days=30)
) -> Identity:
    """A self-signed root (P-256) whose PEM files lie in `directory`."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key.public_key(), lasting).add_extension(
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
    begun: timedelta = timedelta(days=1),
    also: Sequence[x509.GeneralName] | None = None,
    key: Key | None = None,
) -> Identity:
    """A certificate under `authority` for a server on loopback, or for a client named `name`.

    `also` are its alternative names, by default the name and 127.0.0.1; where they are empty, it has none. It has `begun` so long
    ago, and lasts so long from now on.
    """
    if also is None:
        also = (x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    key = key or ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        _builder(name, str(issuer), key.public_key(), lasting, begun)
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
    subject: str,
    issuer: str,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    lasting: timedelta = timedelta(days=30),
    begun: timedelta = timedelta(days=1),
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - begun)
        .not_valid_after(now + lasting)
    )


def _written(directory: Path, name: str, certificate: x509.Certificate, key: Key) -> Identity:
    stem = name.replace(" ", "-")
    certificate_file, key_file = directory / f"{stem}.pem", directory / f"{stem}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    key_file.chmod(0o600)
    return Identity(certificate=certificate, key=key, certificate_file=certificate_file, key_file=key_file)


class BareServer:
    """A TLS server on blocking sockets, which says in an alert why it fails, as servers do and asyncio's does not.

    `heard` is what came after a handshake; every connection is closed then.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.heard: list[bytes] = []
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self._socket.accept()
                with accepted, contextlib.suppress(OSError):
                    accepted.settimeout(10)
                    self._greet(self._context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False))

    def _greet(self, greeted: ssl.SSLSocket) -> None:
        with greeted:
            try:
                greeted.do_handshake()
            except ssl.SSLError:  # the alert has left; closing on unread bytes would take it back
                while socket.socket.recv(greeted, 4096):
                    pass
            else:
                if heard := greeted.recv(4096):
                    self.heard.append(heard)
