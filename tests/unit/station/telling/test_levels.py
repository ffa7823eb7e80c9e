"""How loud an event is."""

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied
from eventstore.catalogue.configuration import AuthorizationKeysFound
from eventstore.catalogue.hardware import FaultObserved, MainsObserved
from eventstore.catalogue.link import ConnectFailed, LinkClosed
from eventstore.catalogue.maintenance import DiagnosticsProgressed, SignedUpdateAnswered
from eventstore.catalogue.registration import RegistrationAnswered
from eventstore.event import Event
from station.telling.levels import level
from station.telling.line import ERROR, INFO, WARNING


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (AuthorizationDenied(connector_id=1, id_tag="A", reason="Blocked"), INFO),
        (FaultObserved(connector_id=1, error_code="GroundFailure"), ERROR),
        (MainsObserved(present=False), WARNING),
        (MainsObserved(present=True), INFO),
        (ConnectFailed(reason="refused", entropy=0), WARNING),
        (LinkClosed(connection=1, reason="no pong: the link is half open", entropy=0), WARNING),
        (LinkClosed(connection=1, reason="closed by the station", entropy=0), INFO),
        (RegistrationAnswered(status="Rejected", interval_s=60, retry_due_ms=1), WARNING),
        (RegistrationAnswered(status="Accepted", interval_s=60, retry_due_ms=None), INFO),
        (DiagnosticsProgressed(job=1, status="UploadFailed", attempt=1, detail=""), WARNING),
        (DiagnosticsProgressed(job=1, status="Uploaded", attempt=1, detail=""), INFO),
        (SignedUpdateAnswered(job=1, request_id=7, status="AcceptedCanceled"), INFO),
        (SignedUpdateAnswered(job=1, request_id=7, status="RevokedCertificate"), WARNING),
        (AuthorizationKeysFound(settings="", missing=("fp:1",)), ERROR),
        (AuthorizationKeysFound(settings="fp:1"), INFO),
    ],
    ids=lambda value: value.NAME if isinstance(value, Event) else None,
)
def test_an_event_is_as_loud_as_whoever_reads_it_needs(event: Event, expected: int) -> None:
    assert level(event) == expected
