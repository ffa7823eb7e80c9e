"""The security extension (white paper, edition 3). It is no feature profile of 9.1.29, but can be switched off as one."""

from eventstore.catalogue.link import LinkOpened
from eventstore.catalogue.security import LogStatusQueued, SecurityEventRaised
from projections.security import EXTENSION
from station.core.feature import TIME, Answer, Call, Feature, Rule
from station.features.security.events import raise_events, render_security_event
from station.features.security.logs import advance_log, decide_get_log, log_deadlines, render_log_status
from station.features.security.profile import SECURITY_PROFILE, on_opened
from station.features.security.triggers import decide_extended_trigger
from station.rules.transfers import SUPPORTED_FILE_TRANSFER_PROTOCOLS, tell_again

FEATURE = Feature(
    name="security",
    ocpp_profile=EXTENSION,
    answers=(
        Answer(action="ExtendedTriggerMessage", decide=decide_extended_trigger),
        Answer(action="GetLog", decide=decide_get_log),
    ),
    calls=(
        Call(event=LogStatusQueued, render=render_log_status, on_failure=tell_again),
        Call(event=SecurityEventRaised, render=render_security_event),
    ),
    observes={LinkOpened: on_opened},
    rules=(
        Rule(decide=raise_events, reads=("clock", "description", "security", "security_profile")),
        Rule(decide=advance_log, reads=("maintenance", TIME)),
    ),
    deadlines=log_deadlines,
    config_keys=(SUPPORTED_FILE_TRANSFER_PROTOCOLS, SECURITY_PROFILE),
)
