"""No forgery ends in a verdict that says more than was proven."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eventstore.value import replace
from station.replay.answers.transactions import transaction_rows
from station.replay.opening.errors import LogUnreadable
from station.replay.opening.origin import Anchor
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.proof import statement
from station.replay.proof.verdict import CONSISTENT, FAULTY, WHOLE, Verdict
from station.replay.proof.verify import verify
from tests.forgeries.honest import PUBLIC, Honest, make
from tests.forgeries.table import FORGERIES, Forgery

PLAIN = ("an index", "statistics", "a trigger", "a view", "a table", "a collation", "a row below")
"""What adds to the file, and changes no row of the log."""
SCHEMA = [each for each in FORGERIES if each.name.startswith(PLAIN)]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    return make(tmp_path_factory.mktemp("honest") / "storage")


@pytest.fixture
def forge(honest: Honest, tmp_path: Path) -> Callable[[Forgery], Path]:
    """What a forgery makes of a copy."""

    def forged(forgery: Forgery) -> Path:
        directory = Path(shutil.copytree(honest.directory, tmp_path / "storage"))
        return forgery.forge(directory, honest) or directory

    return forged


def statements_of(honest: Honest) -> list[Anchor]:
    return [anchor for stated in honest.statements for anchor in statement.anchors(stated)]


def check_honesty(verdict: Verdict, reader: LogReader, honest: Honest) -> None:
    """Nothing that is told as anchored is other than what the station wrote; "whole" and "chained" only of what is here."""
    genuine = {row.seq: row for row in honest.rows}
    here = {row.seq: row for rows in reader.rows() for row in rows}
    for each in verdict.ranges:
        for seq in range(each.first_seq, each.last_seq + 1):
            if each.anchored_by and each.withheld:  # what stands in its place is told as unproven
                assert here[seq].digest == genuine[seq].digest, f"event {seq} is told as anchored, and is forged"
            elif each.anchored_by:
                assert here.get(seq) == genuine.get(seq), f"event {seq} is told as anchored, and is forged"
            if each.chained or each.decided:
                assert seq in here, f"event {seq} is told as proven, and is not here"
    if verdict.verdict == WHOLE:
        assert (verdict.findings, verdict.skipped, verdict.other_versions_count) == ((), (), 0)
        assert all(each.chained and each.decided for each in verdict.ranges)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda each: each.name)
def test_a_forgery_gets_the_verdict_it_deserves(
    forgery: Forgery, forge: Callable[[Forgery], Path], honest: Honest
) -> None:
    path = forge(forgery)
    if forgery.error is not None:
        with pytest.raises(LogUnreadable) as raised, open_log(path):
            pass
        assert raised.value.status == forgery.error
        return
    head = [Anchor(what="anchor", head=honest.head)]
    with open_log(path) as reader:
        alone, stated, headed = (
            verify(reader),
            verify(reader, outside=statements_of(honest)),
            verify(reader, outside=head),
        )
        keyed = verify(reader, keys=[PUBLIC])
        told = {name: each.verdict for name, each in (("alone", alone), ("stated", stated), ("headed", headed))}
        assert told == {"alone": forgery.alone, "stated": forgery.stated, "headed": forgery.headed}, [
            *alone.findings,
            *alone.skipped,
            *stated.findings,
        ]
        assert {each.kind for each in alone.findings} >= set(forgery.kinds), alone.findings
        assert alone.proven == CONSISTENT
        assert keyed.verdict in (FAULTY, alone.verdict)
        for verdict in (alone, stated, headed, keyed):
            check_honesty(verdict, reader, honest)


@pytest.mark.parametrize("forgery", SCHEMA, ids=lambda each: each.name)
def test_each_question_reads_the_rows_that_were_verified(
    forgery: Forgery, forge: Callable[[Forgery], Path], honest: Honest
) -> None:
    with open_log(honest.directory) as reader:
        expected = transaction_rows(reader, calendar_of(reader))
    with open_log(forge(forgery)) as reader:
        assert transaction_rows(reader, calendar_of(reader)) == expected


def test_the_honest_log_is_whole_and_anchored_from_end_to_end(honest: Honest) -> None:
    with open_log(honest.directory) as reader:
        for verdict in (verify(reader, keys=[PUBLIC]), verify(reader, outside=statements_of(honest))):
            assert (verdict.verdict, verdict.skipped, verdict.proven) == (WHOLE, (), "anchored")
            assert all(each.anchored_by and each.decided and each.chained for each in verdict.ranges)
            assert verdict.anchored_seq == honest.head.seq
            check_honesty(verdict, reader, honest)


def test_an_anchor_covers_what_the_chain_leads_to_it_from_and_no_more(honest: Honest) -> None:
    seq = honest.ends[-1] + 10
    with open_log(honest.directory) as reader:
        row = reader.row(seq)
        assert row is not None
        verdict = verify(reader, outside=[Anchor(what="anchor", head=replace(honest.head, seq=seq, digest=row.digest))])
    assert [(each.first_seq, each.last_seq) for each in verdict.ranges if each.anchored_by] == [(1, seq)]
    assert verdict.verdict == WHOLE
