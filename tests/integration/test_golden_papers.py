"""The papers of two stations are those that were checked by eye: what is printed of a run, and what a run sees."""

from pathlib import Path

import pytest

from station.certify.statement import statement_of
from tests.docs.golden_papers import MODELS, expected, papers, played, settings_of, unordered

AGAIN = "python -m tests.docs.golden_papers writes them anew; look at the difference"


def test_the_papers_of_a_run_are_printed_as_they_were() -> None:
    assert {file: file.read_text(encoding="utf-8") for file in papers()} == papers(), AGAIN


@pytest.mark.parametrize("name", MODELS)
def test_a_run_of_today_sees_the_same_and_the_keys_that_the_statement_has(name: str, tmp_path: Path) -> None:
    report = played(name, tmp_path)
    assert unordered(report) == unordered(expected(name)), AGAIN
    stated = {row.name: row.access for row in statement_of(settings_of(name)).keys if row.supported}
    assert {each.key: each.readonly for each in report.configuration} == {
        key: access == "R" for key, access in stated.items()
    }
