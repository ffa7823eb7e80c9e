"""The schemas that judge a CALL's payload, against the reader that takes it."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.value import Value
from station.wire.faults import _schema_of, worst_fault
from station.wire.frames import ErrorCode
from station.wire.messages import MESSAGES
from station.wire.messages.remote_trigger import TriggerMessage
from station.wire.schema import PayloadError, load_request
from tests.unit.station.wire.payloads import payloads

CLASSES = [each for pair in MESSAGES.values() for each in (pair.request, pair.response)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[type[Value], Any]:
    message_class: type[Value] = draw(st.sampled_from(CLASSES))
    return message_class, draw(payloads(message_class))


@settings(max_examples=600)
@given(cases())
def test_the_reader_takes_what_the_schema_takes_as_the_same_message(case: tuple[type[Value], Any]) -> None:
    message_class, payload = case
    fault = worst_fault(message_class, payload)
    try:
        message, _ = load_request(message_class, payload)
    except PayloadError as error:
        assert fault == (error.error_code, error.description)
    else:
        assert fault is None
        assert message == message_class(**_schema_of(message_class).load(payload))


def test_both_verdicts_are_met() -> None:
    """The test above would say nothing of payloads that never fit, or always do."""
    seen: set[bool] = set()

    @settings(max_examples=200, database=None, derandomize=True)
    @given(cases())
    def look(case: tuple[type[Value], Any]) -> None:
        seen.add(worst_fault(*case) is None)

    look()
    assert seen == {True, False}


def test_the_worst_is_told_and_among_equals_the_first_by_path() -> None:
    assert worst_fault(TriggerMessage, {"requestedMessage": "x", "connectorId": "1", "b": 1, "a": 1}) == (
        ErrorCode.FORMATION_VIOLATION,
        "a is unknown",
    )
    assert worst_fault(TriggerMessage, {"requestedMessage": "Heartbeat"}) is None


@pytest.mark.parametrize("is_faulty", [False, True])
def test_marshmallow_is_imported_for_a_payload_at_fault_only(*, is_faulty: bool) -> None:
    payload = {"type": "Warm" if is_faulty else "Soft"}
    code = (
        "import sys, contextlib\nfrom station.wire.schema import PayloadError, load_request\n"
        "from station.wire.messages.core import Reset\n"
        f"with contextlib.suppress(PayloadError): load_request(Reset, {payload!r})\n"
        "print('marshmallow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(is_faulty)
