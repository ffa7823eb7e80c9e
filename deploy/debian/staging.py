"""What the Debian package holds beside the libraries, and what it says of itself. Reads the checkout, writes the staging tree."""

import gzip
import hashlib
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from migrations import MIGRATIONS
from station import VERSION

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "deploy" / "debian"
SOURCES = ("eventstore", "station", "projections", "devices", "migrations")
PYTHONS = ("3.11", "3.13")
"""Those of Debian 12 and 13: one package serves both, and a station that goes from one to the other keeps it."""
VENV = Path("opt/chargebox/venv")
SITE = VENV / "lib" / "site-packages"
DOC = Path("usr/share/doc/chargebox")
CONFFILE = "etc/chargebox/chargebox.toml"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")

FILES: Mapping[str, str] = {
    "deploy/chargebox.toml": CONFFILE,
    "deploy/chargebox.service": "usr/lib/systemd/system/chargebox.service",
    "deploy/chargebox-gpio.conf": f"{DOC}/examples/chargebox-gpio.conf",
    "deploy/completion/chargebox.bash": "usr/share/bash-completion/completions/chargebox",
    "deploy/completion/_chargebox": "usr/share/zsh/vendor-completions/_chargebox",
    "deploy/grafana/chargebox.json": f"{DOC}/examples/grafana-chargebox.json",
    "deploy/debian/copyright": f"{DOC}/copyright",
    "deploy/debian/lintian-overrides": "usr/share/lintian/overrides/chargebox",
    "docs/operations.md": "opt/chargebox/share/operations.md",
}
"""Where each file of the checkout lies once the package is installed."""

COMPRESSED: Mapping[str, str] = {
    "deploy/man/chargebox.1": "usr/share/man/man1/chargebox.1.gz",
    "CHANGELOG.md": f"{DOC}/NEWS.md.gz",
}

PROGRAM = """\
#!/opt/chargebox/venv/bin/python3
import sys

from station.cli.main import main

sys.exit(main())
"""

ENVIRONMENT = "home = /usr/bin\ninclude-system-site-packages = false\n"


def debian_version(version: str = VERSION) -> str:
    """The version as dpkg orders it: what comes before a release sorts before it."""
    return re.sub(r"\.?(a|b|rc|dev)(\d+)$", r"~\1\2", version)


def maintainer(project: str) -> str:
    """Name and address, from the text of pyproject.toml."""
    first = tomllib.loads(project)["project"]["maintainers"][0]
    return f"{first['name']} <{first['email']}>"


MAINTAINER = maintainer((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def lay_out(stage: Path, epoch: int) -> None:
    """Everything but the libraries. Raises OSError."""
    for source, place in FILES.items():
        _write(stage / place, (ROOT / source).read_bytes())
    for source, place in COMPRESSED.items():
        _write(stage / place, gzip.compress((ROOT / source).read_bytes(), mtime=0))
    _write(stage / DOC / "changelog.gz", gzip.compress(_changelog(epoch).encode(), mtime=0))
    _write(stage / VENV / "pyvenv.cfg", ENVIRONMENT.encode())
    program = stage / VENV / "bin" / "chargebox"
    _write(program, PROGRAM.encode())
    program.chmod(0o755)
    for python in PYTHONS:
        _link(stage / VENV / "lib" / f"python{python}" / "site-packages", "../site-packages")
    for name in ("python3", "python"):
        _link(stage / VENV / "bin" / name, "/usr/bin/python3")
    _link(stage / "usr/bin/chargebox", "/opt/chargebox/venv/bin/chargebox")


def _changelog(epoch: int) -> str:
    day = datetime.fromtimestamp(epoch, tz=UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    return (
        f"chargebox ({debian_version()}) unstable; urgency=medium\n\n"
        f"  * What changed for the person at the charging station: NEWS.md.gz.\n\n -- {MAINTAINER}  {day}\n"
    )


def describe(stage: Path, architecture: str) -> None:
    """DEBIAN/ of a tree that is complete but for it. Raises OSError."""
    control = stage / "DEBIAN"
    _write(control / "control", control_text(architecture, _size_kib(stage)).encode())
    _write(control / "conffiles", f"/{CONFFILE}\n".encode())
    _write(control / "md5sums", "".join(_sums(stage)).encode())
    for name in SCRIPTS:
        _write(control / name, maintainer_script(name).encode())
    control.chmod(0o755)  # whatever the umask of who builds it
    for path in control.iterdir():
        path.chmod(0o755 if path.name in SCRIPTS else 0o644)


def control_text(architecture: str, size_kib: int) -> str:
    """What apt reads."""
    first, last = PYTHONS[0], PYTHONS[-1]
    after = f"3.{int(last.partition('.')[2]) + 1}"
    exactly = " | ".join(f"python{python}" for python in PYTHONS)
    return (
        f"Package: chargebox\nVersion: {debian_version()}\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\n"
        f"Installed-Size: {size_kib}\n"
        f"Pre-Depends: init-system-helpers (>= 1.54~)\n"
        f"Depends: adduser, libc6 (>= 2.36), python3 (>= {first}), python3 (<< {after}), {exactly}\n"
        "Recommends: ca-certificates\n"
        "Section: net\nPriority: optional\n"
        "Description: OCPP 1.6J charge point with a durable event log\n"
        " The software of a charging station: a car charges on while the network is gone,\n"
        " while the power is gone nothing is lost, and afterwards the CSMS is told\n"
        " everything, once, in order, under the right transaction id.\n"
        " .\n"
        " The package brings its libraries and a station with a simulated board. The\n"
        " software is not the protective device: hardware according to IEC 61851-1 is.\n"
    )


def maintainer_script(name: str) -> str:
    """A script with its places filled in."""
    text = (HERE / "scripts" / name).read_text(encoding="utf-8")
    before = (HERE / "before_unpacking.py").read_text(encoding="utf-8")
    newest = MIGRATIONS[-1].number
    before = re.sub(r"^NEWEST_MIGRATION = 0$", f"NEWEST_MIGRATION = {newest}", before, count=1, flags=re.MULTILINE)
    text = text.replace("@VERSION@", debian_version()).replace("@PYTHONS@", " ".join(PYTHONS))
    return text.replace("@BEFORE_UNPACKING@", before.rstrip("\n"))


def _sums(stage: Path) -> Iterator[str]:
    for path in _content(stage):
        name = path.relative_to(stage).as_posix()
        if path.is_file() and not path.is_symlink() and name != CONFFILE:
            yield f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {name}\n"


def _size_kib(stage: Path) -> int:
    """As Policy 5.6.20 has it: files rounded up to KiB, anything else 1 KiB."""
    return sum(
        (path.lstat().st_size + 1023) // 1024 if path.is_file() and not path.is_symlink() else 1
        for path in _content(stage)
    )


def _content(stage: Path) -> list[Path]:
    return [path for path in sorted(stage.rglob("*")) if path.relative_to(stage).parts[0] != "DEBIAN"]


def normalize(stage: Path) -> None:
    """Modes that do not depend on who built it: the owner's right to execute decides."""
    for path in (stage, *stage.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def copy_sources(into: Path) -> None:
    """What a wheel is built from, without leftovers of other builds and with a fresh checkout's modes. Raises OSError."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"), copy_function=_copy)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        _copy(ROOT / name, into / name)


def _copy(source: str | Path, target: str | Path) -> None:
    shutil.copyfile(source, target)
    Path(target).chmod(0o644)
