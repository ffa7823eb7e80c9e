"""The frames that events put on the wire."""

import pytest

from eventstore.catalogue.link import CallAnswered, CallDispatched, CallPrepared
from station.core.sending import frame_of


@pytest.mark.parametrize("kind", [CallDispatched, CallPrepared])
def test_a_call_is_written_as_it_was_recorded(kind: type[CallDispatched] | type[CallPrepared]) -> None:
    event = kind(
        connection=1, message_id="a", action="Heartbeat", lane="heartbeat", owed_seq=1, payload="{ }", number=None
    )
    assert frame_of(event) == '[2,"a","Heartbeat",{ }]'


def test_an_answer_is_a_callresult_frame_whatever_its_message_id_holds() -> None:
    event = CallAnswered(connection=1, message_id='ä"', action="A", payload='{"status":"Accepted"}')
    assert frame_of(event) == '[3,"ä\\"",{"status":"Accepted"}]'


def test_a_refusal_is_a_callerror_frame() -> None:
    event = CallAnswered(
        connection=1, message_id="x", action="A", payload="", error_code="NotSupported", description="no"
    )
    assert frame_of(event) == '[4,"x","NotSupported","no",{}]'
