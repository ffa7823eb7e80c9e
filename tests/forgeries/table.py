"""The table of forgeries: each a function from an honest storage directory to a forged log, and the verdict that it must get.

`alone` is the verdict without an anchor, `stated` with the genuine statements that somebody copied away, `headed` with the last head
as seen elsewhere. A forger is assumed to recompute all digests; he has no key. `kinds` must be among what is found alone.
"""

from dataclasses import dataclass

from station.replay.proof.findings import (
    ALTERED,
    CONTRADICTED,
    DAMAGED,
    FOREIGN,
    INSERTED,
    MOVED,
    REMOVED,
    REPLACED,
    TRUNCATED,
)
from station.replay.proof.verdict import FAULTY, UNCHECKED, WHOLE
from tests import tampering
from tests.forgeries import exports, files, history, rows
from tests.forgeries.honest import (
    TAG,
)
from tests.forgeries.rows import Forge


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """`forge` changes the directory, or returns another log that was made of it. `error`: no verdict, but this exit status."""

    name: str
    forge: Forge
    alone: str = FAULTY
    stated: str = FAULTY
    headed: str = FAULTY
    kinds: tuple[str, ...] = ()
    error: int | None = None


FORGERIES: tuple[Forgery, ...] = (
    # rows, by plain SQL
    Forgery(
        name="a payload",
        forge=rows.sql("UPDATE event SET payload = replace(payload, '1', '2') WHERE seq = {n}"),
        kinds=(ALTERED,),
    ),
    *(
        Forgery(
            name=f"the column {name}",
            forge=rows.sql(f"UPDATE event SET {name} = {name} + 1 WHERE seq = {{n}}"),
            kinds=(ALTERED,),
        )
        for name in ("cause", "at_ms", "utc_ms", "version")
    ),
    Forgery(
        name="the column connector_id",
        forge=rows.sql("UPDATE event SET connector_id = 7 WHERE seq = {n}"),
        kinds=(ALTERED,),
    ),
    Forgery(name="a type", forge=rows.sql("UPDATE event SET type = 'FrameIgnored' WHERE seq = {n}"), kinds=(ALTERED,)),
    Forgery(
        name="a digest", forge=rows.sql("UPDATE event SET digest = zeroblob(32) WHERE seq = {n}"), kinds=(ALTERED,)
    ),
    Forgery(name="a row that is gone", forge=rows.sql("DELETE FROM event WHERE seq = {n}"), kinds=(REMOVED,)),
    Forgery(
        name="the first rows of the live segment gone",
        forge=rows.sql("DELETE FROM event WHERE seq < {n}"),
        kinds=(REMOVED,),
    ),
    Forgery(
        name="rows gone, the rest renumbered",
        forge=rows.on_live(rows.remove_and_renumber),
        kinds=(REMOVED, TRUNCATED),
    ),
    Forgery(
        name="a row put in, the rest renumbered",
        forge=rows.on_live(rows.put_in_and_renumber),
        kinds=(INSERTED,),
    ),
    Forgery(
        name="two rows exchanged", forge=rows.on_live(lambda c, n: tampering.exchange(c, n, n + 9)), kinds=(MOVED,)
    ),
    Forgery(
        name="two contents exchanged",
        forge=rows.on_live(lambda c, n: tampering.exchange_contents(c, n, n + 9)),
        kinds=(MOVED,),
    ),
    Forgery(name="the end cut off", forge=rows.sql("DELETE FROM event WHERE seq > {n}"), kinds=(TRUNCATED,)),
    Forgery(
        name="a closed segment's payload",
        forge=rows.plain_sql(
            "DROP TRIGGER event_is_never_changed",
            "UPDATE event SET payload = replace(payload, '1', '2') WHERE seq = 200",
            "CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event\nBEGIN\n    SELECT RAISE(ABORT, 'the event log is append-only');\nEND",
            closed=True,
        ),
        kinds=(ALTERED,),
    ),
    Forgery(name="a row below the live segment", forge=rows.on_live(rows.below_the_base), kinds=(FOREIGN,)),
    Forgery(name="a row below zero", forge=rows.on_live(rows.below_zero), kinds=(FOREIGN,)),
    # another history, hashed anew from end to end
    Forgery(name="a bill", forge=history.retold(history.stop(meter_stop_wh=99_000)), kinds=(CONTRADICTED,)),
    Forgery(name="a tag that stopped", forge=history.retold(history.stop(id_tag="04FFFFFF")), kinds=(CONTRADICTED,)),
    Forgery(name="a reason", forge=history.retold(history.stop(reason="PowerLoss")), kinds=(CONTRADICTED,)),
    Forgery(
        name="a tag that started",
        forge=history.retold(history.of("TransactionStarted", id_tag="04FFFFFF")),
        kinds=(CONTRADICTED,),
    ),
    Forgery(
        name="a register at the start",
        forge=history.retold(history.of("TransactionStarted", meter_start_wh=0)),
        kinds=(CONTRADICTED,),
    ),
    Forgery(name="a transaction of minus 15 s", forge=history.retold(history.minus_15_s), kinds=(CONTRADICTED,)),
    Forgery(name="a station time that goes back", forge=history.back_in_time, kinds=(CONTRADICTED,)),
    Forgery(
        name="a utc of its own",
        forge=history.retold(
            lambda row: row._replace(utc_ms=row.utc_ms + 3_600_000) if row.type == "TransactionStopped" else row
        ),
        kinds=(CONTRADICTED,),
    ),
    Forgery(name="a limit", forge=history.retold(history.of("LimitChanged", limit_ma=6_000)), kinds=(CONTRADICTED,)),
    Forgery(name="a decision left out", forge=history.told_anew(history.without_decision), kinds=(CONTRADICTED,)),
    Forgery(name="a decision put in", forge=history.with_row(lambda row: row), kinds=(CONTRADICTED,)),
    Forgery(
        name="a decision whose cause is itself", forge=history.with_row(history.self_caused), kinds=(CONTRADICTED,)
    ),
    Forgery(name="an event of no type", forge=history.with_row(history.of_no_type), kinds=(CONTRADICTED,)),
    Forgery(name="an observation rejected", forge=history.told_anew(history.rejected), kinds=(CONTRADICTED,)),
    Forgery(name="a decision that failed", forge=history.told_anew(history.failed), kinds=(CONTRADICTED,)),
    Forgery(name="a salvage that never was", forge=history.with_row(history.salvage), alone=FAULTY),
    Forgery(name="a column against its payload", forge=history.retold(history.column), kinds=(CONTRADICTED,)),
    Forgery(name="a member twice", forge=history.retold(history.dup_member), kinds=(CONTRADICTED,)),
    Forgery(name="a payload written otherwise", forge=history.retold(history.spaced), kinds=(CONTRADICTED,)),
    Forgery(
        name="a payload without a member",
        forge=history.retold(lambda row: row._replace(payload="{}") if row.type == "TransactionStopped" else row),
        kinds=(CONTRADICTED,),
    ),
    Forgery(
        name="a bill under an unknown version",
        forge=history.retold(history.stop(meter_stop_wh=99_000), also=history.version("0.0.9")),
        kinds=(CONTRADICTED,),
    ),
    Forgery(
        name="a bill under a newer version",
        forge=history.retold(history.stop(meter_stop_wh=99_000), also=history.version("9.9.9")),
        kinds=(CONTRADICTED,),
    ),
    Forgery(
        name="a bill under a version with known changes",
        forge=history.retold(history.stop(meter_stop_wh=99_000), also=history.version("0.1.0")),
        kinds=(CONTRADICTED,),
    ),
    Forgery(
        name="a tag under a version with known changes",
        forge=history.retold(history.stop(id_tag="04FFFFFF"), also=history.version("0.1.0")),
        kinds=(CONTRADICTED,),
    ),
    Forgery(
        name="a reason under a version with known changes",
        forge=history.retold(history.stop(reason="Other"), also=history.version("0.1.0")),
        kinds=(CONTRADICTED,),
    ),
    Forgery(
        name="a bill, and another build",
        forge=history.retold(history.stop(meter_stop_wh=99_000), also=history.of("BooksClosed", fingerprint="another")),
        kinds=(CONTRADICTED,),
    ),
    Forgery(
        name="a bill, the statements overlooked",
        forge=history.retold(history.stop(meter_stop_wh=99_000), keeps_statements=True),
        kinds=(CONTRADICTED, REPLACED),
    ),
    Forgery(name="the last session never was", forge=history.cut, alone=WHOLE, kinds=()),
    Forgery(name="a history that a station could have told", forge=history.retold(history.other_register), alone=WHOLE),
    Forgery(
        name="that history, the statements overlooked",
        forge=history.retold(history.other_register, keeps_statements=True),
        kinds=(REPLACED,),
    ),
    # schema and small tables
    Forgery(name="an index over other rows", forge=rows.swapping_index, kinds=(FOREIGN,)),
    Forgery(name="an index", forge=rows.plain_sql("CREATE INDEX by_type ON event (type)"), kinds=(FOREIGN,)),
    Forgery(
        name="an index that hides rows",
        forge=rows.plain_sql("CREATE INDEX few ON event (type) WHERE type <> 'TransactionStopped'"),
        kinds=(FOREIGN,),
    ),
    Forgery(
        name="an index in a closed segment",
        forge=rows.plain_sql("CREATE INDEX by_type ON event (type)", closed=True),
        kinds=(FOREIGN,),
    ),
    Forgery(name="statistics", forge=rows.plain_sql("ANALYZE"), kinds=(FOREIGN,)),
    Forgery(
        name="a trigger",
        forge=rows.plain_sql("CREATE TRIGGER more AFTER INSERT ON event BEGIN SELECT 1; END"),
        kinds=(FOREIGN,),
    ),
    Forgery(name="a view", forge=rows.plain_sql("CREATE VIEW bills AS SELECT * FROM event"), kinds=(FOREIGN,)),
    Forgery(name="a table", forge=rows.plain_sql("CREATE TABLE bills (wh INTEGER)"), kinds=(FOREIGN,)),
    Forgery(name="a column", forge=rows.plain_sql("ALTER TABLE event ADD COLUMN note TEXT"), kinds=(FOREIGN,)),
    Forgery(
        name="a computed column",
        forge=rows.plain_sql("ALTER TABLE event ADD COLUMN note TEXT AS (payload) VIRTUAL"),
        error=1,
    ),
    Forgery(
        name="a collation",
        forge=rows.schema_edit(
            "UPDATE sqlite_schema SET sql = replace(sql, 'type         TEXT NOT NULL', 'type         TEXT COLLATE NOCASE NOT NULL') WHERE name = 'event'"
        ),
        kinds=(FOREIGN,),
    ),
    Forgery(name="a guard taken away", forge=rows.plain_sql("DROP TRIGGER event_is_never_changed"), kinds=(DAMAGED,)),
    Forgery(
        name="a guard that guards nothing",
        forge=rows.plain_sql(
            "DROP TRIGGER event_is_never_deleted",
            "CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event BEGIN SELECT 1; END",
        ),
        kinds=(FOREIGN,),
    ),
    Forgery(
        name="a fact in the table meta",
        forge=rows.plain_sql("INSERT INTO meta VALUES ('believed', 'yes')"),
        kinds=(FOREIGN,),
    ),
    Forgery(
        name="another identity in the table meta",
        forge=rows.plain_sql("UPDATE meta SET value = 'CB-9999' WHERE name = 'identity'"),
        kinds=(REPLACED,),
    ),
    Forgery(
        name="a migration of nobody",
        forge=rows.plain_sql("INSERT INTO migration VALUES (4, 'more', 'x', 1)"),
        kinds=(FOREIGN,),
    ),
    Forgery(
        name="a migration by another name",
        forge=rows.plain_sql("UPDATE migration SET name = 'log' WHERE number = 1"),
        kinds=(FOREIGN,),
    ),
    Forgery(
        name="a migration of another content",
        forge=rows.plain_sql("UPDATE migration SET sha256 = 'x' WHERE number = 1"),
        error=3,
    ),
    Forgery(
        name="a migration that is gone",
        forge=rows.plain_sql("DELETE FROM migration WHERE number = 2"),
        kinds=(FOREIGN,),
    ),
    Forgery(name="another application", forge=rows.plain_sql("PRAGMA application_id = 7"), kinds=(FOREIGN,)),
    # where the live segment begins
    Forgery(
        name="another state to begin with",
        forge=rows.opening(state=lambda state: state.replace(TAG.encode(), b"04FFFFFF")),
        kinds=(REPLACED,),
    ),
    Forgery(
        name="another digest to begin with",
        forge=rows.opening(head=lambda head: type(head)(seq=head.seq, digest=bytes(32))),
        kinds=(REPLACED,),
    ),
    Forgery(
        name="another place to begin at",
        forge=rows.opening(head=lambda head: type(head)(seq=head.seq - 5, digest=head.digest)),
    ),
    Forgery(name="another event owed", forge=rows.opening(owed_seq=3), kinds=(REPLACED,)),
    Forgery(name="a beginning by another build", forge=rows.opening(fingerprint="another"), kinds=(REPLACED,)),
    Forgery(name="no beginning", forge=rows.no_opening),
    Forgery(name="books closed on another state", forge=history.other_books, kinds=(CONTRADICTED,)),
    # archives and closed segments
    Forgery(name="the first archive gone", forge=files.gone(0), kinds=(REMOVED,)),
    Forgery(name="an archive in the middle gone", forge=files.gone(1), kinds=(REMOVED,)),
    Forgery(name="the closed segment gone", forge=files.closed_gone, kinds=(REMOVED,)),
    Forgery(name="all but the live segment gone", forge=files.all_but_live, kinds=(REMOVED,)),
    Forgery(name="two archives exchanged", forge=files.swapped, kinds=(DAMAGED,)),
    Forgery(name="an archive cut short", forge=files.shortened, kinds=(DAMAGED,)),
    Forgery(name="an archive rebuilt", forge=files.rebuilt, kinds=(REPLACED,)),
    Forgery(name="a frame packed anew", forge=files.frame, kinds=(DAMAGED,)),
    Forgery(
        name="an archive of another station by its header",
        forge=files.repacked(lambda header: header.update(identity="CB-9999")),
        kinds=(REPLACED,),
    ),
    Forgery(
        name="an archive of another day by its header",
        forge=files.repacked(lambda header: header.update(last_utc_ms=7)),
        kinds=(REPLACED,),
    ),
    Forgery(
        name="an archive of another build by its header",
        forge=files.repacked(lambda header: header.update(fingerprint="another")),
        kinds=(REPLACED,),
    ),
    Forgery(
        name="an archive that ends in another state",
        forge=files.repacked(state=lambda state: state.replace(b'"given_up":0', b'"given_up":1')),
        kinds=(REPLACED,),
    ),
    Forgery(name="a live segment older than the archives", forge=files.set_back, kinds=(TRUNCATED,)),
    Forgery(name="an archive under a second name", forge=files.named_again, kinds=(FOREIGN,)),
    Forgery(name="an archive that overlaps another", forge=files.overlapping, kinds=(FOREIGN,)),
    Forgery(name="an archive dropped by a lie", forge=files.dropped_by_a_lie, alone=UNCHECKED),
    Forgery(name="a record of dropping what is to come", forge=files.dropped_of_the_future, kinds=(CONTRADICTED,)),
    # beside the log
    Forgery(name="another witness", forge=files.other_witness, kinds=(REPLACED,)),
    Forgery(name="no witness", forge=files.no_witness, alone=UNCHECKED, stated=UNCHECKED, headed=UNCHECKED),
    Forgery(name="no witness and no end", forge=files.no_witness_no_end, alone=UNCHECKED),
    Forgery(name="another identity", forge=files.identity("CB-9999\n"), kinds=(REPLACED,)),
    Forgery(name="no identity", forge=files.no_identity, alone=WHOLE, stated=WHOLE, headed=WHOLE),
    Forgery(name="another state in the snapshot", forge=files.snapshot, kinds=(DAMAGED,)),
    Forgery(name="a snapshot cut short", forge=files.illegible_snapshot, kinds=(DAMAGED,)),
    Forgery(
        name="a statement with another end",
        forge=files.in_statement(lambda each: each.update(to_digest="00" * 32)),
        kinds=(FOREIGN,),
    ),
    Forgery(
        name="a statement that says more",
        forge=files.in_statement(lambda each: each.update(says="and all is well")),
        kinds=(FOREIGN,),
    ),
    Forgery(name="a statement of another range by its name", forge=files.renamed_statement, kinds=(FOREIGN,)),
    Forgery(name="a statement of another station among them", forge=files.of_another_station, kinds=(REPLACED,)),
    Forgery(name="a history signed by the forger", forge=files.signed_by_another, kinds=(CONTRADICTED,)),
    # exports, redacted files, diagnostics files
    Forgery(name="a bill in an export", forge=exports.exported(exports.bill), kinds=(ALTERED,)),
    Forgery(name="lines left out of an export", forge=exports.exported(exports.unlined), kinds=(REMOVED,)),
    Forgery(
        name="the first line of an excerpt",
        forge=exports.exported(exports.first_of_excerpt, begins="MeterObserved"),
        alone=UNCHECKED,
        stated=UNCHECKED,
        headed=UNCHECKED,
    ),
    Forgery(
        name="a bill in a line that looks redacted",
        forge=exports.exported(lambda lines: exports.bill(lines, id_tag="tag-1")),
        kinds=(ALTERED,),
    ),
    Forgery(
        name="a bill beside a line that looks redacted",
        forge=exports.exported(exports.mark_elsewhere),
        kinds=(ALTERED,),
    ),
    Forgery(
        name="a bill in a diagnostics file",
        forge=exports.bundled(lambda lines, about: exports.bill(lines)),
        kinds=(ALTERED,),
    ),
    Forgery(
        name="a bill in a redacted diagnostics file",
        forge=exports.bundled(lambda lines, about: exports.bill(lines, id_tag="tag-1")),
        kinds=(ALTERED,),
    ),
    Forgery(
        name="a bill that looks redacted, without its proof",
        forge=exports.exported(lambda lines: exports.bill(lines, id_tag="tag-1", proof=None)),
        alone=UNCHECKED,
        stated=UNCHECKED,
        headed=UNCHECKED,
    ),
    Forgery(
        name="a bill without its digest",
        forge=exports.exported(lambda lines: exports.bill(lines, digest="")),
        kinds=(ALTERED,),
    ),
    Forgery(
        name="a bill with a commitment in place of a tag that fits",
        forge=exports.exported(lambda lines: exports.bill(lines, withheld="id_tag")),
        kinds=(ALTERED,),
    ),
    Forgery(
        name="another tag, and a commitment of the forger's",
        forge=exports.exported(exports.own_commitment),
        kinds=(ALTERED,),
    ),
    Forgery(
        name="a reading that is withheld though it is none of the personal members",
        forge=exports.exported(exports.withheld_reading),
        kinds=(ALTERED,),
    ),
    Forgery(name="a bill in evidence", forge=exports.evidenced(exports.bill), kinds=(ALTERED,)),
    Forgery(
        name="a reading in evidence passed off as an event of others",
        forge=exports.evidenced(exports.concealed_reading),
        kinds=(ALTERED,),
    ),
    Forgery(
        name="an event in evidence in place of one that was withheld",
        forge=exports.evidenced(exports.shown_in_place_of_withheld),
        kinds=(ALTERED,),
    ),
    Forgery(
        name="an event of others left out of evidence", forge=exports.evidenced(exports.left_out), kinds=(REPLACED,)
    ),
    Forgery(
        name="a bill in evidence that was made anew",
        forge=exports.evidenced(exports.bill, anew=True),
        alone=UNCHECKED,
        headed=UNCHECKED,
    ),
    Forgery(
        name="the end off a diagnostics file",
        forge=exports.bundled(exports.last_off),
        alone=UNCHECKED,
        stated=UNCHECKED,
        headed=UNCHECKED,
    ),
    Forgery(
        name="the end off a diagnostics file in silence",
        forge=exports.bundled(exports.last_off_in_silence),
        alone=WHOLE,
    ),
)
"""The table. Where somebody holds an anchor, what is "whole" alone must be faulty, or unchecked."""

assert len({each.name for each in FORGERIES}) == len(FORGERIES), "each forgery has a name of its own"
