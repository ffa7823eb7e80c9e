"""Whether a root certificate is installed (white paper, M05), from what a job found out about it; and the keys that bound it."""

from eventstore.catalogue.certificates import CertificateExamined, CertificateFacts, RootInstalled, RootRemoved
from eventstore.event import Event
from eventstore.value import Value
from projections.certificates import CSMS_ROOT, Check, Root
from projections.station import StationState
from station.core.config_keys import Access, Boolean, ConfigKey, Integer
from station.wire.security_enums import CertificateSignedStatus, CertificateStatus

STORE_MAX_LENGTH = 20

ADDITIONAL_ROOT_CERTIFICATE_CHECK = ConfigKey(
    name="AdditionalRootCertificateCheck",
    kind=Boolean(),
    access=Access.READ_ONLY,
    default=False,
    clause="white paper 7.1",
    doc="true: one CentralSystemRootCertificate at a time, and a new one must be signed by the one that it replaces.",
)
CERTIFICATE_STORE_MAX_LENGTH = ConfigKey(
    name="CertificateStoreMaxLength",
    kind=Integer(minimum=1, maximum=STORE_MAX_LENGTH),
    access=Access.READ_ONLY,
    default=STORE_MAX_LENGTH,
    clause="white paper 7.4",
    doc="How many root certificates may be installed; those of the settings' `ca_file` do not count.",
)


class Judgement(Value, frozen=True, kw_only=True):
    """The status to answer, why, and what follows; `is_invalid`: the certificate itself is at fault."""

    outcome: CertificateStatus | CertificateSignedStatus
    reason: str = ""
    is_invalid: bool = False
    events: tuple[Event, ...] = ()


def judge_root(state: StationState, check: Check, found: CertificateExamined, utc_ms: int) -> Judgement:
    """What becomes of a root that the CSMS sent; `utc_ms` is a time that has passed for certain (`certificate_time`).

    One that is valid only later is installed: roots are brought before they are needed.
    """
    facts = found.facts
    if found.problem:
        return invalid(found.problem)
    if facts is None:
        return Judgement(outcome=CertificateStatus.FAILED, reason=found.failure)
    if facts.not_after_utc_ms <= utc_ms:
        return invalid("it has expired")
    if state.certificates.find(check.use, facts.fingerprint) is not None:
        return Judgement(outcome=CertificateStatus.ACCEPTED, reason="it is trusted already")
    old = state.certificates.of(CSMS_ROOT) if check.use == CSMS_ROOT else ()
    replaces = bool(old) and ADDITIONAL_ROOT_CERTIFICATE_CHECK.of(state)
    current = {root.fingerprint for root in old if root.fingerprint != state.certificates.fallback}
    if replaces and not current.intersection(found.signed_by):
        return invalid("it is not signed by the root that it would replace (AdditionalRootCertificateCheck)")
    fallback = _fallback(state, old) if replaces else ""
    dropped = [root for root in old if replaces and root.fingerprint != fallback]
    stored = [root for root in state.certificates.stored if root not in dropped]
    if len(stored) >= CERTIFICATE_STORE_MAX_LENGTH.of(state):
        return Judgement(
            outcome=CertificateStatus.REJECTED, reason="no more can be installed (CertificateStoreMaxLength)"
        )
    if found.failure:
        return Judgement(outcome=CertificateStatus.FAILED, reason=found.failure)
    return Judgement(outcome=CertificateStatus.ACCEPTED, events=_installed(check.use, facts, fallback, dropped))


def invalid(reason: str) -> Judgement:
    """Rejected, since the certificate itself is at fault."""
    return Judgement(outcome=CertificateStatus.REJECTED, reason=reason, is_invalid=True)


def _fallback(state: StationState, old: tuple[Root, ...]) -> str:
    """What is kept beside the new root: the one that verified a connection last, which the CSMS surely can be reached by."""
    proven = state.certificates.proven
    return proven if any(root.fingerprint == proven for root in old) else old[-1].fingerprint


def _installed(use: str, facts: CertificateFacts, fallback: str, dropped: list[Root]) -> tuple[Event, ...]:
    removed = (RootRemoved(use=use, fingerprint=root.fingerprint, reason="replaced") for root in dropped)
    return (RootInstalled(use=use, facts=facts, fallback=fallback), *removed)
