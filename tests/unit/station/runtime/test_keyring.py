"""The keys that a connection may be opened with, as files on a disk."""

from pathlib import Path

import pytest

from projections.credentials import Credentials, key_proven, key_refused
from station.runtime.keyring import Keyring, NoKeyLeftError, look
from station.runtime.secrets import Secrets, fingerprint
from station.settings.loading import Settings, parse_settings
from tests.shortage import no_descriptors

OLD, NEW, OWN = b"old-key-of-16-by", b"new-key-of-16-byt", b"own-key-of-16-byte"
OLD_NAME, NEW_NAME, OWN_NAME = (fingerprint(key) for key in (OLD, NEW, OWN))


def settings(directory: Path, profile: int = 1, own: bytes | None = OWN, lines: str = "") -> Settings:
    text = f'[station]\nidentity = "CB-1"\n[csms]\nurl = "ws://h/ocpp"\nsecurity_profile = {profile}\n{lines}'
    if own is not None:
        (directory / "key").write_bytes(own)
        (directory / "key").chmod(0o600)
        text += f'authorization_key_file = "{directory}/key"\n'
    return parse_settings(text, "cb.toml")


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    found = Secrets(tmp_path)
    found.keep(OLD)
    found.keep(NEW)
    return found


TRIAL = Credentials(first=NEW_NAME, on_trial=True, spares=(OLD_NAME,), proven=OLD_NAME, settings=OWN_NAME)


def spoil(directory: Path, name: str, content: bytes | None) -> None:
    path = directory / "secrets" / f"{name[3:]}.key"
    path.unlink() if content is None else path.write_bytes(content)


def test_the_key_on_trial_is_tried_and_the_next_one_after_its_refusal(tmp_path: Path, secrets: Secrets) -> None:
    keyring = Keyring(settings(tmp_path), secrets)
    credentials = TRIAL
    used = []
    for _ in range(4):
        key = keyring.choose(credentials, 1)
        assert key is not None
        used.append(key.secret)
        refusal = keyring.refused(credentials, 401)
        assert refusal is not None
        credentials = key_refused(credentials, refusal)
    assert used == [NEW, OLD, OWN, NEW]


@pytest.mark.parametrize("status", [None, 404, 500, 503, 429])
def test_other_failures_say_nothing_of_the_key(tmp_path: Path, secrets: Secrets, status: int | None) -> None:
    keyring = Keyring(settings(tmp_path), secrets)
    keyring.choose(TRIAL, 1)
    assert keyring.refused(TRIAL, status) is None


def test_a_refusal_that_says_nothing_new_is_not_put_on_record(tmp_path: Path) -> None:
    keyring = Keyring(settings(tmp_path), Secrets(tmp_path))
    first = Credentials()
    keyring.choose(first, 1)
    refusal = keyring.refused(first, 403)
    assert refusal is not None
    assert (refusal.key, refusal.source, refusal.status) == (OWN_NAME, "settings", 403)
    assert keyring.refused(key_refused(first, refusal), 403) is None


@pytest.mark.parametrize("content", [None, b"", NEW[:-1]])
def test_a_key_that_is_missing_or_damaged_is_named_and_never_used(
    tmp_path: Path, secrets: Secrets, content: bytes | None
) -> None:
    spoil(tmp_path, NEW_NAME, content)
    keyring = Keyring(settings(tmp_path), secrets)
    key = keyring.choose(TRIAL, 1)
    assert key is not None
    assert key.secret == OLD
    news = keyring.news()
    assert news is not None
    assert (news.missing, news.damaged) == (((NEW_NAME,), ()) if content is None else ((), (NEW_NAME,)))
    assert keyring.news() is None


def test_no_key_left_is_said_with_what_became_of_each(tmp_path: Path, secrets: Secrets) -> None:
    spoil(tmp_path, NEW_NAME, None)
    spoil(tmp_path, OLD_NAME, b"rotten")
    keyring = Keyring(settings(tmp_path, own=b"short"), secrets)
    with pytest.raises(NoKeyLeftError) as caught:
        keyring.choose(TRIAL, 1)
    for said in (f"{NEW_NAME} is missing", f"{OLD_NAME} is damaged", "16 to 20 bytes, not 5"):
        assert said in str(caught.value)
    assert keyring.news() is not None


def test_a_key_of_the_settings_that_changes_is_tried_at_the_next_attempt(tmp_path: Path, secrets: Secrets) -> None:
    keyring = Keyring(settings(tmp_path), secrets)
    proven = Credentials(first=OLD_NAME, proven=OLD_NAME, settings=OWN_NAME)
    assert keyring.choose(proven, 1).secret == OLD  # type: ignore[union-attr]
    assert keyring.news() is None
    (tmp_path / "key").write_bytes(b"another-key-of-16")
    assert keyring.choose(proven, 1).secret == b"another-key-of-16"  # type: ignore[union-attr]
    news = keyring.news()
    assert news is not None
    assert news.settings == fingerprint(b"another-key-of-16")


@pytest.mark.parametrize("length", [1, 15, 16, 20, 21, 60])
@pytest.mark.parametrize("any_length", [False, True])
def test_one_rule_of_length_for_the_key_of_the_settings(tmp_path: Path, length: int, any_length: bool) -> None:
    lines = f"authorization_key_any_length = {str(any_length).lower()}\n"
    keys = look(settings(tmp_path, own=b"x" * length, lines=lines), Secrets(tmp_path), Credentials())
    assert bool(keys.usable) == (any_length or 16 <= length <= 20)
    assert bool(keys.problem) != bool(keys.usable)


@pytest.mark.parametrize("profile", [0, 3])
def test_without_basic_authentication_no_key_is_used(tmp_path: Path, secrets: Secrets, profile: int) -> None:
    keyring = Keyring(settings(tmp_path), secrets)
    assert keyring.choose(TRIAL, profile) is None
    assert keyring.proven(TRIAL) is None
    assert keyring.refused(TRIAL, 401) is None


def test_a_connection_proves_the_key_that_it_was_opened_with(tmp_path: Path, secrets: Secrets) -> None:
    keyring = Keyring(settings(tmp_path), secrets)
    keyring.choose(TRIAL, 1)
    proof = keyring.proven(TRIAL)
    assert proof is not None
    assert (proof.key, proof.source) == (NEW_NAME, "csms")
    assert keyring.proven(key_proven(TRIAL, proof)) is None, "it says nothing new"


def test_the_same_key_stored_and_in_the_settings_is_one(tmp_path: Path, secrets: Secrets) -> None:
    keys = look(settings(tmp_path, own=NEW), secrets, TRIAL)
    assert set(keys.usable) == {NEW_NAME, OLD_NAME}


@pytest.mark.parametrize(
    "state", [TRIAL, Credentials(settings=OWN_NAME)], ids=["keys of the CSMS", "the settings' own"]
)
def test_no_file_descriptor_left_says_nothing_of_a_key(tmp_path: Path, secrets: Secrets, state: Credentials) -> None:
    keyring = Keyring(settings(tmp_path), secrets)
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        keyring.choose(state, 1)
    assert keyring.news() is None
    assert keyring.choose(state, 1) is not None
