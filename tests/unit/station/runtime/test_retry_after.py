"""Retry-After (RFC 9110, 10.2.3)."""

import pytest

from station.runtime.retry_after import RETRY_AFTER_MAX_S, retry_after_s

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1", 1),
        (" 120 ", 120),
        (str(RETRY_AFTER_MAX_S), RETRY_AFTER_MAX_S),
        (str(RETRY_AFTER_MAX_S + 1), RETRY_AFTER_MAX_S),
        ("9" * 400, RETRY_AFTER_MAX_S),
        ("", 0),
        ("-5", 0),
        ("1.5", 0),
        ("²", 0),
        ("soon", 0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", RETRY_AFTER_MAX_S),
        ("Wed, 99 Oct 2026 07:28:00 GMT", 0),
    ],
)
def test_the_wait_is_what_is_asked_for_within_an_hour(text: str, seconds: int) -> None:
    assert retry_after_s({"Retry-After": text, "Date": DATE}) == seconds


def test_nothing_is_asked_for_without_the_header() -> None:
    assert retry_after_s({"Date": DATE}) == 0


def test_without_the_servers_clock_a_date_is_taken_against_our_own() -> None:
    assert retry_after_s({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after_s({"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT", "Date": "today"}) == RETRY_AFTER_MAX_S
