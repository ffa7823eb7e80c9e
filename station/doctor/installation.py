"""The installation: Python, SQLite, that the packages are ours and unchanged, and the libraries.

Our five top-level packages have general names (`station`, `devices` ...): another distribution may bring its own of the same name,
and whichever lies first on the path wins. So each must be one that our RECORD lists, or that an editable installation points to.
"""

import base64
import hashlib
import importlib.util
import json
import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from station.doctor.findings import Finding, fault, ok

DISTRIBUTION = "chargebox"
PACKAGES = ("eventstore", "station", "projections", "devices", "migrations")
PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 38, 0)
"""STRICT tables need 3.37, json_each in every build 3.38."""
WAL_RESET_BUG = ((3, 7, 0), (3, 51, 3))
"""From which version on, and fixed in which (sqlite.org/wal.html#walresetbug)."""
EXTRAS = {
    "pi": ("gpiod", "Adafruit_PureIO"),
    "modbus": ("pymodbus",),
    "security": ("cryptography",),
    "replay": ("rich",),
}
SUBJECT = "installation"

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?(?:>=([0-9.]+))?")


def installation_findings() -> Iterator[Finding]:
    """What can be said without settings."""
    yield python_finding(sys.version_info[:3])
    yield sqlite_finding(sqlite3.sqlite_version_info)
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        yield fault(SUBJECT, f"{DISTRIBUTION} is not installed, it only lies here", "install it: pip install .")
        return
    yield from package_findings(distribution, {name: _place(name) for name in PACKAGES})
    yield from requirement_findings(distribution.requires or (), _version)
    yield _extras()


def python_finding(version: tuple[int, ...]) -> Finding:
    """Is this Python new enough?"""
    text = f"Python {'.'.join(map(str, version))} in {sys.prefix}"
    if version >= PYTHON_MIN:
        return ok("python", text)
    return fault("python", text, f"Python {'.'.join(map(str, PYTHON_MIN))} or newer is needed")


def sqlite_finding(version: tuple[int, ...]) -> Finding:
    """Is this SQLite new enough, and which of its bugs must be known?"""
    text = f"SQLite {'.'.join(map(str, version))}"
    if version < SQLITE_MIN:
        return fault(
            "sqlite", text, f"{'.'.join(map(str, SQLITE_MIN))} or newer is needed: use a newer Python or system"
        )
    if WAL_RESET_BUG[0] <= version < WAL_RESET_BUG[1]:
        text += (
            " has the WAL-reset bug (fixed in 3.51.3): harmless while the daemon alone writes to the log; "
            "never open the log of a running station with another program that writes"
        )
    return ok("sqlite", text)


def _place(name: str) -> Path | None:
    """The directory from which a package is imported here."""
    spec = importlib.util.find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).resolve().parent


def package_findings(distribution: metadata.Distribution, places: Mapping[str, Path | None]) -> Iterator[Finding]:
    """Whether the packages that are imported are those of the distribution, as they were installed."""
    root = _editable_root(distribution)
    recorded = {Path(str(distribution.locate_file(file))).resolve(): file for file in distribution.files or ()}
    foreign = 0
    for name, place in places.items():
        if place is None:
            foreign += 1
            yield fault(SUBJECT, f"the package {name} cannot be found", "install chargebox again")
        elif place / "__init__.py" not in recorded and place.parent != root:
            foreign += 1
            advice = "give chargebox a virtual environment that it shares with nothing"
            yield fault(SUBJECT, f"the package {name} comes from {place}, which is not ours", advice)
    if foreign:
        return
    changed = sorted(
        file.as_posix() for path, file in recorded.items() if file.parts[0] in PACKAGES and _differs(path, file)
    )
    version = distribution.version
    if changed:
        shown = ", ".join(changed[:3]) + (" ..." if len(changed) > 3 else "")
        yield fault(SUBJECT, f"{len(changed)} files differ from what was installed: {shown}", "install chargebox again")
    elif root is not None:
        yield ok(SUBJECT, f"chargebox {version}, editable, from {root}")
    else:
        yield ok(SUBJECT, f"chargebox {version}, packages ours and unchanged")


def _editable_root(distribution: metadata.Distribution) -> Path | None:
    text = distribution.read_text("direct_url.json")
    try:
        document = json.loads(text) if text else {}
        if not document.get("dir_info", {}).get("editable"):
            return None
        return Path(unquote(urlsplit(document["url"]).path)).resolve()
    except (ValueError, KeyError, AttributeError):
        return None


def _differs(path: Path, file: metadata.PackagePath) -> bool:
    if file.hash is None or file.hash.mode != "sha256":
        return False
    try:
        digest = hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return True
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value


def requirement_findings(requires: Iterable[str], version: Callable[[str], str | None]) -> Iterator[Finding]:
    """Whether the libraries that every station needs are there, and new enough."""
    found = []
    for requirement in requires:
        match = _REQUIREMENT.match(requirement)
        if match is None or "extra ==" in requirement:
            continue
        name, minimum = match.groups()
        present = version(name)
        if present is None:
            yield fault("libraries", f"{name} is not installed", "install chargebox again")
        elif minimum and _numbers(present) < _numbers(minimum):
            yield fault("libraries", f"{name} {present} is older than {minimum}", f"pip install '{name}>={minimum}'")
        else:
            found.append(f"{name} {present}")
    yield ok("libraries", ", ".join(found) or "none needed")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _extras() -> Finding:
    present = [
        f"{extra}: {', '.join(name for name in names if importlib.util.find_spec(name) is not None) or 'none'}"
        for extra, names in EXTRAS.items()
    ]
    return ok("extras", "; ".join(present))
