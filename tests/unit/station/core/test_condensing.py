"""Frames of a flood: what is condensed is what changes nothing, and it gets the answer that it would have got whole."""

import hashlib
import json
from typing import Any

import pytest

from eventstore.catalogue.link import (
    CallAnswered,
    CallPrepared,
    CallVoided,
    FrameCondensed,
    FrameIgnored,
    FrameReceived,
)
from station.core import exchange
from station.core.condensing import HEAD_CHARACTERS, condense, receive
from tests.given import StationUnderTest, answering, charging, station

REFUSED = [
    [2, "m", "Nonsense", {}],
    [2, "m", "BootNotification", {}],
    [2, "m", "Reset", {"type": "Sideways"}],
    [2, "m", "Reset", {}],
    [2, "m", "Reset", {"type": "Soft", "more": 1}],
    [2, "m", "GetConfiguration", []],
    [2, "m" * 40, "Reset", {"type": "Soft"}],
    [2, "m", "Reset"],
]
PREPARED = CallPrepared(
    connection=1, message_id="ahead", action="MeterValues", lane="transaction", owed_seq=2, payload="{}"
)
IGNORED = ["no JSON", "[]", [3, "unknown", {}], [4, "unknown", "InternalError", "", {}], [7, "m", {}], [3], {"a": 1}]


def text_of(frame: Any) -> str:
    return frame if isinstance(frame, str) else json.dumps(frame)


def whole(found: StationUnderTest, text: str) -> list[Any]:
    received = FrameReceived(connection=found.state.link.connection, text=text)
    return list(exchange.receive(found.state, received, found.at_ms, found.registry))


def condensed(found: StationUnderTest, text: str) -> FrameCondensed:
    event = condense(found.state, found.state.link.connection, text)
    assert event is not None
    return event


@pytest.mark.parametrize("frame", [*REFUSED, *IGNORED], ids=text_of)
def test_a_condensed_frame_comes_to_what_it_would_have_come_to_whole(frame: Any) -> None:
    found, text = charging(), text_of(frame)
    (answer,) = whole(found, text)
    (after,) = receive(found.state, condensed(found, text), found.at_ms)
    assert type(after) is type(answer)
    if isinstance(answer, CallAnswered):
        assert isinstance(after, CallAnswered)
        assert (after.message_id, after.error_code) == (answer.message_id, answer.error_code)
        assert after.description == answer.description
    else:
        assert isinstance(answer, FrameIgnored)
        assert after == answer


def test_it_keeps_digest_length_and_head() -> None:
    text = text_of([2, "m", "Nonsense", {"idTag": "y" * 100_000}])
    event = condensed(station().online(), text)
    assert (event.length, event.head) == (len(text), '[2, "m", "Nonsense", ')
    assert len(condensed(station().online(), "x" * 1_000).head) == HEAD_CHARACTERS
    assert event.digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("frame", [[2, "m", "Reset", {"type": "Soft"}], [2, "m", "ClearCache", {}]], ids=text_of)
def test_what_may_change_anything_is_kept_whole(frame: Any) -> None:
    found = station().online()
    assert condense(found.state, found.state.link.connection, text_of(frame)) is None


def test_every_answer_to_a_call_of_ours_is_kept_whole_however_wrong_it_is() -> None:
    found = station().online()
    found.csms = answering(StartTransaction=None)
    found.plug()
    found.swipe()
    in_flight = found.state.outbox.in_flight
    assert in_flight is not None
    for frame in ([3, in_flight.message_id, {}], [4, in_flight.message_id, "x", "", {}], [3, in_flight.message_id]):
        assert condense(found.state, found.state.link.connection, text_of(frame)) is None


@pytest.mark.parametrize("called_off", [False, True])
def test_the_answer_to_a_call_that_may_have_left_ahead_is_kept_whole(called_off: bool) -> None:
    """The log learns that it has left with the answer before it, which may still wait to be written."""
    found = station().online()
    found.observe_decision(PREPARED)
    if called_off:
        found.observe_decision(CallVoided(message_id=PREPARED.message_id, owed_seq=PREPARED.owed_seq))
    answer = text_of([3, PREPARED.message_id, {}])
    assert condense(found.state, found.state.link.connection, answer) is None
    assert condense(found.state, found.state.link.connection, text_of([3, "another", {}])) is not None


@pytest.mark.parametrize("status", ["Rejected", "gone"])
def test_no_answer_while_rejected_or_on_a_connection_that_is_gone(status: str) -> None:
    """4.2."""
    found = station().boot()
    found.csms = answering(
        BootNotification={"status": "Rejected", "currentTime": "2026-01-01T00:00:00Z", "interval": 9}
    )
    found.connect()
    event = condensed(found, text_of([2, "m", "Nonsense", {}]))
    if status == "gone":
        found.disconnect()
    (after,) = receive(found.state, event, found.at_ms)
    assert isinstance(after, FrameIgnored)
