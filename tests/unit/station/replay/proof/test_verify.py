"""Verification: a whole log is whole, and every kind of tampering is found and named at the right place."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from eventstore.catalogue.lifecycle import BooksClosed
from eventstore.chain import Head, digest_after
from eventstore.commitments import whole_row
from eventstore.database import DATABASE_NAME
from station import VERSION
from station.cli.main import main
from station.replay.opening.errors import BadQuestion
from station.replay.opening.origin import Anchor
from station.replay.opening.source import open_log
from station.replay.proof.findings import ALTERED, CONTRADICTED, DAMAGED, INSERTED, MOVED, REMOVED, REPLACED, TRUNCATED
from station.replay.proof.verdict import Verdict
from station.replay.proof.verify import anchor_from, verify
from tests import tampering
from tests.replay_logs import add_snapshot, disputed_bill, write_log
from tests.tampering import tamper

Forge = Callable[[sqlite3.Connection], None]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of two boots, some hundred events."""
    return write_log(disputed_bill(), tmp_path_factory.mktemp("verify") / "log")


@pytest.fixture
def log(recorded: Path, tmp_path: Path) -> Path:
    """A copy of it, to be tampered with."""
    return Path(shutil.copytree(recorded, tmp_path / "log"))


def verdict_on(log: Path, **how: object) -> Verdict:
    with open_log(log) as reader:
        return verify(reader, **how)  # type: ignore[arg-type]


def found(log: Path) -> list[tuple[str, int, int]]:
    return [(each.kind, each.seq, each.last_seq) for each in verdict_on(log, level="chain").findings]


def seq_of(log: Path, event_type: str, place: int = 0) -> int:
    """The seq of the nth event of a type."""
    with sqlite3.connect(log / DATABASE_NAME) as connection:
        rows = connection.execute("SELECT seq FROM event WHERE type = ? ORDER BY seq", (event_type,)).fetchall()
    connection.close()
    return int(rows[place][0])


def test_a_log_as_it_was_recorded_is_whole_at_every_level(log: Path) -> None:
    verdict = verdict_on(log)
    assert (verdict.verdict, verdict.proven, verdict.findings, verdict.skipped) == ("whole", "consistent", (), ())
    assert verdict.observations > 100
    assert [(anchor.what, anchor.result, anchor.outside) for anchor in verdict.anchors] == [
        ("witness", "agrees", False)
    ]


def test_a_changed_digest_of_the_first_event_is_named_as_that_of_the_first_event(log: Path) -> None:
    tamper(log, "UPDATE event SET digest = zeroblob(32) WHERE seq = 1")
    assert found(log) == [(ALTERED, 1, 1)]
    [finding] = verdict_on(log, level="chain").findings
    assert finding.says == "the digest of event 1 was altered, its content was not"


def test_the_fold_alone_finds_what_cannot_be_and_leaves_decisions_out(log: Path) -> None:
    seq = seq_of(log, "LimitChanged")
    tamper(
        log,
        f"UPDATE event SET payload = replace(payload, '32000', '31000') WHERE seq = {seq}",
        also=lambda c: tampering.rehash(c, seq),
    )
    folded, decided = verdict_on(log, level="fold"), verdict_on(log)
    assert ([each.kind for each in folded.findings], folded.observations) == ([REPLACED], decided.observations)
    assert CONTRADICTED in [each.kind for each in decided.findings]


def test_a_changed_payload_is_an_altered_event(log: Path) -> None:
    tamper(log, "UPDATE event SET payload = replace(payload, '1', '2') WHERE seq = 50")
    assert found(log) == [(ALTERED, 50, 50)]


@pytest.mark.parametrize("column", ["cause", "at_ms", "utc_ms", "version"])
def test_every_column_is_covered_by_the_digest(log: Path, column: str) -> None:
    tamper(log, f"UPDATE event SET {column} = {column} + 1 WHERE seq = 51")
    assert found(log) == [(ALTERED, 51, 51)]


def test_a_changed_digest_is_told_apart_from_a_changed_content(log: Path) -> None:
    tamper(log, "UPDATE event SET digest = zeroblob(32) WHERE seq = 50")
    (finding,) = verdict_on(log, level="chain").findings
    assert (finding.kind, finding.seq) == (ALTERED, 50)
    assert "its content was not" in finding.says


@pytest.mark.parametrize(("first", "last"), [(50, 50), (50, 55), (1, 3)])
def test_removed_events_are_a_gap(log: Path, first: int, last: int) -> None:
    tamper(log, f"DELETE FROM event WHERE seq BETWEEN {first} AND {last}")
    assert (REMOVED, first, last) in found(log)
    assert len(found(log)) == 1


@pytest.mark.parametrize("count", [1, 4])
def test_removed_events_are_found_though_the_rest_was_renumbered(log: Path, count: int) -> None:
    tamper(
        log,
        f"DELETE FROM event WHERE seq BETWEEN 60 AND {59 + count}",
        also=lambda connection: tampering.shift(connection, 60 + count, -count),
    )
    (finding, *rest) = verdict_on(log, level="chain").findings
    assert (finding.kind, finding.seq) == (REMOVED, 60)
    assert "between events 59 and 60" in finding.says
    assert [each.kind for each in rest] == [TRUNCATED]  # the witness misses as many at the end


@pytest.mark.parametrize("count", [1, 3])
def test_inserted_events_are_named_though_the_rest_was_renumbered(log: Path, count: int) -> None:
    def forge(connection: sqlite3.Connection) -> None:
        row = tampering.row_at(connection, 70)
        tampering.shift(connection, 70, count)
        for place in range(count):
            tampering.put(connection, row._replace(seq=70 + place, payload="{}", digest=bytes([place]) * 32))

    tamper(log, also=forge)
    chain = [each for each in verdict_on(log, level="chain").findings if each.kind != REPLACED]
    assert [(each.kind, each.seq, each.last_seq) for each in chain] == [(INSERTED, 70, 69 + count)]


def test_an_inserted_event_with_a_digest_that_fits_is_named_by_the_ones_behind(log: Path) -> None:
    def forge(connection: sqlite3.Connection) -> None:
        row = tampering.row_at(connection, 70)
        tampering.shift(connection, 70, 1)
        before = tampering.row_at(connection, 69).digest
        fake = row._replace(payload="{}")
        digest = digest_after(before, whole_row(fake))
        tampering.put(connection, fake._replace(digest=digest))

    tamper(log, also=forge)
    assert (INSERTED, 70, 70) in found(log)


@pytest.mark.parametrize(("one", "other"), [(80, 81), (80, 95)])
def test_events_that_changed_places_are_named_with_their_origin(log: Path, one: int, other: int) -> None:
    tamper(log, also=lambda connection: tampering.exchange(connection, one, other))
    assert found(log) == [(MOVED, one, one), (MOVED, other, other)]
    findings = verdict_on(log, level="chain").findings
    assert f"recorded as event {other}" in findings[0].says


def test_contents_that_changed_places_are_named(log: Path) -> None:
    tamper(log, also=lambda connection: tampering.exchange_contents(connection, 80, 95))
    assert found(log) == [(MOVED, 80, 80), (MOVED, 95, 95)]


def test_two_separate_changes_are_two_findings(log: Path) -> None:
    tamper(log, "UPDATE event SET at_ms = at_ms + 1 WHERE seq IN (40, 90)", "DELETE FROM event WHERE seq = 120")
    assert found(log) == [(ALTERED, 40, 40), (ALTERED, 90, 90), (REMOVED, 120, 120)]


def test_a_cut_end_is_told_by_the_witness(log: Path) -> None:
    tamper(log, "DELETE FROM event WHERE seq > 300")
    verdict = verdict_on(log)
    truncated = [each for each in verdict.findings if each.kind == TRUNCATED]
    assert [(each.seq, each.last_seq) for each in truncated] == [(301, verdict.anchors[0].seq)]


def test_a_cut_end_without_a_witness_is_found_by_an_anchor_from_outside_alone(log: Path) -> None:
    with open_log(log) as reader:
        head = reader.head
    cut = seq_of(log, "TransactionStopped") - 2
    tamper(log, f"DELETE FROM event WHERE seq > {cut}")
    (log / "witness").unlink()
    blind = verdict_on(log, level="chain")
    assert (blind.verdict, blind.proven, blind.findings) == ("unchecked", "consistent", ())
    assert any("witness" in each for each in blind.skipped)
    seeing = verdict_on(log, level="chain", outside=[Anchor(what="metrics", head=head)])
    assert [(each.kind, each.seq, each.last_seq) for each in seeing.findings] == [(TRUNCATED, cut + 1, head.seq)]


def test_a_replaced_head_is_found_by_the_witness(log: Path) -> None:
    last = seq_of(log, "DeadlineReached", -1)

    def forge(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE event SET at_ms = at_ms + 1000 WHERE seq >= ?", (last,))
        tampering.rehash(connection, last)

    tamper(log, also=forge)
    findings = verdict_on(log, level="chain").findings
    assert [each.kind for each in findings] == [REPLACED]


def test_an_edited_and_rehashed_decision_is_found_by_deciding_again(log: Path) -> None:
    stop = seq_of(log, "TransactionStopped")
    edit = f"UPDATE event SET payload = replace(payload, '\"meter_stop_wh\":21780', '\"meter_stop_wh\":31780') WHERE seq = {stop}"
    tamper(log, edit, also=lambda connection: tampering.rehash(connection, stop))
    (log / "witness").unlink()
    verdict = verdict_on(log)
    assert verdict_on(log, level="chain").findings == ()
    assert (verdict.findings[0].kind, verdict.findings[0].seq) == (CONTRADICTED, stop)
    assert "meter_stop_wh is 31780, what follows is 21780" in verdict.findings[0].says


def test_an_inserted_and_rehashed_decision_is_found_by_deciding_again(log: Path) -> None:
    at = seq_of(log, "ConnectorStatusChanged", 3)

    def forge(connection: sqlite3.Connection) -> None:
        row = tampering.row_at(connection, at)
        tampering.shift(connection, at + 1, 1)
        tampering.put(connection, row._replace(seq=at + 1, digest=b""))
        tampering.rehash(connection, at + 1)

    tamper(log, also=forge)
    (log / "witness").unlink()
    verdict = verdict_on(log)
    assert (verdict.findings[0].kind, verdict.findings[0].seq) == (CONTRADICTED, at + 1)


def test_a_wholly_forged_log_is_found_by_an_anchor_alone(log: Path) -> None:
    with open_log(log) as reader:
        head = reader.head
    edit = """UPDATE event SET payload = replace(payload, '"vendor":"Chargebox"', '"vendor":"Chargebux"')"""
    # The name reaches the CSMS in BootNotification as well: a forger who thinks of everything changes both.
    also = """UPDATE event SET payload = replace(payload, 'Vendor\\":\\"Chargebox', 'Vendor\\":\\"Chargebux')"""
    tamper(log, edit, also, also=lambda connection: tampering.rehash(connection, 1))
    (log / "witness").unlink()
    assert verdict_on(log).findings == ()
    anchored = verdict_on(log, outside=[Anchor(what="metrics", head=head)])
    assert [each.kind for each in anchored.findings] == [REPLACED]


def test_an_anchor_that_agrees_is_what_proves_the_log(log: Path) -> None:
    with open_log(log) as reader:
        head = reader.head
    verdict = verdict_on(log, outside=[Anchor(what="a colleague", head=head)])
    assert (verdict.verdict, verdict.proven, verdict.anchored_seq) == ("whole", "anchored", head.seq)


def test_removed_guards_are_told(log: Path) -> None:
    with sqlite3.connect(log / DATABASE_NAME) as connection:
        connection.execute("DROP TRIGGER event_is_never_changed")
    connection.close()
    assert [each.kind for each in verdict_on(log).findings] == [DAMAGED]


@pytest.mark.parametrize("version", ["0.0.9", "0.1.0", "9.9.9", "nonsense"])
def test_a_register_that_does_not_follow_is_contradicted_whichever_version_recorded_it(log: Path, version: str) -> None:
    stop = seq_of(log, "TransactionStopped")

    def forge(connection: sqlite3.Connection) -> None:
        edit = f"""UPDATE event SET payload = replace(payload, '"software_version":"{VERSION}"', '"software_version":"{version}"')"""
        connection.execute(f"{edit} WHERE type = 'StationBooted'")
        edit = "UPDATE event SET payload = replace(payload, '21780', '21700') WHERE seq = ?"
        connection.execute(edit, (stop,))
        tampering.rehash(connection, 1)

    tamper(log, also=forge)
    (log / "witness").unlink()
    verdict = verdict_on(log)
    assert (CONTRADICTED, stop) in [(each.kind, each.seq) for each in verdict.findings]


def test_a_snapshot_that_is_not_what_the_log_amounts_to_is_told(log: Path) -> None:
    station = disputed_bill()
    with open_log(log) as reader:
        row = reader.row(station.state.seq)
    assert row is not None
    add_snapshot(log, station.state, row.digest)
    whole = verdict_on(log)
    assert (whole.verdict, whole.snapshots) == ("whole", 1)
    file = log / f"snapshot-{station.state.seq}"
    file.write_bytes(file.read_bytes().replace(b'"given_up":0', b'"given_up":1'))
    faulty = verdict_on(log)
    assert [each.kind for each in faulty.findings] == [DAMAGED]
    assert "snapshot" in faulty.findings[0].says


@pytest.mark.parametrize("text", ["", "12", "x:00", "5:zz", "5:00"])
def test_an_anchor_that_is_none_is_a_bad_question(text: str) -> None:
    with pytest.raises(BadQuestion):
        anchor_from(text)


def test_an_anchor_is_a_seq_and_a_digest() -> None:
    assert anchor_from(f"7:{'ab' * 32}").head == Head(seq=7, digest=b"\xab" * 32)


def test_the_first_bytes_of_a_digest_as_metrics_have_them_are_an_anchor(log: Path) -> None:
    with open_log(log) as reader:
        digest = reader.row(50).digest.hex()  # type: ignore[union-attr]
        outside = [anchor_from(f"50:{digest[:12]}")]
        verdict = verify(reader, level="chain", outside=outside)
        assert (verdict.proven, verdict.anchored_seq) == ("anchored", 50)
        wrong = [anchor_from(f"50:{'0' * 12}")]
        assert [each.kind for each in verify(reader, level="chain", outside=wrong).findings] == [REPLACED]


def test_what_another_build_of_the_same_version_decides_otherwise_is_contradicted(tmp_path: Path) -> None:
    """Nobody can tell it from a forgery: a build has no number."""
    station = disputed_bill()
    station.observe(BooksClosed(first_seq=1, state_digest="", layout=1, fingerprint="another", owed_seq=1))
    log = write_log(station, tmp_path / "log")
    seq = seq_of(log, "LimitChanged", -1)
    tamper(
        log,
        f"UPDATE event SET payload = replace(payload, '8000', '7000') WHERE seq = {seq}",
        also=lambda connection: tampering.rehash(connection, seq),
    )
    assert CONTRADICTED in [each.kind for each in verdict_on(log).findings]


def test_behind_an_event_that_is_not_as_it_was_recorded_nothing_is_contradicted(log: Path) -> None:
    tamper(log, "UPDATE event SET payload = replace(payload, '1', '2') WHERE seq = 50")
    verdict = verdict_on(log)
    assert [(each.kind, each.seq) for each in verdict.findings] == [(ALTERED, 50)]
    assert any("not decidable: event 50 is not as it was recorded" in each for each in verdict.skipped)
    decided = [(each.first_seq, each.last_seq) for each in verdict.ranges if each.decided]
    assert decided[-1][1] < 50


@pytest.mark.parametrize("text", ["0:" + "00" * 32, "-1:" + "00" * 32, "+5:" + "00" * 32, "\u0665:" + "00" * 32])
def test_an_anchor_of_no_event_is_a_bad_question(text: str) -> None:
    with pytest.raises(BadQuestion):
        anchor_from(text)


def test_every_anchor_is_listed_with_what_the_log_says_to_it(log: Path) -> None:
    with open_log(log) as reader:
        row = reader.row(200)
        assert row is not None
        heads = [Head(seq=200, digest=row.digest), Head(seq=201, digest=bytes(32)), Head(seq=9_999, digest=bytes(32))]
        verdict = verify(reader, level="chain", outside=[Anchor(what="anchor", head=head) for head in heads])
    outside = [each for each in verdict.anchors if each.outside]
    assert [(each.seq, each.result) for each in outside] == [
        (200, "agrees"),
        (201, "contradicts"),
        (9_999, "contradicts"),
    ]
    assert all(each.says for each in outside)
    assert sorted({each.kind for each in verdict.findings}) == [REPLACED, TRUNCATED]


def test_an_anchor_of_what_an_excerpt_does_not_hold_is_not_applicable(log: Path, tmp_path: Path) -> None:
    with open_log(log) as reader:
        head = reader.head
    part = tmp_path / "part.jsonl"
    assert main(["replay", str(log), "export", "--output", str(part), "--from", "100"]) == 0
    with open_log(part) as reader:
        outside = [Anchor(what="anchor", head=Head(seq=50, digest=bytes(32))), Anchor(what="anchor", head=head)]
        verdict = verify(reader, outside=outside)
    assert (verdict.verdict, [each.result for each in verdict.anchors]) == ("unchecked", ["not_applicable", "agrees"])
    # The first event continues what is not here: nothing proves what it says.
    assert [(each.first_seq, each.last_seq) for each in verdict.ranges if each.anchored_by] == [(101, head.seq)]
