"""A cache of folded states in the user's own cache directory, so that a second question to a long log needs no second fold.

Nothing is ever written beside the log. An entry is found by the log's place (its digest at that seq) and by the folding code, so
one that was made of another history, or by another version, is never used. Deleting the directory is harmless.
"""

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from eventstore.structure import StructureError
from projections.digest import fingerprint, state_bytes, state_from
from projections.station import StationState
from station.replay.opening.reader import LogReader

CACHE_BYTES_MAX = 256 << 20
_SUFFIX = ".state"


def default_directory() -> Path:
    """Where the cache of this user is."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "chargebox" / "replay"


class Checkpoints:
    """The states kept in one directory; it is made when it is first needed, for its owner alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def _of_log(self, reader: LogReader) -> Path:
        """All entries of one log lie together, named by its first event."""
        first = reader.row(reader.first_seq)
        name = "empty" if first is None else first.digest.hex()[:32]
        return self._directory / fingerprint()[:16] / name

    def newest(self, reader: LogReader, seq: int) -> StationState | None:
        """The newest state up to `seq` that belongs to this very log; None if there is none."""
        for at_seq, file in _numbered(self._of_log(reader)):
            if at_seq > seq:
                continue
            row = reader.row(at_seq)
            try:
                digest, _, content = file.read_bytes().partition(b"\n")
                if row is not None and digest == _seal(row.digest, content):
                    return state_from(content)
            except (OSError, StructureError, KeyError, ValueError):
                continue
        return None

    def keep(self, reader: LogReader, state: StationState) -> None:
        """Keep a state; that there is no room, or no right, to do so is no error."""
        row = reader.row(state.seq)
        if row is None:
            return
        target = self._of_log(reader) / f"{state.seq}{_SUFFIX}"
        content = state_bytes(state)
        with suppress(OSError):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = target.with_suffix(f".{os.getpid()}.tmp")
            fresh.touch(mode=0o600)
            fresh.write_bytes(_seal(row.digest, content) + b"\n" + content)
            fresh.replace(target)
            self._shrink()

    def _shrink(self) -> None:
        """The oldest go when the cache outgrows its limit."""
        kept = sorted(self._directory.rglob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        total = 0
        for file in kept:
            total += file.stat().st_size
            if total > CACHE_BYTES_MAX:
                file.unlink(missing_ok=True)


def _seal(digest: bytes, content: bytes) -> bytes:
    return sha256(digest + content).hexdigest().encode()


def _numbered(directory: Path) -> list[tuple[int, Path]]:
    files = directory.glob(f"*{_SUFFIX}") if directory.is_dir() else ()
    return sorted(((int(file.stem), file) for file in files if file.stem.isdecimal()), reverse=True)
