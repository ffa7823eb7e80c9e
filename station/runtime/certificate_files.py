"""The files of root certificates in the storage directory, each named by its use and its fingerprint.

A file is whole and on the disk, with its name, before the event that installs it, and it goes only after the event that removes
it. So at any cut the log names nothing that is not there; a file that it does not name is left over, and is removed.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from eventstore.directory import TEMPORARY_SUFFIX, StorageDirectory, sync_directory
from projections.certificates import CSMS_ROOT, MANUFACTURER_ROOT, Root
from station.runtime import pem

LOGGER = logging.getLogger(__name__)

DIRECTORY_NAME = "certificates"
SUFFIX = ".pem"
PREFIXES = {CSMS_ROOT: "csms-root-", MANUFACTURER_ROOT: "manufacturer-root-"}
_MODE_DIRECTORY = 0o700


class CertificateFiles:
    """The certificates of one storage directory."""

    def __init__(self, directory: Path) -> None:
        self._storage = directory
        self._directory = directory / DIRECTORY_NAME

    def keep(self, use: str, der: bytes) -> None:
        """Stores a root durably, its directory's own name included. Raises OSError."""
        self._directory.mkdir(mode=_MODE_DIRECTORY, exist_ok=True)
        self._directory.chmod(_MODE_DIRECTORY)
        name = self.path(use, pem.fingerprint(der)).name
        StorageDirectory(self._directory).write_file(name, pem.written(der).encode())
        sync_directory(self._storage)

    def path(self, use: str, fingerprint: str) -> Path:
        """Where the root of this use and fingerprint lies."""
        return self._directory / f"{PREFIXES[use]}{fingerprint}{SUFFIX}"

    def read(self, use: str, fingerprint: str) -> bytes | None:
        """The root in DER; None if it is not there, or is damaged."""
        try:
            found = pem.certificates(self.path(use, fingerprint).read_text(errors="replace"))
        except OSError:
            return None
        return found.get(fingerprint)

    def read_all(self, roots: Iterable[Root]) -> dict[str, bytes]:
        """What there is of these, by fingerprint."""
        found = ((root.fingerprint, self.read(root.use, root.fingerprint)) for root in roots)
        return {fingerprint: der for fingerprint, der in found if der is not None}

    def names(self) -> tuple[tuple[str, str], ...]:
        """Use and fingerprint of all roots that are there and whole."""
        found = []
        for use, prefix in PREFIXES.items():
            for path in sorted(self._paths(f"{prefix}*{SUFFIX}")):
                fingerprint = path.name[len(prefix) : -len(SUFFIX)]
                if self.read(use, fingerprint) is not None:
                    found.append((use, fingerprint))
        return tuple(found)

    def prune(self, kept: Iterable[Root]) -> None:
        """Removes every file but those of these roots."""
        names = {self.path(root.use, root.fingerprint).name for root in kept}
        for path in [*self._paths(f"*{SUFFIX}"), *self._paths(f"*{TEMPORARY_SUFFIX}")]:
            if path.name in names:
                continue
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                LOGGER.warning("a certificate that is not trusted any more cannot be removed: %s", error)

    def _paths(self, pattern: str) -> list[Path]:
        try:
            return list(self._directory.glob(pattern))
        except OSError:
            return []
