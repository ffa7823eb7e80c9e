"""How many mistakes in the core the tests notice: a sample, made one by one in a copy of the sources.

`CHARGEBOX_MUTANTS` is how many, `CHARGEBOX_MUTATION_SEED` which. One that no test notices is printed with its place: give it a
test, or, if no test can tell it from the original, an entry in EQUIVALENT with the reason.
"""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon import ROOT
from tests.mutation.operators import Mistake, made, mistakes

CORE = (
    "projections/*.py",
    "station/core/*.py",
    "station/rules/*.py",
    "station/features/**/*.py",
    "devices/iec61851.py",
    "devices/interlock.py",
    "devices/debounce.py",
    "eventstore/chain.py",
    "eventstore/codec.py",
)
COPIED = ("eventstore", "station", "projections", "devices", "migrations", "tests", "docs", "deploy")
JUDGES = (
    "tests/scenarios",
    "tests/unit/projections",
    "tests/unit/station/core",
    "tests/unit/station/rules",
    "tests/unit/station/features",
    "tests/unit/devices",
    "tests/unit/eventstore",
    "tests/conformance",
    "tests/integration/test_released_logs.py",
)
NOTICED = 1
"""Of pytest: tests ran and failed. A module that cannot be imported any more (2) says nothing of the tests."""
WANTED = 0.97

EQUIVALENT: dict[tuple[str, str, str], str] = {}
"""File, code before and after: why nobody can tell the two apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A mistake in a file."""

    file: str
    mistake: Mistake

    def __str__(self) -> str:
        return f"{self.file}:{self.mistake.line}: {self.mistake.before} became {self.mistake.after}"


def possible() -> Iterator[Mutant]:
    """Every mistake that can be made in the core."""
    for file in sorted({path for pattern in CORE for path in ROOT.glob(pattern)}):
        name = file.relative_to(ROOT).as_posix()
        for mistake in mistakes(file.read_text(encoding="utf-8")):
            if (name, mistake.before, mistake.after) not in EQUIVALENT:
                yield Mutant(file=name, mistake=mistake)


def sample() -> list[Mutant]:
    """Those that are tried."""
    seed = os.environ.get("CHARGEBOX_MUTATION_SEED", "16")
    count = int(os.environ.get("CHARGEBOX_MUTANTS", "30"))
    print(f"seed {seed}, {count} mutants")
    return random.Random(seed).sample(list(possible()), count)


def outcome(mutant: Mutant, directory: Path) -> int:
    """Of the tests nearest to it, then of all of the core, in a copy with the mistake."""
    for package in COPIED:
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, directory)
    file = directory / mutant.file
    file.write_text(made(file.read_text(encoding="utf-8"), mutant.mistake), encoding="utf-8")
    nearest = f"tests/unit/{mutant.file.rpartition('/')[0]}/test_{file.stem}.py"
    first = run(directory, nearest) if (directory / nearest).is_file() else 0
    return first or run(directory, *JUDGES)


def run(directory: Path, *tests: str) -> int:
    """The status of pytest; a test that hangs has noticed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    try:
        return subprocess.run(command, cwd=directory, env=environment, capture_output=True, timeout=1_200).returncode
    except subprocess.TimeoutExpired:
        return NOTICED


@pytest.mark.long
@pytest.mark.timeout(40_000)
def test_the_tests_notice_nearly_every_mistake_in_the_core(tmp_path: Path) -> None:
    found: dict[int, list[Mutant]] = {}
    for number, mutant in enumerate(sample()):
        copy = tmp_path / str(number)
        found.setdefault(outcome(mutant, copy), []).append(mutant)
        shutil.rmtree(copy)
    lived, killed = found.get(0, []), found.get(NOTICED, [])
    for mutant in lived:
        print(f"lives: {mutant}")
    score = len(killed) / (len(killed) + len(lived))
    print(f"{len(killed)} noticed, {len(lived)} not: {score:.1%}; others {[s for s in found if s not in (0, NOTICED)]}")
    assert score >= WANTED


def test_every_mistake_of_the_core_can_be_made() -> None:
    """And the table of those that nobody can tell apart fits the sources."""
    texts = {mutant.file for mutant in possible()}
    assert len(texts) > 50
    known = {
        (file, each.before, each.after)
        for file in {key[0] for key in EQUIVALENT}
        for each in mistakes((ROOT / file).read_text(encoding="utf-8"))
    }
    assert set(EQUIVALENT) <= known
