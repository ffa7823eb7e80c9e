"""The tests, tested: each mistake of the table is made in a copy of the sources, and its test must fail there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon import ROOT
from tests.reliability.mutants import MUTANTS, Mutant

COPIED = ("eventstore", "station", "projections", "devices", "migrations", "tests")
FAILED = 1
QUICK = tuple(mutant for mutant in MUTANTS if mutant.quick)[::4]
"""Each costs the start of a test run: some of the quick ones by default, all of the table with `make test-long`."""


def copy_with(mutant: Mutant, directory: Path) -> Path:
    """The sources, with the mistake in them."""
    for package in COPIED:
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", directory)
    file = directory / mutant.file
    source = file.read_text()
    assert source.count(mutant.old) == 1, f"{mutant.file} has changed: bring the table of mutants up to date"
    file.write_text(source.replace(mutant.old, mutant.new))
    return directory


def run_killer(mutant: Mutant, directory: Path) -> subprocess.CompletedProcess[str]:
    """The mutant's test, run in the copy."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", mutant.killer]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=600)


def assert_killed(mutant: Mutant, directory: Path) -> None:
    done = run_killer(mutant, copy_with(mutant, directory))
    print(done.stdout[-3000:])
    assert done.returncode == FAILED, f"{mutant.name} lives ({done.returncode}): {mutant.killer}\n{done.stdout[-2000:]}"


@pytest.mark.usefixtures("library")  # some killers need it, and one that is left out kills nothing
@pytest.mark.parametrize("mutant", QUICK, ids=lambda mutant: mutant.name)
def test_a_mistake_that_is_found_quickly_is_found(mutant: Mutant, tmp_path: Path) -> None:
    assert_killed(mutant, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mistake_is_found(mutant: Mutant, tmp_path: Path) -> None:
    assert_killed(mutant, tmp_path)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_table_fits_the_sources(mutant: Mutant) -> None:
    source = (ROOT / mutant.file).read_text()
    assert source.count(mutant.old) == 1, f"{mutant.file} has changed: bring the table of mutants up to date"
    file, _, test = mutant.killer.partition("::")
    assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text(), f"{mutant.killer} is no test"
