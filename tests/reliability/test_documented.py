"""docs/reliability.md names tests; each of them exists, and every test of a power cut, a fault and a mistake is named."""

import re

from tests.daemon import ROOT
from tests.reliability.mutants import MUTANTS
from tests.reliability.scenarios import SCENARIOS
from tests.simulation.stories import STORIES

DOCUMENT = ROOT / "docs" / "reliability.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
FAULTS_AND_RULES = re.compile(r"^## (?:Rules|Faults of [\w ]+)\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
FAULTS_MIN = 30
"""As many kinds of faults are injected at least."""


def test_every_test_that_is_named_exists() -> None:
    missing = []
    for path, name in TEST.findall(DOCUMENT.read_text()):
        file = ROOT / path
        if not file.is_file() or (name and f"def {name}(" not in file.read_text()):
            missing.append(f"{path}::{name}")
    assert missing == []


def test_every_fault_and_every_rule_has_its_test() -> None:
    tables = FAULTS_AND_RULES.findall(DOCUMENT.read_text())
    rows = [line for table in tables for line in re.findall(r"^\| (?!fault|rule|each ).*$", table, flags=re.MULTILINE)]
    held = [[name for _, name in TEST.findall(row.split("|")[-2])] for row in rows]
    assert [row for row, names in zip(rows, held, strict=True) if not names or not all(names)] == []
    assert len(rows) > FAULTS_MIN


def test_every_invariant_is_described() -> None:
    text = DOCUMENT.read_text()
    assert [number for number in range(1, 17) if f"| I{number} |" not in text] == []


def test_every_scenario_story_and_mistake_is_listed() -> None:
    text = DOCUMENT.read_text()
    names = [scenario.name for scenario in SCENARIOS]
    names += [mutant.name for mutant in MUTANTS]
    names += [story.__name__.replace("_", " ") for story in STORIES]
    assert [name for name in names if name not in text] == []
