"""TLS towards the CSMS: the files that the settings name, and what is said of one that cannot be used."""

import contextlib
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from station.runtime.tls import check_files, client_context, tls_context
from station.settings.loading import Settings, SettingsError, parse_settings
from tests.csms.tls import Identity, issue, make_authority, server_context

Spoil = Callable[[Identity, Path], object]


def of(lines: str = "", url: str = "wss://localhost/ocpp") -> Settings:
    return parse_settings(f'[station]\nidentity = "CB-1"\n[csms]\nurl = "{url}"\n{lines}', "chargebox.toml")


def client(tmp_path: Path) -> tuple[Identity, str]:
    """A client certificate of an authority, and the settings that name all of it."""
    authority = make_authority(tmp_path)
    found = issue(tmp_path, authority, name="CB-1", client=True)
    lines = f'security_profile = 3\nca_file = "{authority.certificate_file}"\n'
    lines += f'client_certificate_file = "{found.certificate_file}"\nclient_key_file = "{found.key_file}"\n'
    return found, lines


def test_files_that_fit_make_a_context_of_tls_1_2_that_verifies(tmp_path: Path) -> None:
    """Security white paper, 2."""
    _, lines = client(tmp_path)
    context = tls_context(of(lines), 3)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    check_files(of(lines))


def test_without_files_those_of_the_system_are_trusted() -> None:
    assert tls_context(of(), 2).verify_mode is ssl.CERT_REQUIRED
    check_files(of())
    check_files(of(url="ws://localhost/ocpp"))


def encrypt(found: Identity, _: Path) -> None:
    key = serialization.load_pem_private_key(found.key_file.read_bytes(), None)
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    found.key_file.write_bytes(sealed)


def strange_key(found: Identity, tmp_path: Path) -> None:
    other = issue(tmp_path, make_authority(tmp_path, name="other"), name="CB-2", client=True)
    found.key_file.write_bytes(other.key_file.read_bytes())


@pytest.mark.parametrize(
    ("spoil", "key", "reason"),
    [
        (lambda found, _: found.key_file.unlink(), "client_key_file", "cannot be read: No such file or directory"),
        (lambda found, _: found.key_file.write_text("nothing"), "client_key_file", "holds no private key in PEM"),
        (encrypt, "client_key_file", "is encrypted"),
        (strange_key, "client_key_file", "is not the key of"),
        (lambda found, _: found.certificate_file.unlink(), "client_certificate_file", "cannot be read"),
        (lambda found, _: found.certificate_file.write_text(""), "client_certificate_file", "holds no certificate"),
        (
            lambda found, _: found.certificate_file.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n"),
            "client_certificate_file",
            "cannot be used",
        ),
    ],
    ids=["no key", "no PEM", "encrypted", "another's key", "no certificate", "empty", "torn"],
)
def test_an_unusable_file_of_the_station_is_named_with_its_key_and_what_is_wrong(
    tmp_path: Path, spoil: Spoil, key: str, reason: str
) -> None:
    found, lines = client(tmp_path)
    spoil(found, tmp_path)
    path = found.key_file if key == "client_key_file" else found.certificate_file
    with pytest.raises(SettingsError) as raised:
        check_files(of(lines))
    text = str(raised.value)
    assert text.startswith("chargebox.toml:")
    assert f"[csms] {key}: {path}" in text
    assert reason in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "holds no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be used"),
    ],
    ids=["absent", "empty", "torn"],
)
@pytest.mark.parametrize("url", ["wss://localhost/ocpp", "ws://localhost/ocpp"])
def test_unusable_trust_anchors_are_named(tmp_path: Path, content: str | None, reason: str, url: str) -> None:
    """With ws:// they are those of firmware and diagnostics servers."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=r"\[csms\] ca_file: .*ca\.pem.*: ") as raised:
        check_files(of(f'ca_file = "{path}"', url))
    assert reason in str(raised.value)


def test_a_certificate_that_the_profile_does_not_use_is_not_looked_at(tmp_path: Path) -> None:
    lines = 'client_certificate_file = "/none"\nclient_key_file = "/none"\nsecurity_profile = 2\n'
    check_files(of(lines))


def greeted(client_side: ssl.SSLContext, server_side: ssl.SSLContext, name: str) -> None:
    """A handshake in memory; raises what the client thinks of the certificate."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client_side.wrap_bio(down, up, server_hostname=name)
    answering = server_side.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for end in (asking, answering):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()


DNS, ADDRESS = x509.DNSName("other.test"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))


@pytest.mark.parametrize(
    ("also", "name", "fits"),
    [
        ((), "csms.test", True),
        ((), "other.test", False),
        ((ADDRESS,), "csms.test", True),
        ((ADDRESS,), "192.0.2.1", True),
        ((DNS,), "other.test", True),
        ((DNS,), "csms.test", False),
        ((DNS, ADDRESS), "csms.test", False),
        ((), "192.0.2.1", False),
    ],
)
def test_the_name_is_looked_for_in_the_san_and_in_the_cn_where_that_has_no_dns_name(
    tmp_path: Path, also: tuple[x509.GeneralName, ...], name: str, fits: bool
) -> None:
    """White paper, A00.FR.308."""
    authority = make_authority(tmp_path)
    server = server_context(issue(tmp_path, authority, name="csms.test", also=also))
    with contextlib.nullcontext() if fits else pytest.raises(ssl.SSLCertVerificationError):
        greeted(client_context(authority.certificate_file), server, name)


def test_a_private_authority_without_key_identifiers_is_accepted_on_every_python(tmp_path: Path) -> None:
    """Python 3.13 asks for them by default (VERIFY_X509_STRICT), earlier ones do not."""
    context = client_context(None)
    assert context.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    assert tls_context(of(), 2).verify_flags == context.verify_flags
    authority = make_authority(tmp_path)
    with pytest.raises(x509.ExtensionNotFound):
        authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    greeted(client_context(authority.certificate_file), server_context(issue(tmp_path, authority)), "localhost")
