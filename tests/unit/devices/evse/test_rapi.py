"""RAPI: lines of OpenEVSE, its own examples included, and lines of strangers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.evse.rapi import Pushed, RapiAnswer, State, checksum, command, number_of, parsed, state_of


def test_checksums_are_those_of_its_documentation() -> None:
    for line, expected in (("$GS", "30"), ("$GG", "24"), ("$GU", "36"), ("$F0 1", "43"), ("$SK 0", "2C")):
        assert checksum(line) == expected


def test_a_command_has_its_number_and_its_checksum() -> None:
    assert command("SC 16 V", 0x1F) == b"$SC 16 V :1F^" + checksum("$SC 16 V :1F").encode() + b"\r"


def line(text: str) -> bytes:
    return f"{text}^{checksum(text)}".encode()


def test_answers_and_what_comes_by_itself_are_told_apart() -> None:
    assert parsed(line("$OK 16 :1F")) == RapiAnswer(ok=True, fields=("16",), sequence=0x1F)
    assert parsed(b"\n" + line("$NK :02")) == RapiAnswer(ok=False, fields=(), sequence=2)
    assert parsed(line("$OK")) == RapiAnswer(ok=True, fields=(), sequence=0)
    assert parsed(line("$AT 03 03 16 100")) == Pushed(kind="AT", fields=("03", "03", "16", "100"))
    assert parsed(line("$AB 00 8.2.1")) == Pushed(kind="AB", fields=("00", "8.2.1"))


@pytest.mark.parametrize("broken", [b"", b"$OK 16", b"$OK 16^00", b"OK^04", b"\xff\xfe", b"^", b"$OK :zz^"])
def test_what_has_no_right_checksum_is_nothing(broken: bytes) -> None:
    assert parsed(broken) is None


@given(st.binary(max_size=64))
def test_no_line_does_harm(data: bytes) -> None:
    parsed(data)
    parsed(line(data.hex()))


@pytest.mark.parametrize(
    ("evse", "pilot", "state"),
    [
        ("01", "01", State(letter="A", offers=True, fault=None)),
        ("03", "03", State(letter="C", offers=True, fault=None)),
        ("fe", "02", State(letter="B", offers=False, fault=None)),
        ("FF", "03", State(letter="C", offers=False, fault=None)),
        ("06", "02", State(letter="F", offers=False, fault=("GroundFailure", "a residual current"))),
        ("4D", "01", None),
        ("xx", "01", None),
        ("", "01", None),
    ],
)
def test_a_state_is_what_two_fields_say(evse: str, pilot: str, state: State | None) -> None:
    assert state_of(evse, pilot) == state


def test_numbers_are_decimal_and_of_a_size() -> None:
    assert [number_of(text) for text in ("16000", "-1", "0x10", "", "9" * 13, "1.5", "\u0663")] == [16_000, -1] + [
        None
    ] * 5
