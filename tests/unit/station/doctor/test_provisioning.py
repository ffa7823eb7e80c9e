import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from station.doctor.findings import Level
from station.doctor.provisioning import key_findings, read_settings
from station.runtime import x509
from station.runtime.secrets import Secrets, fingerprint
from station.settings.loading import Settings, parse_settings
from tests.csms.tls import issue, make_authority
from tests.given import station
from tests.replay_logs import write_log
from tests.signed_images import manufacturer

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


def test_a_secret_that_others_may_read_is_told_and_a_fault_where_a_start_refuses_it(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef\n")
    key.chmod(0o644)
    settings = of(tmp_path, f'security_profile = 1\nauthorization_key_file = "{key}"', f'token_file = "{key}"')
    assert [finding.level for finding in key_findings(settings)] == [Level.FAULT, Level.WARNING]
    key.chmod(0o600)
    assert [finding.level for finding in key_findings(settings)] == [Level.OK, Level.OK]
    key.write_bytes(b"")
    assert [finding.level for finding in key_findings(settings)] == [Level.FAULT, Level.FAULT]


def test_a_profile_without_its_password_is_a_fault_unless_the_csms_has_set_one(tmp_path: Path) -> None:
    settings = of(tmp_path, "security_profile = 1")
    (finding,) = key_findings(settings)
    assert finding.level is Level.FAULT
    found = station().boot()
    name = Secrets(write_log(found, tmp_path / "st")).keep(b"x" * 16)
    (finding,) = key_findings(settings)
    assert finding.level is Level.FAULT, "the log names no key: a start would not use it"
    set_key = station().online()
    set_key.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": name})
    settings = of(tmp_path / "other", "security_profile = 1")
    secrets = Secrets(write_log(set_key, tmp_path / "other" / "st"))
    secrets.keep(b"x" * 16)
    (finding,) = key_findings(settings)
    assert (finding.level, name in finding.text) == (Level.WARNING, True)
    assert "on trial" in finding.text
    (tmp_path / "other" / "st" / "secrets" / f"{name[3:]}.key").write_bytes(b"y" * 16)
    told = list(key_findings(settings))
    assert [finding.level for finding in told] == [Level.FAULT, Level.FAULT]
    assert f"{name} is damaged" in told[0].text
    assert "works offline" in told[1].text


@pytest.mark.parametrize(("length", "level"), [(15, Level.FAULT), (16, Level.OK), (20, Level.OK), (21, Level.FAULT)])
def test_a_password_has_16_to_20_bytes_unless_the_settings_take_any(tmp_path: Path, length: int, level: Level) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"x" * length)
    key.chmod(0o600)
    line = f'security_profile = 1\nauthorization_key_file = "{key}"'
    assert [finding.level for finding in key_findings(of(tmp_path, line))] == [level]
    line += "\nauthorization_key_any_length = true"
    assert [finding.level for finding in key_findings(of(tmp_path, line))] == [Level.OK]


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


def with_root(tmp_path: Path, *lines: str) -> Settings:
    text = MINIMAL + "[security]\n" + "\n".join(lines)
    return parse_settings(f'{text}\n[storage]\ndirectory = "{tmp_path}/st"\n', "cb.toml")


def test_the_roots_for_signed_firmware_are_named_with_how_long_they_hold(tmp_path: Path) -> None:
    """White paper, L01."""
    file = tmp_path / "maker.pem"
    now = datetime.now(UTC)
    for end, level, said in (
        (now + timedelta(days=365), Level.OK, "CN=maker vouches for firmware"),
        (now + timedelta(days=29, hours=1), Level.WARNING, "CN=maker expires in 29 days"),
        (now - timedelta(days=1), Level.WARNING, "CN=maker has expired"),
    ):
        file.write_text(manufacturer(end=end).pem)
        (finding,) = key_findings(with_root(tmp_path, f'manufacturer_root_file = "{file}"'))
        assert (finding.level, finding.text) == (level, f"{file}: {said}")


def test_files_of_signed_firmware_that_a_start_refuses_are_faults(tmp_path: Path) -> None:
    (finding,) = key_findings(with_root(tmp_path, f'manufacturer_root_file = "{tmp_path}/none"'))
    assert (finding.level, "cannot be read" in finding.text) == (Level.FAULT, True)
    (finding,) = key_findings(with_root(tmp_path, f'firmware_revocation_file = "{tmp_path}/none"'))
    assert (finding.level, "cannot be read" in finding.text) == (Level.FAULT, True)


def test_firmware_that_must_be_signed_needs_a_root_and_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding,) = key_findings(with_root(tmp_path, "require_signed_firmware = true"))
    assert (finding.level, "no root" in finding.text) == (Level.WARNING, True)
    file = tmp_path / "maker.pem"
    file.write_text(manufacturer().pem)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    (finding,) = key_findings(with_root(tmp_path, f'manufacturer_root_file = "{file}"'))
    assert (finding.level, x509.MISSING in finding.text) == (Level.FAULT, True)


def test_a_security_profile_that_the_csms_has_raised_is_shown_and_its_trial_too(tmp_path: Path) -> None:
    found = station(profiles_off=()).online()
    name = fingerprint(b"x" * 16)
    found.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": name})
    found.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": "1"})

    def shown(directory: Path, lines: str = "") -> list[tuple[Level, str]]:
        directory.mkdir(exist_ok=True)
        if not (directory / "st").exists():
            Secrets(write_log(found, directory / "st")).keep(b"x" * 16)
        return [(finding.level, finding.text) for finding in key_findings(of(directory, lines))]

    assert shown(tmp_path / "trial")[0] == (Level.WARNING, "security profile 1 is on trial")
    found.disconnect()
    found.connect()
    proven = shown(tmp_path / "proven")
    assert proven[0] == (Level.OK, "security profile 1, to which the CSMS has raised it")
    assert name in proven[1][1], "the key of that profile is looked for"
    assert shown(tmp_path / "proven", "security_profile_fixed = true") == []
