"""`chargebox certificates`: what a station has, and what a maker's line does with it, while it runs or does not."""

from pathlib import Path

import pytest
from cryptography import x509 as library

from eventstore.directory import StorageDirectory
from projections.certificates import CSMS_ROOT, Certificates
from projections.own_certificates import OwnCertificates
from station.cli.main import main
from station.runtime.own_identity import OwnIdentity
from station.runtime.trust import Trust
from station.settings.loading import load_settings
from tests.csms.odd_certificates import DAY, certificate, ec_key, pem
from tests.given import station
from tests.replay_logs import write_log

ROOT_KEY = ec_key()
ROOT = certificate("maker root", ROOT_KEY)


def settings(directory: Path, *, ca_file: str = "", **csms: str) -> str:
    (directory / "ca.pem").write_text(ca_file or pem(ROOT))
    lines = "".join(f'{key} = "{value}"\n' for key, value in {"ca_file": f"{directory}/ca.pem", **csms}.items())
    file = directory / "cb.toml"
    text = f'[station]\nidentity = "CB-0001"\n[csms]\nurl = "wss://127.0.0.1:9/ocpp"\n{lines}'
    file.write_text(f'{text}[storage]\ndirectory = "{directory}/st"\n')
    return str(file)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return write_log(station().online(), tmp_path / "st")


def run(tmp_path: Path, *words: str) -> int:
    return main(["certificates", *words, "--settings", settings(tmp_path)])


@pytest.mark.usefixtures("storage")
def test_all_are_listed_with_their_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(CSMS_ROOT)
    assert "CN=maker root" in line
    assert "(364 days)" in line
    assert line.endswith("of the settings")


def test_a_station_that_never_ran_has_those_of_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    assert "CN=maker root" in capsys.readouterr().out


@pytest.mark.usefixtures("storage")
def test_one_is_exported_by_the_beginning_of_its_fingerprint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path)
    fingerprint = capsys.readouterr().out.split()[1]
    assert run(tmp_path, "export", fingerprint[:8]) == 0
    assert capsys.readouterr().out == pem(ROOT)
    assert run(tmp_path, "export", "none") == 1
    assert "0 certificates begin with none" in capsys.readouterr().err


@pytest.mark.usefixtures("storage")
def test_a_makers_line_gives_a_station_its_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key pair is made on the station; the next start takes what came back."""
    assert run(tmp_path, "request", "--organisation", "Power Inc") == 0
    csr = library.load_pem_x509_csr(capsys.readouterr().out.encode())
    assert csr.subject.rfc4514_string() == "CN=CB-0001,O=Power Inc"
    signed = certificate(csr.subject, issuer=ROOT, issuer_key=ROOT_KEY, public_key=csr.public_key(), is_ca=False)
    (tmp_path / "signed.pem").write_text(pem(signed))
    assert run(tmp_path, "import", f"{tmp_path}/signed.pem", "--use", "station") == 0
    identity = OwnIdentity(load_settings(settings(tmp_path)))
    found = identity.look(OwnCertificates(), takes=True)
    assert found is not None
    [own] = found.unnamed
    assert own.facts.subject == "CN=CB-0001,O=Power Inc"
    assert identity.files.has_own(own.facts.fingerprint, own.key)


@pytest.mark.usefixtures("storage")
def test_a_root_is_imported_for_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text(pem(certificate("another root")))
    assert run(tmp_path, "import", f"{tmp_path}/root.pem", "--use", "csms") == 0
    found = Trust(load_settings(settings(tmp_path))).look(Certificates(), takes=True)
    assert found is not None
    assert [each.facts.subject for each in found.unnamed] == ["CN=another root"]


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize(
    ("text", "use", "problem"),
    [
        ("rubbish", "csms", "0 certificates in PEM"),
        (pem(certificate(is_ca=False)), "manufacturer", "no CA certificate"),
        (pem(certificate("CB-0001", is_ca=False)), "station", "none of the keys"),
        ("rubbish", "station", "0 certificates in PEM"),
    ],
)
def test_what_cannot_be_used_is_not_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, use: str, problem: str
) -> None:
    (tmp_path / "bad.pem").write_text(text)
    assert run(tmp_path, "import", f"{tmp_path}/bad.pem", "--use", use) == 1
    assert problem in capsys.readouterr().err


@pytest.mark.usefixtures("storage")
def test_while_the_daemon_runs_nothing_is_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "root.pem").write_text(pem(ROOT))
    lock = StorageDirectory(tmp_path / "st")
    lock.acquire()
    try:
        assert run(tmp_path, "import", f"{tmp_path}/root.pem", "--use", "csms") == 1
    finally:
        lock.close()
    assert "stop the daemon first" in capsys.readouterr().err
    assert run(tmp_path, "import", f"{tmp_path}/missing.pem", "--use", "csms") == 1


def test_wrong_usage_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "import") == 2
    assert run(tmp_path, "import", "file") == 2
    assert run(tmp_path, "export") == 2
    assert main(["certificates", "--settings", f"{tmp_path}/none.toml"]) == 2
    assert "--use csms, manufacturer or station" in capsys.readouterr().err


def test_doctor_warns_a_month_before_an_end(tmp_path: Path) -> None:
    from station.doctor.certificate_report import certificate_findings

    begun = ROOT.not_valid_before_utc
    for days, level in ((40, "ok"), (20, "warning"), (-1, "fault")):
        ending = certificate("soon", begins=begun - 99 * DAY, ends=begun + (days + 1) * DAY)
        found = list(certificate_findings(load_settings(settings(tmp_path, ca_file=pem(ending)))))
        assert [str(finding.level) for finding in found] == [level] or level in str(found[0])


@pytest.mark.usefixtures("storage")
def test_doctor_goes_to_the_csms_with_what_the_station_has(tmp_path: Path) -> None:
    """Those that it looks at stay as they are: what lies ready is the daemon's to take."""
    from station.doctor.certificate_report import station_tls

    loaded = load_settings(settings(tmp_path))
    assert [each["subject"] for each in station_tls(loaded, 3).get_ca_certs()] == [((("commonName", "maker root"),),)]
