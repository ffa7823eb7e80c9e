"""Frames of OCPP-J 1.6: reading, refusing, writing."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.wire.frames import (
    MAX_DEPTH,
    MAX_FRAME_BYTES,
    CallErrorFrame,
    CallFrame,
    CallResultFrame,
    ErrorCode,
    Frame,
    FrameError,
    UnknownMessageType,
    format_call,
    format_call_error,
    format_call_result,
    format_payload,
    is_result_of,
    may_answer,
    parse,
)


def refusal(text: str) -> FrameError:
    with pytest.raises(FrameError) as caught:
        parse(text)
    return caught.value


def test_a_call_is_read() -> None:
    frame = parse('[2, "19223201", "Reset", {"type": "Soft"}]')
    assert frame == CallFrame(message_id="19223201", action="Reset", payload={"type": "Soft"})


def test_a_call_result_is_read() -> None:
    assert parse('[3,"7",{"status":"Accepted"}]') == CallResultFrame(message_id="7", payload={"status": "Accepted"})


def test_a_call_error_is_read() -> None:
    frame = parse('[4,"162376037","NotSupported","SendLocalList.req not implemented",{"a":1}]')
    assert frame == CallErrorFrame(
        message_id="162376037",
        error_code="NotSupported",
        description="SendLocalList.req not implemented",
        details={"a": 1},
    )


@pytest.mark.parametrize(
    "text", ['[4,"1","GenericError"]', '[4,"1","GenericError",""]', '[4,"1","GenericError",null,null]']
)
def test_a_call_error_may_lack_description_and_details(text: str) -> None:
    assert parse(text) == CallErrorFrame(message_id="1", error_code="GenericError")


def test_a_null_payload_is_the_empty_object() -> None:
    assert parse('[2,"1","Heartbeat",null]') == CallFrame(message_id="1", action="Heartbeat", payload={})
    assert parse('[3,"1",null]') == CallResultFrame(message_id="1", payload={})


@pytest.mark.parametrize("text", ["", "{", "nope", "[2,", "NaN", '[2,"1","Reset",{"a":NaN}]', '"\ud800"', "[" * 5000])
def test_what_is_not_json_is_dropped_without_an_answer(text: str) -> None:
    error = refusal(text)
    assert error.error_code is ErrorCode.FORMATION_VIOLATION
    assert (error.message_type, error.message_id, error.is_answerable) == (None, None, False)


@pytest.mark.parametrize("text", ["{}", "null", "2", '"x"', "[]"])
def test_what_is_no_array_is_dropped_without_an_answer(text: str) -> None:
    assert not refusal(text).is_answerable
    assert not isinstance(refusal(text), UnknownMessageType)


@pytest.mark.parametrize(
    ("text", "message_type"),
    [
        ('[1,"1","Reset",{}]', 1),
        ('[5,"1","Reset",{}]', 5),
        ('["2","1","Reset",{}]', None),
        ('[true,"1",{}]', None),
        ('[2.0,"1","Reset",{}]', None),
        ("[null]", None),
        ("[0]", 0),
    ],
)
def test_an_unknown_message_type_is_to_be_ignored(text: str, message_type: int | None) -> None:
    error = refusal(text)
    assert isinstance(error, UnknownMessageType)
    assert (error.message_type, error.is_answerable) == (message_type, False)


@pytest.mark.parametrize("text", ["[2]", '[2,1,"Reset",{}]', '[2,null,"Reset",{}]', '[2,["1"],"Reset",{}]'])
def test_a_call_without_a_readable_message_id_cannot_be_answered(text: str) -> None:
    error = refusal(text)
    assert (error.message_type, error.message_id, error.is_answerable) == (2, None, False)


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1"]',
        '[2,"1","Reset"]',
        '[2,"1","Reset",{},{}]',
        '[2,"1",7,{}]',
        '[2,"1","Reset",[]]',
        '[2,"1","Reset","x"]',
        '[2,"1","Reset",false]',
    ],
)
def test_a_malformed_call_with_a_message_id_is_answered_formation_violation(text: str) -> None:
    error = refusal(text)
    assert error.error_code is ErrorCode.FORMATION_VIOLATION
    assert (error.message_id, error.is_answerable) == ("1", True)


def test_a_message_id_of_more_than_36_characters_is_answered_generic_error() -> None:
    error = refusal(f'[2,"{"x" * 37}","Reset",{{}}]')
    assert (error.error_code, error.message_id, error.is_answerable) == (ErrorCode.GENERIC_ERROR, "x" * 37, True)
    assert isinstance(parse(f'[2,"{"x" * 36}","Reset",{{}}]'), CallFrame)


@pytest.mark.parametrize(
    ("text", "message_type"),
    [
        ('[3,"1"]', 3),
        ('[3,"1",{},{}]', 3),
        ('[3,"1",[]]', 3),
        ('[4,"1"]', 4),
        ('[4,"1",null,"",{}]', 4),
        ('[4,"1","a","b",{},1]', 4),
    ],
)
def test_a_malformed_answer_still_names_the_call_that_it_settles(text: str, message_type: int) -> None:
    error = refusal(text)
    assert (error.message_type, error.message_id, error.is_answerable) == (message_type, "1", False)


def nested(depth: int) -> str:
    """A CALL nested so deep, its own array and payload counted."""
    inside = "[" * (depth - 2) + "]" * (depth - 2)
    return f'[2,"1","DataTransfer",{{"a":{inside}}}]'


def test_nesting_is_limited() -> None:
    assert isinstance(parse(nested(MAX_DEPTH)), CallFrame)
    error = refusal(nested(MAX_DEPTH + 1))
    assert (error.error_code, error.is_answerable) == (ErrorCode.FORMATION_VIOLATION, True)


@pytest.mark.parametrize("character", ["x", "é"])
def test_the_size_of_a_frame_is_limited_in_bytes(character: str) -> None:
    frame = '[2,"1","DataTransfer",{"data":"%s"}]'
    room = (MAX_FRAME_BYTES - len(frame % "")) // len(character.encode())
    assert isinstance(parse(frame % (character * room)), CallFrame)
    assert not refusal(frame % (character * (room + 2))).is_answerable


def test_written_frames_read_back_the_same() -> None:
    payload = {"connectorId": 1, "idTag": "ÄB", "nested": [{"a": None}]}
    assert parse(format_call("a-1", "Anything", format_payload(payload))) == CallFrame(
        message_id="a-1", action="Anything", payload=payload
    )
    assert parse(format_call_result("a-1", "{}")) == CallResultFrame(message_id="a-1", payload={})
    assert parse(format_call_error("a-1", ErrorCode.NOT_SUPPORTED, "no such thing")) == CallErrorFrame(
        message_id="a-1", error_code="NotSupported", description="no such thing"
    )


def test_a_written_call_error_has_five_elements_and_a_short_description() -> None:
    text = format_call_error("1", ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, "x" * 300)
    assert orjson.loads(text) == [4, "1", "OccurenceConstraintViolation", "x" * 255, {}]
    assert format_call_error("1", ErrorCode.FORMATION_VIOLATION) == '[4,"1","FormationViolation","",{}]'


@pytest.mark.parametrize(("limit", "text"), [("8.1", "8.1"), ("16", "16.0"), ("0.1", "0.1"), ("-32.0", "-32.0")])
def test_decimals_are_written_as_the_number_that_they_are(limit: str, text: str) -> None:
    assert format_payload({"limit": Decimal(limit)}) == f'{{"limit":{text}}}'


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), object(), b"x", "\ud800"])
def test_what_json_cannot_say_is_not_written(value: Any) -> None:
    with pytest.raises(TypeError):
        format_payload({"data": value})


def test_a_payload_stands_in_its_frame_byte_for_byte() -> None:
    payload = '{ "limit" : 8.10 }'
    assert format_call("a", "DataTransfer", payload) == f'[2,"a","DataTransfer",{payload}]'
    assert format_call_result('"', payload) == f'[3,"\\"",{payload}]'


@pytest.mark.parametrize(
    ("text", "is_result"),
    [
        ('[3,"1",{}]', True),
        ('[3,"1"]', True),
        ('[3,"1",[]]', True),
        ('[4,"1","X","",{}]', False),
        ('[3,"2",{}]', False),
    ],
)
def test_a_result_is_known_by_its_message_id_even_if_it_is_malformed(text: str, *, is_result: bool) -> None:
    assert is_result_of(text, "1") is is_result


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ('[3,"m-1",{}]', True),
        (' [ 4 , "m-1","X","",{}]', True),
        ('[2,"m-1","Reset",{}]', False),
        ('[3,"m-2",{"data":"m-1"}]', True),
        (f'[3,"m-2",{{"data":"{"x" * 80}m-1"}}]', False),
    ],
)
def test_what_may_be_an_answer_is_seen_at_its_head(text: str, *, may: bool) -> None:
    assert may_answer(text, "m-1") is may


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def check_only_frame_errors(text: str) -> None:
    found: Frame | FrameError
    try:
        found = parse(text)
    except FrameError as error:
        found = error
    if isinstance(found, FrameError):
        assert found.is_answerable == (found.message_type == 2 and found.message_id is not None)
    assert found.message_id is None or isinstance(found.message_id, str)


@settings(max_examples=150)
@given(st.text(max_size=40))
def test_any_text_is_a_frame_or_a_frame_error(text: str) -> None:
    check_only_frame_errors(text)


@settings(max_examples=300)
@given(st.sampled_from([0, 2, 3, 4]), st.lists(JSON_VALUES, max_size=5))
def test_any_json_array_is_a_frame_or_a_frame_error(message_type: int, rest: list[Any]) -> None:
    check_only_frame_errors(orjson.dumps([message_type, *rest]).decode())


@settings(max_examples=150)
@given(st.binary(max_size=6), st.integers(0, 60))
def test_a_damaged_frame_is_a_frame_or_a_frame_error(damage: bytes, position: int) -> None:
    whole = b'[2,"19223201","ChangeConfiguration",{"key":"HeartbeatInterval"}]'
    check_only_frame_errors((whole[:position] + damage + whole[position + len(damage) :]).decode(errors="replace"))
