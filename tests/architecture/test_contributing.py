"""The walked example of CONTRIBUTING.md works: its steps are done in a copy of the sources, in their order."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT

STEP = re.compile(r"^<!-- (edit|append) (\S+) -->\n```\w+\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEST = "test_a_reservation_for_longer_than_the_station_allows_is_rejected"
FAILED = 1


def done(kind: str, text: str, step: str) -> str:
    """The file after a step: lines appended, or a diff applied at the one place that it fits."""
    if kind == "append":
        return f"{text}\n\n{step}"
    lines = step.splitlines(keepends=True)
    old = "".join(line[1:] or "\n" for line in lines if line[0] != "+")
    new = "".join(line[1:] or "\n" for line in lines if line[0] != "-")
    assert text.count(old) == 1, f"the sources have changed: bring this step of CONTRIBUTING.md up to date:\n{step}"
    return text.replace(old, new)


def run(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], cwd=directory, capture_output=True, text=True, timeout=100)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources."""
    unwanted = shutil.ignore_patterns("__pycache__", "corpora")
    for folder in (*PACKAGES, "tests", "docs", "deploy"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=unwanted)
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, tmp_path)
    return tmp_path


def test_the_steps_add_a_configuration_key(copy: Path) -> None:
    pytest_words = ("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    scenario = (*pytest_words, "tests/scenarios/test_reservation.py", "-k", TEST)
    steps = STEP.findall(PAGE)
    assert [kind for kind, _, _ in steps] == ["append", "edit", "edit", "edit", "edit"]
    for number, (kind, name, step) in enumerate(steps):
        file = copy / name
        file.write_text(done(kind, file.read_text(encoding="utf-8"), step), encoding="utf-8")
        if number == 0:
            assert run(copy, *scenario).returncode == FAILED, "the test must fail before the key is there"
    passed = run(copy, *scenario)
    assert passed.returncode == 0, passed.stdout
    assert run(copy, "tests.docs.generate").returncode == 0
    assert "| `ReservationMaxDuration` | integer | s |" in (copy / "docs" / "configuration-keys.md").read_text()
    checked = run(copy, *pytest_words, "tests/architecture/test_docs.py", "-k", "configuration_key or tables")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("folder", re.findall(r"\| `(tests/\w+)`", PAGE))
def test_every_kind_of_test_is_where_the_page_says(folder: str) -> None:
    assert any((ROOT / folder).rglob("*.py"))
