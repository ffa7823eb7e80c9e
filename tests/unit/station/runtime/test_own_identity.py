"""With which of its certificates the station goes to the CSMS, by the files that are there, and what a failure says of it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from eventstore.catalogue.certificates import (
    KeyFile,
    StationCertificateProven,
    StationCertificateRefused,
    StationCertificatesFound,
)
from projections.own_certificates import OwnCertificate, OwnCertificates, certificates_found
from station.rules.certificate_time import CertificateTime
from station.runtime.own_identity import OwnIdentity
from station.runtime.x509 import facts_of, key_of, make_key_pair
from station.settings.loading import parse_settings
from tests.csms.odd_certificates import certificate, der, ec_key, pem, private_pem

KEY = ec_key()
MAKER = certificate("CB-1", KEY)
PAIR = make_key_pair("P-256", "Power Inc", "CB-1")
NEW = certificate("CB-1", load_pem_private_key(PAIR.private_pem, None))
NOW = CertificateTime(utc_ms=facts_of(der(NEW)).not_before_utc_ms + 3_600_000, exact=True)
STORED = OwnCertificate(source="stored", facts=facts_of(der(NEW)), key=PAIR.fingerprint)


def identity(tmp_path: Path, *, maker: bool = True) -> OwnIdentity:
    (tmp_path / "storage").mkdir(exist_ok=True)
    (tmp_path / "maker.pem").write_text(pem(MAKER))
    files = (
        f'client_certificate_file = "{tmp_path}/maker.pem"\nclient_key_file = "{tmp_path}/maker.key"\n' if maker else ""
    )
    csms = f'[csms]\nurl = "wss://localhost/ocpp"\n{files}'
    storage = f'[storage]\ndirectory = "{tmp_path / "storage"}"\n'
    return OwnIdentity(parse_settings(f'[station]\nidentity = "CB-1"\n{csms}{storage}', "chargebox.toml"))


def stored(found: OwnIdentity) -> None:
    found.files.keep_key(PAIR.fingerprint, PAIR.private_pem)
    found.files.keep_own((der(NEW),))


def test_the_certificate_of_the_settings_is_recorded_once_and_shown(tmp_path: Path) -> None:
    found = identity(tmp_path)
    assert found.choose(OwnCertificates(), NOW) is None
    news = found.news()
    assert news is not None
    assert news.settings == facts_of(der(MAKER))
    known = certificates_found(OwnCertificates(), news)
    assert found.look(known) is None
    assert found.proven() == StationCertificateProven(certificate=facts_of(der(MAKER)).fingerprint)


def test_a_file_that_is_no_certificate_or_is_not_there_names_none(tmp_path: Path) -> None:
    found = identity(tmp_path)
    (tmp_path / "maker.pem").write_text("rubbish")
    news = found.look(OwnCertificates())
    assert news is not None
    assert news.settings is None
    (tmp_path / "maker.pem").unlink()
    assert found.look(OwnCertificates()) is None
    assert found.choose(OwnCertificates(), NOW) is None
    assert found.proven() is None


def test_a_file_of_the_settings_that_cannot_be_read_is_not_put_on_record_as_gone(tmp_path: Path) -> None:
    found = identity(tmp_path)
    news = found.look(OwnCertificates())
    assert news is not None
    known = certificates_found(OwnCertificates(), news)
    (tmp_path / "maker.pem").unlink()
    (tmp_path / "maker.pem").mkdir()
    assert found.look(known) is None
    stored(found)
    salvaged = found.look(known, salvaged=True)
    assert salvaged is not None
    after = certificates_found(known, salvaged)
    assert (after.of_settings, after.settings_digest) == (facts_of(der(MAKER)), known.settings_digest)


def test_a_stored_certificate_is_shown_with_its_key(tmp_path: Path) -> None:
    found = identity(tmp_path, maker=False)
    stored(found)
    own = OwnCertificates(certificates=(STORED,))
    assert found.choose(own, NOW) == found.files.own_paths(STORED.fingerprint, STORED.key)
    assert found.news() is None
    found.forget()
    assert found.proven() is None


def test_one_whose_key_is_gone_is_recorded_and_not_shown(tmp_path: Path) -> None:
    found = identity(tmp_path, maker=False)
    stored(found)
    found.files.own_paths(STORED.fingerprint, STORED.key)[1].unlink()
    assert found.choose(OwnCertificates(certificates=(STORED,)), NOW) is None
    assert found.news() == StationCertificatesFound(missing=(STORED.fingerprint,))


def test_after_a_salvage_one_that_the_log_forgot_is_found_if_its_key_is_there(tmp_path: Path) -> None:
    found = identity(tmp_path, maker=False)
    own = certificate("CB-1", KEY)
    found.files.keep_own((der(own),))
    assert found.look(OwnCertificates(), salvaged=True) is None
    key = key_of(der(own))
    found.files.keep_key(key, private_pem(KEY).encode())
    news = found.look(OwnCertificates(), salvaged=True)
    assert news is not None
    assert news.unnamed == (KeyFile(facts=facts_of(der(own)), key=key),)


@pytest.mark.parametrize(
    ("alert", "error", "status", "reason"),
    [
        ("tlsv1 alert unknown ca", OSError(), 0, "tlsv1 alert unknown ca"),
        ("", OSError(), 403, "HTTP 403"),
        ("", ConnectionResetError("by peer"), 0, "the connection was cut off: by peer"),
        ("", EOFError("line"), 0, "the connection was cut off: line"),
        ("", OSError("no route"), 0, None),
        ("", TimeoutError("nobody answers"), 0, None),
        ("", OSError(), 404, None),
    ],
)
def test_what_counts_as_a_refusal(
    tmp_path: Path, alert: str, error: Exception, status: int, reason: str | None
) -> None:
    found = identity(tmp_path)
    stored(found)
    maker = OwnCertificate(source="settings", facts=facts_of(der(MAKER)))
    own = OwnCertificates(certificates=(maker, STORED))
    news = found.look(own)
    own = own if news is None else certificates_found(own, news)
    found.choose(own, NOW)
    expected = None if reason is None else StationCertificateRefused(certificate=STORED.fingerprint, reason=reason)
    assert found.refused(alert, error, status) == expected


def test_the_only_certificate_is_never_given_up(tmp_path: Path) -> None:
    found = identity(tmp_path, maker=False)
    stored(found)
    found.choose(OwnCertificates(certificates=(STORED,)), NOW)
    assert found.refused("tlsv1 alert unknown ca", OSError(), 0) is None
