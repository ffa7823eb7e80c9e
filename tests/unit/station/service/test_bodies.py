import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.kinds import Flag, Number, Text, Whole
from station.service.bodies import (
    BodyMember,
    InvalidBodyError,
    NotJsonError,
    Utc,
    parse_body,
    read_members,
    read_query,
)

MEMBERS = {
    "ready": BodyMember(kind=Flag(), default=True),
    "max_current_a": BodyMember(kind=Number(minimum=0, maximum=80), default=None),
    "phases": BodyMember(kind=Whole(minimum=1, maximum=3), default=3),
    "id_tag": BodyMember(kind=Text(shortest=1, longest=20)),
}


@pytest.mark.parametrize("raw", [b"", b"  \n"])
def test_an_empty_body_says_nothing(raw: bytes) -> None:
    assert parse_body(raw) == {}


@pytest.mark.parametrize(
    "raw",
    [b"not json", b"{", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b"\xff", b"[" * 5000],
)
def test_what_is_no_json_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(NotJsonError, match="not JSON"):
        parse_body(raw)


def test_members_that_are_not_given_have_their_defaults() -> None:
    assert read_members({"id_tag": "A"}, MEMBERS) == {
        "ready": True,
        "max_current_a": None,
        "phases": 3,
        "id_tag": "A",
    }


def test_null_is_the_same_as_absent_only_where_that_means_something() -> None:
    assert read_members({"id_tag": "A", "max_current_a": None}, MEMBERS)["max_current_a"] is None
    with pytest.raises(InvalidBodyError, match="ready: must not be null"):
        read_members({"id_tag": "A", "ready": None}, MEMBERS)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "the body must be an object, not an array"),
        (None, "the body must be an object, not null"),
        ("x", 'the body must be an object, not the text "x"'),
        ({}, "id_tag: is required"),
        ({"id_tag": "A", "colour": 1}, "colour: is no member here; known are ready, max_current_a, phases, id_tag"),
        ({"id_tag": ""}, "id_tag: must have 1 to 20 characters, not 0"),
        ({"id_tag": "x" * 21}, "id_tag: must have 1 to 20 characters, not 21"),
        ({"id_tag": "a\nb"}, "id_tag: must not hold control characters"),
        ({"id_tag": 7}, "id_tag: must be text, not the number 7"),
        ({"id_tag": "A", "ready": 1}, "ready: must be true or false, not the number 1"),
        ({"id_tag": "A", "ready": "true"}, 'ready: must be true or false, not the text "true"'),
        ({"id_tag": "A", "phases": 3.0}, "phases: must be a whole number, not the number 3.0"),
        ({"id_tag": "A", "phases": True}, "phases: must be a whole number, not the boolean true"),
        ({"id_tag": "A", "phases": 4}, "phases: must be 1 to 3, not 4"),
        ({"id_tag": "A", "max_current_a": "16"}, 'max_current_a: must be a number, not the text "16"'),
        ({"id_tag": "A", "max_current_a": -0.1}, "max_current_a: must be 0 to 80, not -0.1"),
        ({"id_tag": "A", "max_current_a": 1e30}, "max_current_a: must be 0 to 80"),
        ({"id_tag": "A", "max_current_a": float("nan")}, "max_current_a: must be a number"),
    ],
)
def test_a_wrong_member_is_named_with_what_is_wrong(document: object, said: str) -> None:
    with pytest.raises(InvalidBodyError) as caught:
        read_members(document, MEMBERS)
    assert said in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidBodyError) as caught:
        read_members({"x": 1, "phases": 9}, MEMBERS)
    assert str(caught.value).count(";") == 3  # one of them inside a sentence
    assert all(name in str(caught.value) for name in ("x:", "phases:", "id_tag:"))


def test_free_text_keeps_line_breaks_and_has_a_bound() -> None:
    assert Text(lines=True, longest=5).read("a\nb") == "a\nb"
    for wrong in (1, "123456"):
        with pytest.raises(ValueError, match="must"):
            Text(lines=True, longest=5).read(wrong)


def test_a_moment_is_iso_8601_within_bounds() -> None:
    kind = Utc(minimum_ms=0, maximum_ms=10_000)
    assert kind.read("1970-01-01T00:00:01Z") == 1_000
    for wrong in ("yesterday", 1_000, "1969-12-31T23:59:59Z", "1970-01-01T00:01:00Z", "9999-12-31T23:59:59-23:59"):
        with pytest.raises(ValueError, match=r"must be|out of bounds"):
            kind.read(wrong)


def test_numbers_of_a_query_are_decimal_digits() -> None:
    members = {"after": BodyMember(kind=Whole(minimum=0, maximum=2**63 - 1), default=0)}
    assert read_query({"after": "12"}, members) == {"after": 12}
    for wrong in ("", "-1", "1.5", "1e3", "٣", "0x10", "9" * 30):
        with pytest.raises(InvalidBodyError, match="after: "):
            read_query({"after": wrong}, members)


@settings(max_examples=100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=6,
    )
)
def test_whatever_a_body_says_it_is_read_or_refused(document: object) -> None:
    raw = json.dumps(document).encode()
    try:
        values = read_members(parse_body(raw), MEMBERS)
    except (NotJsonError, InvalidBodyError) as refused:
        assert str(refused)
    else:
        assert set(values) == set(MEMBERS)
