"""The jobs about certificates: looking at those of the CSMS, and making key pairs; lanes of `station.runtime.jobs`."""

import asyncio
import logging

from eventstore.catalogue.certificates import CertificateExamined, SigningRequestMade
from eventstore.event import Observation
from projections.certificates import CSMS_ROOT, Certificates, Check
from projections.own_certificates import STATION_CERTIFICATE, OwnCertificates, SigningRequest
from projections.station import StationState
from station.runtime import x509
from station.runtime.jobs import JobStep
from station.runtime.trust import Trust

LOGGER = logging.getLogger(__name__)

FAILURE_LENGTH_MAX = 255


def _failure(error: OSError) -> str:
    return f"it cannot be stored: {error.strerror or error}"[:FAILURE_LENGTH_MAX]


class CertificateWork:
    """Looks at one certificate at a time, in the order in which they came."""

    name = "certificates"

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._certificates = Certificates()
        self._own = OwnCertificates()

    def step(self, state: StationState) -> JobStep | None:
        """The check that is under way; after a change of what is kept there is a moment to tidy up."""
        self._certificates, self._own = state.certificates, state.own_certificates
        if state.certificates.checks:
            return JobStep(job=state.certificates.checks[0].check, step="examine", attempt=1, is_work=True)
        kept = len(self._certificates.stored) + len(self._own.stored) + len(self._own.keys)
        return JobStep(job=0, step="tidy", attempt=kept, is_work=False)

    async def do(self, state: StationState) -> Observation:
        """Looks at the certificate beside the loop; it is on the disk before that is reported."""
        return await asyncio.to_thread(self._examined, state, state.certificates.checks[0])

    def _examined(self, state: StationState, check: Check) -> CertificateExamined:
        try:
            if check.use == STATION_CERTIFICATE:
                return self._examined_own(state, check)
            return self._examined_root(state.certificates, check)
        except ImportError as error:
            return CertificateExamined(check=check.check, problem="", failure=f"{x509.MISSING}: {error}")
        except Exception as error:  # a stranger's bytes must not end the station, whatever we have overlooked
            LOGGER.exception("a certificate could not be looked at")
            failure = f"it could not be looked at: {type(error).__name__}"
            return CertificateExamined(check=check.check, problem="", failure=failure)

    def _examined_root(self, certificates: Certificates, check: Check) -> CertificateExamined:
        if check.use == CSMS_ROOT:
            trusted = self._trust.trusted(certificates)
        else:
            trusted = self._trust.files.read_all(certificates.of(check.use))
        found = x509.examine_root(check.text, trusted.values())
        failure = ""
        if found.der:
            try:
                self._trust.files.keep(check.use, found.der)
            except OSError as error:
                failure = _failure(error)
        return CertificateExamined(
            check=check.check, problem=found.problem, facts=found.facts, signed_by=found.signed_by, failure=failure
        )

    def _examined_own(self, state: StationState, check: Check) -> CertificateExamined:
        trusted = self._trust.trusted(state.certificates)
        found = x509.examine_chain(check.text, trusted.values(), state.own_certificates.keys)
        failure = ""
        if found.chain and found.public_key in state.own_certificates.keys:
            try:
                self._trust.files.keep_own(found.chain)
            except OSError as error:
                failure = _failure(error)
        return CertificateExamined(
            check=check.check,
            problem=found.problem,
            facts=found.facts,
            failure=failure,
            public_key=found.public_key,
            common_name=found.common_name,
            organisation=found.organisation,
            is_anchored=found.is_anchored,
            chain_ends_utc_ms=found.ends_utc_ms,
        )

    def tidy(self, step: JobStep | None) -> None:
        """Removes the files of certificates that nothing names, while nobody may be about to name one."""
        if step is None or step.is_work:
            return
        files = self._trust.files.files()
        # Only then: a key that is among the files was asked for before, and that is known here.
        if not self._is_asking:
            self._trust.files.prune(files, self._certificates.stored, self._own.stored, self._own.keys)

    @property
    def _is_asking(self) -> bool:
        """Whether a key pair is being made, whose file nothing names yet."""
        return self._own.signing is not None and not self._own.signing.key


class KeyWork:
    """Makes the key pair of the certificate that is asked for; `kind` as the settings have it."""

    name = "station key"

    def __init__(self, trust: Trust, kind: str) -> None:
        self._trust = trust
        self._kind = kind

    def step(self, state: StationState) -> JobStep | None:
        """The request whose key pair is missing."""
        signing = state.own_certificates.signing
        if signing is None or signing.key:
            return None
        return JobStep(job=signing.request, step="make", attempt=1, is_work=True)

    async def do(self, state: StationState) -> Observation:
        """Makes it beside the loop; the private key is on the disk before that is reported, and nowhere else."""
        signing = state.own_certificates.signing
        assert signing is not None, "there is work for a request only"
        return await asyncio.to_thread(self._made, signing)

    def _made(self, signing: SigningRequest) -> SigningRequestMade:
        try:
            pair = x509.make_key_pair(self._kind, signing.organisation, signing.common_name)
            self._trust.files.keep_key(pair.fingerprint, pair.private_pem)
        except ImportError as error:
            return SigningRequestMade(request=signing.request, failure=f"{x509.MISSING}: {error}")
        except (OSError, ValueError) as error:
            failure = f"the key pair cannot be made: {error}"[:FAILURE_LENGTH_MAX]
            return SigningRequestMade(request=signing.request, failure=failure)
        return SigningRequestMade(request=signing.request, key=pair.fingerprint, csr=pair.csr)

    def tidy(self, step: JobStep | None) -> None:
        """Nothing: the other lane does it."""
