"""The certificates of a run, as the standard library and `cryptography` see them."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from station.certify.pki import PASSWORD, Pki, firmware_signer, hash_data, root
from station.runtime.x509 import examine_root


def test_the_files_are_private_and_are_what_settings_name(tmp_path: Path) -> None:
    pki = Pki(tmp_path, serial="CB-0001")
    csms = pki.csms_settings(3)
    assert csms["security_profile"] == 3
    for name in ("authorization_key_file", "ca_file", "client_certificate_file", "client_key_file"):
        assert Path(csms[name]).stat().st_mode & 0o077 == 0
    assert Path(csms["authorization_key_file"]).read_bytes() == PASSWORD


@pytest.mark.parametrize(
    ("profile", "wants_a_client", "password"),
    [(0, None, None), (1, None, PASSWORD), (2, ssl.CERT_NONE, PASSWORD), (3, ssl.CERT_REQUIRED, None)],
)
def test_the_csms_asks_for_what_the_profile_says(
    tmp_path: Path, profile: int, wants_a_client: object, password: object
) -> None:
    pki = Pki(tmp_path, serial="CB-0001")
    context = pki.context(profile)
    assert (context and context.verify_mode) == wants_a_client
    assert pki.password(profile) == password


def test_a_csr_is_signed_for_its_own_key_and_subject(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pki = Pki(tmp_path, serial="CB-0001")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CB-0001")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    signed = pki.sign(csr.public_bytes(serialization.Encoding.PEM).decode())
    assert signed.subject == name
    assert signed.public_key() == key.public_key()
    signed.verify_directly_issued_by(pki.authority.certificate)


def test_a_root_is_taken_by_the_station_and_named_as_it_names_it() -> None:
    good = root("a root")
    examined = examine_root(good.pem, ())
    assert examined.facts is not None
    [named] = [each for each in examined.facts.issuer_hashes if each.algorithm == "SHA256"]
    wanted = hash_data(good.certificate)
    assert (named.issuer_name, named.issuer_key) == (wanted["issuerNameHash"], wanted["issuerKeyHash"])


def test_a_stranger_is_not_of_the_authority(tmp_path: Path) -> None:
    pki = Pki(tmp_path, serial="CB-0001")
    with pytest.raises(ValueError, match="Issuer"):
        pki.stranger().certificate.verify_directly_issued_by(pki.authority.certificate)


@pytest.mark.parametrize("rsa", [False, True])
def test_a_signature_of_firmware_is_of_its_certificate(rsa: bool) -> None:
    maker = root("maker")
    signer = firmware_signer(maker, rsa=rsa)
    signer.certificate.verify_directly_issued_by(maker.certificate)
    assert signer.sign(b"image") != signer.sign(b"another")
