"""By which roots the CSMS is verified: those that are installed, those of the settings' `ca_file`, or the system's.

Which of them, and in which order, follows from the state (`projections.certificates`); here are the files. They are looked at for each
attempt, so that a `ca_file` that was replaced holds from the next connection on.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence

from eventstore.catalogue.certificates import CertificateFacts, CsmsRootProven, RootFile, RootsFound
from projections.certificates import BUNDLE, CSMS_ROOT, SETTINGS, SYSTEM, Certificates, roots_found
from station.runtime import pem, x509
from station.runtime.certificate_files import PREFIXES, CertificateFiles
from station.settings.loading import Settings

LOGGER = logging.getLogger(__name__)

NAMED_MAX = 20
"""A `ca_file` with more certificates than this is a collection of the public ones: they are trusted, and not listed one by one."""


class Trust:
    """The trusted roots of one station."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._news: RootsFound | None = None
        self._certificates = Certificates()  # as they were when the rungs were made
        self.files = CertificateFiles(settings.storage.directory)

    def look(self, certificates: Certificates, *, salvaged: bool = False, takes: bool = False) -> RootsFound | None:
        """What is to be put on record about the files, if anything is new. Raises OSError when no descriptor is left to look with.

        `takes`: what lies ready to be imported is put in its place. The certificates themselves are only read where something is new: that takes a library which is large.
        """
        there = set(self.files.names())
        missing = tuple(root.fingerprint for root in certificates.stored if (root.use, root.fingerprint) not in there)
        known = {(root.use, root.fingerprint) for root in certificates.stored}
        left = sorted(there - known) if salvaged or certificates.salvaged else []
        ready = [(use, chain[0]) for use in PREFIXES for chain in self.files.imports(use)] if takes else []
        ready = [(use, der) for use, der in ready if certificates.find(use, pem.fingerprint(der)) is None]
        content = pem.content_of(self._settings.csms.ca_file)
        digest = hashlib.sha256(content).hexdigest() if content else ""
        if content is None:
            digest = certificates.settings_digest
        if not (missing or left or ready or certificates.salvaged) and digest == certificates.settings_digest:
            return None
        own = self._of_settings()
        try:
            named, unnamed = self._named(own), self._unnamed(left, ready, own)
        except ImportError as error:
            LOGGER.warning("%s: roots are trusted, and not listed: %s", x509.MISSING, error)
            named, unnamed = (), ()
        is_bundle = len(named) < len(own)
        if content is None:
            named = tuple(root.facts for root in certificates.of(CSMS_ROOT) if root.source == SETTINGS)
            is_bundle = certificates.is_bundle
        found = RootsFound(
            settings_digest=digest,
            settings=named,
            is_bundle=is_bundle,
            missing=missing,
            unnamed=unnamed,
        )
        return found if roots_found(certificates, found) != certificates else None

    def _named(self, own: Mapping[str, bytes]) -> tuple[CertificateFacts, ...]:
        return x509.facts_of_all(own) if len(own) <= NAMED_MAX else ()

    def _unnamed(
        self, left: Iterable[tuple[str, str]], ready: Iterable[tuple[str, bytes]], own: Mapping[str, bytes]
    ) -> tuple[RootFile, ...]:
        found = [(use, self.files.read(use, fingerprint)) for use, fingerprint in left]
        for use, der in ready:
            self.files.keep(use, der)
            found.append((use, der))
        roots = []
        for use, content in found:
            try:
                roots.append(RootFile(use=use, facts=x509.facts_of(content or b"", own.values())))
            except x509.UnusableCertificateError as error:
                LOGGER.warning("a root certificate that lies here is not used: %s", error)
        return tuple(roots)

    def _of_settings(self) -> dict[str, bytes]:
        """The certificates of the settings' `ca_file`, in DER, by fingerprint."""
        content = pem.content_of(self._settings.csms.ca_file)
        return pem.certificates((content or b"").decode(errors="replace"))

    def trusted(self, certificates: Certificates) -> dict[str, bytes]:
        """The roots that a CSMS may be verified by, in DER, by fingerprint; not those of the system."""
        own = self._of_settings()
        roots = certificates.of(CSMS_ROOT)
        of_settings = {root.fingerprint for root in roots if root.source == SETTINGS}
        stored = self.files.read_all(root for root in roots if root.source != SETTINGS)
        return {**{name: der for name, der in own.items() if name in of_settings}, **stored}

    def rungs(self, certificates: Certificates, utc_ms: int) -> tuple[dict[str, bytes], ...]:
        """The roots of each attempt, in DER, by fingerprint; nothing stands for those of the system. Raises OSError as `look` does.

        A `ca_file` that cannot be read is no reason to trust those of the system.
        """
        self._news = self.look(certificates)
        after = self._certificates = certificates if self._news is None else roots_found(certificates, self._news)
        named = self.trusted(after)
        bundle = self._of_settings() if after.is_bundle else {}
        found = []
        for rung in after.rungs(utc_ms):
            anchors = {name: der for name, der in named.items() if name in rung}
            if BUNDLE in rung:
                anchors |= bundle
            if anchors or (rung == SYSTEM and self._settings.csms.ca_file is None):
                found.append(anchors)
        return tuple(found)

    def news(self) -> RootsFound | None:
        """The observation to record about the files, once."""
        news, self._news = self._news, None
        return news

    def proven(self, chain: Sequence[bytes]) -> CsmsRootProven | None:
        """The observation to record about a connection that was verified by a chain, in DER; None if it is nothing new."""
        certificates, names = self._certificates, [pem.fingerprint(der) for der in chain]
        named = [name for name in names if certificates.find(CSMS_ROOT, name) is not None]
        root = named[-1] if named else BUNDLE if names and certificates.is_bundle else ""
        return None if root == certificates.proven else CsmsRootProven(root=root)
