"""Secrets: kept beside the log, named in it by a fingerprint (OCPP-J 6.2.2, errata 3.10)."""

import asyncio
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.link import FrameReceived
from eventstore.catalogue.maintenance import SignedUpdateAnswered, SignedUpdateOffered
from eventstore.event import Event, Recorded
from projections.station import INITIAL, StationState, evolve
from station.runtime.secrets import SecretLostError, Secrets, basic_credentials, fingerprint

KEY = bytes.fromhex("4F43415F4F4354545F61646D696E5F74657374")  # 19 bytes of text
HEX = KEY.hex().upper()


def change(value: object, key: str = "AuthorizationKey") -> str:
    return json.dumps([2, "1", "ChangeConfiguration", {"key": key, "value": value}])


def value_of(frame: str) -> object:
    return json.loads(frame)[3]["value"]


def test_a_frame_with_a_key_is_rewritten_and_the_key_is_kept(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    frame = secrets.redact(change(HEX))
    assert value_of(frame) == fingerprint(KEY)
    assert HEX not in frame
    assert secrets.find(fingerprint(KEY)) == KEY


def test_the_name_of_the_key_is_found_whatever_its_case(tmp_path: Path) -> None:
    assert value_of(Secrets(tmp_path).redact(change(HEX, "authorizationkey"))) == fingerprint(KEY)


@pytest.mark.parametrize("value", ["", "zz" * 20, HEX[:-1], "00" * 15, "00" * 21, " " + HEX])
def test_a_value_that_is_no_key_of_16_to_20_bytes_is_unusable_and_not_kept(tmp_path: Path, value: str) -> None:
    secrets = Secrets(tmp_path)
    assert value_of(secrets.redact(change(value))) == "unusable"
    assert not list(tmp_path.rglob("*.key"))


def test_a_value_of_another_type_is_left_for_the_schema_to_refuse(tmp_path: Path) -> None:
    assert value_of(Secrets(tmp_path).redact(change(5))) == 5


def test_a_frame_without_a_secret_is_left_as_it_is(tmp_path: Path) -> None:
    text = '[2, "1", "GetConfiguration", {"key": ["AuthorizationKey"]}]'
    assert Secrets(tmp_path).redact(text) == text


def test_a_frame_that_names_the_key_and_cannot_be_read_is_not_kept(tmp_path: Path) -> None:
    assert HEX not in Secrets(tmp_path).redact(f'[2, "1", "ChangeConfiguration", {{"AuthorizationKey": "{HEX}"')


@pytest.mark.parametrize(
    "frame",
    [
        change(HEX).replace("Auth", "\\u0041uth"),
        change(HEX)[:-1] + ', "more"]',
        json.dumps([2, "1", "ChangeConfiguration", [{"key": "AuthorizationKey", "value": HEX}]]),
        "[" * 5000 + f'"AuthorizationKey", "{HEX}"',
    ],
    ids=["escaped letters", "one member too many", "payload in a list", "nested without end"],
)
def test_a_frame_that_is_bent_does_not_give_the_key_away(tmp_path: Path, frame: str) -> None:
    assert HEX not in Secrets(tmp_path).redact(frame)


@pytest.mark.parametrize(
    "frame",
    [
        '[4,"x","NotSupported","no \\u00e4",{"key":"AuthorizationKey"}]',
        '[3,"x",{"data":"\\u0041uthorizationKey"}]',
        '[2,"x","DataTransfer",{"vendorId":"\\u00e4"}]',
        '[2,"x","Data\\u',
    ],
)
def test_other_frames_stay_as_they_are_to_the_byte(tmp_path: Path, frame: str) -> None:
    assert Secrets(tmp_path).redact(frame) == frame


def test_a_key_that_the_disk_does_not_take_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("a file where the directory should be")
    assert value_of(Secrets(tmp_path).redact(change(HEX))) == "unusable"


def test_the_file_of_a_key_is_for_the_owner_alone(tmp_path: Path) -> None:
    Secrets(tmp_path).keep(KEY)
    (path,) = tmp_path.rglob("*.key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_other_keys_are_pruned(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    first, second = secrets.keep(KEY), secrets.keep(b"0123456789abcdef")
    secrets.prune(second)
    assert secrets.find(first) is None
    assert secrets.find(second) == b"0123456789abcdef"


def test_a_file_that_does_not_fit_its_fingerprint_is_damage_and_no_key(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    name = secrets.keep(KEY)
    (path,) = tmp_path.rglob("*.key")
    for content in (KEY[:-1], b"", bytes([KEY[0] ^ 1]) + KEY[1:]):
        path.write_bytes(content)
        assert secrets.find(name) is None
        assert (secrets.exists(name), secrets.stored(), secrets.damaged()) == (True, (), (name,))
    assert secrets.keep(KEY) == name
    assert secrets.find(name) == KEY


@pytest.mark.parametrize(("any_length", "usable"), [(False, range(16, 21)), (True, range(1, 31))])
def test_one_rule_of_length_for_what_the_csms_sets(tmp_path: Path, any_length: bool, usable: range) -> None:
    secrets = Secrets(tmp_path, any_length=any_length)
    taken = [length for length in range(31) if value_of(secrets.redact(change("ab" * length))) != "unusable"]
    assert taken == list(usable)


@pytest.fixture
def open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_to_all")
def test_files_and_their_directory_are_for_the_owner_alone_whoever_made_them(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o777)
    (tmp_path / "secrets" / f"{fingerprint(KEY)[3:]}.key.tmp").touch(mode=0o666)
    secrets = Secrets(tmp_path)
    secrets.keep(KEY)
    secrets.keep_userinfo("user:password")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    (tmp_path / "secrets").chmod(0o755)
    (tmp_path / "secrets" / "salt").chmod(0o644)
    secrets.prune()
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "secrets" / "salt").stat().st_mode) == 0o600


def test_a_key_is_durable_with_the_name_of_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    Secrets(tmp_path).keep(KEY)
    file, directory, storage = synced
    assert Path(file).name.startswith(fingerprint(KEY)[3:])
    assert (directory, storage) == (str(tmp_path / "secrets"), str(tmp_path))


# ---- what is removed, and when ------------------------------------------------------------------------------------


class Follower:
    """Secrets that follow a state."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.secrets = Secrets(directory)
        self.state: StationState = INITIAL

    def kept(self) -> list[str]:
        """The files in the directory, but for the salt."""
        return [path.name for path in (self.directory / "secrets").iterdir() if path.name != "salt"]

    async def publish(self, *events: Event) -> None:
        batch = []
        for event in events:
            batch.append(Recorded(seq=self.state.seq + 1, cause=1, at_ms=0, utc_ms=0, event=event))
            self.state = evolve(self.state, batch[-1])
        self.secrets.publish(self.state, batch)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            await task


def received(text: str) -> FrameReceived:
    return FrameReceived(connection=1, text=text)


@pytest.mark.asyncio
async def test_a_key_of_a_request_that_was_refused_leaves_no_file(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    text = follower.secrets.redact(change(HEX))
    await follower.publish()
    assert follower.secrets.stored() == (fingerprint(KEY),), "it is not decided yet"
    await follower.publish(received(text))
    assert follower.secrets.stored() == ()


@pytest.mark.asyncio
async def test_a_key_that_was_accepted_stays_also_if_it_comes_twice_and_is_refused_once(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    first, second = follower.secrets.redact(change(HEX)), follower.secrets.redact(change(HEX))
    await follower.publish(received(first))
    assert follower.secrets.stored() == (fingerprint(KEY),), "the second request is not decided yet"
    await follower.publish(received(second), ConfigurationChanged(key="AuthorizationKey", value=fingerprint(KEY)))
    assert follower.secrets.stored() == (fingerprint(KEY),)


@pytest.mark.asyncio
async def test_a_password_is_kept_for_as_long_as_its_job(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    frame = json.dumps([2, "1", "UpdateFirmware", {"location": "ftp://user:pass@host/i.bin", "retrieveDate": "x"}])
    text = follower.secrets.redact(frame)
    location = json.loads(text)[3]["location"]
    assert "pass" not in text
    assert follower.secrets.reveal(location) == "ftp://user:pass@host/i.bin"
    await follower.publish(received(text))
    assert follower.kept() == []
    with pytest.raises(SecretLostError, match="lost"):
        follower.secrets.reveal(location)


@pytest.mark.asyncio
async def test_a_password_of_an_offer_is_kept_until_it_is_answered(tmp_path: Path) -> None:
    """White paper, L01: while its certificate is checked."""
    follower = Follower(tmp_path)
    frame = [2, "1", "SignedUpdateFirmware", {"requestId": 7, "firmware": {"location": "ftp://user:pass@host/i.bin"}}]
    text = follower.secrets.redact(json.dumps(frame))
    assert "pass" not in text
    location = json.loads(text)[3]["firmware"]["location"]
    offered = SignedUpdateOffered(
        job=1,
        request_id=7,
        location=location,
        retrieve_utc_ms=0,
        install_utc_ms=None,
        signing_certificate="",
        signature="",
        retries=0,
        retry_interval_s=1,
        due_ms=1,
    )
    await follower.publish(received(text), offered)
    assert follower.secrets.reveal(location) == "ftp://user:pass@host/i.bin"
    await follower.publish(SignedUpdateAnswered(job=1, request_id=7, status="Rejected"))
    assert follower.kept() == []


def test_the_same_password_has_the_same_name_and_another_station_another(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "a"), Secrets(tmp_path / "b")
    for directory in ("a", "b"):
        (tmp_path / directory).mkdir()
    names = [each.keep_userinfo("user:1234") for each in (*secrets, *secrets)]
    assert names[:2] == names[2:]
    assert names[0] != names[1]


def test_a_damaged_password_is_said_and_not_used(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    name = secrets.keep_userinfo("user:pass")
    (path,) = tmp_path.rglob("*.userinfo")
    path.write_text(path.read_text().replace("pass", "pasS"))
    with pytest.raises(SecretLostError, match="damaged"):
        secrets.reveal(f"ftp://{name}@host/")
    assert secrets.reveal("ftp://user:plain@host/") == "ftp://user:plain@host/", "as version 0.1.0 recorded it"


def test_an_unknown_fingerprint_finds_nothing(tmp_path: Path) -> None:
    assert Secrets(tmp_path).find("fp:0000") is None
    assert Secrets(tmp_path).find("") is None


def test_basic_credentials_carry_the_bytes_of_the_key() -> None:
    """The example of OCPP-J 6.2.2."""
    key = bytes.fromhex("0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF")
    assert basic_credentials("AL1000", key) == "Basic QUwxMDAwOgABAgMEBQYH////////////////"
