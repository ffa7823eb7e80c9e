"""The facts of the security extension in plain words, and how loud they are."""

from collections.abc import Mapping

from eventstore.catalogue import security
from eventstore.event import Event
from station.telling.upkeep_words import DETAIL, HEADLINE, NOISE, Words

SECURITY: Mapping[type[Event], tuple[int, Words]] = {
    security.TamperObserved: (
        HEADLINE,
        lambda e: "The ENCLOSURE was OPENED" if e.open else "The enclosure is closed",
    ),
    security.TlsFailed: (HEADLINE, lambda e: f"TLS with the CSMS failed: {e.detail} ({e.type})"),
    security.ServiceAccessRefused: (
        DETAIL,
        lambda e: f"The HTTP service refused a request from {e.peer}: {e.reason}",
    ),
    security.LogStatusQueued: (NOISE, lambda e: f"LogStatusNotification is queued: {e.status}"),
    security.SecurityProfileTrialBegun: (
        HEADLINE,
        lambda e: f"The CSMS wants security profile {e.profile}: the next connections are tried with it",
    ),
    security.SecurityProfileProven: (
        HEADLINE,
        lambda e: f"Security profile {e.profile} has opened a connection: no lower one is used from now on",
    ),
    security.SecurityProfileFallenBack: (
        HEADLINE,
        lambda e: f"Security profile {e.profile} has opened no connection: back to {e.to}",
    ),
    security.SecurityEventRaised: (
        DETAIL,
        lambda e: f"Security event {e.type}{f': {e.tech_info}' if e.tech_info else ''}",
    ),
}
