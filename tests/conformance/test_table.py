"""The page of the suite's results is the suite's: every case of the suite is in it, and nothing failed."""

import re
from pathlib import Path

import pytest

from tests.conformance.cases import CASES, NOT_APPLICABLE, Shown, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance-cases.md"
SUITE = Path(__file__).resolve().parent


def cases_in_suite() -> set[str]:
    """The ids that a test of this folder is marked with, and those that need none."""
    marked = {
        case_id
        for path in SUITE.glob("test_*.py")
        for case_id in re.findall(r'^@case\("(TC_\w+)"\)', path.read_text(), re.MULTILINE)
    }
    return marked | set(NOT_APPLICABLE)


def test_committed_page_lists_every_case_of_the_suite() -> None:
    rows = re.findall(r"^\| (TC_\w+) \|", PAGE.read_text(), re.MULTILINE)
    assert set(rows) == cases_in_suite()


def test_committed_page_has_no_failure() -> None:
    assert "**failed**" not in PAGE.read_text()


@pytest.mark.parametrize(
    "ocpp_profile",
    ["Core", "LocalAuthListManagement", "FirmwareManagement", "Reservation", "RemoteTrigger", "SmartCharging"],
)
def test_suite_has_every_case_of_a_feature_profile(ocpp_profile: str) -> None:
    wanted = {case_id for case_id, (_, of_profile) in CASES.items() if of_profile == ocpp_profile}
    assert wanted <= cases_in_suite()


def test_table_of_a_run_names_failures_and_counts_cases() -> None:
    run = [
        Shown(case="TC_003_CS", shows="plug, then tag", passed=True),
        Shown(case="TC_013_CS", shows="hard reset", passed=False),
    ]
    text = table(run)
    assert "| TC_003_CS | Regular session – plug-in first | Core | plug, then tag | passed |" in text
    assert "| hard reset | **failed** |" in text
    assert "1 of 2 tests passed, over 2 cases." in text
