"""The station's own certificate: asked for (A02, A03), received, used from its beginning on, and dropped when it is old."""

from collections.abc import Iterable

from eventstore.catalogue.certificates import (
    CertificateCheckConcluded,
    CertificateSigningEnded,
    SignCertificateQueued,
    SigningRequestMade,
)
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import LinkCloseDecided
from projections.outbox import Owed
from projections.own_certificates import STATION_CERTIFICATE
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import Deadline, Events, Failure, Rendered, Reply
from station.features.certificates.checks import SIGNED, begin
from station.rules.station_certificate import (
    MONTH_MS,
    begin_signing,
    can_ask,
    dropped,
    uses_certificate,
)
from station.wire.messages.security import CertificateSigned, CertificateSignedResponse, SignCertificate
from station.wire.security_enums import CertificateSignedStatus, GenericStatus

CHAIN_SIZE_MAX = 10_000
TRIES_MAX = 3
ASK_AGAIN_MS = 7 * 86_400_000
"""How long after a request that led to nothing another one is made: only a person can mend what is wrong with it (A02, 7)."""
NEW_CERTIFICATE = "a new certificate of the station is valid"
CERTIFICATE_SIGNED_MAX_CHAIN_SIZE = ConfigKey(
    name="CertificateSignedMaxChainSize",
    kind=Integer(minimum=1, maximum=CHAIN_SIZE_MAX),
    access=Access.READ_ONLY,
    default=CHAIN_SIZE_MAX,
    unit="characters",
    clause="white paper 7.3",
    doc="How long `certificateChain` of CertificateSigned may be.",
)
_RENEWAL, _BEGINNING, _RETIREMENT = "certificate renewal", "certificate begins", "old certificates"


def signed(state: StationState, request: CertificateSigned, at_ms: int) -> Reply:
    """CertificateSigned.req (5.1): the answer waits for the job that looks at the certificate and stores it."""
    rejected = CertificateSignedResponse(status=CertificateSignedStatus.REJECTED)
    size, most = len(request.certificate_chain), CERTIFICATE_SIGNED_MAX_CHAIN_SIZE.of(state)
    if size > most:
        concluded = CertificateCheckConcluded(
            check=0,
            action=SIGNED,
            use=STATION_CERTIFICATE,
            outcome=CertificateSignedStatus.REJECTED,
            reason=f"{size} characters, more than {most} (CertificateSignedMaxChainSize)",
            is_invalid=True,
        )
        return Reply(rejected, (concluded,))
    return begin(state, SIGNED, STATION_CERTIFICATE, request.certificate_chain, at_ms) or Reply(rejected)


def on_request_made(state: StationState, event: SigningRequestMade, at_ms: int) -> Events:
    """The request goes to the CSMS; a key pair that cannot be made ends it."""
    signing = state.own_certificates.signing
    if signing is None or signing.request != event.request:
        return ()
    if event.failure:
        return (CertificateSigningEnded(request=event.request, reason=event.failure),)
    return (SignCertificateQueued(request=event.request, csr=event.csr),)


def render(state: StationState, event: SignCertificateQueued, at_ms: int) -> Rendered:
    """SignCertificate.req (5.17)."""
    return Rendered(request=SignCertificate(csr=event.csr))


def on_result(state: StationState, owed: Owed, response: object, at_ms: int) -> Events:
    """SignCertificate.conf: Rejected ends the request; after Accepted CertificateSigned comes, or a person has to look (A02, 7)."""
    event = owed.event
    assert isinstance(event, SignCertificateQueued), "its own call"
    if getattr(response, "status", None) != GenericStatus.REJECTED:
        return ()
    return _ended(state, event.request, "the CSMS rejected the request")


def on_failure(state: StationState, owed: Owed, failure: Failure, at_ms: int) -> Events:
    """What was not answered in time is asked again, a few times; an error ends the request."""
    event = owed.event
    assert isinstance(event, SignCertificateQueued), "its own call"
    signing = state.own_certificates.signing
    if signing is None or signing.request != event.request:
        return ()
    if failure.kind == "timeout" and event.tries < TRIES_MAX:
        return (SignCertificateQueued(request=event.request, csr=event.csr, tries=event.tries + 1),)
    reason = failure.error_code or failure.kind
    return _ended(state, event.request, f"the CSMS did not take the request: {reason}")


def _ended(state: StationState, request: int, reason: str) -> Events:
    signing = state.own_certificates.signing
    is_it = signing is not None and signing.request == request
    return (CertificateSigningEnded(request=request, reason=reason),) if is_it else ()


def deadlines(state: StationState) -> Iterable[Deadline]:
    """A month before the end of what is used, the beginning of what is newer, and the end of what is older."""
    own, clock = state.own_certificates, state.clock
    if not own.certificates or not clock.trusted or not uses_certificate(state):
        return
    if state.online and own.ends_utc_ms is not None and can_ask(state):
        again_ms = own.asked_ms + ASK_AGAIN_MS if own.requests else 0
        yield Deadline(due_ms=max(clock.at_ms(own.ends_utc_ms - MONTH_MS), again_ms), name=_RENEWAL)
    now = own.find(own.proven)
    if now is None:
        return
    newer = [each for each in own.certificates if own.is_newer(each, now) and each.fingerprint not in own.refused]
    if newer and state.link.up and not state.link.close_wanted:
        due_ms = min(clock.at_ms(each.facts.not_before_utc_ms) for each in newer)
        yield Deadline(due_ms=due_ms, name=_BEGINNING)
    if any(own.is_newer(now, each) for each in own.stored):
        yield Deadline(due_ms=own.proven_ms + MONTH_MS, name=_RETIREMENT)


def on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    """What one of them comes to."""
    own = state.own_certificates
    if event.name == _RENEWAL:
        return (begin_signing(state, "the certificate ends within a month"),)
    if event.name == _BEGINNING and state.link.up:
        return (LinkCloseDecided(connection=state.link.connection, reason=NEW_CERTIFICATE),)
    now = own.find(own.proven) if event.name == _RETIREMENT else None
    if now is None:
        return ()
    reason = "a newer one has been in use for a month"
    return tuple(dropped(each, reason) for each in own.stored if own.is_newer(now, each))
