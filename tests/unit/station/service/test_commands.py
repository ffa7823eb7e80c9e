"""What a message on a topic of commands is to the station."""

import pytest

from eventstore.catalogue.hardware import IdTagPresented
from eventstore.catalogue.limits import OutsideLimitReported
from station.service.commands import COMMANDS
from tests.given import station

STATE = station().online().state


def test_a_tag_is_presented() -> None:
    payload = b'{"id_tag": "CAFEBABE", "connector_id": 1}'
    assert COMMANDS["set/tag"](payload, STATE) == IdTagPresented(id_tag="CAFEBABE", connector_id=1, origin="mqtt")


@pytest.mark.parametrize(("said", "source"), [("", "mqtt"), ('"source": "ems", ', "ems")])
def test_a_limit_is_that_of_its_source(said: str, source: str) -> None:
    payload = f'{{{said}"max_current_a": 9.5, "valid_s": 60}}'.encode()
    assert COMMANDS["set/limit"](payload, STATE) == OutsideLimitReported(
        source=source, max_current_ma=9_500, max_power_w=None, valid_ms=60_000
    )


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "payload", [b"", b"10", b"[]", b"null", b"\xff", b'{"a": 1}', b'{"max_current_a": -1, "valid_s": 60}', b"{" * 4_000]
)
def test_what_is_wrong_is_named(name: str, payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        COMMANDS[name](payload, STATE)
