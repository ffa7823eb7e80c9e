"""The job that looks at certificates of the CSMS, and stores those that can be used; a lane of `station.runtime.jobs`."""

import asyncio

from eventstore.catalogue.certificates import CertificateExamined
from eventstore.event import Observation
from projections.certificates import CSMS_ROOT, Certificates, Check
from projections.station import StationState
from station.runtime import x509
from station.runtime.jobs import JobStep
from station.runtime.trust import Trust

FAILURE_LENGTH_MAX = 255


class CertificateWork:
    """One certificate at a time, in the order in which they came."""

    name = "certificates"

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._certificates = Certificates()

    def step(self, state: StationState) -> JobStep | None:
        """The check that is under way."""
        self._certificates = state.certificates
        if not state.certificates.checks:
            return None
        return JobStep(job=state.certificates.checks[0].check, step="examine", attempt=1, is_work=True)

    async def do(self, state: StationState) -> Observation:
        """Looks at the certificate beside the loop; it is on the disk before that is reported."""
        return await asyncio.to_thread(self._examined, state.certificates, state.certificates.checks[0])

    def _examined(self, certificates: Certificates, check: Check) -> CertificateExamined:
        trusted = self._trust.trusted(certificates) if check.use == CSMS_ROOT else self._stored(certificates, check.use)
        try:
            found = x509.examine_root(check.text, trusted.values())
        except ImportError as error:
            return CertificateExamined(check=check.check, problem="", failure=f"{x509.MISSING}: {error}")
        failure = ""
        if found.der:
            try:
                self._trust.files.keep(check.use, found.der)
            except OSError as error:
                failure = f"it cannot be stored: {error.strerror or error}"[:FAILURE_LENGTH_MAX]
        return CertificateExamined(
            check=check.check, problem=found.problem, facts=found.facts, signed_by=found.signed_by, failure=failure
        )

    def _stored(self, certificates: Certificates, use: str) -> dict[str, bytes]:
        return self._trust.files.read_all(certificates.of(use))

    def tidy(self, step: JobStep | None) -> None:
        """Removes the files of certificates that nothing names, once nobody may be about to name one."""
        if step is None:
            self._trust.files.prune(self._certificates.stored)
