"""ISO 8601 text to and from integer milliseconds of UTC."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.wire.instants import MAX_UTC_MS, MIN_UTC_MS, format_utc_ms, parse_utc_ms

NEW_YEAR_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z

READABLE = {
    "2026-01-01T00:00:00Z": NEW_YEAR_MS,
    "2026-01-01T00:00:00.000Z": NEW_YEAR_MS,
    "2026-01-01t00:00:00z": NEW_YEAR_MS,
    "2026-01-01 00:00:00Z": NEW_YEAR_MS,
    "2026-01-01T00:00Z": NEW_YEAR_MS,
    "2026-01-01T00:00:00.5Z": NEW_YEAR_MS + 500,
    "2026-01-01T00:00:00,25Z": NEW_YEAR_MS + 250,
    "2026-01-01T00:00:00.1239999Z": NEW_YEAR_MS + 123,
    "2026-01-01T00:00:00.123456789Z": NEW_YEAR_MS + 123,
    "2026-01-01T01:00:00+01:00": NEW_YEAR_MS,
    "2026-01-01T01:00:00+0100": NEW_YEAR_MS,
    "2026-01-01T01:00:00+01": NEW_YEAR_MS,
    "2025-12-31T18:30:00-05:30": NEW_YEAR_MS,
    "2026-01-01T00:00:00-00:00": NEW_YEAR_MS,
    "2025-12-31T23:59:60Z": NEW_YEAR_MS,
    "1970-01-01T00:00:00Z": 0,
    "1969-12-31T23:59:59.999Z": -1,
    "2024-02-29T00:00:00Z": 1_709_164_800_000,
    "0001-01-01T00:00:00Z": MIN_UTC_MS,
    "9999-12-31T23:59:59.999Z": MAX_UTC_MS,
}

UNREADABLE = (
    "",
    "now",
    "2026-01-01",
    "20260101T000000Z",
    "2026-W01-1T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:61Z",
    "2026-13-01T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+00:60",
    "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00Z\n",
    " 2026-01-01T00:00:00Z",
    "٢٠٢٦-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "12026-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
)


@pytest.mark.parametrize(("text", "utc_ms"), READABLE.items())
def test_a_date_and_time_reads_as_milliseconds_of_utc(text: str, utc_ms: int) -> None:
    assert parse_utc_ms(text) == utc_ms


def test_a_text_without_offset_reads_as_utc() -> None:
    assert parse_utc_ms("2026-01-01T00:00:00") == NEW_YEAR_MS


@pytest.mark.parametrize("text", UNREADABLE)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"ISO 8601|time of day|month|day|year"):
        parse_utc_ms(text)


def test_written_text_always_has_milliseconds_and_z() -> None:
    assert format_utc_ms(NEW_YEAR_MS) == "2026-01-01T00:00:00.000Z"
    assert format_utc_ms(NEW_YEAR_MS + 7) == "2026-01-01T00:00:00.007Z"
    assert format_utc_ms(-1) == "1969-12-31T23:59:59.999Z"
    assert format_utc_ms(MIN_UTC_MS) == "0001-01-01T00:00:00.000Z"


@pytest.mark.parametrize("utc_ms", [MIN_UTC_MS - 1, MAX_UTC_MS + 1, 10**30])
def test_an_instant_outside_the_calendar_is_not_written(utc_ms: int) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        format_utc_ms(utc_ms)


@settings(max_examples=200)
@given(st.integers(MIN_UTC_MS, MAX_UTC_MS))
def test_what_is_written_reads_back_the_same(utc_ms: int) -> None:
    assert parse_utc_ms(format_utc_ms(utc_ms)) == utc_ms


@settings(max_examples=200)
@given(st.datetimes(), st.sampled_from(["", "Z", "+02:00", "-11:30"]))
def test_parsing_agrees_with_the_standard_library(moment: datetime, suffix: str) -> None:
    text = moment.isoformat() + suffix
    expected = datetime.fromisoformat(text)
    if expected.tzinfo is None:
        expected = expected.replace(tzinfo=UTC)
    since_epoch_ms = (expected - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    if MIN_UTC_MS <= since_epoch_ms <= MAX_UTC_MS:
        assert parse_utc_ms(text) == since_epoch_ms
