"""The files of root certificates: whole or not there, by their fingerprint, for the owner alone."""

import stat
from pathlib import Path

from projections.certificates import CSMS_ROOT, MANUFACTURER_ROOT, Root
from station.runtime.certificate_files import CertificateFiles
from station.runtime.x509 import facts_of
from tests.csms.odd_certificates import certificate, der

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
    files.prune(())
    files.keep(CSMS_ROOT, ONE)
    files.keep(CSMS_ROOT, TWO)
    (tmp_path / "certificates" / "csms-root-x.pem.tmp").write_text("torn")
    files.prune([root(TWO)])
    assert files.names() == ((CSMS_ROOT, root(TWO).fingerprint),)
    assert len(list((tmp_path / "certificates").iterdir())) == 1
