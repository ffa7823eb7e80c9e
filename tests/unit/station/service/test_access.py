from pathlib import Path

import pytest

from station.service.access import OPEN, Tokens, acts, denial, is_loopback, may_act, read_token, read_tokens
from station.settings.loading import Settings, SettingsError, parse_settings

TOKEN = b"s3cret"
TOKENS = Tokens(acting=TOKEN, reading=b"l00k")
ACTING, READING = [(b"authorization", b"Bearer s3cret")], [(b"authorization", b"Bearer l00k")]


def settings(token_file: Path | str = "", read_token_file: Path | str = "") -> Settings:
    files = f'token_file="{token_file}"\nread_token_file="{read_token_file}"\n'
    text = f'[station]\nidentity="A"\n[csms]\nurl="ws://h"\n[service]\n{files}'
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
    assert denial([(b"host", host)], OPEN) is None
    assert denial([(b"host", host), (b"origin", b"http://" + host)], OPEN) is None, "a page of the service itself"


@pytest.mark.parametrize(
    "origin", [b"http://127.0.0.1:8887", b"http://localhost:8887", b"HTTP://LOCALHOST:8887", b"http://[::1]:8887"]
)
def test_a_page_of_this_very_service_may_ask_by_any_name_of_it(origin: bytes) -> None:
    assert denial([(b"host", b"127.0.0.1:8887"), (b"origin", origin)], OPEN, port=8887) is None


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
    found = denial(asked, OPEN, method=method, port=8887)
    assert found is not None
    assert (found.status, "allow_origins" in found.text) == (403, True)
    allowed = frozenset({origin})
    assert denial(asked, OPEN, method=method, port=8887, origins=allowed) is None
    twice = denial([*asked, (b"origin", b"http://localhost:8887")], OPEN, method=method, port=8887)
    assert twice is not None, "one of two is not allowed"


@pytest.mark.parametrize("site", [b"cross-site", b"same-site"])
def test_a_page_that_embeds_us_without_an_origin_is_refused_and_a_link_that_is_followed_is_not(site: bytes) -> None:
    asked = [(b"host", b"127.0.0.1:8887"), (b"sec-fetch-site", site)]
    assert denial(asked, OPEN, method="POST") is not None
    assert denial([*asked, (b"sec-fetch-mode", b"no-cors")], OPEN) is not None
    link = [*asked, (b"sec-fetch-mode", b"navigate")]
    assert denial(link, OPEN) is None
    assert denial(link, OPEN, method="POST") is not None, "a form that is sent"
    for own in (b"none", b"same-origin"):
        assert denial([(b"host", b"127.0.0.1"), (b"sec-fetch-site", own)], OPEN, method="POST") is None


@pytest.mark.parametrize("host", [b"rebound.example.org:8887", b"192.168.0.7", b"", b"[", b"\xff", b"evil@x", b"user@"])
def test_without_a_token_a_rebound_name_is_refused(host: bytes) -> None:
    found = denial([(b"host", host)], OPEN)
    assert found is not None
    assert (found.status, "token_file" in found.text) == (403, True)


@pytest.mark.parametrize("origin", [b"https://example.org", b"null", b"http://127.0.0.1.example.org", b""])
def test_without_a_token_a_page_from_elsewhere_is_refused(origin: bytes) -> None:
    found = denial([(b"host", b"127.0.0.1"), (b"origin", origin)], OPEN)
    assert found is not None
    assert found.status == 403


@pytest.mark.parametrize("given", [b"", b"Bearer", b"Bearer wrong", b"Basic s3cret", b"s3cret", b"Bearer s3cret2"])
def test_with_a_token_whoever_does_not_bear_it_is_refused(given: bytes) -> None:
    found = denial([(b"host", b"127.0.0.1"), (b"authorization", given)], TOKENS)
    assert found is not None
    assert (found.status, found.is_guess) == (401, True)
    missing = denial([(b"host", b"127.0.0.1")], TOKENS)
    assert missing is not None
    assert (missing.status, missing.is_guess) == (401, False)
    twice = denial([(b"authorization", b"Bearer s3cret"), (b"authorization", given)], TOKENS)
    assert twice is not None, "one of two is not the token"


@pytest.mark.parametrize("given", [b"Bearer s3cret", b"bearer s3cret", b"Bearer  s3cret"])
def test_with_a_token_any_name_of_the_station_will_do(given: bytes) -> None:
    assert denial([(b"host", b"station.local"), (b"authorization", given)], TOKENS) is None


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


@pytest.mark.parametrize(
    ("method", "path", "needs_right"),
    [
        ("GET", "/api/state", False),
        ("HEAD", "/api/stream", False),
        ("GET", "/api/services", False),
        ("POST", "/api/session", False),
        ("DELETE", "/api/session", False),
        ("POST", "/bench/swipe", True),
        ("PUT", "/api/limit", True),
        ("DELETE", "/bench/connectors/1/fault", True),
        ("GET", "/api/service", True),
        ("GET", "/api/service/diagnostics", True),
    ],
)
def test_acting_is_whatever_changes_something_and_all_service(method: str, path: str, needs_right: bool) -> None:
    assert acts(method, path) is needs_right
    assert denial(ACTING, TOKENS, method=method, path=path) is None
    found = denial(READING, TOKENS, method=method, path=path)
    assert (found is not None and (found.status, found.text, found.is_guess)) == (
        (403, "this token may only read", False) if needs_right else False
    )


def test_only_the_first_token_may_act_and_everybody_where_there_is_none() -> None:
    assert may_act(ACTING, TOKENS)
    assert not may_act(READING, TOKENS)
    assert not may_act([*ACTING, *READING], TOKENS)
    assert not may_act([], TOKENS)
    assert may_act([], OPEN)
    alone = denial(READING, Tokens(acting=TOKEN))
    assert alone is not None
    assert alone.status == 401, "without a second token nobody may read with it"


def test_both_tokens_are_read_and_must_differ(tmp_path: Path) -> None:
    first, second = tmp_path / "token", tmp_path / "reading"
    first.write_text("s3cret\n")
    second.write_text("l00k\n")
    assert read_tokens(settings(first, second)) == TOKENS
    assert read_tokens(settings(first)) == Tokens(acting=TOKEN)
    assert read_tokens(settings()) == OPEN
    second.write_text("s3cret")
    with pytest.raises(SettingsError, match=r"\[service\] read_token_file: holds the token of token_file"):
        read_tokens(settings(first, second))
    second.write_text("")
    with pytest.raises(SettingsError, match=r"\[service\] read_token_file: .* must hold"):
        read_tokens(settings(first, second))
    with pytest.raises(SettingsError, match=r"token_file: is required beside read_token_file"):
        settings("", second)
