"""Errors of the server itself."""

import json

import h11
import pytest

from station.service.refusals import refusal_bytes


@pytest.mark.parametrize("status", [400, 408, 431, 503, 499])
def test_a_refusal_is_a_whole_answer_in_json(status: int) -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    client.receive_data(refusal_bytes(status, 'what and "why"'))
    response, body, end = client.next_event(), client.next_event(), client.next_event()
    assert isinstance(response, h11.Response)
    assert (response.status_code, dict(response.headers)[b"content-type"]) == (status, b"application/json")
    assert isinstance(body, h11.Data)
    assert json.loads(bytes(body.data)) == {"error": 'what and "why"'}
    assert isinstance(end, h11.EndOfMessage)
