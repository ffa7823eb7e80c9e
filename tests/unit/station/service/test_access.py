from pathlib import Path

import pytest

from station.service.access import denial, is_loopback, read_token
from station.settings import Settings, SettingsError, parse_settings

TOKEN = b"s3cret"


def settings(token_file: Path | str = "") -> Settings:
    text = f'[station]\nidentity="A"\n[csms]\nurl="ws://h"\n[service]\ntoken_file="{token_file}"\n'
    return parse_settings(text, "cb.toml")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("notlocalhost", False),
    ],
)
def test_only_names_that_mean_this_machine_are_loopback(name: str, answer: bool) -> None:
    assert is_loopback(name) is answer


@pytest.mark.parametrize("host", [b"127.0.0.1:8887", b"localhost", b"[::1]:8887", b"localhost:1"])
def test_without_a_token_this_machine_may_ask(host: bytes) -> None:
    assert denial([(b"host", host)], None) is None
    assert denial([(b"host", host), (b"origin", b"http://localhost:8080")], None) is None


@pytest.mark.parametrize("host", [b"rebound.example.org:8887", b"192.168.0.7", b"", b"[", b"\xff", b"evil@x", b"user@"])
def test_without_a_token_a_rebound_name_is_refused(host: bytes) -> None:
    found = denial([(b"host", host)], None)
    assert found is not None
    assert (found.status, "token_file" in found.text) == (403, True)


@pytest.mark.parametrize("origin", [b"https://example.org", b"null", b"http://127.0.0.1.example.org", b""])
def test_without_a_token_a_page_from_elsewhere_is_refused(origin: bytes) -> None:
    found = denial([(b"host", b"127.0.0.1"), (b"origin", origin)], None)
    assert found is not None
    assert found.status == 403


@pytest.mark.parametrize("given", [b"", b"Bearer", b"Bearer wrong", b"Basic s3cret", b"s3cret", b"Bearer s3cret2"])
def test_with_a_token_whoever_does_not_bear_it_is_refused(given: bytes) -> None:
    found = denial([(b"host", b"127.0.0.1"), (b"authorization", given)], TOKEN)
    assert found is not None
    assert found.status == 401


@pytest.mark.parametrize("given", [b"Bearer s3cret", b"bearer s3cret", b"Bearer  s3cret"])
def test_with_a_token_any_name_of_the_station_will_do(given: bytes) -> None:
    assert denial([(b"host", b"station.local"), (b"authorization", given)], TOKEN) is None


def test_the_token_is_the_one_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    assert read_token(settings(file)) == TOKEN
    assert read_token(settings()) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"caf\xc3\xa9", b"x" * 5000])
def test_a_file_that_holds_no_token_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"\[service\] token_file: .*token must hold"):
        read_token(settings(file))
    file.unlink()
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_token(settings(file))
