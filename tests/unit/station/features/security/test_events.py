"""How a security event leaves."""

from eventstore.catalogue.link import FrameRefused
from eventstore.catalogue.security import SecurityEventRaised
from eventstore.catalogue.transactions import Moment
from projections.station import INITIAL
from station.features.security.events import TECH_INFO_MAX, raise_events, render_security_event
from station.wire.schema import dump
from tests.given import UTC_2026_MS, station


def test_a_long_text_is_cut_to_what_a_notification_holds() -> None:
    found = station(profiles_off=(), identity="x" * 300).boot()
    found.forget()
    cause = "é" * 400
    found.observe(FrameRefused(connection=0, reason=cause))
    assert len(found.events(SecurityEventRaised)[-1].tech_info) == TECH_INFO_MAX


def test_nothing_is_raised_where_nothing_happened() -> None:
    assert raise_events(INITIAL, 5) == ()


def test_the_notification_bears_the_time_of_the_event_and_no_empty_text() -> None:
    state = station(profiles_off=()).boot().state
    event = SecurityEventRaised(
        type="ResetOrReboot", send=True, tech_info="", occurred=Moment(at_ms=1, boot=1, utc_ms=UTC_2026_MS)
    )
    request = render_security_event(state, event, 99_000).request
    assert dump(request) == {"type": "ResetOrReboot", "timestamp": "2026-01-01T00:00:00.000Z"}
