from pathlib import Path

import pytest

from station.service.access import denial, is_loopback, read_token
from station.settings.loading import Settings, SettingsError, parse_settings

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
    assert denial([(b"host", host), (b"origin", b"http://" + host)], None) is None, "a page of the service itself"


@pytest.mark.parametrize(
    "origin", [b"http://127.0.0.1:8887", b"http://localhost:8887", b"HTTP://LOCALHOST:8887", b"http://[::1]:8887"]
)
def test_a_page_of_this_very_service_may_ask_by_any_name_of_it(origin: bytes) -> None:
    assert denial([(b"host", b"127.0.0.1:8887"), (b"origin", origin)], None, port=8887) is None


@pytest.mark.parametrize(
    "origin",
    [
        b"http://localhost:3000",
        b"http://127.0.0.1:3000",
        b"http://[::1]:1",
        b"http://localhost",
        b"https://localhost",
        b"http://localhost:99999",
        b"file://localhost:8887",
        b"localhost:8887",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_another_service_on_this_machine_is_another_origin(origin: bytes, method: str) -> None:
    asked = [(b"host", b"127.0.0.1:8887"), (b"origin", origin)]
    found = denial(asked, None, method=method, port=8887)
    assert found is not None
    assert (found.status, "allow_origins" in found.text) == (403, True)
    allowed = frozenset({origin})
    assert denial(asked, None, method=method, port=8887, origins=allowed) is None
    twice = denial([*asked, (b"origin", b"http://localhost:8887")], None, method=method, port=8887)
    assert twice is not None, "one of two is not allowed"


@pytest.mark.parametrize("site", [b"cross-site", b"same-site"])
def test_a_page_that_embeds_us_without_an_origin_is_refused_and_a_link_that_is_followed_is_not(site: bytes) -> None:
    asked = [(b"host", b"127.0.0.1:8887"), (b"sec-fetch-site", site)]
    assert denial(asked, None, method="POST") is not None
    assert denial([*asked, (b"sec-fetch-mode", b"no-cors")], None) is not None
    link = [*asked, (b"sec-fetch-mode", b"navigate")]
    assert denial(link, None) is None
    assert denial(link, None, method="POST") is not None, "a form that is sent"
    for own in (b"none", b"same-origin"):
        assert denial([(b"host", b"127.0.0.1"), (b"sec-fetch-site", own)], None, method="POST") is None


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
    assert (found.status, found.is_guess) == (401, True)
    missing = denial([(b"host", b"127.0.0.1")], TOKEN)
    assert missing is not None
    assert (missing.status, missing.is_guess) == (401, False)
    twice = denial([(b"authorization", b"Bearer s3cret"), (b"authorization", given)], TOKEN)
    assert twice is not None, "one of two is not the token"


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
