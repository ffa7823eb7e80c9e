"""With which of its own certificates the station goes to the CSMS (security profile 3): the files, and what became of each.

Which one goes next follows from the state (`projections.own_certificates`); here are the files. They are looked at for each attempt, so
that what is put in place of the settings' certificate holds from the next connection on.
"""

import hashlib
import logging
from pathlib import Path

from eventstore.catalogue.certificates import (
    CertificateFacts,
    KeyFile,
    StationCertificateProven,
    StationCertificateRefused,
    StationCertificatesFound,
)
from projections.certificates import STORED
from projections.own_certificates import (
    STATION_CERTIFICATE,
    OwnCertificate,
    OwnCertificates,
    certificate_proven,
    certificates_found,
)
from station.rules.certificate_time import CertificateTime
from station.runtime import pem, x509
from station.runtime.certificate_files import CertificateFiles
from station.settings.loading import Settings

LOGGER = logging.getLogger(__name__)

REFUSALS = (401, 403)
REASON_LENGTH_MAX = 255


class OwnIdentity:
    """The station's certificates as one link shows them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.files = CertificateFiles(settings.storage.directory)
        self._own = OwnCertificates()  # as they were when one was chosen
        self._used: OwnCertificate | None = None
        self._news: StationCertificatesFound | None = None

    def look(
        self, own: OwnCertificates, *, salvaged: bool = False, takes: bool = False
    ) -> StationCertificatesFound | None:
        """What is to be put on record about the files, if anything is new. Raises OSError when no descriptor is left to look with.

        `takes`: what lies ready to be imported is put in its place.
        """
        missing = tuple(each.fingerprint for each in own.stored if not self.files.has_own(each.fingerprint, each.key))
        known = {each.fingerprint for each in own.stored}
        left = [name for name in self.files.own_names() if name not in known] if salvaged or own.salvaged else []
        imports = self.files.imports(STATION_CERTIFICATE) if takes else ()
        ready = [chain for chain in imports if pem.fingerprint(chain[0]) not in known]
        content = pem.content_of(self._settings.csms.client_certificate_file)
        digest = hashlib.sha256(content).hexdigest() if content else ""
        if content is None:
            digest = own.settings_digest
        if not (missing or left or ready or own.salvaged) and digest == own.settings_digest:
            return None
        try:
            settings = own.of_settings if content is None else self._facts_of_settings(content)
            names = [*left, *(name for chain in ready if (name := self._taken(chain)))]
            unnamed = tuple(each for name in names if (each := self._key_file(name)) is not None)
        except ImportError as error:
            LOGGER.warning("%s: %s", x509.MISSING, error)
            settings, unnamed = None, ()
        found = StationCertificatesFound(settings_digest=digest, settings=settings, missing=missing, unnamed=unnamed)
        return found if certificates_found(own, found) != own else None

    def _facts_of_settings(self, content: bytes) -> CertificateFacts | None:
        """Those of the first certificate in the file: the others lead up from it."""
        found = list(pem.certificates(content.decode(errors="replace")).values())
        try:
            return x509.facts_of(found[0], found) if found else None
        except x509.UnusableCertificateError:
            return None

    def _key_file(self, fingerprint: str) -> KeyFile | None:
        """A certificate that lies here without being named, if its key does too."""
        chain = self.files.read_own(fingerprint)
        try:
            facts, key = x509.facts_of(chain[0], chain), x509.key_of(chain[0])
        except (IndexError, x509.UnusableCertificateError):
            return None
        return KeyFile(facts=facts, key=key) if self.files.has_own(fingerprint, key) else None

    def _taken(self, chain: tuple[bytes, ...]) -> str:
        """Puts a certificate that lies ready, and the key that was made for it here, where they belong; "" if there is no such key."""
        try:
            key = x509.key_of(chain[0])
        except x509.UnusableCertificateError:
            return ""
        private_pem = self.files.requested().get(key)
        if private_pem is None:
            return ""
        self.files.keep_key(key, private_pem)
        self.files.keep_own(chain)
        return pem.fingerprint(chain[0])

    def choose(self, own: OwnCertificates, when: CertificateTime) -> tuple[Path, Path] | None:
        """Certificate and key of the next attempt; None for those of the settings. Raises OSError as `look` does."""
        self._news = self.look(own)
        self._own = own if self._news is None else certificates_found(own, self._news)
        self._used = next(iter(self._own.ranked(when.utc_ms, exact=when.exact)), None)
        if self._used is None or self._used.source != STORED:
            return None
        return self.files.own_paths(self._used.fingerprint, self._used.key)

    def news(self) -> StationCertificatesFound | None:
        """The observation to record about the files, once."""
        news, self._news = self._news, None
        return news

    def forget(self) -> None:
        """The next attempt shows none."""
        self._used = None

    def proven(self) -> StationCertificateProven | None:
        """The observation to record about a connection that was opened; None if it is nothing new."""
        if self._used is None:
            return None
        event = StationCertificateProven(certificate=self._used.fingerprint)
        return None if certificate_proven(self._own, event, self._own.proven_ms) == self._own else event

    def refused(self, alert: str, error: Exception, status: int) -> StationCertificateRefused | None:
        """The observation to record about an attempt that failed; None if that is not for the certificate, or nothing new.

        `alert` is the TLS alert by which the CSMS refused it, `status` that of HTTP.
        """
        used = self._used
        if used is None or self._own.refused[-1:] == (used.fingerprint,):
            return None
        if len(self._own.certificates) < 2:  # there is no other to go with
            return None
        reason = f"HTTP {status}" if status in REFUSALS else alert
        if not reason and used.fingerprint != self._own.proven and _is_cut_off(error):
            reason = f"the connection was cut off: {error}"
        if not reason:
            return None
        return StationCertificateRefused(certificate=used.fingerprint, reason=reason[:REASON_LENGTH_MAX])


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    while error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__ or error
    return found


def _is_cut_off(error: Exception) -> bool:
    """Whether the CSMS ended the connection without an answer, as it may who does not like a certificate."""
    return any(isinstance(each, EOFError | ConnectionResetError | BrokenPipeError) for each in _causes(error))
