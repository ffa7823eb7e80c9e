"""The files of root certificates: whole or not there, by their fingerprint, for the owner alone."""

import stat
from pathlib import Path

from projections.certificates import CSMS_ROOT, MANUFACTURER_ROOT, Root
from projections.own_certificates import OwnCertificate
from station.runtime.certificate_files import CertificateFiles
from station.runtime.x509 import facts_of, key_of
from tests.csms.odd_certificates import certificate, der, ec_key, private_pem

ONE, TWO = der(certificate("one")), der(certificate("two"))


def root(found: bytes, use: str = CSMS_ROOT) -> Root:
    return Root(use=use, source="stored", facts=facts_of(found))


def test_what_was_kept_is_found_by_use_and_fingerprint(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    assert files.names() == ()
    files.keep(CSMS_ROOT, ONE)
    files.keep(MANUFACTURER_ROOT, TWO)
    assert files.names() == (
        (CSMS_ROOT, root(ONE).fingerprint),
        (MANUFACTURER_ROOT, root(TWO).fingerprint),
    )
    assert files.read_all([root(ONE), root(TWO)]) == {root(ONE).fingerprint: ONE}
    directory = tmp_path / "certificates"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_a_file_that_holds_another_certificate_is_none(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    files.keep(CSMS_ROOT, ONE)
    files.keep(CSMS_ROOT, TWO)
    one, two = (files.path(CSMS_ROOT, root(each).fingerprint) for each in (ONE, TWO))
    one.write_bytes(two.read_bytes())
    assert files.names() == ((CSMS_ROOT, root(TWO).fingerprint),)


def test_what_is_not_trusted_any_more_is_removed(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    files.prune(files.files(), (), (), ())
    files.keep(CSMS_ROOT, ONE)
    files.keep(CSMS_ROOT, TWO)
    (tmp_path / "certificates" / "csms-root-x.pem.tmp").write_text("torn")
    files.prune(files.files(), [root(TWO)], (), ())
    assert files.names() == ((CSMS_ROOT, root(TWO).fingerprint),)
    assert len(list((tmp_path / "certificates").iterdir())) == 1


def test_a_certificate_of_the_station_and_its_key_are_kept_together(tmp_path: Path) -> None:
    files, key = CertificateFiles(tmp_path), ec_key()
    own = der(certificate("own", key))
    name, key_name = root(own).fingerprint, key_of(own)
    files.keep_key(key_name, private_pem(key).encode())
    files.keep_own((own, TWO))
    assert files.own_names() == (name,)
    assert files.read_own(name) == (own, TWO)
    assert files.has_own(name, key_name)
    assert not files.has_own(name, "another key")
    assert files.names() == ()
    files.prune(files.files(), (), [OwnCertificate(source="stored", facts=facts_of(own), key=key_name)], ())
    assert files.has_own(name, key_name)
    files.prune(files.files(), (), (), [key_name])
    assert (files.own_names(), len(files.files())) == ((), 1)
    assert stat.S_IMODE(files.files()[0].stat().st_mode) == 0o600


def test_a_key_that_is_damaged_or_anothers_is_none(tmp_path: Path) -> None:
    files, key = CertificateFiles(tmp_path), ec_key()
    own = der(certificate("own", key))
    files.keep_own((own,))
    for text in (private_pem(ec_key()), private_pem(key)[:80], ""):
        files.keep_key(key_of(own), text.encode())
        assert not files.has_own(root(own).fingerprint, key_of(own))


def test_a_damaged_certificate_of_the_station_is_none(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    files.keep_own((ONE,))
    path, _ = files.own_paths(root(ONE).fingerprint, "key")
    path.write_text("torn")
    assert files.own_names() == ()
    assert files.read_own("nothing") == ()
