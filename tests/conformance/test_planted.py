"""The cases, tested: a fault of the station in each functionality fails the case that is about it, and not the one that is not."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from station.certify.catalogue import all_cases
from station.certify.functionalities import FUNCTIONALITIES
from tests.conformance.planted import PLANTED
from tests.daemon import ROOT
from tests.reliability.mutants import Mutant
from tests.reliability.test_mutants import copy_with

CASES = "tests/conformance/test_cases.py"
CONTROL, OTHER_CONTROL = "TC_027_CS", "TC_040_2_CS"
"""Cases that none of the faults is about; one of another functionality is played beside each fault."""
QUICK = tuple(name for name, fault in PLANTED.items() if fault.quick)
WHY = "station.certify.failing.CaseFailed: expected "


def played(fault: Mutant, directory: Path, *labels: str) -> dict[str, str]:
    """The cases that were played on a station with the fault, and why they failed ("" if they did not)."""
    copy_with(fault, directory)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--junitxml=out.xml"]
    nodes = [f"{CASES}::test_case[{label}]" for label in labels]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, *nodes], cwd=directory, env=environment, capture_output=True, text=True, timeout=600
    )
    print(done.stdout[-6000:], done.stderr[-2000:])
    cases = ET.parse(directory / "out.xml").iter("testcase")
    return {
        _label(each): "; ".join(why.get("message", "") for why in each if why.tag in ("failure", "error"))
        for each in cases
    }


def _label(found: ET.Element) -> str:
    return found.get("name", "").removeprefix("test_case[").removesuffix("]")


def assert_noticed(functionality: str, directory: Path) -> None:
    fault = PLANTED[functionality]
    control = CONTROL if functionality != "Remote actions, non-happy flow" else OTHER_CONTROL
    why = played(fault, directory, fault.killer, control)
    assert why[fault.killer].startswith(WHY)
    assert why[control] == ""


def test_each_functionality_has_a_fault_and_a_case_of_its_own_that_notices_it() -> None:
    assert list(PLANTED) == [each.name for each in FUNCTIONALITIES]
    belongs = {case.label: case.functionality.name for case in all_cases()}
    assert {name: belongs[fault.killer] for name, fault in PLANTED.items()} == {name: name for name in PLANTED}


@pytest.mark.parametrize("fault", PLANTED.values(), ids=lambda fault: fault.name)
def test_the_table_fits_the_sources(fault: Mutant) -> None:
    assert (ROOT / fault.file).read_text().count(fault.old) == 1


@pytest.mark.parametrize("functionality", QUICK)
def test_a_planted_fault_fails_the_right_case(functionality: str, tmp_path: Path) -> None:
    assert_noticed(functionality, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("functionality", PLANTED)
def test_every_planted_fault_fails_the_right_case(functionality: str, tmp_path: Path) -> None:
    assert_noticed(functionality, tmp_path)
