"""The report in an evidence file: nothing that a log says becomes part of the page's own language."""

import pytest

from eventstore.value import replace
from station.replay.answers.transactions import WholeTransaction, whole_transaction
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of
from station.replay.pages.evidence_report import Proof, curve, report
from tests.replay_logs import disputed_bill, write_log

PROOF = Proof(first_seq=1, last_seq=9, disclosed=5, withheld=4, statements=())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> WholeTransaction:
    with open_log(write_log(disputed_bill(), tmp_path_factory.mktemp("report") / "log")) as reader:
        return whole_transaction(reader, calendar_of(reader), 1)


def test_what_a_log_says_is_text_and_no_markup(found: WholeTransaction) -> None:
    evil = "</td><script>alert(1)</script>&\"'"
    row = replace(found.row, id_tag=evil, start_told=evil, reason=evil)
    page = report(replace(found, row=row, remarks=(evil,)), PROOF, Zone("UTC"), identity=evil)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_without_a_statement_it_says_that_nothing_outside_vouches(found: WholeTransaction) -> None:
    page = report(found, PROOF, Zone("UTC"), identity="CB-0233")
    assert "No signed statement covers the transaction" in page
    assert "5 in full" in page
    assert "4 of which only a salted hash is shown" in page


def test_the_curve_lies_within_its_frame_and_shows_gaps(found: WholeTransaction) -> None:
    drawn = curve(found, Zone("UTC"))
    assert drawn.count("<polyline") == 2
    assert ("<rect" in drawn) is bool(found.gaps)
    assert curve(replace(found, curve=found.curve[:1]), Zone("UTC")) == "<p>There are too few readings to draw.</p>"


def test_a_transaction_that_runs_has_no_end_yet(found: WholeTransaction) -> None:
    row = replace(found.row, stopped_utc=None, duration_ms=None, meter_stop_wh=None, energy_wh=None, reason=None)
    page = report(replace(found, row=row, messages=(), samples=(), limits=()), PROOF, Zone("UTC"), identity="CB")
    assert "not within this log" in page
    assert "None." in page
