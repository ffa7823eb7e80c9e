"""The locked libraries as wheels for another processor and another Python, and what else a package is built with."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from deploy.debian.staging import ROOT, copy_sources
from station import VERSION

MACHINES: Mapping[str, str] = {"amd64": "x86_64", "arm64": "aarch64"}
"""Debian's name of an architecture, and that of its wheels."""
GLIBC = (2, 36)
"""That of Debian 12, the older of the two."""
LOCKS = ("deploy/requirements.txt", "deploy/debian/requirements.txt")
EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
WORDS_SHOWN = 8
"""So many lines of what a failed program said."""


class CannotBuild(Exception):  # noqa: N818  # it says what is the case
    """The text says what is missing, and how to get it."""


def install_libraries(tree: Path, architecture: str, python: str) -> None:
    """Unpacks the locked wheels for that processor and Python. Raises CannotBuild."""
    locked = [word for lock in LOCKS for word in ("-r", str(ROOT / lock))]
    _install(tree, architecture, python, locked)


def install_own(tree: Path, architecture: str, python: str, wheels: Path) -> None:
    """Unpacks our own wheel beside them, found in the directory `wheels`. Raises CannotBuild."""
    # By name: of a file, pip would note where it lay.
    _install(tree, architecture, python, ["--no-index", "--find-links", str(wheels), f"chargebox=={VERSION}"])


def _install(tree: Path, architecture: str, python: str, what: Sequence[str]) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-qq", "--no-compile", "--no-deps"]
    target = ["--target", str(tree), "--python-version", python, "--implementation", "cp", "--only-binary", ":all:"]
    platforms = [word for name in platforms_of(MACHINES[architecture]) for word in ("--platform", name)]
    run([*pip, *target, *platforms, *what], f"the libraries for {architecture}, Python {python}, cannot be had")


def platforms_of(machine: str) -> Iterator[str]:
    """The tags of wheels that run on Debian 12 and newer, the most demanding first (PEP 600)."""
    for minor in range(GLIBC[1], 4, -1):
        yield f"manylinux_{GLIBC[0]}_{minor}_{machine}"
    for legacy in ("manylinux2014", "manylinux2010", "manylinux1"):
        yield f"{legacy}_{machine}"


def build_wheel(work: Path, epoch: int) -> Path:
    """Builds our own wheel from a clean copy; the directory that holds it. Raises CannotBuild, OSError."""
    copy_sources(work / "source")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work / "wheels")]
    run([*command, str(work / "source")], "the wheel cannot be built", epoch)
    return work / "wheels"


def find_interpreter(python: str, environ: Mapping[str, str] = os.environ) -> str:
    """A program that is this version of Python. Raises CannotBuild."""
    variable = f"PYTHON_{python.replace('.', '_')}"
    kept = sorted(Path.home().glob(f".pyenv/versions/{python}.*/bin/python{python}"))
    for candidate in (environ.get(variable), f"python{python}", "python3", *map(str, kept)):
        if candidate and _version_of(candidate) == python:
            return candidate
    raise CannotBuild(
        f"Python {python} is needed to compile the modules for the Debian that has it, and is not here; install it "
        f"(python{python} from Debian, or pyenv install {python}), or name it: {variable}=/path/to/python{python}"
    )


def _version_of(program: str) -> str:
    look = [program, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        done = subprocess.run(look, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def compile_modules(site: Path, stage: Path, interpreter: str) -> None:
    """Bytecode beside every module, valid without a look at the module's time. Raises CannotBuild."""
    mode = ["--invalidation-mode", "unchecked-hash", "-q", "-j", "1", "-s", str(stage), "-p", "/"]
    run([interpreter, "-P", "-m", "compileall", *mode, str(site)], f"{interpreter} cannot compile the modules")


def source_date_epoch(environ: Mapping[str, str] = os.environ) -> int:
    """The time that all files bear, in seconds: the variable, else that of the commit. Raises CannotBuild."""
    if given := environ.get(EPOCH_VARIABLE):
        if not given.isdecimal():
            raise CannotBuild(f"{EPOCH_VARIABLE} is not a number of seconds: {given!r}")
        return int(given)
    asked = ["git", "log", "-1", "--format=%ct"]
    try:
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
        return int(done.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError):
        raise CannotBuild(
            f"this is no git checkout: set {EPOCH_VARIABLE} to the time of the release in seconds"
        ) from None


def run(command: Sequence[str], what: str, epoch: int | None = None) -> None:
    """Runs a program whose output depends on nothing but its input. Raises CannotBuild with `what` and its last words."""
    fixed = {"PYTHONHASHSEED": "0"}  # the order of a set of constants in bytecode follows the seed
    if epoch is not None:
        fixed[EPOCH_VARIABLE] = str(epoch)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **fixed}, umask=0o022, check=False
        )
    except OSError as error:
        raise CannotBuild(f"{what}: {command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-WORDS_SHOWN:]
        raise CannotBuild("\n".join((f"{what}:", *said)))
