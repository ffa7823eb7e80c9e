"""The certificates of a run: an authority for the CSMS and its stations, a maker of firmware, and bad ones of each.

All of it is made for the run and worth nothing afterwards. It needs the `cryptography` package (chargebox[security]).
"""

import base64
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventstore.value import Value
from station.runtime.clock import SystemClock

if TYPE_CHECKING:
    from cryptography import x509

DAY = timedelta(days=1)
LASTING = 60 * DAY  # a shorter one would make the station ask for another at once (A02)
PASSWORD = b"0123456789abcdef"
NEW_PASSWORD = bytes.fromhex("4F43415F4F4354545F61646D696E5F74657374")


class Certified(Value, frozen=True, kw_only=True):
    """A certificate and its private key, each as an object of `cryptography`."""

    certificate: Any
    key: Any

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return pem(self.certificate)

    def sign(self, content: bytes) -> str:
        """The signature of a file, in base64: RSA-PSS or ECDSA, with SHA-256 (L01)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

        if isinstance(self.key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            return base64.b64encode(self.key.sign(content, pss, hashes.SHA256())).decode()
        return base64.b64encode(self.key.sign(content, ec.ECDSA(hashes.SHA256()))).decode()


class Pki:
    """The authority of a run, whose files lie in `directory`; `hosts` are the names and addresses of its CSMS."""

    def __init__(self, directory: Path, *, serial: str, hosts: Sequence[str] = ("localhost", "127.0.0.1")) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._hosts = tuple(hosts)
        self.authority = root("chargebox certify")
        self.server = self._issued("localhost", "server")
        self.station = self._issued(serial, "client")
        self.ca_file = self._written("authority.pem", self.authority.pem)
        self.station_file = self._written("station.pem", self.station.pem)
        self.station_key_file = self._written("station.key", private_pem(self.station.key))
        self.password_file = self._written("password", PASSWORD.decode())

    def csms_settings(self, security_profile: int) -> dict[str, Any]:
        """[csms] of a station of this security profile, with all that a higher one needs."""
        return {
            "security_profile": security_profile,
            "authorization_key_file": str(self.password_file),
            "ca_file": str(self.ca_file),
            "client_certificate_file": str(self.station_file),
            "client_key_file": str(self.station_key_file),
        }

    def context(self, security_profile: int, server: Certified | None = None) -> ssl.SSLContext | None:
        """What the CSMS listens with for a security profile; it takes every suite that it is offered."""
        if security_profile < 2:
            return None
        shown = server or self.server
        files = self._written("server.pem", shown.pem), self._written("server.key", private_pem(shown.key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*files)
        context.set_ciphers("ALL")
        if security_profile == 3:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca_file)
        return context

    def password(self, security_profile: int) -> bytes | None:
        """The Basic password that the CSMS wants."""
        return PASSWORD if security_profile in (1, 2) else None

    def stranger(self) -> Certified:
        """A server of the same names under another authority."""
        return self._issued("localhost", "server", root("another authority"))

    def sign(self, csr: str) -> "x509.Certificate":
        """What a CSR asks for. Raises ValueError if its signature is not valid."""
        from cryptography import x509

        request = x509.load_pem_x509_csr(csr.encode())
        if not request.is_signature_valid:
            raise ValueError("the signature of the CSR is not valid")
        return made(request.subject, self.authority.key, public_key=request.public_key(), issuer=self.authority)

    def _issued(self, name: str, use: str, under: Certified | None = None) -> Certified:
        key = ec_key()
        issuer = under or self.authority
        hosts = self._hosts if use == "server" else (name,)
        issued = made(name, issuer.key, public_key=key.public_key(), issuer=issuer, use=use, hosts=hosts)
        return Certified(certificate=issued, key=key)

    def _written(self, name: str, text: str) -> Path:
        file = self.directory / name
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(text, encoding="ascii")
        return file.resolve()


def made(
    subject: "str | x509.Name",
    signing_key: Any,
    *,
    public_key: Any,
    issuer: Certified | None = None,
    is_ca: bool = False,
    use: str = "",
    hosts: Sequence[str] = (),
    begins: datetime | None = None,
    ends: datetime | None = None,
    signs_only: bool = False,
) -> "x509.Certificate":
    """A certificate; without an issuer it is signed by itself. `use`: server or client of TLS."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    today = datetime.fromtimestamp(SystemClock().system_utc_ms() / 1000, UTC)
    named = _named(subject) if isinstance(subject, str) else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named if issuer is None else issuer.certificate.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or today - DAY)
        .not_valid_after(ends or today + LASTING)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if use:
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if use == "client" else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if hosts and use == "server":
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(each) for each in hosts]), critical=False)
    if signs_only:
        others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign")
        rest = dict.fromkeys((*others, "crl_sign", "encipher_only", "decipher_only"), False)
        builder = builder.add_extension(x509.KeyUsage(digital_signature=True, **rest), critical=True)
    return builder.sign(signing_key, hashes.SHA256())


def root(name: str, *, is_ca: bool = True, begins: datetime | None = None, ends: datetime | None = None) -> Certified:
    """A self-signed certificate: an authority, unless it says that it is none."""
    key = ec_key()
    signed = made(name, key, public_key=key.public_key(), is_ca=is_ca, begins=begins, ends=ends)
    return Certified(certificate=signed, key=key)


def firmware_signer(maker: Certified, *, rsa: bool = False) -> Certified:
    """A certificate to sign firmware with, under the maker's root."""
    key = rsa_key() if rsa else ec_key()
    signed = made("firmware", maker.key, public_key=key.public_key(), issuer=maker, signs_only=True)
    return Certified(certificate=signed, key=key)


def ec_key() -> Any:
    """A key on P-256."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def rsa_key() -> Any:
    """A key of 2048 bits."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 2048)


def pem(certificate: "x509.Certificate") -> str:
    """The certificate in PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def private_pem(key: Any) -> str:
    """The private key in PEM, not encrypted."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


def hash_data(certificate: "x509.Certificate") -> dict[str, str]:
    """CertificateHashData of a root, as OCSP names it (RFC 6960)."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.ocsp import OCSPRequestBuilder

    asked = OCSPRequestBuilder().add_certificate(certificate, certificate, hashes.SHA256()).build()
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": asked.issuer_name_hash.hex().upper(),
        "issuerKeyHash": asked.issuer_key_hash.hex().upper(),
        "serialNumber": f"{asked.serial_number:X}",
    }


def _named(name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
