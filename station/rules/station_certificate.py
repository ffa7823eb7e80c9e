"""The station's own certificate (white paper, A02 and A03): when one is asked for, and whether what came is good."""

from eventstore.catalogue.certificates import (
    CertificateExamined,
    CertificateSigningBegun,
    StationCertificateDropped,
    StationCertificateInstalled,
)
from eventstore.event import Event
from projections.own_certificates import OwnCertificate
from projections.security_profile import CLIENT_CERTIFICATE
from projections.station import StationState
from station.core.config_keys import Access, AnyText, ConfigKey
from station.rules.certificates import Judgement, invalid
from station.wire.security_enums import CertificateSignedStatus

NAME_LENGTH_MAX = 64  # X.520: ub-organization-name
OWN_MAX = 5
MONTH_MS = 30 * 86_400_000

CPO_NAME = ConfigKey(
    name="CpoName",
    kind=AnyText(length_max=NAME_LENGTH_MAX),
    access=Access.READ_WRITE,
    default="",
    clause="white paper 7.5",
    doc="The operator's name: O (organizationName) of the station's certificate, and of the requests for one.",
)


def uses_certificate(state: StationState) -> bool:
    """Whether the station shows a certificate to the CSMS (security profile 3)."""
    return state.security_profile.in_force == CLIENT_CERTIFICATE


def can_ask(state: StationState) -> bool:
    """Whether a certificate can be asked for: its request names CpoName (A02, 5)."""
    return bool(CPO_NAME.of(state).strip())


def is_asking(state: StationState) -> bool:
    """Whether a request for a certificate is on its way to the CSMS."""
    signing = state.own_certificates.signing
    is_queued = any(call.action == "SignCertificate" for call in state.outbox.calls)
    return signing is not None and (is_queued or not signing.key)


def begin_signing(state: StationState, reason: str) -> CertificateSigningBegun:
    """The event that begins a request, whatever became of the one before."""
    return CertificateSigningBegun(
        request=state.own_certificates.requests + 1,
        organisation=CPO_NAME.of(state).strip(),
        common_name=state.described.serial,
        reason=reason,
    )


def judge_certificate(state: StationState, found: CertificateExamined, utc_ms: int) -> Judgement:
    """What becomes of the certificate that the CSMS sent (A02.FR.06); `utc_ms` is a time that has passed for certain.

    One that is valid only later is taken (A02.FR.08). One with a key that the station holds already is taken as well: it renews.
    """
    facts = found.facts
    if found.problem:
        return invalid(found.problem)
    if facts is None:
        return Judgement(outcome=CertificateSignedStatus.REJECTED, reason=found.failure)
    problem = _problem(state, found, utc_ms)
    if problem:
        return invalid(problem)
    if found.failure:
        return Judgement(outcome=CertificateSignedStatus.REJECTED, reason=found.failure)
    if state.own_certificates.find(facts.fingerprint) is not None:
        return Judgement(outcome=CertificateSignedStatus.ACCEPTED, reason="it is there already")
    installed = StationCertificateInstalled(facts=facts, key=found.public_key)
    return Judgement(outcome=CertificateSignedStatus.ACCEPTED, events=(installed, *_too_many(state)))


def _problem(state: StationState, found: CertificateExamined, utc_ms: int) -> str:
    """What is wrong with the certificate, by what it says; "" if nothing is."""
    facts, own = found.facts, state.own_certificates
    assert facts is not None, "there is something to judge"
    if found.public_key not in own.keys:
        return "it is for a key that this station does not have"
    if not found.is_anchored:
        return "its chain leads to no root that is installed or was sent with it"
    if found.chain_ends_utc_ms <= utc_ms:
        return "it, or a certificate of its chain, has expired"
    if found.common_name != state.described.serial:
        return f"its CN is {found.common_name!r}, not the serial number {state.described.serial!r}"
    is_asked = own.signing is not None and own.signing.key == found.public_key
    organisation = own.signing.organisation if is_asked and own.signing is not None else CPO_NAME.of(state).strip()
    if organisation and found.organisation != organisation:
        return f"its O is {found.organisation!r}, not CpoName {organisation!r}"
    return ""


def _too_many(state: StationState) -> tuple[Event, ...]:
    """The oldest ones go for a new one, but never the one that is known to work."""
    stored = [each for each in state.own_certificates.stored if each.fingerprint != state.own_certificates.proven]
    excess = len(state.own_certificates.stored) + 1 - OWN_MAX
    oldest = sorted(stored, key=lambda each: each.facts.not_before_utc_ms)[: max(0, excess)]
    return tuple(dropped(each, "too many are kept") for each in oldest)


def dropped(certificate: OwnCertificate, reason: str) -> StationCertificateDropped:
    """The event that ends a certificate."""
    return StationCertificateDropped(certificate=certificate.fingerprint, reason=reason)
