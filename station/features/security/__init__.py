"""The security extension (white paper, edition 3). It is no feature profile of 9.1.29, but can be switched off as one."""

from eventstore.catalogue.security import SecurityEventRaised
from projections.security import EXTENSION
from station.core.feature import Call, Feature, Rule
from station.features.security.events import raise_events, render_security_event

FEATURE = Feature(
    name="security",
    ocpp_profile=EXTENSION,
    calls=(Call(event=SecurityEventRaised, render=render_security_event),),
    rules=(Rule(decide=raise_events, reads=("clock", "description", "security")),),
)
