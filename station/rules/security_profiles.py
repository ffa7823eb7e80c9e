"""What a security profile needs before the station may be asked to use it (white paper, A05.FR.02 to A05.FR.04)."""

from projections.certificates import CSMS_ROOT
from projections.security_profile import BASIC, CLIENT_CERTIFICATE, TLS
from projections.station import StationState
from station.rules.certificate_time import certificate_time


def missing_for(state: StationState, profile: int, at_ms: int) -> str:
    """What is missing for a security profile; "" if it can be tried."""
    if profile in BASIC and not _has_key(state):
        return "an AuthorizationKey"
    if profile in BASIC and ":" in state.described.identity:
        return "an identity without a colon, which ends the user name of HTTP Basic (RFC 7617)"
    now = certificate_time(state.clock, at_ms)
    if profile in TLS and not _has_root(state, now.utc_ms):
        return "a root certificate of the CSMS"
    if profile == CLIENT_CERTIFICATE and not state.own_certificates.ranked(now.utc_ms, exact=now.exact):
        return "a certificate of the station"
    return ""


def _has_key(state: StationState) -> bool:
    """Whether there is one that can be used; keys of a wrong length are neither kept nor taken from a file."""
    credentials = state.credentials
    stored = set(credentials.stored) - set(credentials.unusable)
    return bool(stored) or credentials.settings != ""


def _has_root(state: StationState, utc_ms: int) -> bool:
    """Whether there is one that has not expired; those of the system are nobody's choice for this CSMS."""
    roots = state.certificates.of(CSMS_ROOT)
    return state.certificates.is_bundle or any(root.facts.not_after_utc_ms > utc_ms for root in roots)
