"""Secrets: kept beside the log, named in it by a fingerprint (OCPP-J 6.2.2, errata 3.10)."""

import json
import stat
from pathlib import Path

import pytest

from station.runtime.secrets import Secrets, basic_credentials, fingerprint

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


def test_an_unknown_fingerprint_finds_nothing(tmp_path: Path) -> None:
    assert Secrets(tmp_path).find("fp:0000") is None
    assert Secrets(tmp_path).find("") is None


def test_basic_credentials_carry_the_bytes_of_the_key() -> None:
    """The example of OCPP-J 6.2.2."""
    key = bytes.fromhex("0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF")
    assert basic_credentials("AL1000", key) == "Basic QUwxMDAwOgABAgMEBQYH////////////////"
