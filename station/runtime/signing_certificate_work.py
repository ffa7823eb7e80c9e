"""The job that checks the certificate of a signed update that was offered; a lane of `station.runtime.jobs`."""

import asyncio
import logging

from eventstore.catalogue.maintenance import SigningCertificateChecked
from eventstore.event import Observation
from projections.station import StationState
from station.runtime.firmware_signing import FirmwareSigning
from station.runtime.jobs import JobStep
from station.runtime.maker_roots import MakerRoots

LOGGER = logging.getLogger(__name__)

FAULT_LENGTH_MAX = 255


class SigningCertificateWork:
    """One offer at a time, by the roots of the manufacturer that are trusted."""

    name = "signing certificates"

    def __init__(self, signing: FirmwareSigning, roots: MakerRoots) -> None:
        self._signing = signing
        self._roots = roots

    def step(self, state: StationState) -> JobStep | None:
        """The offer that waits for its answer."""
        offered = state.maintenance.offered
        return None if offered is None else JobStep(job=offered.job, step="check", attempt=1, is_work=True)

    async def do(self, state: StationState) -> Observation:
        """Checks the certificate beside the loop."""
        return await asyncio.to_thread(self._checked, state)

    def _checked(self, state: StationState) -> SigningCertificateChecked:
        offered = state.maintenance.offered
        assert offered is not None, "there is work for an offer only"
        try:
            return self._signing.check(offered, self._roots.trusted(state.certificates))
        except OSError as error:
            return SigningCertificateChecked(job=offered.job, fault=str(error)[:FAULT_LENGTH_MAX])
        except Exception as error:  # whatever it is, the CSMS must get its answer
            LOGGER.exception("the check of a signing certificate failed unexpectedly")
            return SigningCertificateChecked(job=offered.job, fault=f"it cannot be checked: {error}"[:FAULT_LENGTH_MAX])

    def tidy(self, step: JobStep | None) -> None:
        """It leaves no files."""
