"""Security events (white paper, A04 and section 8): what happened is raised, kept in the log, and sent to the CSMS.

From security profile 1 on all are sent, not the critical ones alone: L01.FR.02, L01.FR.03 and the certification cases ask for
some that the table of section 8 calls not critical. The security log is the log itself: these events, with their digests.
"""

from eventstore.catalogue.security import SecurityEventRaised
from projections.station import StationState
from station.core.feature import Events, Rendered
from station.wire.messages.security import SecurityEventNotification

TECH_INFO_MAX = 255


def raise_events(state: StationState, at_ms: int) -> Events:
    """What happened and was not raised yet."""
    return tuple(
        SecurityEventRaised(
            type=each.type,
            tech_info=each.tech_info[:TECH_INFO_MAX],
            occurred=state.clock.moment(at_ms),
            send=_are_sent(state),
        )
        for each in state.security.pending
    )


def _are_sent(state: StationState) -> bool:
    """A CSMS that asks for no security profile mostly knows nothing of the extension, and some hang up on what they do not know."""
    by_profile = state.security_profile.in_force > 0
    return {"always": True, "never": False}.get(state.described.security_events, by_profile)


def render_security_event(state: StationState, event: SecurityEventRaised, at_ms: int) -> Rendered:
    """SecurityEventNotification.req (5.15); the time is that of the event, however late it is sent (A04.FR.02)."""
    request = SecurityEventNotification(
        type=event.type, timestamp=state.clock.utc_of(event.occurred), tech_info=event.tech_info or None
    )
    return Rendered(request=request)
