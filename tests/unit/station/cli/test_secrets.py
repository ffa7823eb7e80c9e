"""`chargebox secrets`: which keys there are, and the removal of one, of a station that runs or does not."""

from pathlib import Path

import pytest

from eventstore.catalogue.configuration import AuthorizationKeyProven, AuthorizationKeyRefused
from eventstore.directory import StorageDirectory
from station.cli.main import main
from station.runtime.secrets import Secrets, fingerprint
from tests.given import StationUnderTest, station
from tests.replay_logs import write_log

OLD, NEW, OWN = b"old-key-of-16-byte", b"new-key-of-16-byte", b"own-key-of-16-byte"
OLD_NAME, NEW_NAME, OWN_NAME = (fingerprint(key) for key in (OLD, NEW, OWN))


def settings(directory: Path, *, profile: int = 1, own: bool = True) -> str:
    file = directory / "cb.toml"
    text = f'[station]\nidentity = "CB-0001"\n[csms]\nurl = "ws://127.0.0.1:9/ocpp"\nsecurity_profile = {profile}\n'
    if own:
        (directory / "key").write_bytes(OWN)
        (directory / "key").chmod(0o600)
        text += f'authorization_key_file = "{directory}/key"\n'
    file.write_text(f'{text}[storage]\ndirectory = "{directory}/st"\n')
    return str(file)


def tell(found: StationUnderTest, name: str) -> None:
    """The CSMS sets a key."""
    found.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": name})


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """Of a station whose CSMS has set a key and then another one, which is on trial."""
    found = station().online()
    tell(found, OLD_NAME)
    found.observe(AuthorizationKeyProven(key=OLD_NAME, source="csms"))
    tell(found, NEW_NAME)
    directory = write_log(found, tmp_path / "st")
    for key in (OLD, NEW):
        Secrets(directory).keep(key)
    return directory


def run(*words: str) -> int:
    return main(["secrets", *words])


@pytest.mark.usefixtures("storage")
def test_the_keys_are_shown_by_fingerprint_the_one_in_use_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--settings", settings(tmp_path)) == 0
    shown = capsys.readouterr().out
    first, second, third = shown.splitlines()
    assert first.startswith(f"in use      {NEW_NAME} set by the CSMS  since ")
    assert "on trial" in first
    assert second.startswith(f"kept        {OLD_NAME} set by the CSMS")
    assert "proven" in second
    assert third.startswith(f"kept        {OWN_NAME} of the settings")
    for key in (OLD, NEW, OWN):
        assert key.decode() not in shown
        assert key.hex() not in shown


def test_a_key_that_was_refused_or_is_damaged_is_shown_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = station().online()
    tell(found, OLD_NAME)
    tell(found, NEW_NAME)
    found.observe(AuthorizationKeyRefused(key=NEW_NAME, source="csms", status=401))
    directory = write_log(found, tmp_path / "st")
    Secrets(directory).keep(NEW)
    assert run("--settings", settings(tmp_path)) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith(f"in use      {OWN_NAME} of the settings")
    assert "refused by the CSMS" in second
    assert third == f"not usable  {OLD_NAME} is missing"


@pytest.mark.usefixtures("storage")
def test_without_basic_authentication_no_key_is_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--settings", settings(tmp_path, profile=0)) == 0
    first, *kept = capsys.readouterr().out.splitlines()
    assert "security_profile is 0" in first
    assert all(line.startswith("kept") for line in kept)


@pytest.mark.parametrize("spelt", [NEW_NAME, NEW_NAME.removeprefix("fp:")])
def test_a_key_is_forgotten(tmp_path: Path, storage: Path, spelt: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("forget", spelt, "--settings", settings(tmp_path)) == 0
    assert Secrets(storage).stored() == (OLD_NAME,)
    assert run("--settings", settings(tmp_path)) == 0
    assert f"not usable  {NEW_NAME} is missing" in capsys.readouterr().out


def test_a_key_is_not_forgotten_while_the_daemon_runs(
    tmp_path: Path, storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = StorageDirectory(storage)
    daemon.acquire()
    try:
        assert run("--settings", settings(tmp_path)) == 0, "looking is allowed"
        assert run("forget", NEW_NAME, "--settings", settings(tmp_path)) == 1
    finally:
        daemon.close()
    assert "stop the daemon first" in capsys.readouterr().err
    assert NEW_NAME in Secrets(storage).stored()


def test_the_last_key_is_forgotten_only_by_force(
    tmp_path: Path, storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = settings(tmp_path, own=False)
    assert run("forget", OLD_NAME, "--settings", file) == 0
    assert run("forget", NEW_NAME, "--settings", file) == 1
    assert "stays offline" in capsys.readouterr().err
    assert run("forget", NEW_NAME, "--settings", file, "--force") == 0
    assert Secrets(storage).stored() == ()
    assert run("--settings", file) == 0
    assert "no AuthorizationKey is left" in capsys.readouterr().out


@pytest.mark.usefixtures("storage")
def test_what_cannot_be_done_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = settings(tmp_path)
    assert run("forget", "fp:0000", "--settings", file) == 1
    assert f"there is no key fp:0000; there is {', '.join(sorted((OLD_NAME, NEW_NAME)))}" in capsys.readouterr().err
    assert run("forget", "--settings", file) == 2
    assert run("--settings", str(tmp_path / "none")) == 2
    (tmp_path / "st" / "chargebox.db").write_bytes(b"nothing")
    assert run("--settings", file) in (0, 1)


def test_a_station_that_never_ran_has_the_key_of_its_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--settings", settings(tmp_path)) == 0
    assert capsys.readouterr().out.startswith(f"in use      {OWN_NAME} of the settings")
    assert run("forget", OWN_NAME, "--settings", settings(tmp_path)) == 1
