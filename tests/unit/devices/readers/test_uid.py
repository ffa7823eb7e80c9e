"""UIDs as text, whatever the reader sends."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.readers.uid import uid_from_bytes, uid_from_text

UIDS = st.binary(min_size=1, max_size=10)


def from_text(text: str, kind: str = "hex", uid_bytes: int = 4, *, last_first: bool = False) -> str | None:
    return uid_from_text(text, kind=kind, uid_bytes=uid_bytes, last_first=last_first)


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("04a1b2c3", "04A1B2C3"),
        ("04:A1:B2:C3", "04A1B2C3"),
        (" 04 A1-b2.c3\t", "04A1B2C3"),
        ("04A1B2C3D4E5F607", "04A1B2C3D4E5F607"),
        ("4A1", None),
        ("hello", None),
        ("", None),
        ("00" * 11, None),
    ],
)
def test_hexadecimal_text_is_its_bytes(text: str, uid: str | None) -> None:
    assert from_text(text) == uid


@pytest.mark.parametrize(
    ("text", "uid_bytes", "uid"),
    [
        ("77705923", 4, "04A1B2C3"),
        ("0077705923", 4, "04A1B2C3"),
        ("4294967296", 4, None),
        ("16777215", 3, "FFFFFF"),
        ("12a", 4, None),
        ("-5", 4, None),
        ("٣", 4, None),
        ("9" * 4000, 10, None),
    ],
)
def test_a_decimal_number_is_its_bytes_highest_first(text: str, uid_bytes: int, uid: str | None) -> None:
    assert from_text(text, "decimal", uid_bytes) == uid


@pytest.mark.parametrize(
    ("text", "uid"),
    [("0F0184F07F05", "0F0184F07F"), ("0F0184F07F06", None), ("0F0184F07F", None), ("0F0184F07FXX", None)],
)
def test_a_frame_with_a_checksum_must_have_the_right_one(text: str, uid: str | None) -> None:
    assert from_text(text, "rdm6300") == uid


@given(UIDS)
@settings(max_examples=50)
def test_whatever_the_way_the_first_byte_comes_first(uid: bytes) -> None:
    text = uid.hex().upper()
    assert uid_from_bytes(uid, last_first=False) == text
    assert uid_from_bytes(uid[::-1], last_first=True) == text
    assert from_text(text) == text
    assert from_text(uid[::-1].hex(), last_first=True) == text
    assert from_text(str(int.from_bytes(uid)), "decimal", len(uid)) == text
    assert len(text) <= 20


@given(st.text(max_size=40), st.sampled_from(["hex", "decimal", "rdm6300"]))
@settings(max_examples=100)
def test_no_text_is_an_error(text: str, kind: str) -> None:
    uid = from_text(text, kind)
    assert uid is None or 2 <= len(uid) <= 20
