"""The files of certificates and keys in the storage directory, each named by its use and its fingerprint.

A file is whole and on the disk, with its name, before the event that installs it, and it goes only after the event that removes
it. So at any cut the log names nothing that is not there; a file that it does not name is left over, and is removed.
"""

import logging
import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path

from eventstore.directory import StorageDirectory, sync_directory
from projections.certificates import CSMS_ROOT, MANUFACTURER_ROOT, Root
from projections.own_certificates import OwnCertificate
from station.runtime import pem

LOGGER = logging.getLogger(__name__)

DIRECTORY_NAME = "certificates"
SUFFIX = ".pem"
PREFIXES = {CSMS_ROOT: "csms-root-", MANUFACTURER_ROOT: "manufacturer-root-"}
OWN_PREFIX, KEY_PREFIX, KEY_SUFFIX = "station-", "station-key-", ".key"
IMPORT_PREFIX, REQUEST_PREFIX = "import-", "request-"
"""What somebody has laid ready at the station: certificates for the next start, and keys whose certificate is awaited."""
_MODE_DIRECTORY = 0o700


class CertificateFiles:
    """The certificates of one storage directory."""

    def __init__(self, directory: Path) -> None:
        self._storage = directory
        self._directory = directory / DIRECTORY_NAME

    def keep(self, use: str, der: bytes) -> None:
        """Stores a root durably, its directory's own name included. Raises OSError."""
        self._write(self.path(use, pem.fingerprint(der)).name, pem.written(der).encode())

    def _write(self, name: str, content: bytes) -> None:
        self._directory.mkdir(mode=_MODE_DIRECTORY, exist_ok=True)
        self._directory.chmod(_MODE_DIRECTORY)
        StorageDirectory(self._directory).write_file(name, content)
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

    # ---- the station's own -----------------------------------------------------------------------------------------

    def keep_own(self, chain: Sequence[bytes]) -> None:
        """Stores a certificate of the station durably, with those above it. Raises OSError."""
        text = "".join(pem.written(der) for der in chain)
        self._write(f"{OWN_PREFIX}{pem.fingerprint(chain[0])}{SUFFIX}", text.encode())

    def keep_key(self, fingerprint: str, private_pem: bytes) -> None:
        """Stores a private key durably, for the owner alone. Raises OSError."""
        self._write(f"{KEY_PREFIX}{fingerprint}{KEY_SUFFIX}", private_pem)

    def own_paths(self, fingerprint: str, key: str) -> tuple[Path, Path]:
        """Where a certificate of the station and its key lie."""
        return (
            self._directory / f"{OWN_PREFIX}{fingerprint}{SUFFIX}",
            self._directory / f"{KEY_PREFIX}{key}{KEY_SUFFIX}",
        )

    def read_own(self, fingerprint: str) -> tuple[bytes, ...]:
        """A certificate of the station and those above it in DER; nothing if it is not there, or is damaged."""
        try:
            text = self.own_paths(fingerprint, "")[0].read_text(errors="replace")
        except OSError:
            return ()
        found = tuple(pem.certificates(text).items())
        return tuple(der for _, der in found) if found and found[0][0] == fingerprint else ()

    def has_own(self, fingerprint: str, key: str) -> bool:
        """Whether a certificate of the station and its key are there, whole, and belong together."""
        if not self.read_own(fingerprint):
            return False
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(*self.own_paths(fingerprint, key))
        except (OSError, ValueError):  # SSLError is an OSError
            return False
        return True

    def keep_import(self, use: str, chain: Sequence[bytes]) -> None:
        """Lays a certificate ready for the next start, with those above it. Raises OSError."""
        prefix = PREFIXES.get(use, OWN_PREFIX)
        text = "".join(pem.written(der) for der in chain)
        self._write(f"{IMPORT_PREFIX}{prefix}{pem.fingerprint(chain[0])}{SUFFIX}", text.encode())

    def imports(self, use: str) -> tuple[tuple[bytes, ...], ...]:
        """The certificates of this use that lie ready, each with those above it, in DER."""
        prefix = PREFIXES.get(use, OWN_PREFIX)
        found = []
        for path in sorted(self._paths(f"{IMPORT_PREFIX}{prefix}*{SUFFIX}")):
            try:
                chain = tuple(pem.certificates(path.read_text(errors="replace")).values())
            except OSError as error:
                LOGGER.warning("a certificate that lies ready cannot be read: %s", error)
                continue
            if chain:
                found.append(chain)
        return tuple(found)

    def keep_request(self, fingerprint: str, private_pem: bytes) -> None:
        """Stores a private key whose certificate somebody is to bring. Raises OSError."""
        self._write(f"{REQUEST_PREFIX}{fingerprint}{KEY_SUFFIX}", private_pem)

    def requested(self) -> dict[str, bytes]:
        """The private keys whose certificate is awaited, by fingerprint."""
        found = {}
        for path in sorted(self._paths(f"{REQUEST_PREFIX}*{KEY_SUFFIX}")):
            try:
                found[path.name[len(REQUEST_PREFIX) : -len(KEY_SUFFIX)]] = path.read_bytes()
            except OSError as error:
                LOGGER.warning("a key cannot be read: %s", error)
        return found

    def own_names(self) -> tuple[str, ...]:
        """The fingerprints of all certificates of the station that are there and whole."""
        names = [path.name[len(OWN_PREFIX) : -len(SUFFIX)] for path in sorted(self._paths(f"{OWN_PREFIX}*{SUFFIX}"))]
        return tuple(name for name in names if self.read_own(name))

    def files(self) -> list[Path]:
        """All files, whatever they are."""
        return self._paths("*")

    def prune(
        self, files: Iterable[Path], roots: Iterable[Root], own: Iterable[OwnCertificate], keys: Iterable[str]
    ) -> None:
        """Removes those of the files that are none of these; a key whose certificate is awaited stays."""
        kept = [*keys]
        names = {self.path(root.use, root.fingerprint).name for root in roots}
        names |= {path.name for each in own for path in self.own_paths(each.fingerprint, each.key)}
        names |= {self.own_paths("", key)[1].name for key in kept}
        for path in files:
            is_awaited = path.name.startswith(REQUEST_PREFIX) and not any(key in path.name for key in kept)
            if path.name in names or is_awaited:
                continue
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                LOGGER.warning("a certificate or key that is not needed any more cannot be removed: %s", error)

    def _paths(self, pattern: str) -> list[Path]:
        try:
            return list(self._directory.glob(pattern))
        except OSError:
            return []
