"""Runs inside preinst, with the standard library alone: copies the head of the log, and says what the log allows.

    python3 -I - NEW_VERSION [OLD_VERSION]

The head of a log is its live segment, with the write-ahead log beside it; archives never change. It is copied before a newer
version migrates it, so that the way back stays open. A log that the version to come cannot read stops the installation while
nothing has been changed.
"""

import os
import shutil
import sqlite3
import sys
import tomllib
from pathlib import Path

SETTINGS = Path("/etc/chargebox/chargebox.toml")
STORAGE = "/var/lib/chargebox"
BACKUPS = Path("/var/backups/chargebox")
LIVE = "chargebox.db"
HEAD = (LIVE, f"{LIVE}-wal", "witness", "identity")
NEWEST_MIGRATION = 0
"""The last one that the version in this package knows; filled in when the package is built."""
SPARE_BYTES = 16 * 1024 * 1024
"""What a copy leaves free."""


def storage_directory(settings: Path) -> Path:
    """Where the settings put the log; their default if they say nothing, or nothing that can be read."""
    try:
        return Path(tomllib.loads(settings.read_text(encoding="utf-8"))["storage"]["directory"])
    except (OSError, ValueError, KeyError, TypeError):
        return Path(STORAGE)


def copy_head(storage: Path, target: Path) -> None:
    """Copies the live segment to the directory `target`, in the place of an earlier copy. Raises OSError."""
    files = [storage / name for name in HEAD if (storage / name).is_file()]
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = sum(file.stat().st_size for file in files) + SPARE_BYTES
    free = shutil.disk_usage(target.parent).free
    if free < wanted:
        raise OSError(f"{target.parent} has {free >> 20} MiB free, and {wanted >> 20} MiB are needed")
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    for file in files:
        shutil.copy2(file, fresh / file.name)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def what_it_allows(copy: Path, newest: int) -> tuple[bool, str]:
    """Whether a version that knows the migrations up to `newest` may open the log of which this is a copy, and why."""
    # Opened for writing, so that its write-ahead log is laid over it: thus a copy of the copy.
    trial = copy.with_name(f"{copy.name}.trial")
    shutil.rmtree(trial, ignore_errors=True)
    try:
        shutil.copytree(copy, trial)
        connection = sqlite3.connect(trial / LIVE)
        try:
            rows = connection.execute("SELECT number, min_reader FROM migration ORDER BY number").fetchall()
            head = connection.execute("SELECT seq, hex(digest) FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        return True, f"it cannot be read ({error}): the station examines it when it starts"
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    if not all(type(value) is int for row in rows for value in row):
        return True, "its record of migrations is damaged: the station examines it when it starts"
    for number, min_reader in rows:
        if min_reader > newest:
            return (
                False,
                f"its migration {number} needs a version that knows migration {min_reader}, this one knows {newest}",
            )
    if rows and rows[-1][0] > newest:
        return True, f"it went through migration {rows[-1][0]}, and allows versions that know it up to {newest}"
    return True, f"its last event is {head[0]}, digest {head[1].lower()}" if head else "it is empty"


def main(new: str, old: str = "", settings: Path = SETTINGS, backups: Path = BACKUPS) -> int:
    """Copies and judges; returns the exit status of preinst: 1 stops the installation."""
    storage = storage_directory(settings)
    if not (storage / LIVE).is_file():
        return 0
    target = backups / (old or "by-hand")
    try:
        copy_head(storage, target)
    except OSError as error:
        print(
            f"chargebox: the head of the log in {storage} cannot be copied: {error}. Nothing was changed.\n"
            f"Make room there and install version {new} again.",
            file=sys.stderr,
        )
        return 1
    allowed, why = what_it_allows(target, NEWEST_MIGRATION)
    if not allowed:
        print(
            f"chargebox: version {new} cannot open the log in {storage}: {why}. Nothing was changed.\n"
            f"Keep version {old or 'that wrote it'}, or install a newer one than {new}.",
            file=sys.stderr,
        )
        return 1
    print(f"chargebox: the head of the log in {storage} is copied to {target}: {why}.")
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1], "".join(sys.argv[2:3])))
