"""The papers of a run: what the annex has, in its order, and honest about what was not shown."""

from pathlib import Path

import pytest

from eventstore.value import replace
from station.certify.catalogue import all_cases
from station.certify.keys import VENDOR
from station.certify.papers.markdown import markdown
from station.certify.papers.run_paper import keys_as_read, run_paper
from station.certify.results import ConfiguredKey, RunReport
from station.certify.statement import ConformanceStatement, statement_of
from tests.unit.station.certify.reports import REPORT, case
from tests.unit.station.certify.stations import SOCKETS, settings


@pytest.fixture
def statement(tmp_path: Path) -> ConformanceStatement:
    return statement_of(settings(SOCKETS, tmp_path))


def text(statement: ConformanceStatement, report: RunReport = REPORT) -> str:
    return markdown(run_paper(report, statement))


def test_its_head_says_that_it_is_a_self_test_without_certificate_and_logo(statement: ConformanceStatement) -> None:
    head = text(statement).split("\n\n")
    assert head[0] == "# Self-test of Example Twin for OCPP 1.6"
    for word in ("self-test", "no certificate", "no laboratory", "logo"):
        assert word in head[1]
    assert "| Firmware | 1.2.3 |" in head[2]
    assert "| Cases | 1 pass, 1 fail, 1 not applicable, 1 skipped |" in head[2]
    assert "| Asked of a person | 2 times |" in head[2]


def test_parts_come_in_the_order_of_the_annex(statement: ConformanceStatement) -> None:
    titles = [part.title for part in run_paper(REPORT, statement).parts if part.level == 2]
    assert titles == [
        *("Test result summary", "Response times", "Hardware feature set", "Configuration keys"),
        *("Feature profiles", "Messages", "Optional features", "Security profiles", "Cases", "Proof"),
    ]


def test_each_functionality_has_its_result_and_what_failed_stands_below(statement: ConformanceStatement) -> None:
    shown = text(statement)
    assert (
        "| Cold boot | pass | 1 |  |  |  |\n| Reset | FAIL |  | 1 |  |  |\n| Unlock | skipped |  |  | 1 | 1 |\n"
        in shown
    )
    assert (
        "### What failed\n\n| case | name | reason |\n|---|---|---|\n| TC_013_CS | Name of TC_013_CS | expected"
        in shown
    )
    passed = replace(REPORT, cases=REPORT.cases[:1])
    assert "### What failed" not in text(statement, passed)


def test_response_times_are_held_against_what_the_maker_states(statement: ConformanceStatement) -> None:
    rows = [line for line in text(statement).splitlines() if " | from " in line]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [[row[0], *row[2:]] for row in cells] == [
        ["triggered function", "3", "0.500 s", "1.500 s", "1.000 s", "no"],
        ["response", "1", "0.125 s", "0.125 s", "1.000 s", "yes"],
        ["RemoteStartTransaction", "0", "", "", "", ""],
    ]
    assert "Nothing was measured" in text(statement, replace(REPORT, response_times=()))


def test_keys_have_the_values_that_the_station_gave(statement: ConformanceStatement) -> None:
    shown = text(statement)
    assert "| HeartbeatInterval | RW | integer | 900 | s | 0 or more |" in shown
    vendors = shown.partition("### Vendor keys\n")[2].partition("## ")[0]
    assert "| MakersOwn | R |  | x |  |  |" in vendors
    assert VENDOR in {row.group for row in keys_as_read((), REPORT.configuration)}


def test_a_key_that_the_settings_did_not_promise_is_shown_as_the_station_gave_it(
    statement: ConformanceStatement,
) -> None:
    assert not next(row for row in statement.keys if row.name == "ReserveConnectorZeroSupported").supported
    gave = (
        ConfiguredKey(key="ReserveConnectorZeroSupported", readonly=False, value="true"),
        ConfiguredKey(key="CpoName", readonly=True, value=None),
    )
    rows = {row.name: row for row in keys_as_read(statement.keys, gave)}
    assert (rows["ReserveConnectorZeroSupported"].access, rows["ReserveConnectorZeroSupported"].value) == ("RW", "true")
    assert (rows["CpoName"].access, rows["CpoName"].value) == ("R", "")
    assert rows["AuthorizationKey"].access == "W"
    assert set(rows) == {row.name for row in statement.keys}


def test_the_log_heads_before_and_after_are_the_fingerprint_of_the_run(statement: ConformanceStatement) -> None:
    proof = text(statement).partition("## Proof")[2]
    assert f"| all cases | run/log | 1 | {'aa' * 32} | 99 | {'bb' * 32} |" in proof
    assert "chargebox replay" in proof
    assert "## Proof" not in text(statement, replace(REPORT, logs=()))


def test_a_run_that_does_not_show_all_says_so_at_the_head(statement: ConformanceStatement) -> None:
    early = replace(REPORT, ended_early="interrupted (Ctrl-C)")
    assert "| Not wholly tested | interrupted (Ctrl-C) |" in text(statement, early)
    assert "| Not wholly tested | only some of the cases were asked for |" in text(statement)
    all_of_them = tuple(case(each.case_id, variant=each.variant) for each in all_cases())
    assert "Not wholly tested" not in text(statement, replace(REPORT, cases=all_of_them))
