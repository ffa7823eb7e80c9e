"""Which roots a connection is tried with, by the files that are there."""

from pathlib import Path

from eventstore.catalogue.certificates import CertificateFacts, RootFile, RootInstalled, RootsFound
from eventstore.event import Event, Recorded
from projections.certificates import BUNDLE, CSMS_ROOT, FOLDS, SETTINGS, Certificates, roots_found
from projections.clock import Clock
from station.runtime.trust import NAMED_MAX, Trust
from station.runtime.x509 import facts_of
from station.settings.loading import parse_settings
from tests.csms.odd_certificates import certificate, der, ec_key, pem

KEY = ec_key()
NOTHING = Certificates()
ONE, TWO = certificate("one", KEY), certificate("two", KEY)


def trust(tmp_path: Path, ca_file: Path | None = None) -> Trust:
    csms = '[csms]\nurl = "wss://localhost/ocpp"\n' + (f'ca_file = "{ca_file}"\n' if ca_file else "")
    storage = f'[storage]\ndirectory = "{tmp_path / "storage"}"\n'
    (tmp_path / "storage").mkdir(exist_ok=True)
    return Trust(parse_settings(f'[station]\nidentity = "CB-1"\n{csms}{storage}', "chargebox.toml"))


def file_of(tmp_path: Path, *texts: str) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text("".join(texts))
    return path


def after(certificates: Certificates, event: Event) -> Certificates:
    recorded = Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=event)
    return FOLDS[type(event)](certificates, event, recorded, Clock())


def looked(found: Trust, certificates: Certificates = NOTHING) -> RootsFound:
    event = found.look(certificates)
    assert event is not None
    return event


def names(facts: tuple[CertificateFacts, ...]) -> list[str]:
    return [each.subject for each in facts]


def test_without_files_there_is_nothing_to_record_and_the_system_is_trusted(tmp_path: Path) -> None:
    found = trust(tmp_path)
    assert found.look(Certificates()) is None
    assert found.rungs(Certificates(), 0) == ({},)
    assert found.news() is None


def test_the_file_of_the_settings_is_recorded_once_and_when_it_changes(tmp_path: Path) -> None:
    found = trust(tmp_path, file_of(tmp_path, pem(ONE)))
    first = looked(found)
    assert names(first.settings) == ["CN=one"]
    known = roots_found(Certificates(), first)
    assert found.look(known) is None
    file_of(tmp_path, pem(TWO))
    assert found.rungs(known, 0) == ({facts_of(der(TWO)).fingerprint: der(TWO)},)
    news = found.news()
    assert news is not None
    assert names(news.settings) == ["CN=two"]
    assert found.news() is None


def test_many_certificates_are_trusted_as_a_whole(tmp_path: Path) -> None:
    many = [pem(certificate(f"root {number}", KEY)) for number in range(NAMED_MAX + 1)]
    found = trust(tmp_path, file_of(tmp_path, *many))
    event = looked(found)
    assert (event.is_bundle, event.settings) == (True, ())
    known = roots_found(Certificates(), event)
    assert known.has_csms_root
    assert known.rungs(0) == ((BUNDLE,),)
    assert [len(rung) for rung in found.rungs(known, 0)] == [NAMED_MAX + 1]


def test_a_stored_root_that_is_lost_is_recorded_and_not_tried(tmp_path: Path) -> None:
    found = trust(tmp_path)
    found.files.keep(CSMS_ROOT, der(ONE))
    known = after(Certificates(), RootInstalled(use=CSMS_ROOT, facts=facts_of(der(ONE))))
    assert found.rungs(known, 0) == ({facts_of(der(ONE)).fingerprint: der(ONE)}, {})
    found.files.path(CSMS_ROOT, facts_of(der(ONE)).fingerprint).unlink()
    assert looked(found, known).missing == (facts_of(der(ONE)).fingerprint,)
    assert found.rungs(known, 0) == ({},)


def test_after_a_salvage_roots_that_the_log_forgot_are_found(tmp_path: Path) -> None:
    found = trust(tmp_path)
    found.files.keep(CSMS_ROOT, der(ONE))
    assert found.look(Certificates()) is None
    event = found.look(Certificates(), salvaged=True)
    assert event is not None
    assert event.unnamed == (RootFile(use=CSMS_ROOT, facts=facts_of(der(ONE))),)
    assert found.files.names() == ((CSMS_ROOT, facts_of(der(ONE)).fingerprint),)


def test_a_root_of_the_settings_is_read_from_them(tmp_path: Path) -> None:
    found = trust(tmp_path, file_of(tmp_path, pem(ONE), pem(TWO)))
    known = roots_found(Certificates(), looked(found))
    assert [root.source for root in known.roots] == [SETTINGS, SETTINGS]
    assert list(found.trusted(known).values()) == [der(ONE), der(TWO)]


def test_a_connection_without_tls_proves_nothing(tmp_path: Path) -> None:
    found = trust(tmp_path)
    found.rungs(Certificates(), 0)
    assert found.proven(()) is None


def test_a_file_of_the_settings_that_cannot_be_read_lets_nobody_else_in(tmp_path: Path) -> None:
    """Neither is it forgotten what it held, nor are the system's roots trusted in its place."""
    path = file_of(tmp_path, pem(ONE))
    found = trust(tmp_path, path)
    known = roots_found(Certificates(), looked(found))
    found.files.keep(CSMS_ROOT, der(TWO))
    path.unlink()
    assert found.rungs(known, 0) == ()
    assert found.news() is None
    salvaged = found.look(known, salvaged=True)
    assert salvaged is not None
    assert (salvaged.settings, salvaged.settings_digest) == (looked_settings(known), known.settings_digest)
    assert trust(tmp_path, path).rungs(Certificates(), 0) == ()


def looked_settings(certificates: Certificates) -> tuple[CertificateFacts, ...]:
    return tuple(root.facts for root in certificates.roots)
