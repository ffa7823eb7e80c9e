"""The table of the standard's requirements holds: every row done or exempt, every module and test there, no clause forgotten."""

import ast
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest

from station.certify.catalogue import all_cases
from station.features import registry_for
from tests.architecture.sources import ROOT
from tests.conformance.requirements import (
    CLAUSE,
    GROUNDS,
    PARTS,
    NothingAsked,
    Requirement,
    nothing_asked,
    place,
    readings,
    requirements,
)

CASES = "tests/conformance/test_cases.py"
OCPP, ERRATA, OCPP_J, OCPP_J_ERRATA = "OCPP 1.6", "errata", "OCPP-J", "OCPP-J errata"
WHITE_PAPER = "white paper"
LONGEST_SAYING = 160  # in our own words, and few of them


def numbered(section: str, last: int, first: int = 1) -> Iterator[str]:
    """The clauses of a section."""
    return (f"{section}.{number}" for number in range(first, last + 1))


def use_case(name: str, *numbers: int) -> Iterator[str]:
    """The requirements of a use case of the white paper."""
    digits = 3 if name == "A00" else 2
    return (f"white paper {name}.FR.{number:0{digits}}" for number in numbers)


# Sections 3 to 9 of OCPP 1.6 edition 2, its errata 4.0 but for section 2, OCPP-J 1.6 from section 2 on and its errata 1.0.
CLAUSES = {
    OCPP: (
        *numbered("3", 16),
        *numbered("3.5", 4),
        "3.7.1",
        *numbered("3.13", 7),
        *numbered("3.16", 5),
        *numbered("4", 10),
        "4.2.1",
        *numbered("5", 19),
        *numbered("5.16", 4),
        *numbered("6", 56),
        *numbered("7", 49),
        *numbered("8", 2),
        *numbered("9.1", 34),
        *numbered("9.2", 3),
        "9.3.1",
        *numbered("9.4", 5),
    ),
    ERRATA: (*numbered("3", 89), *numbered("4", 29)),
    OCPP_J: (
        *("2", "3.1.1", "3.1.2", "3.2", "3.3"),
        *numbered("4.1", 4),
        *numbered("4.2", 3),
        *numbered("5", 5),
        "6.1",
        *numbered("6.2", 4),
        "7",
    ),
    OCPP_J_ERRATA: (*numbered("2", 5), *numbered("3", 10), *numbered("5", 2)),
    # What a charge point is asked for; grows with the extension.
    WHITE_PAPER: (
        *use_case("A00", 1, 3, 4, 5, *range(202, 206), *range(301, 305), 401, 402),
        *use_case("A00", *range(307, 314), 315, 316, 318, 319, 320, 322),
        *use_case("A00", *range(411, 418), 419, 420, 422, 423, 424, 426),
        *use_case("A00", 502, 503, 504, 507, 511),
        *use_case("A01", 11, 12),
        *use_case("A02", 2, 3, *range(5, 11), 13),
        *use_case("A03", 2, 3, *range(5, 11), 13),
        *use_case("A04", 1, 2, 4),
        *use_case("A05", *range(1, 9)),
        *use_case("L01", *range(1, 30)),
        *use_case("M03", 1, 2, 3, 4),
        *use_case("M04", 1, 2, 4, 5, 6),
        *use_case("M05", 1, 2, 3, 4, 6, 8, 9, 10, 11, 12, 13),
        *use_case("N01", 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12),
    ),
}


def document_of(row: Requirement) -> str:
    """Which document the clause of a row is in."""
    errata = row.clause.startswith("errata ")
    if row.part == "Security":
        return WHITE_PAPER
    if row.part == "OCPP-J":
        return OCPP_J_ERRATA if errata else OCPP_J
    return ERRATA if errata else OCPP


def covers(clause: str, other: str) -> bool:
    """Whether a row on a clause is one on the other: itself, one above or one below."""
    return clause == other or other.startswith(f"{clause}.") or clause.startswith(f"{other}.")


@cache
def functions_of(file: str) -> frozenset[str]:
    """The test functions of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def is_missing(node: str) -> bool:
    """Whether a test is not there, its parameters apart; of the certification cases the id must be there too."""
    file, _, name = node.partition("::")
    function, _, parameter = name.removesuffix("]").partition("[")
    if file == CASES and parameter not in {case.case_id for case in all_cases()}:
        return True
    return not (ROOT / file).is_file() or function not in functions_of(file)


def test_every_row_is_done_or_exempt() -> None:
    rows = requirements()
    assert [row for row in rows if bool(row.module and row.test) == bool(row.reason)] == []


@pytest.mark.parametrize(
    "line",
    [
        "4.9\tA status is told",
        "4.9\tA status is told\tdone: station/rules/status.py",
        "4.9\tA status is told\tdone: \ttests/a.py::test_b",
        "4.9\tA status is told\texempt: ",
        "4.9\tA status is told\texempt: no\ttests/a.py::test_b",
        "4.9\tA status is told\topen: later\ttests/a.py::test_b",
        "four\tA status is told\texempt: no",
    ],
)
def test_a_row_that_is_neither_is_named_with_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="line 2: "):
        requirements(f"== Core\n{line}\n")


def test_every_module_is_there() -> None:
    named = {row.module for row in requirements() if row.module} | {reading.module for reading in readings()}
    assert [module for module in sorted(named) if not (ROOT / module).is_file()] == []


def test_every_test_is_there() -> None:
    named = {row.test for row in requirements() if row.test} | {reading.test for reading in readings()}
    assert [node for node in sorted(named) if is_missing(node)] == []


def test_parts_are_the_feature_profiles_and_the_transport() -> None:
    parts = tuple(dict.fromkeys(row.part for row in requirements()))
    assert parts == PARTS
    assert set(parts) - {"OCPP-J"} == set(registry_for().profiles)


@pytest.mark.parametrize("part", PARTS)
def test_clauses_are_in_order(part: str) -> None:
    clauses = [row.clause for row in requirements() if row.part == part]
    assert [(one, other) for one, other in pairwise(clauses) if place(one) > place(other)] == []


def test_nothing_is_said_twice_of_a_clause() -> None:
    said = [(row.part, row.clause, row.says) for row in requirements()]
    assert sorted(one for one in set(said) if said.count(one) > 1) == []


def test_rows_say_it_in_few_words() -> None:
    assert [row.says for row in requirements() if len(row.says) > LONGEST_SAYING] == []


@pytest.mark.parametrize("document", CLAUSES)
def test_every_clause_of_the_standard_has_its_rows_or_asks_nothing(document: str) -> None:
    told = {row.clause.removeprefix("errata ") for row in requirements() if document_of(row) == document}
    silent = {clause for each in nothing_asked() if each.document == document for clause in each.clauses}
    forgotten = [
        clause
        for clause in CLAUSES[document]
        if clause not in silent and not any(covers(known, clause) for known in told)
    ]
    assert forgotten == []
    assert sorted(silent & told) == []
    assert sorted(silent - set(CLAUSES[document])) == []


def test_every_clause_of_a_row_is_one_of_the_standard() -> None:
    """9.5.1 is defined by errata 3.88; sections may be named as a whole."""
    known = {document: (*clauses, *(("9.5.1",) if document == OCPP else ())) for document, clauses in CLAUSES.items()}
    strange = [
        (row.part, row.clause)
        for row in requirements()
        if not any(covers(row.clause.removeprefix("errata "), clause) for clause in known[document_of(row)])
        and not row.clause.startswith("2.")
    ]
    assert strange == []


def test_what_asks_nothing_is_listed_once() -> None:
    listed = [(each.document, clause) for each in nothing_asked() for clause in each.clauses]
    assert len(set(listed)) == len(listed)
    assert all(isinstance(each, NothingAsked) and each.why for each in nothing_asked())


def test_every_reading_says_what_was_chosen_and_why() -> None:
    for reading in readings():
        assert reading.question
        assert reading.choice
        assert reading.because in GROUNDS, reading
        assert all(CLAUSE.fullmatch(clause) for clause in reading.clauses.split(", ")), reading


def test_readings_are_in_the_order_of_their_clauses() -> None:
    firsts = [reading.clauses.split(", ")[0] for reading in readings()]
    assert [(one, other) for one, other in pairwise(firsts) if place(one) > place(other)] == []
