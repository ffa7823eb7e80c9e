"""The job that checks the certificate of a signed update that was offered; a lane of `station.runtime.jobs`."""

import asyncio
import logging

from eventstore.catalogue.maintenance import SigningCertificateChecked
from eventstore.event import Observation
from projections.certificates import MANUFACTURER_ROOT
from projections.station import StationState
from station.runtime.certificate_files import CertificateFiles
from station.runtime.firmware_signing import FirmwareSigning
from station.runtime.jobs import JobStep

LOGGER = logging.getLogger(__name__)

FAULT_LENGTH_MAX = 255


class SigningCertificateWork:
    """One offer at a time; the roots are those of the maker's file and the ManufacturerRootCertificates in `files`."""

    name = "signing certificates"

    def __init__(self, signing: FirmwareSigning, files: CertificateFiles) -> None:
        self._signing = signing
        self._files = files

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
            installed = self._files.read_all(state.certificates.of(MANUFACTURER_ROOT))
            return self._signing.check(offered, installed.values())
        except Exception as error:  # whatever it is, the CSMS must get its answer
            LOGGER.exception("the check of a signing certificate failed unexpectedly")
            return SigningCertificateChecked(job=offered.job, fault=f"it cannot be checked: {error}"[:FAULT_LENGTH_MAX])

    def tidy(self, step: JobStep | None) -> None:
        """It leaves no files."""
