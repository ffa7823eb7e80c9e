"""The roots of the manufacturer: those of the settings, and those that the CSMS installed."""

from pathlib import Path

import pytest

from eventstore.catalogue.certificates import ManufacturerRootsFound, RootInstalled, RootRemoved, RootsFound
from eventstore.event import Event, Recorded
from projections.certificates import MANUFACTURER_ROOT, Certificates
from projections.station import INITIAL, evolve
from station.runtime import pem, x509
from station.runtime.certificate_files import CertificateFiles
from station.runtime.maker_roots import MakerRoots, check_file
from station.settings.loading import SettingsError, parse_settings
from tests.signed_images import Signer, manufacturer

ONE, OTHER = manufacturer("one"), manufacturer("other")


def der_of(root: Signer) -> bytes:
    (der,) = pem.certificates(root.pem).values()
    return der


def folded(*events: Event) -> Certificates:
    state = INITIAL
    for event in events:
        state = evolve(state, Recorded(seq=state.seq + 1, cause=1, at_ms=0, utc_ms=0, event=event))
    return state.certificates


def roots_of(tmp_path: Path, *roots: Signer) -> MakerRoots:
    file = tmp_path / "maker.pem"
    file.write_text("".join(root.pem for root in roots))
    return MakerRoots(file, CertificateFiles(tmp_path))


def looked(found: MakerRoots, certificates: Certificates) -> ManufacturerRootsFound:
    news = found.look(certificates)
    assert news is not None
    return news


def test_what_the_settings_name_is_on_record_once_and_trusted(tmp_path: Path) -> None:
    """It counts as installed by the maker: M03 lists it."""
    found = roots_of(tmp_path, ONE, OTHER)
    assert found.trusted(Certificates()) == ()
    news = looked(found, Certificates())
    certificates = folded(news)
    assert [root.facts.subject for root in certificates.of(MANUFACTURER_ROOT)] == ["CN=one", "CN=other"]
    assert found.trusted(certificates) == (der_of(ONE), der_of(OTHER))
    assert found.look(certificates) is None


def test_a_root_of_the_settings_that_the_csms_deleted_is_not_trusted_until_the_file_changes(tmp_path: Path) -> None:
    """M04."""
    found = roots_of(tmp_path, ONE)
    news = looked(found, Certificates())
    deleted = RootRemoved(use=MANUFACTURER_ROOT, fingerprint=pem.fingerprint(der_of(ONE)), reason="deleted")
    certificates = folded(news, deleted)
    assert found.trusted(certificates) == ()
    assert found.look(certificates) is None
    again = looked(roots_of(tmp_path, ONE, OTHER), certificates)
    assert len(folded(news, deleted, again).of(MANUFACTURER_ROOT)) == 2


def test_a_file_that_is_not_named_any_more_takes_its_roots_along_and_leaves_installed_ones(tmp_path: Path) -> None:
    news = looked(roots_of(tmp_path, ONE), Certificates())
    installed = RootInstalled(use=MANUFACTURER_ROOT, facts=x509.facts_of(der_of(OTHER)))
    CertificateFiles(tmp_path).keep(MANUFACTURER_ROOT, der_of(OTHER))
    none = MakerRoots(None, CertificateFiles(tmp_path))
    gone = looked(none, folded(news, installed))
    assert (gone.digest, gone.roots) == ("", ())
    assert none.trusted(folded(news, installed, gone)) == (der_of(OTHER),)


def test_what_was_installed_already_is_not_named_twice(tmp_path: Path) -> None:
    installed = RootInstalled(use=MANUFACTURER_ROOT, facts=x509.facts_of(der_of(ONE)))
    certificates = folded(installed, looked(roots_of(tmp_path, ONE), folded(installed)))
    assert len(certificates.of(MANUFACTURER_ROOT)) == 1


def test_a_ca_file_that_changes_leaves_the_roots_of_the_manufacturer_alone(tmp_path: Path) -> None:
    news = looked(roots_of(tmp_path, ONE), Certificates())
    certificates = folded(news, RootsFound(settings_digest="another"))
    assert len(certificates.of(MANUFACTURER_ROOT)) == 1


def test_a_file_that_cannot_be_used_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    head = '[station]\nidentity = "CB-1"\n[csms]\nurl = "ws://localhost/ocpp"\n[security]\nmanufacturer_root_file = '
    (tmp_path / "rubbish.pem").write_text("rubbish")
    (tmp_path / "many.pem").write_text("".join(manufacturer(str(number)).pem for number in range(21)))
    roots_of(tmp_path, ONE)
    check_file(parse_settings(f'{head}""', "x"))
    check_file(parse_settings(f'{head}"{tmp_path}/maker.pem"', "x"))
    for name, said in (("none", "cannot be read"), ("rubbish", "holds 0 certificates"), ("many", "holds 21")):
        with pytest.raises(SettingsError, match=f"manufacturer_root_file: .*{said}"):
            check_file(parse_settings(f'{head}"{tmp_path}/{name}.pem"', "x"))
