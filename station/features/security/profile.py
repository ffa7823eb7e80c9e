"""The key SecurityProfile (white paper, 7.6) and what becomes of a profile on trial (A05).

The profile is a matter of connections, so the answer is Accepted and the link is closed; the next attempts are made with it
(`projections.security_profile`). A CSMS that gets the station with it hears a BootNotification and every status, as after a boot: it may
be another server, or another part of it, than the one that accepted the station before.
"""

from eventstore.catalogue.link import LinkCloseDecided, LinkOpened
from eventstore.catalogue.registration import BootNotificationQueued
from eventstore.catalogue.security import SecurityProfileFallenBack, SecurityProfileProven, SecurityProfileTrialBegun
from eventstore.event import Event
from projections.registration import ACCEPTED
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import Events
from station.rules.security_profiles import missing_for
from station.wire.enums import ConfigurationStatus

PROFILE_MAX = 3


def raise_profile(state: StationState, profile: int, at_ms: int) -> tuple[ConfigurationStatus, tuple[Event, ...]]:
    """The answer to ChangeConfiguration, and what follows: up only, and only with what it needs (A05.FR.01 to A05.FR.06)."""
    held = state.security_profile
    if held.fixed or profile <= held.wanted or missing_for(state, profile, at_ms):
        return ConfigurationStatus.REJECTED, ()
    closed = LinkCloseDecided(connection=state.link.connection, reason=f"security profile {profile}")
    return ConfigurationStatus.ACCEPTED, (SecurityProfileTrialBegun(profile=profile), closed)


def on_opened(state: StationState, event: LinkOpened, at_ms: int) -> Events:
    """The end of a trial. Between an attempt's beginning and its end nothing moves `next`: it is what the attempt was made with."""
    held = state.security_profile
    if held.trial is None:
        return ()
    if held.next != held.trial:
        return (SecurityProfileFallenBack(profile=held.trial, to=held.in_force),)
    boot = (BootNotificationQueued(triggered=True),) if state.registration.status == ACCEPTED else ()
    return (SecurityProfileProven(profile=held.trial), *boot)


SECURITY_PROFILE: ConfigKey[int] = ConfigKey(
    name="SecurityProfile",
    kind=Integer(maximum=PROFILE_MAX),
    access=Access.READ_WRITE,
    default=lambda state: state.security_profile.wanted,
    clause="white paper 7.6",
    doc="The security profile; can only be raised, and is tried by the reconnection that follows.",
    settable_in_factory=False,
    change=raise_profile,
)
