"""Whom the station believes about firmware (security white paper, L01 and 2.6.1)."""

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from eventstore.catalogue.maintenance import SignedUpdateOffered, SigningCertificateChecked
from station.runtime import x509 as x509_runtime
from station.runtime.firmware_signing import FirmwareSigning, check_file
from station.settings.loading import SettingsError, parse_settings
from tests.signed_images import (
    END,
    SIGNATURES_ONLY,
    Signer,
    ec_key,
    manufacturer,
    revocation_list,
    rsa_key,
    signing_certificate,
)

IMAGE = b"firmware " * 1000
SHA256 = hashlib.sha256(IMAGE).hexdigest()
ROOT = manufacturer()
GOOD = signing_certificate(ROOT)


def offered(certificate: str, signature: str = "") -> SignedUpdateOffered:
    return SignedUpdateOffered(
        job=7,
        request_id=1,
        location="http://files.example/x",
        retrieve_utc_ms=0,
        install_utc_ms=None,
        signing_certificate=certificate,
        signature=signature,
        retries=0,
        retry_interval_s=60,
        due_ms=20_000,
    )


def check(certificate: str, *roots: Signer, revocations: Path | None = None) -> SigningCertificateChecked:
    known = [root.certificate.public_bytes(Encoding.DER) for root in roots or (ROOT,)]
    return FirmwareSigning(revocations).check(offered(certificate), known)


def signature_fault(signer: Signer, signature: str, sha256: str = SHA256) -> str:
    return FirmwareSigning().signature_fault(offered(signer.pem, signature), sha256)


# Certificates


def test_a_certificate_under_an_installed_root_is_worth_its_period() -> None:
    """L01.FR.12."""
    other = manufacturer("other maker")
    checked = check(GOOD.pem, other, ROOT)
    assert (checked.job, checked.fault, checked.revoked, checked.subject) == (7, "", False, "CN=firmware")
    assert checked.not_before_utc_ms == 1_577_836_800_000
    assert checked.not_after_utc_ms == int(END.timestamp() * 1000)


def test_the_period_is_that_of_certificate_and_root_together() -> None:
    """RFC 5280, 6.1."""
    begin, end = datetime(2019, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    checked = check(signing_certificate(ROOT, begin=begin, end=end).pem)
    assert checked.not_before_utc_ms == 1_577_836_800_000
    assert checked.not_after_utc_ms == int(END.timestamp() * 1000)


@pytest.mark.parametrize(
    ("renewed_in", "begin"),
    [(2025, 2020), (2031, 2031)],
    ids=["without a gap", "after a gap, in which nobody vouches"],
)
def test_a_root_that_was_renewed_for_the_same_key_vouches_on(renewed_in: int, begin: int) -> None:
    key = ec_key()
    old = manufacturer(key=key, end=datetime(2030, 1, 1, tzinfo=UTC))
    new = manufacturer(key=key, begin=datetime(renewed_in, 1, 1, tzinfo=UTC))
    signed = signing_certificate(old).pem
    for roots in ((old, new), (new, old)):
        checked = check(signed, *roots)
        assert checked.not_before_utc_ms == int(datetime(begin, 1, 1, tzinfo=UTC).timestamp() * 1000)
        assert checked.not_after_utc_ms == int(END.timestamp() * 1000)
    assert check(signed, old).not_after_utc_ms == int(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize("key", [rsa_key, lambda: ec.generate_private_key(ec.SECP384R1())], ids=["RSA 2048", "P-384"])
def test_rsa_and_ec_keys_are_taken(key: Callable[[], ec.EllipticCurvePrivateKey]) -> None:
    """A00.FR.502, A00.FR.503."""
    assert check(signing_certificate(ROOT, key=key()).pem).fault == ""


@pytest.mark.parametrize(
    "extensions",
    [
        (),
        ((SIGNATURES_ONLY, False),),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), True),),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False),),
        ((x509.SubjectAlternativeName([x509.DNSName("maker.example")]), False),),
    ],
)
def test_a_certificate_may_say_what_it_is_for(extensions: tuple[tuple[x509.ExtensionType, bool], ...]) -> None:
    """A00.FR.512."""
    assert check(signing_certificate(ROOT, extensions=extensions).pem).fault == ""


@pytest.mark.parametrize("spoilt", ["\r\n", "before", "after", "root behind"])
def test_a_certificate_may_come_with_other_line_ends_or_more_text(spoilt: str) -> None:
    texts = {
        "\r\n": GOOD.pem.replace("\n", "\r\n"),
        "before": f"subject=firmware\n{GOOD.pem}",
        "after": f"{GOOD.pem}\nthe end",
        "root behind": GOOD.pem + ROOT.pem,
    }
    assert check(texts[spoilt]).fault == ""


def fake(name: str) -> Signer:
    """A certificate under a root of the same name that is another one."""
    return signing_certificate(manufacturer(), name=name)


BAD: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "rubbish": lambda: "x" * 5500,
    "pem without content": lambda: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "pem with rubbish": lambda: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "cut": lambda: GOOD.pem[:300],
    "base64 of der": lambda: base64.b64encode(GOOD.certificate.public_bytes(Encoding.DER)).decode(),
    "edition 2: hexadecimal": lambda: GOOD.certificate.public_bytes(Encoding.DER).hex(),
    "not ascii": lambda: "–" * 100,
    "of another root": lambda: signing_certificate(manufacturer("other maker")).pem,
    "of a root of the same name": lambda: fake("firmware").pem,
    "self-signed": lambda: manufacturer("firmware").pem,
    "under a signing certificate": lambda: signing_certificate(GOOD, name="below").pem,
    "RSA 1024": lambda: signing_certificate(ROOT, key=rsa_key(1024)).pem,
    "EC 192": lambda: signing_certificate(ROOT, key=ec.generate_private_key(ec.SECP192R1())).pem,
    "Ed25519": lambda: signing_certificate(ROOT, key=ed25519.Ed25519PrivateKey.generate()).pem,
    "not for signatures": lambda: signing_certificate(ROOT, extensions=[(encipherment(), True)]).pem,
    "for TLS": lambda: (
        signing_certificate(ROOT, extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]).pem
    ),
    "with a critical extension of its own": lambda: (
        signing_certificate(
            ROOT, extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]
        ).pem
    ),
    "with a private key": lambda: GOOD.pem + private_key(),
}


def encipherment() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def private_key() -> str:
    key = ec_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key.decode()


@pytest.mark.parametrize("name", BAD)
def test_what_no_root_vouches_for_has_a_fault(name: str) -> None:
    """L01.FR.24."""
    checked = check(BAD[name]())
    assert checked.fault
    assert checked.fault.isprintable()
    assert not checked.revoked


def test_a_certificate_that_was_signed_with_sha_1_is_not_believed(tmp_path: Path) -> None:
    """A00.FR.504; the library does not even make one, so the command does."""
    root, key, made = tmp_path / "root.pem", tmp_path / "root.key", tmp_path / "made.pem"
    root.write_text(ROOT.pem)
    key.write_bytes(ROOT.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    request: list[str | Path] = [
        "openssl",
        "req",
        "-new",
        "-key",
        key,
        "-subj",
        "/CN=firmware",
        "-out",
        tmp_path / "csr.pem",
    ]
    signed: list[str | Path] = [
        "openssl",
        "x509",
        "-req",
        "-in",
        tmp_path / "csr.pem",
        "-CA",
        root,
        "-CAkey",
        key,
        "-sha1",
        "-out",
        made,
    ]
    for command in (request, signed):
        subprocess.run(command, check=True, capture_output=True)
    assert "signed with SHA1" in check(made.read_text()).fault


def test_a_private_key_among_it_is_not_repeated() -> None:
    assert "PRIVATE" not in check(GOOD.pem + private_key()).fault


def test_without_a_root_nothing_is_believed() -> None:
    assert "no root certificate" in FirmwareSigning().check(offered(GOOD.pem), ()).fault
    assert "cannot be read" in FirmwareSigning().check(offered(GOOD.pem), [b"rubbish"]).fault


def test_a_root_that_is_no_authority_vouches_for_nothing() -> None:
    """RFC 5280, 4.2.1.9."""
    root = manufacturer(authority=False)
    assert check(signing_certificate(root).pem, root).fault
    bare = signing_certificate(ROOT, extensions=())
    assert check(signing_certificate(bare, name="below").pem, bare).fault


# Revocation


@pytest.mark.parametrize("encoding", ["PEM", "DER", "two lists"])
def test_a_certificate_on_the_list_of_its_root_is_revoked(tmp_path: Path, encoding: str) -> None:
    """L01.FR.25."""
    file, pem = tmp_path / "revoked.crl", revocation_list(ROOT, GOOD)
    der = x509.load_pem_x509_crl(pem).public_bytes(Encoding.DER)
    file.write_bytes({"PEM": pem, "DER": der, "two lists": revocation_list(manufacturer("other")) + pem}[encoding])
    assert check(GOOD.pem, revocations=file).revoked
    other = check(signing_certificate(ROOT).pem, revocations=file)
    assert (other.revoked, other.fault) == (False, "")


def test_a_list_of_another_root_revokes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "revoked.crl"
    file.write_bytes(revocation_list(manufacturer("other maker"), GOOD))
    assert not check(GOOD.pem, revocations=file).revoked


def test_a_list_that_cannot_be_believed_or_read_is_a_fault(tmp_path: Path) -> None:
    """Whether the certificate is revoked cannot be said then."""
    file = tmp_path / "revoked.crl"
    file.write_bytes(revocation_list(ROOT, signed_by=manufacturer()))
    assert "not signed by the root" in check(GOOD.pem, revocations=file).fault
    file.write_bytes(b"rubbish")
    assert "no revocation list" in check(GOOD.pem, revocations=file).fault
    file.unlink()
    assert "No such file" in check(GOOD.pem, revocations=file).fault


# Signatures


@pytest.mark.parametrize("key", [rsa_key, ec_key], ids=["RSA-PSS", "ECDSA"])
def test_a_signature_of_the_whole_file_holds(key: Callable[[], ec.EllipticCurvePrivateKey]) -> None:
    """L01.FR.04."""
    signer = signing_certificate(ROOT, key=key())
    signature = signer.sign(IMAGE)
    assert signature_fault(signer, signature) == ""
    broken = "\r\n".join(signature[at : at + 64] for at in range(0, len(signature), 64))
    assert signature_fault(signer, f" {broken}\n") == ""
    assert signature_fault(signer, signature, hashlib.sha256(IMAGE[:-1]).hexdigest())
    assert signature_fault(signing_certificate(ROOT, key=key()), signature)


@pytest.mark.parametrize("salt", [0, 20, 32, padding.PSS.MAX_LENGTH])
def test_a_salt_of_any_length_is_taken(salt: int) -> None:
    """L01.FR.04 names RSA-PSS, and no length."""
    key = rsa_key()
    signer = signing_certificate(ROOT, key=key)
    signature = key.sign(IMAGE, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
    assert signature_fault(signer, base64.b64encode(signature).decode()) == ""


def test_pkcs1_v1_5_and_other_hashes_are_not_taken() -> None:
    """L01.FR.04."""
    key = rsa_key()
    signer = signing_certificate(ROOT, key=key)
    old = key.sign(IMAGE, padding.PKCS1v15(), hashes.SHA256())
    assert signature_fault(signer, base64.b64encode(old).decode())
    other = key.sign(IMAGE, padding.PSS(padding.MGF1(hashes.SHA512()), 32), hashes.SHA512())
    assert signature_fault(signer, base64.b64encode(other).decode())


@pytest.mark.parametrize("signature", ["", "=", "x" * 800, "not base64!", "é", "AAAA", "MEUCIQ=="])
def test_what_is_no_signature_has_a_fault(signature: str) -> None:
    assert signature_fault(GOOD, signature)
    assert signature_fault(signing_certificate(ROOT, key=rsa_key()), signature)


@pytest.mark.parametrize("algorithm", ["ECDSA", "RSA-PSS"])
def test_what_the_openssl_command_signs_is_verified(tmp_path: Path, algorithm: str) -> None:
    """As docs/firmware.md tells a maker to do it."""
    key, image, out = tmp_path / "key.pem", tmp_path / "image", tmp_path / "image.sig"
    image.write_bytes(IMAGE)
    signer = signing_certificate(ROOT, key=ec_key() if algorithm == "ECDSA" else rsa_key())
    key.write_bytes(signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pss = () if algorithm == "ECDSA" else ("-sigopt", "rsa_padding_mode:pss")
    subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, *pss, "-out", out, image], check=True)
    signature = subprocess.run(["openssl", "base64", "-in", out], check=True, capture_output=True, text=True).stdout
    assert signature_fault(signer, signature) == ""


# The files, and what is loaded


def test_a_file_of_revocation_lists_that_cannot_be_read_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    text = '[station]\nidentity = "CB-1"\n[csms]\nurl = "ws://localhost/ocpp"\n[security]\nfirmware_revocation_file = '
    check_file(parse_settings(f'{text}""', "x"))
    (tmp_path / "revoked.crl").write_bytes(revocation_list(ROOT))
    check_file(parse_settings(f'{text}"{tmp_path}/revoked.crl"', "x"))
    with pytest.raises(SettingsError, match=r"firmware_revocation_file: .*none\.crl: cannot be read"):
        check_file(parse_settings(f'{text}"{tmp_path}/none.crl"', "x"))


def test_the_library_is_loaded_once_there_is_something_to_check() -> None:
    code = (
        "import sys, json\n"
        "from station.runtime.firmware_signing import FirmwareSigning\n"
        "FirmwareSigning()\n"
        "print(json.dumps([m for m in sys.modules if m.startswith('cryptography')]))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert json.loads(found) == []


def test_without_the_library_nothing_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert FirmwareSigning().check(offered(GOOD.pem), ()).fault == x509_runtime.MISSING
    assert FirmwareSigning().signature_fault(offered(GOOD.pem, "AAAA"), SHA256) == x509_runtime.MISSING
