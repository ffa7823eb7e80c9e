"""The storage directory: its lock, its own small files, and the reserve of disk space.

The lock is on the directory itself, and on the file `lock` in it. A file can be removed or replaced by anybody who tidies up, and
whoever came next would lock another one; the directory stays the same whatever is done in it and by whatever name it is reached.
The file is locked too, for versions that know only it and for file systems that lock no directories, and it tells who holds it.

Small files are replaced whole: written beside, synced, renamed, and the directory synced. A file is never half old, half new.
"""

import contextlib
import errno
import fcntl
import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from eventstore.again import read_file
from eventstore.errors import LogLocked, NotWritable

LOGGER = logging.getLogger(__name__)

LOCK_NAME = "lock"
IDENTITY_NAME = "identity"
"""Says that this directory was commissioned once: a log missing beside it has vanished."""
CONDEMNED_NAME = "condemned"
"""Holds what a check found while running; the next start sets the log aside."""
SUSPECTED_NAME = "suspected"
"""Damage was met once, which may have been misread: met once more before a check found the log whole, it condemns."""
REPORT_NAME = "recovery.json"
RESERVE_NAME = "reserve"
TEMPORARY_SUFFIX = ".tmp"
RESERVE_BYTES = 2 << 20
RESERVE_NEEDS_FREE_BYTES = 4 * RESERVE_BYTES
"""The reserve is only (re)made while this much is free; else it would take what it is meant to keep."""
LOW_SPACE_BYTES = 256 << 10
"""Below this an error of the storage is put down to the lack of space."""
_MODE_DIRECTORY, _MODE_FILE = 0o700, 0o600
_LOCKS = Path("/proc/locks")
_NO_DIRECTORY_LOCKS = frozenset({errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
_OTHERS = 0o077
_OURS = (
    *(
        LOCK_NAME,
        IDENTITY_NAME,
        CONDEMNED_NAME,
        REPORT_NAME,
        RESERVE_NAME,
        f"*{TEMPORARY_SUFFIX}",
        "witness",
        "snapshot-*",
    ),
    *(
        "chargebox.db*",
        "segment-*",
        "backup-*",
        "quarantine-*",
        "archive",
        "statements",
        "secrets",
        "certificates",
        "firmware*",
    ),
    *("diagnostics", "logs", "bench*", "salt", "*.key", "*.userinfo"),
)
"""What lies in a storage directory by right; a directory may be given that has other things in it."""


class StorageDirectory:
    """One storage directory. `acquire` makes and locks it; `close` releases the lock."""

    def __init__(self, path: Path, *, keeps_reserve: bool = True) -> None:
        self.path = path
        self._keeps_reserve = keeps_reserve
        self._locks: list[int] = []

    def acquire(self) -> None:
        """Make the directory if need be and take its lock. Raises LogLocked, NotWritable."""
        if self._locks:
            return
        try:
            self._make(self.path)
            self._lock(os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), is_directory=True)
            self._lock_file()
            self.close_to_others()
        except BlockingIOError as error:
            holder = lock_holder(self.path)
            self.close()
            raise LogLocked(f"the log in {self.path} is locked by process {holder or 'unknown'}") from error
        except OSError as error:
            self.close()
            raise NotWritable(f"the storage directory {self.path} takes no writes: {error}") from error

    def _lock(self, handle: int, *, is_directory: bool = False) -> None:
        self._locks.append(handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if not is_directory or error.errno not in _NO_DIRECTORY_LOCKS:
                raise

    def _lock_file(self) -> None:
        """Until the file that is locked is the one that stands there: without a lock on the directory it may be replaced."""
        while True:
            self._lock(os.open(self.path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE_FILE))
            if is_same(self._locks[-1], self.path / LOCK_NAME):
                break
            os.close(self._locks.pop())
        os.ftruncate(self._locks[-1], 0)
        os.pwrite(self._locks[-1], f"{os.getpid()}\n".encode(), 0)

    def check_place(self) -> None:
        """Raises OSError if the directory was moved away or replaced since it was locked.

        What is written by name would then land in another log's directory, or in none.
        """
        if self._locks and not is_same(self._locks[0], self.path):
            raise FileNotFoundError(errno.ENOENT, "the storage directory was moved away or replaced", str(self.path))

    def _make(self, path: Path) -> None:
        if path.is_dir():
            return
        if path.parent != path:
            self._make(path.parent)
        path.mkdir(mode=_MODE_DIRECTORY, exist_ok=True)
        sync_directory(path.parent)

    def close_to_others(self) -> None:
        """The directory, and what of ours lies right in it, is for the owner alone, whoever made it."""
        ours = (path for path in self.path.iterdir() if any(path.match(pattern) for pattern in _OURS))
        for path in (self.path, *ours):
            with contextlib.suppress(OSError):
                mode = path.lstat().st_mode
                if mode & _OTHERS and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    path.chmod(_MODE_DIRECTORY if stat.S_ISDIR(mode) else _MODE_FILE)

    def close(self) -> None:
        """Release the lock, if it is held."""
        locks, self._locks = self._locks, []
        for lock in reversed(locks):
            os.close(lock)

    def size_of(self, name: str) -> int:
        """The size of a file in bytes; 0 when it is not there."""
        try:
            return (self.path / name).stat().st_size
        except FileNotFoundError:
            return 0

    def exists(self, name: str) -> bool:
        """Is there a file of this name?"""
        return (self.path / name).exists()

    def write_file(self, name: str, content: bytes) -> None:
        """Replace a file whole and durably. Raises OSError; the old content stays then."""
        temporary = self.path / f"{name}{TEMPORARY_SUFFIX}"
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE_FILE)
            with os.fdopen(handle, "wb") as file:
                os.fchmod(handle, _MODE_FILE)  # whatever the umask, and whoever left a file of this name
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self.path / name)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self.sync()

    def remove_file(self, name: str) -> None:
        """Remove a file durably; nothing happens if it is not there."""
        if self.exists(name):
            (self.path / name).unlink()
            self.sync()

    def sync(self) -> None:
        """Make the names in the directory durable."""
        sync_directory(self.path)

    def remove_temporaries(self) -> None:
        """Remove what an interrupted write left behind."""
        for left in self.path.glob(f"*{TEMPORARY_SUFFIX}*"):
            left.unlink()

    def is_commissioned(self) -> bool:
        """Did this directory ever hold a log?"""
        return self.exists(IDENTITY_NAME)

    def identity(self) -> str:
        """The identity that the directory was commissioned for; "" if it never was, or that cannot be read any more."""
        try:
            return read_file(self.path / IDENTITY_NAME).decode(errors="replace").strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            LOGGER.error("the identity cannot be read: %s", error)
            return ""

    def condemn(self, findings: Iterable[str]) -> None:
        """Have the next start set the log aside for these findings. Raises OSError."""
        self.write_file(CONDEMNED_NAME, "\n".join(findings).encode())

    def suspect(self, finding: str) -> None:
        """Damage was met, by something that is not tried twice: the second time it condemns. Raises OSError."""
        if self.exists(SUSPECTED_NAME):
            self.condemn((finding,))
        else:
            self.write_file(SUSPECTED_NAME, finding.encode())

    def conclude(self, findings: Iterable[str]) -> None:
        """The whole log was checked: it is condemned for what was found, or beyond suspicion. Raises OSError."""
        found = tuple(findings)
        if found:
            self.condemn(found)
        else:
            self.remove_file(SUSPECTED_NAME)

    def condemned(self) -> tuple[str, ...]:
        """What a check found while running; empty if nothing."""
        if not self.exists(CONDEMNED_NAME):
            return ()
        try:
            text = read_file(self.path / CONDEMNED_NAME).decode(errors="replace")
        except OSError as error:  # that it stands there is enough
            return (f"condemned, for a reason that cannot be read: {error.strerror}",)
        return tuple(text.splitlines()) or ("condemned without a reason",)

    def remove_report(self) -> None:
        """Forget the report of a recovery, durably."""
        self.remove_file(REPORT_NAME)

    def free_bytes(self) -> int:
        """What the file system has left for us."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def disk_bytes(self) -> int:
        """How large the file system is, for us."""
        found = os.statvfs(self.path)
        return found.f_blocks * found.f_frsize

    def make_reserve(self) -> bool:
        """Have the reserve stand ready; False when there is too little space to take it from. Without one there must be room for one."""
        if self.size_of(RESERVE_NAME) >= RESERVE_BYTES:
            return True
        if self.free_bytes() < RESERVE_NEEDS_FREE_BYTES:
            return False
        if not self._keeps_reserve:
            return True
        reserve = os.open(self.path / RESERVE_NAME, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _MODE_FILE)
        try:
            os.posix_fallocate(reserve, 0, RESERVE_BYTES)
            os.fsync(reserve)
        finally:
            os.close(reserve)
        return True

    def release_reserve(self) -> bool:
        """Give the reserve's space back to the file system; False when there was none."""
        try:
            (self.path / RESERVE_NAME).unlink()
        except FileNotFoundError:
            return False
        return True

    def is_out_of_space(self, error: BaseException) -> bool:
        """Is the lack of space behind this error? SQLite reports it under several names, so the free space decides too."""
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        try:
            return self.free_bytes() < LOW_SPACE_BYTES
        except OSError:
            return False


def sync_directory(path: Path) -> None:
    """fsync a directory, so that the names in it are durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_same(handle: int, path: Path) -> bool:
    """Is what is open here what stands under this name?"""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def lock_holder(directory: Path) -> int | None:
    """The process that holds the lock of this storage directory; None if nobody does. Looks, and takes no lock."""
    noted = _noted_holder(directory)
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:  # no such table on this system: the process that noted itself as holder tells
        return noted if noted is not None and _lives(noted) else None
    held = [line.split() for line in lines if " FLOCK " in line and "->" not in line]
    for path in (directory, directory / LOCK_NAME):
        try:
            status = path.stat()
        except OSError:
            continue
        device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
        for fields in held:
            where, _, inode = fields[5].rpartition(":")
            pid = int(fields[4])
            # Some file systems report another device here than to stat: there the process itself decides.
            if inode == str(status.st_ino) and (where == device or pid == noted or _has_open(pid, status)):
                return pid
    return None


def _noted_holder(directory: Path) -> int | None:
    try:
        return int((directory / LOCK_NAME).read_text().strip())
    except (OSError, ValueError):
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _has_open(pid: int, status: os.stat_result) -> bool:
    try:
        return any(os.path.samestat(each.stat(), status) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
