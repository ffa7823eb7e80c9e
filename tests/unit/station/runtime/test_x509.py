"""What a certificate is: its hashes as OpenSSL makes them, and what stands against one."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from station.runtime.x509 import (
    UnusableCertificateError,
    examine_chain,
    examine_root,
    facts_of,
    facts_of_all,
    key_fingerprint,
    key_of,
    make_key_pair,
)
from tests.csms.odd_certificates import DAY, certificate, der, ec_key, named, pem, private_pem, rsa_key

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs openssl: as root, apt-get install openssl"
)


def openssl_names(directory: Path, root: str, issuer: str, algorithm: str) -> dict[str, str]:
    """Name hash, key hash and serial number as OpenSSL writes them into an OCSP request (RFC 6960, 4.1.1)."""
    (directory / "root.pem").write_text(root)
    (directory / "issuer.pem").write_text(issuer)
    command = [
        "openssl",
        "ocsp",
        f"-{algorithm}",
        "-issuer",
        "issuer.pem",
        "-cert",
        "root.pem",
        "-req_text",
        "-no_nonce",
    ]
    text = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout
    unfolded = text.replace("\\\n", "")
    return dict(re.findall(r"(Issuer Name Hash|Issuer Key Hash|Serial Number): ([0-9A-F]+)", unfolded))


@needs_openssl
@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("kind", ["EC", "EC 384", "RSA"])
def test_the_hashes_are_those_of_openssl(tmp_path: Path, algorithm: str, kind: str) -> None:
    """White paper 6.1."""
    key = rsa_key() if kind == "RSA" else ec_key(ec.SECP384R1() if kind == "EC 384" else None)
    root = certificate(key=key)
    theirs = openssl_names(tmp_path, pem(root), pem(root), algorithm.lower())
    facts = examine_root(pem(root), ()).facts
    assert facts is not None
    ours = next(each for each in facts.issuer_hashes if each.algorithm == algorithm)
    assert theirs == {
        "Issuer Name Hash": ours.issuer_name,
        "Issuer Key Hash": ours.issuer_key,
        "Serial Number": facts.serial.rjust(len(theirs["Serial Number"]), "0"),
    }


@needs_openssl
def test_the_hashes_of_a_root_that_another_one_has_signed_are_those_of_that_one(tmp_path: Path) -> None:
    old_key, new_key = ec_key(), ec_key()
    old = certificate("old", old_key)
    new = certificate("new", new_key, issuer=old, issuer_key=old_key)
    theirs = openssl_names(tmp_path, pem(new), pem(old), "sha256")
    found = examine_root(pem(new), [der(old), der(certificate("another"))])
    assert found.facts is not None
    assert theirs["Issuer Key Hash"] == found.facts.issuer_hashes[0].issuer_key
    assert found.signed_by == (facts_of(der(old)).fingerprint,)


@pytest.mark.parametrize(("serial", "written"), [(4095, "FFF"), (1, "1"), (2**158 + 10, f"{2**158 + 10:X}")])
def test_a_serial_number_is_hexadecimal_without_leading_zeroes(serial: int, written: str) -> None:
    """White paper 6.1: 4095 is FFF."""
    assert facts_of(der(certificate(serial=serial))).serial == written


def test_what_a_certificate_says() -> None:
    facts = facts_of(der(certificate("CSMS root", rsa_key())))
    assert (facts.subject, facts.issuer, facts.key) == ("CN=CSMS root", "CN=CSMS root", "RSA 2048")
    assert facts.not_after_utc_ms - facts.not_before_utc_ms == 366 * 86_400_000
    assert facts_of(der(certificate(key=ec_key()))).key == "EC secp256r1"


ROOT = pem(certificate())
OTHER_KEY = ec_key()
MANY = "".join(pem(certificate(f"root {number}", OTHER_KEY)) for number in range(10))


@pytest.mark.parametrize(
    "text",
    [
        ROOT.replace("\n", "\r\n"),
        ROOT.replace("\n", "\r"),
        ROOT.replace("\n", " "),
        ROOT.replace("\n", ""),
        ROOT.replace("\n", "\\n"),
        f"Bag Attributes\n    friendlyName: root\n{ROOT}\n\n",
    ],
    ids=["CRLF", "CR", "blanks", "one line", "backslash and n", "words around it"],
)
def test_the_same_certificate_in_other_clothes_is_taken(text: str) -> None:
    assert examine_root(text, ()).facts == examine_root(ROOT, ()).facts


def torn_at(place: int, sign: str) -> str:
    """The root with another sign at this place."""
    return ROOT[:place] + sign + ROOT[place + 1 :]


def torn(text: str) -> str:
    return text.replace(text[100:140], "A" * 40)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "0 certificates in PEM"),
        ("rubbish", "0 certificates in PEM"),
        (der(certificate()).hex(), "0 certificates in PEM"),
        (MANY, "10 certificates in PEM"),
        (ROOT[:-40], "0 certificates in PEM"),
        (torn(ROOT), "it cannot be read|its signature is wrong|neither RSA nor EC"),
        (ROOT.replace("M", "*", 1), "0 certificates|no base64"),
        (ROOT + private_pem(OTHER_KEY), "a private key"),
        (private_pem(OTHER_KEY), "a private key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it cannot be read"),
        ("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "no base64"),
        (pem(certificate(is_ca=False)), "no CA certificate"),
        (pem(certificate(is_ca=None)), "no CA certificate"),
        (pem(certificate(may_sign=False)), "must not sign"),
        (pem(certificate(key=rsa_key(1024))), "1024 bits"),
        (pem(certificate(key=ec_key(ec.SECP192R1()))), "192 bits"),
        (pem(certificate(key=OTHER_KEY, issuer_key=ec_key())), "its signature is wrong"),
        (pem(certificate("sub", OTHER_KEY, issuer=certificate("top"), issuer_key=OTHER_KEY)), "it is no root"),
    ],
    ids=lambda value: value if len(value) < 40 else "text",
)  # fmt: skip
def test_what_is_no_root_is_refused_with_its_reason(text: str, problem: str) -> None:
    """M05.FR.06, A00.FR.501 to 504."""
    found = examine_root(text, [der(certificate("top"))])
    assert re.search(problem, found.problem), found.problem
    assert (found.facts, found.der) == (None, b"")


@needs_openssl
def test_a_signature_of_sha_1_is_refused() -> None:
    """A00.FR.504."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -sha1 -subj /CN=old -days 9"
    text = subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout
    assert "SHA1" in examine_root(text, ()).problem


def test_a_root_with_its_right_to_sign_is_taken() -> None:
    assert examine_root(pem(certificate(may_sign=True)), ()).problem == ""


def test_of_several_certificates_those_that_can_be_read_are_named() -> None:
    one, two = certificate("one"), certificate("two")
    assert [each.subject for each in facts_of_all({"a": der(one), "b": b"rubbish", "c": der(two)})] == [
        "CN=one",
        "CN=two",
    ]
    with pytest.raises(UnusableCertificateError):
        facts_of(b"rubbish")


# ---- certificates of the station ---------------------------------------------------------------------------------------


@needs_openssl
@pytest.mark.parametrize(
    ("kind", "words"), [("P-256", "prime256v1"), ("RSA-2048", "2048 bit"), ("RSA-3072", "3072 bit")]
)
def test_a_key_pair_and_its_request_are_good_by_openssl(tmp_path: Path, kind: str, words: str) -> None:
    """A02.FR.02, FR.03, FR.13."""
    pair = make_key_pair(kind, "Power Inc", "CB-0001")
    (tmp_path / "request.pem").write_text(pair.csr)
    (tmp_path / "key.pem").write_bytes(pair.private_pem)
    run = partial(subprocess.run, cwd=tmp_path, capture_output=True, text=True, check=True)
    shown = run("openssl req -in request.pem -verify -noout -subject -nameopt RFC2253 -text".split())
    assert "verify OK" in shown.stdout + shown.stderr
    assert "subject=CN=CB-0001,O=Power Inc" in shown.stdout
    assert words in shown.stdout
    public = run("openssl pkey -in key.pem -pubout".split()).stdout
    assert public in run("openssl req -in request.pem -noout -pubkey".split()).stdout
    own = load_pem_private_key(pair.private_pem, None)
    assert key_fingerprint(own.public_key()) == pair.fingerprint


ROOT_KEY, SUB_KEY, OWN_KEY = ec_key(), ec_key(), ec_key()
TOP = certificate("top", ROOT_KEY)
SUB = certificate("sub", SUB_KEY, issuer=TOP, issuer_key=ROOT_KEY)
NAME = named("CB-0001", "Power Inc")
OWN = certificate(NAME, OWN_KEY, issuer=SUB, issuer_key=SUB_KEY, is_ca=False)
KEYS = {key_fingerprint(OWN_KEY.public_key())}


def test_a_chain_is_followed_up_to_a_root_whatever_its_order() -> None:
    """A02.FR.06: one that is trusted, or was sent with it; a root is not shown to the CSMS."""
    for text, trusted in ((pem(OWN) + pem(SUB), [der(TOP)]), (pem(TOP) + pem(SUB) + pem(OWN), [])):
        found = examine_chain(text, trusted, KEYS)
        assert found.problem == ""
        assert found.is_anchored
        assert found.chain == (der(OWN), der(SUB))
        assert (found.common_name, found.organisation, {found.public_key}) == ("CB-0001", "Power Inc", KEYS)
        assert found.facts is not None
        assert found.facts.issuer_hashes


def test_a_chain_that_leads_nowhere_is_not_anchored() -> None:
    assert not examine_chain(pem(OWN) + pem(SUB), [der(certificate("another"))], KEYS).is_anchored
    assert not examine_chain(pem(OWN), [der(TOP)], KEYS).is_anchored
    assert not examine_chain(pem(certificate(NAME, OWN_KEY, is_ca=False)), [], KEYS).is_anchored


def test_a_chain_ends_with_the_first_of_its_certificates() -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + DAY
    short = certificate("sub", SUB_KEY, issuer=TOP, issuer_key=ROOT_KEY, ends=soon)
    found = examine_chain(pem(OWN) + pem(short), [der(TOP)], KEYS)
    assert found.ends_utc_ms == int(soon.timestamp()) * 1000


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "0 certificates"),
        (pem(OWN) * 11, "11 certificates"),
        (pem(OWN) * 100, "100 certificates"),
        (pem(OWN) + private_pem(OWN_KEY), "a private key"),
        ("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "no base64"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        (pem(certificate(NAME, rsa_key(1024), is_ca=False)), "1024 bits"),
        (
            pem(certificate(NAME, OWN_KEY, issuer=SUB, issuer_key=SUB_KEY, is_ca=False, may_sign=True, digital=False)),
            "must not be used for signatures",
        ),
        (pem(certificate(NAME, OWN_KEY, issuer=SUB, issuer_key=SUB_KEY, is_ca=False, uses="server")), "not for TLS clients"),
        (
            pem(certificate(NAME, OWN_KEY, issuer=OWN, issuer_key=OWN_KEY, is_ca=False)) + pem(OWN),
            "no CA certificate",
        ),
    ],
    ids=lambda value: value if len(value) < 40 else "text",
)  # fmt: skip
def test_what_is_no_certificate_of_a_station_is_refused_with_its_reason(text: str, problem: str) -> None:
    found = examine_chain(text, [], KEYS)
    assert problem in found.problem
    assert (found.facts, found.chain) == (None, ())


def test_a_certificate_for_tls_clients_is_taken() -> None:
    client = certificate(NAME, OWN_KEY, issuer=TOP, issuer_key=ROOT_KEY, is_ca=False, uses="client")
    assert examine_chain(pem(client), [der(TOP)], KEYS).problem == ""


def test_the_key_of_a_certificate_has_a_fingerprint() -> None:
    assert {key_of(der(OWN))} == KEYS


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400) | st.builds(torn_at, st.integers(0, len(ROOT) - 1), st.characters()))
def test_whatever_comes_is_judged_and_never_an_error(text: str) -> None:
    for problem in (examine_root(text, [der(TOP)]).problem, examine_chain(text, [der(TOP)], KEYS).problem):
        assert problem == problem.strip()
        assert "\n" not in problem
