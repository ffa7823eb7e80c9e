"""What a run of the conformance suite amounts to: the page `docs/conformance-cases.md`."""

from collections.abc import Iterable
from dataclasses import dataclass

from station.certify.catalogue import all_cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A case that was played, by its label, and whether it passed."""

    label: str
    passed: bool


def table(run: Iterable[Shown]) -> str:
    """The page `docs/conformance-cases.md` of a run: a row for each case and variant that was played."""
    results = {shown.label: shown.passed for shown in run}
    lines = [
        "# Conformance cases",
        "",
        "The charge-point cases of the OCPP 1.6 compliance test, as `station/certify/cases/` has them. `chargebox certify` plays them",
        "against a station of one's own; the suite in `tests/conformance/` plays each on a bench that meets its needs, with another",
        "CSMS, over a real WebSocket. Each row is one reading or variant. This page is written by a run of the suite: `make",
        "conformance-table`.",
        "",
        "| case | name | functionality | feature profile | what the test shows | result |",
        "|---|---|---|---|---|---|",
    ]
    played = [case for case in all_cases() if case.label in results]
    for case in played:
        variant = f" ({case.variant})" if case.variant else ""
        result = "passed" if results[case.label] else "**failed**"
        of = case.functionality
        lines.append(
            f"| {case.case_id} | {case.name} | {of.name} | {of.ocpp_profile} | {case.shows}{variant} | {result} |"
        )
    passed = sum(results[case.label] for case in played)
    ids = len({case.case_id for case in played})
    return "\n".join([*lines, "", f"{passed} of {len(played)} tests passed, over {ids} cases.", ""])
