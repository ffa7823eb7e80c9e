"""File descriptors: how many this process may have, and what it means that none is left.

A process without a free descriptor is no broken disk: whatever could not be opened succeeds as soon as one is free again. Only the
log itself must not wait, and it needs none: its files are open from the start, and so is the witness.
"""

import errno
import os
import resource
import sqlite3

LIMIT_WANTED = 4096
"""As many as a station could ever use; a limit that is higher is left alone."""
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE})


def is_shortage(error: BaseException) -> bool:
    """Whether the lack of descriptors is behind this error. SQLite hides the reason, so the system is asked as well."""
    if isinstance(error, OSError):
        return error.errno in _SHORTAGES
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if not isinstance(error, sqlite3.OperationalError) or code is None or code & 0xFF != sqlite3.SQLITE_CANTOPEN:
        return False
    return not _has_one()


def _has_one() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno not in _SHORTAGES
    return True


def limit() -> int:
    """How many descriptors the process may have now."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return LIMIT_WANTED if soft == resource.RLIM_INFINITY else soft


def raise_limit(most: int = LIMIT_WANTED) -> int:
    """Raise the soft limit to `most`, or as far as the hard one lets us; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return limit()
