"""Frames from a CSMS: each is answered, ignored or refused; none makes a decision fail."""

from functools import cache
from pathlib import Path

from eventstore.catalogue.lifecycle import DecisionFailed, ObservationRejected
from eventstore.catalogue.link import FrameReceived
from projections.station import StationState
from station.core import kernel
from station.core.exchange import read_large
from station.wire.frames import FrameError, format_call, format_payload, parse
from tests.fuzz.engine import Target, both, fuzz
from tests.fuzz.requests import REQUESTS
from tests.given import StationUnderTest, charging


def parsed(content: bytes) -> None:
    text = content.decode(errors="replace")
    try:
        parse(text)
    except FrameError as error:
        assert str(error)
    read_large(text)


@cache
def station() -> StationUnderTest:
    return charging()


STATES: list[StationState] = []


def taken(content: bytes) -> None:
    """As the station would take it, one after the other, so that profiles, lists and reservations come together."""
    if not STATES or len(STATES) > 40:
        STATES[:] = [station().state]
    state = STATES[-1]
    frame = FrameReceived(connection=state.link.connection, text=content.decode(errors="replace"))
    after, batch = kernel.step(state, frame, state.at_ms + 1_000, station().registry)
    for recorded in batch:
        assert not isinstance(recorded.event, DecisionFailed | ObservationRejected), recorded.event
    STATES.append(after)


FRAMES = tuple(
    format_call(str(number), action, format_payload(payload)).encode()
    for number, (action, payload) in enumerate(REQUESTS)
)
ANSWERS = (
    b'[3,"1",{"status":"Accepted","currentTime":"2026-01-01T00:00:00Z","interval":300}]',
    b'[3,"1",{"idTagInfo":{"status":"Accepted","expiryDate":"2026-01-01T00:00:00Z","parentIdTag":"A"},"transactionId":1}]',
    b'[4,"1","InternalError","",{}]',
)
PARSED = Target(name="frame", corpus=(*FRAMES, *ANSWERS), check=parsed)
TAKEN = Target(name="kernel", corpus=(*FRAMES, *ANSWERS), check=taken)


@both
def test_a_frame_is_read_or_refused(tmp_path: Path, long: bool) -> None:
    fuzz(PARSED, tmp_path, long=long)


@both
def test_no_frame_makes_a_decision_fail(tmp_path: Path, long: bool) -> None:
    fuzz(TAKEN, tmp_path, long=long)
