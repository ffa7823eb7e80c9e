from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from station.doctor.findings import Level
from station.doctor.provisioning import key_findings, read_settings
from station.settings import Settings, parse_settings
from tests.csms.tls import issue, make_authority

MINIMAL = '[station]\nidentity = "CB-1"\n[csms]\nurl = "ws://h/ocpp"\n'


def of(tmp_path: Path, csms: str = "", service: str = "", url: str = "ws://h/ocpp") -> Settings:
    text = f'[station]\nidentity = "CB-1"\n[csms]\nurl = "{url}"\n{csms}\n[service]\n{service}\n'
    return parse_settings(f'{text}[storage]\ndirectory = "{tmp_path}/st"\n', "cb.toml")


def test_every_mistake_of_the_file_is_a_fault_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "cb.toml"
    file.write_text('[station]\nidentity = 1\n[csms]\nurl = "http://x"\ncolour = 1\n')
    settings, found = read_settings(file)
    assert settings is None
    assert len(found) == 3
    assert all(finding.level is Level.FAULT and "cb.toml:" in finding.text for finding in found)


def test_a_configuration_key_that_no_station_has_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "cb.toml"
    file.write_text(MINIMAL + "[config]\nHartbeatInterval = 3\n")
    settings, (finding,) = read_settings(file)
    assert settings is None
    assert "HartbeatInterval" in finding.text


def test_settings_that_others_may_write_are_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "cb.toml"
    file.write_text(MINIMAL)
    file.chmod(0o600)
    settings, (finding,) = read_settings(file)
    assert (settings is not None, finding.level) == (True, Level.OK)
    file.chmod(0o666)
    assert read_settings(file)[1][0].level is Level.WARNING
    assert read_settings(tmp_path / "none")[1][0].level is Level.FAULT


def test_a_secret_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef\n")
    key.chmod(0o644)
    settings = of(tmp_path, f'security_profile = 1\nauthorization_key_file = "{key}"', f'token_file = "{key}"')
    assert [finding.level for finding in key_findings(settings)] == [Level.WARNING, Level.WARNING]
    key.chmod(0o600)
    assert [finding.level for finding in key_findings(settings)] == [Level.OK, Level.OK]
    key.write_bytes(b"")
    assert [finding.level for finding in key_findings(settings)] == [Level.FAULT, Level.FAULT]


def test_a_profile_without_its_password_is_a_fault_unless_the_csms_has_set_one(tmp_path: Path) -> None:
    settings = of(tmp_path, "security_profile = 1")
    (finding,) = key_findings(settings)
    assert finding.level is Level.FAULT
    secrets = tmp_path / "st" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "0011.key").write_bytes(b"x" * 16)
    assert list(key_findings(settings)) == []


@pytest.mark.parametrize("broken", [False, True])
def test_certificates_must_be_loadable(tmp_path: Path, broken: bool) -> None:
    authority = make_authority(tmp_path)
    client = issue(tmp_path, authority, name="CB-1", client=True)
    client.key_file.chmod(0o600)
    if broken:
        client.certificate_file.write_text("nothing")
    lines = f'security_profile = 3\nca_file = "{authority.certificate_file}"\n'
    lines += f'client_certificate_file = "{client.certificate_file}"\nclient_key_file = "{client.key_file}"'
    found = list(key_findings(of(tmp_path, lines, url="wss://h/ocpp")))
    assert [finding.level for finding in found] == [Level.FAULT if broken else Level.OK, Level.OK]


def test_a_signing_key_must_be_one_and_private(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    settings = parse_settings(f'{MINIMAL}[storage]\nsigning_key_file = "{key}"\n', "cb.toml")
    (missing,) = key_findings(settings)
    assert missing.level is Level.FAULT
    assert f"cb.toml:6: [storage] signing_key_file: {key}: No such file" in missing.text
    key.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for mode, level in ((0o644, Level.WARNING), (0o600, Level.OK)):
        key.chmod(mode)
        assert [finding.level for finding in key_findings(settings)] == [level]


def test_there_is_nothing_to_say_of_keys_that_nobody_needs(tmp_path: Path) -> None:
    assert list(key_findings(of(tmp_path))) == []
