"""By which roots of the manufacturer signing certificates are judged: those of the settings' file, and those that the CSMS installed.

Which of them are trusted stands in the state (`projections.certificates`); here are the files. That of the settings is looked at when
the station starts.
"""

import hashlib
import logging
from pathlib import Path

from eventstore.catalogue.certificates import ManufacturerRootsFound
from projections.certificates import MANUFACTURER_ROOT, SETTINGS, Certificates, maker_roots_found
from station.runtime import pem, x509
from station.runtime.certificate_files import CertificateFiles
from station.settings.loading import Settings

LOGGER = logging.getLogger(__name__)

ROOTS_MAX = 20


def check_file(settings: Settings) -> None:
    """Raises SettingsError if the settings' file of roots cannot be read, holds no certificate in PEM, or too many."""
    file = settings.security.manufacturer_root_file
    if file is None:
        return
    try:
        found = len(pem.certificates(file.read_text(errors="replace")))
    except OSError as error:
        problem = f"{file}: cannot be read: {error.strerror}"
        raise settings.error("security", "manufacturer_root_file", problem) from error
    if not 1 <= found <= ROOTS_MAX:
        problem = f"{file}: holds {found} certificates in PEM, not 1 to {ROOTS_MAX}"
        raise settings.error("security", "manufacturer_root_file", problem)


class MakerRoots:
    """The roots of one station; `file` is that of the settings, or None."""

    def __init__(self, file: Path | None, files: CertificateFiles) -> None:
        self._file = file
        self._files = files

    def look(self, certificates: Certificates) -> ManufacturerRootsFound | None:
        """What is to be put on record about the settings' file, if anything is new; it is read into facts only then.

        Raises OSError.
        """
        content = b"" if self._file is None else self._file.read_bytes()
        digest = hashlib.sha256(content).hexdigest() if content else ""
        if digest == certificates.maker_digest:
            return None
        try:
            roots = x509.facts_of_all(pem.certificates(content.decode(errors="replace"))) if content else ()
        except ImportError as error:
            LOGGER.warning("%s: no root vouches for signed firmware: %s", x509.MISSING, error)
            return None
        found = ManufacturerRootsFound(digest=digest, roots=roots)
        return found if maker_roots_found(certificates, found) != certificates else None

    def trusted(self, certificates: Certificates) -> tuple[bytes, ...]:
        """The roots themselves, in DER, as far as they are there and whole. Raises OSError."""
        roots = certificates.of(MANUFACTURER_ROOT)
        of_settings = {root.fingerprint for root in roots if root.source == SETTINGS}
        content = self._file.read_text(errors="replace") if of_settings and self._file is not None else ""
        named = (der for fingerprint, der in pem.certificates(content).items() if fingerprint in of_settings)
        return (*named, *self._files.read_all(root for root in roots if root.source != SETTINGS).values())
