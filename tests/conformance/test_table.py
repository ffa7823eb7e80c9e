"""The page of the suite's results is the suite's: every case of the suite is in it, and nothing failed."""

import re
from pathlib import Path

from station.certify.catalogue import all_cases
from tests.conformance.table import Shown, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance-cases.md"

# The cases that there must be: a module that nobody imports would lose its own.
IDS = set(
    """
    001 002 003 004_1 004_2 005_1 005_2 068 069 007_1 007_2 061_1 061_2 010 011_1 011_2 012 013 014 015 017_1 017_2 018_1 018_2
    019 021 070 023_4 023_5 024 026 027 028 031 032_1 032_2 036 037_1 037_3 038 039 040_1 040_2 062 042_1 042_2 043 043_1 043_3
    008_1 044_1 044_2 045_1 046_1 047 048_1 048_3 048_4 050_1 050_2 050_3 050_4 051 052 053_1 053_2 054 056 057 058_1 082 066
    059 060 073 074 075_1 075_2 076 078 079 080 083 085 086 087
    """.split()
)


def test_every_case_is_there() -> None:
    assert {case.case_id for case in all_cases()} == {f"TC_{number}_CS" for number in IDS}


def test_committed_page_lists_every_case_and_variant() -> None:
    rows = re.findall(r"^\| (TC_\w+) \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(case.case_id for case in all_cases())


def test_committed_page_has_no_failure() -> None:
    assert "**failed**" not in PAGE.read_text()


def test_table_of_a_run_names_failures_and_counts_cases() -> None:
    run = [Shown(label="TC_003_CS", passed=True), Shown(label="TC_013_CS", passed=False)]
    text = table(run)
    begin = "| TC_003_CS | Regular session – plug-in first | Start session | Core | Plug, then tag: Preparing"
    assert f"{begin}, Authorize, StartTransaction and Charging | passed |" in text
    assert "all others Available | **failed** |" in text
    assert "1 of 2 tests passed, over 2 cases." in text
