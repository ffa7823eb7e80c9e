"""The storage directory and the disk under it: who may use it, its file system, its free space, and what a sync takes.

The time of a sync is measured with a file that has no name (O_TMPFILE): the directory is not changed, and the file is gone with its
descriptor. Where the file system knows no such files, nothing is measured.
"""

import os
import re
import stat
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from eventstore.directory import RESERVE_NEEDS_FREE_BYTES
from eventstore.value import Value
from station.doctor.findings import Finding, fault, ok, warning
from station.runtime.disk import watermarks

SUBJECT = "disk"
SYNCS = 20
SYNC_SLOW_MS = 20
SYNC_BYTES = 4096
NETWORKED = frozenset("nfs nfs4 cifs smb3 smbfs ceph glusterfs 9p afs fuse.sshfs".split())
"""SQLite's write-ahead log needs memory that all processes share, and locks that hold."""
VOLATILE = frozenset({"tmpfs", "ramfs"})
RISKY_OPTIONS = {
    "nobarrier": "mount with barriers",
    "barrier=0": "mount with barrier=1",
    "data=writeback": "mount with data=ordered",
}
MOUNTS = Path("/proc/self/mountinfo")


class Mount(Value, frozen=True, kw_only=True):
    """A mounted file system: where, of which kind, with which options."""

    point: Path
    kind: str
    options: tuple[str, ...]


def disk_findings(directory: Path, seconds: Callable[[], float] | None, mounts: Path = MOUNTS) -> Iterator[Finding]:
    """What there is to say of the storage directory; `seconds` is a monotonic clock, None where nothing may be written."""
    place = _nearest(directory)
    yield _access(directory, place)
    yield from _file_system(place, mounts)
    yield _space(place)
    if seconds is not None:
        yield _syncs(place, seconds)


def _nearest(directory: Path) -> Path:
    """The directory itself, or the nearest one above it that is there."""
    path = directory.absolute()
    while not _is_directory(path) and path != path.parent:
        path = path.parent
    return path


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _access(directory: Path, place: Path) -> Finding:
    if place != directory.absolute():
        if os.access(place, os.W_OK | os.X_OK):
            return ok(SUBJECT, f"{directory} is not there yet; the first start makes it")
        text = f"{directory} is not there, and this user may not make it in {place}"
        return fault(SUBJECT, text, "make it, owned by the daemon's user, mode 0700; or run doctor as that user")
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return fault(SUBJECT, f"{directory} may not be used by this user", "run doctor as the daemon's user")
    mode = stat.S_IMODE(place.stat().st_mode)
    if mode & 0o077:
        return warning(
            SUBJECT, f"{directory} has mode {mode:04o}; it keeps secrets and tags", f"chmod 0700 {directory}"
        )
    return ok(SUBJECT, f"{directory} is ours alone")


def read_mounts(mounts: Path) -> list[Mount]:
    """The mounted file systems (proc(5), mountinfo); none where that cannot be read."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        before, _, after = line.partition(" - ")
        own, of_kind = before.split(), after.split()
        if len(own) < 6 or len(of_kind) < 3:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), own[4])
        options = (*own[5].split(","), *of_kind[2].split(","))
        found.append(Mount(point=Path(point), kind=of_kind[0], options=options))
    return found


def _file_system(place: Path, mounts: Path) -> Iterator[Finding]:
    path = place.resolve()
    above = [mount for mount in read_mounts(mounts) if path.is_relative_to(mount.point)]
    if not above:
        yield warning(SUBJECT, "the file system is not known", "look at the mount yourself: docs/operations.md")
        return
    mount = max(enumerate(above), key=lambda item: (len(item[1].point.parts), item[0]))[1]  # the last one covers
    text = f"{mount.kind} at {mount.point}"
    risky = [f"{option}: {advice}" for option, advice in RISKY_OPTIONS.items() if option in mount.options]
    if mount.kind in NETWORKED:
        yield fault(SUBJECT, f"{text} is a network file system", "keep the log on a local disk")
    elif "ro" in mount.options:
        yield fault(
            SUBJECT, f"{text} is mounted read-only", "mount it read-write; if it became so by itself, replace the disk"
        )
    elif mount.kind in VOLATILE:
        yield warning(SUBJECT, f"{text} is memory", "nothing on it outlives a loss of power: use a disk")
    elif risky:
        yield warning(SUBJECT, f"{text} gives up what a loss of power needs", "; ".join(risky))
    else:
        yield ok(SUBJECT, f"{text} ({','.join(dict.fromkeys(mount.options))})")


def _space(place: Path) -> Finding:
    found = os.statvfs(place)
    free, total = found.f_bavail * found.f_frsize, max(1, found.f_blocks * found.f_frsize)
    text = f"{free >> 20} MiB of {total >> 20} MiB are free"
    low, critical = watermarks(total)
    if free < max(critical, RESERVE_NEEDS_FREE_BYTES):
        return fault(SUBJECT, text, "no new transaction begins with so little: make room")
    if free < low or free < total // 10:
        return warning(SUBJECT, text, "keep a tenth of it free")
    return ok(SUBJECT, text)


def _syncs(place: Path, seconds: Callable[[], float]) -> Finding:
    try:
        taken = measure_syncs(place, seconds)
    except OSError as error:
        text = f"a sync cannot be measured in {place}: {error.strerror}"
        return warning(SUBJECT, text, "run doctor as the daemon's user, on the disk that it will use")
    median_ms, longest_ms = statistics.median(taken) * 1000, max(taken) * 1000
    text = f"a sync takes {median_ms:.2f} ms (median of {len(taken)}, longest {longest_ms:.1f} ms)"
    if median_ms > SYNC_SLOW_MS:
        return warning(SUBJECT, text, "every fact waits for one: choose a faster disk, docs/operations.md")
    return ok(SUBJECT, text)


def measure_syncs(place: Path, seconds: Callable[[], float]) -> list[float]:
    """How long each of some appends with fdatasync took, in seconds, in a file without a name. Raises OSError."""
    file = os.open(place, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    taken = []
    try:
        for number in range(SYNCS):
            os.pwrite(file, bytes(SYNC_BYTES), number * SYNC_BYTES)
            begun = seconds()
            os.fdatasync(file)
            taken.append(seconds() - begun)
    finally:
        os.close(file)
    return taken
