"""Redacted files: they verify against the same head and statements, tell no tag, and no tag is found in them by trying."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from eventstore.chain import EMPTY, Head, Row, digest_after
from eventstore.commitments import commitment, content_of, whole_row
from eventstore.database import DATABASE_NAME, migrate
from eventstore.insertion import INSERT_EVENTS, Group
from eventstore.log import EventLog
from migrations import MIGRATIONS
from station.cli.main import main
from station.replay.export.redaction import Redaction, RedactionRules
from station.replay.opening.importing import Told, read_events
from station.replay.opening.origin import Anchor
from station.replay.opening.source import open_log
from station.replay.proof.verify import verify
from tests.replay_logs import StoryStation, lost_session

TAG = "04A2B3C4"
SHARED = 200
"""Before this event, version 0.1.0 wrote the log, where one is told so."""


@dataclass(frozen=True)
class Written:
    """A log, and its redacted export."""

    log: Path
    file: Path
    head: Head


async def _append(path: Path, station: StoryStation, after: int) -> Head:
    log = await EventLog.open(path, identity="CB-0417")
    await log.append(station.log[after:])
    await log.close()
    return log.head


def written(tmp_path: Path, *, old: int) -> Written:
    """The story of the lost session, its first `old` events as version 0.1.0 recorded them."""
    station, path = lost_session(), tmp_path / "log"
    path.mkdir()
    if old:
        with closing(sqlite3.connect(path / DATABASE_NAME, isolation_level=None)) as connection:
            migrate(connection, MIGRATIONS[:2])
            group = Group(EMPTY)
            group.add(station.log[:old])
            connection.execute("INSERT INTO meta VALUES ('identity', 'CB-0417')")
            connection.execute(INSERT_EVENTS, group.parameters())
        (path / "identity").write_text("CB-0417\n")
    head = asyncio.run(_append(path, station, old))
    file = tmp_path / "redacted.jsonl"
    assert main(["replay", str(path), "export", "--redact", "--output", str(file)]) == 0
    return Written(log=path, file=file, head=head)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(tmp_path_factory.mktemp("new"), old=0)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(tmp_path_factory.mktemp("mixed"), old=SHARED)


def test_a_redacted_file_verifies_against_the_head_of_the_log(new: Written) -> None:
    with open_log(new.file) as reader:
        verdict = verify(reader, outside=[Anchor(what="anchor", head=new.head)])
    assert (verdict.verdict, verdict.findings, verdict.anchored_seq) == ("unchecked", (), new.head.seq)
    assert all(each.chained and each.anchored_by and not each.redacted for each in verdict.ranges)
    assert any(each.withheld for each in verdict.ranges)


def test_a_log_in_two_formats_is_whole_and_its_redacted_file_proven_from_the_new_format_on(mixed: Written) -> None:
    with open_log(mixed.log) as reader:
        assert (reader.commitments.first_seq, verify(reader).verdict) == (SHARED + 1, "whole")
    with open_log(mixed.file) as reader:
        verdict = verify(reader, outside=[Anchor(what="anchor", head=mixed.head)])
    assert (verdict.verdict, verdict.findings) == ("unchecked", ())
    proven = [each for each in verdict.ranges if each.anchored_by]
    assert (proven[0].first_seq, proven[-1].last_seq) == (SHARED + 2, mixed.head.seq)
    assert all(each.redacted for each in verdict.ranges if 10 < each.first_seq <= SHARED)


def test_no_digest_of_the_old_format_leaves_with_a_redacted_event_nor_the_salt_that_leads_back_to_it(
    mixed: Written,
) -> None:
    lines = [json.loads(line) for line in mixed.file.read_text().splitlines()]
    digests = [bool(line["digest"]) for line in lines]
    first = digests.index(False)
    assert not any(digests[first:SHARED])
    assert all(digests[SHARED:])
    assert lines[SHARED]["proof"] == {"commitments": {}, "salt": "", "salts": {}}
    assert all(line["proof"]["salt"] for line in lines[SHARED + 1 :])


def candidates(tag: str) -> list[str]:
    """Tags of four bytes: all that begin as the one that is looked for. (All others would be told from it no better.)"""
    return [f"{tag[:4]}{number:04X}" for number in range(0x10000)]


@pytest.mark.parametrize("fixture", ["new", "mixed"])
def test_no_tag_of_four_bytes_is_found_by_trying(fixture: str, request: pytest.FixtureRequest) -> None:
    """Whoever has the file knows all of an event but the tag. He tries each tag in each way that a digest or a commitment could tell it."""
    known: Written = request.getfixturevalue(fixture)
    told = list(read_events(known.file))
    victim = next(place for place, each in enumerate(told) if '"id_tag":"tag-1"' in each.row.payload)
    before, (row, disclosure, has_digest, _) = told[victim - 1], told[victim]
    assert TAG in candidates(TAG)
    values = {tag: row._replace(payload=row.payload.replace('"tag-1"', f'"{tag}"')) for tag in candidates(TAG)}
    if disclosure is None:
        assert not has_digest
        assert not before.has_digest or not told[victim + 1].has_digest
        return
    seen = {each.row.digest for each in told if each.has_digest}
    salts = [bytes.fromhex(text) for text in (disclosure.salt, *disclosure.salts.values(), "")]
    for tag, guessed in values.items():
        assert digest_after(before.row.digest, whole_row(guessed)) not in seen
        for salt in salts:
            assert commitment(salt, "id_tag", f'"{tag}"'.encode()) != disclosure.commitments["id_tag"]


def test_the_same_search_finds_the_tag_where_the_old_digest_is_known(mixed: Written) -> None:
    """So the search is one that would find something: this is why those digests stay behind."""
    with open_log(mixed.log) as reader:
        rows = [row for rows in reader.rows(until=SHARED) for row in rows]
    victim = next(place for place, row in enumerate(rows) if f'"id_tag":"{TAG}"' in row.payload)
    row, before = rows[victim], rows[victim - 1].digest
    parts = row.payload.split(f'"{TAG}"')
    found = [
        tag
        for tag in candidates(TAG)
        if digest_after(before, whole_row(row._replace(payload=f'"{tag}"'.join(parts)))) == row.digest
    ]
    assert found == [TAG]


def test_a_value_that_is_disclosed_later_is_proven_then(new: Written) -> None:
    """Who is given a tag and its salt puts them back in, and the event verifies whole."""
    with open_log(new.log) as reader:
        rows = {row.seq: row for rows in reader.rows() for row in rows}
        whole = {seq: reader.disclosure(row) for seq, row in rows.items()}
    told: Told = next(each for each in read_events(new.file) if each.disclosure and each.disclosure.commitments)
    assert told.disclosure is not None
    first, later = told.disclosure, whole[told.row.seq]
    assert later is not None
    for name, committed in first.commitments.items():
        value = json.dumps(json.loads(rows[told.row.seq].payload)[name], separators=(",", ":"), ensure_ascii=False)
        assert commitment(bytes.fromhex(later.salts[name]), name, value.encode()) == committed


def test_an_export_of_a_redacted_file_proves_as_much(new: Written, tmp_path: Path) -> None:
    again = tmp_path / "again.csv"
    assert main(["replay", str(new.file), "export", "--redact", "--output", str(again)]) == 0
    with open_log(again) as reader:
        verdict = verify(reader, outside=[Anchor(what="anchor", head=new.head)])
    assert (verdict.findings, verdict.anchored_seq) == ((), new.head.seq)


@pytest.mark.parametrize("name", ["id_tag", "meter_stop_wh"])
def test_a_change_in_a_redacted_file_is_found_where_it_is_proven(new: Written, tmp_path: Path, name: str) -> None:
    lines = [json.loads(line) for line in new.file.read_text().splitlines()]
    stopped: dict[str, Any] = next(line for line in lines if line["type"] == "TransactionStopped")
    stopped["payload"][name] = 99_000 if name == "meter_stop_wh" else "tag-9"
    file = tmp_path / "changed.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with open_log(file) as reader:
        verdict = verify(reader)
    if name == "meter_stop_wh":
        assert [(each.kind, each.seq) for each in verdict.findings] == [("altered", stopped["seq"])]
    else:
        assert verdict.findings == (), (
            "what stands in place of a withheld value is proven by nothing, and the verdict says so"
        )


def test_with_a_key_a_name_is_the_same_in_every_log_and_without_it_they_are_numbered() -> None:
    keyed = [Redaction(RedactionRules(tags=True, identity=True, key=b"k"), identity=name) for name in ("A1", "B2")]
    assert keyed[0].tag("04a2b3c4") == keyed[1].tag("04A2B3C4") != keyed[0].tag("04A2B3C5")
    assert keyed[0].station != keyed[1].station
    assert [Redaction(RedactionRules(tags=True)).tag(tag) for tag in ("x", None, "")] == ["tag-1", None, ""]


def test_content_of_each_event_follows_from_what_came_with_it(new: Written) -> None:
    digest = EMPTY.digest
    for row, disclosure, _, _ in read_events(new.file):
        assert disclosure is not None
        content = partial(content_of, disclosure=disclosure)
        digest = digest_after(digest, content(row))
        assert digest == row.digest
    assert isinstance(row, Row)
    assert digest == new.head.digest
