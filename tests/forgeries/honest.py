"""An honest log with everything that one can have: archives, a segment that waits to be compressed, a live one, states, statements.

And what a forger needs who recomputes everything: `retell` writes a whole storage directory for any rows, every digest made anew.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eventstore.beside import WITNESSED
from eventstore.catalogue.lifecycle import BooksClosed
from eventstore.catalogue.link import OutboxWindowRead
from eventstore.chain import EMPTY, Head, Row, digest_after
from eventstore.codec import catalogue_codec, encode
from eventstore.commitments import Commitments
from eventstore.database import DATABASE_NAME
from eventstore.directory import StorageDirectory
from eventstore.event import Event, Recorded
from eventstore.log import EventLog
from eventstore.opening import FIRST, Opening
from eventstore.salting import write_commitments
from eventstore.segments import ARCHIVE_DIRECTORY, PastSegment, closed_name, compress, lay_out
from eventstore.snapshots import Snapshot, write_snapshot
from eventstore.statements import STATEMENTS_DIRECTORY, statement_name
from eventstore.value import replace
from eventstore.witness import Witness
from projections.digest import fingerprint, state_bytes
from projections.outbox import TRANSACTIONAL
from projections.station import INITIAL, evolve
from station.replay.opening.source import open_log
from station.replay.pages.page import json_text
from station.replay.proof import statement
from station.runtime.books import books_closed
from tests.replay_logs import MINUTE_S, StoryStation, metered, session, story

IDENTITY = "CB-0417"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
PUBLIC = KEY.public_key().public_bytes_raw().hex()
TAG, OTHER_TAG = "04A2B3C4", "0411D0D0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Honest:
    """A storage directory as a station left it; its rows, and what somebody has of it elsewhere: all statements, and the last head."""

    directory: Path
    rows: Sequence[Row]
    ends: Sequence[int]
    statements: Sequence[statement.Statement]
    commitments: Commitments

    @property
    def head(self) -> Head:
        return Head(seq=self.rows[-1].seq, digest=self.rows[-1].digest)


def tell() -> tuple[StoryStation, dict[int, bytes]]:
    """Sessions before, over and behind three closings of the books; and the states at those, by seq."""
    station = metered(story(identity=IDENTITY))
    states: dict[int, bytes] = {}

    def close_books() -> None:
        event, content = books_closed(station.state, station.at_ms, max(states, default=0) + 1)
        station.observe(event)
        states[station.state.seq] = content

    session(station, tag=TAG, minutes=15)
    close_books()
    station.disconnect("the network is unreachable")
    session(station, tag=TAG, minutes=15)
    close_books()
    station.connect()
    station.advance(MINUTE_S)
    session(station, tag=OTHER_TAG, minutes=12, connector_id=2)
    close_books()
    session(station, tag=TAG, minutes=20)
    station.stop()
    return station, states


async def _write(directory: Path) -> list[int]:
    station, states = tell()
    log = await EventLog.open(directory, identity=IDENTITY)
    try:
        done = 0
        for seq, content in states.items():
            await log.append(station.log[done:seq])
            books = station.log[seq - 1].event
            assert isinstance(books, BooksClosed)
            assert await log.close_segment(
                state=content, layout=books.layout, fingerprint=books.fingerprint, owed_seq=books.owed_seq
            )
            if seq != max(states):
                for segment in log.archives.waiting:
                    await log.archives.compress(segment, _at_once)
            done = seq
        await log.append(station.log[done:])
        await log.save_snapshot(station.state.seq, fingerprint(), state_bytes(station.state))
        await log.witness()
    finally:
        await log.close()
    return sorted(states)


async def _at_once() -> None:
    """No pause."""


def make(directory: Path) -> Honest:
    """The honest log, written by the event log itself."""
    ends = asyncio.run(_write(directory))
    with open_log(directory) as reader:
        rows, commitments = [row for rows in reader.rows() for row in rows], reader.commitments
    stated = sign_all(directory, rows, ends)
    for name in ("lock", "reserve"):
        (directory / name).unlink(missing_ok=True)
    return Honest(directory=directory, rows=rows, ends=ends, statements=stated, commitments=commitments)


def sign_all(
    directory: Path, rows: Sequence[Row], ends: Sequence[int], key: Ed25519PrivateKey = KEY
) -> list[statement.Statement]:
    """As the station signs each closed segment, and the live one once."""
    folder = directory / STATEMENTS_DIRECTORY
    folder.mkdir(exist_ok=True)
    found = []
    base = EMPTY
    for end in (*ends, rows[-1].seq):
        head = Head(seq=end, digest=rows[end - 1].digest)
        between = (rows[base.seq].utc_ms, rows[end - 1].utc_ms)
        stated = statement.sign(key, base, head, identity=IDENTITY, between=between, says="signed by the station")
        (folder / statement_name(base.seq + 1, end)).write_text(json_text(stated))
        found.append(stated)
        base = head
    return found


# ---- what a forger does who recomputes everything ------------------------------------------------------------------


def chained(rows: Sequence[Row], commitments: Commitments, before: bytes = EMPTY.digest) -> list[Row]:
    """The rows with digests that fit; whoever has a log has its secrets."""
    found = []
    for row in rows:
        before = digest_after(before, commitments.content(row))
        found.append(row._replace(digest=before))
    return found


def _filled(recorded: Recorded, before: Sequence[Recorded]) -> Recorded:
    event = recorded.event
    if not isinstance(event, OutboxWindowRead):
        return recorded
    owed = [
        each for each in before if event.after_seq < each.seq <= event.to_seq and isinstance(each.event, TRANSACTIONAL)
    ]
    return replace(recorded, event=replace(event, entries=tuple(owed[: event.count])))


def with_true_states(
    rows: Sequence[Row], state_at: Mapping[int, Callable[[bytes], bytes]] | None = None
) -> tuple[list[Row], dict[int, bytes], bytes]:
    """The rows, each BooksClosed naming the state that these rows amount to; those states by seq, and the last one.

    `state_at` forges the states after these events.

    Raises whatever a fold raises for an event that cannot be: the forger's problem.
    """
    state, states, told, found = INITIAL, dict[int, bytes](), list[Recorded](), list[Row]()
    for row in rows:
        (recorded,) = catalogue_codec().decode_rows([row])
        recorded = _filled(recorded, told)
        state = evolve(state, recorded)
        if isinstance(recorded.event, BooksClosed):
            content = states[row.seq] = (state_at or {}).get(row.seq, bytes)(state_bytes(state))
            event = replace(
                recorded.event, state_digest=sha256(content).hexdigest(), fingerprint=recorded.event.fingerprint
            )
            row = row._replace(payload=encode(event))  # noqa: PLW2901  # the row as it is to be
        told.append(recorded)
        found.append(row)
    return found, states, state_bytes(state)


def retell(
    directory: Path,
    rows: Sequence[Row],
    ends: Sequence[int],
    *,
    keeps_statements: bool = False,
    state_at: Mapping[int, Callable[[bytes], bytes]] | None = None,
) -> None:
    """The storage directory of another history: every digest, state, snapshot and header made anew, and the witness with them.

    The statements go, for the forger has no key, unless he overlooks them.
    """
    try:
        rows, states, last = with_true_states(rows, state_at)
    except Exception:  # noqa: BLE001  # his events cannot be folded: he leaves the states as they are told
        states, last = {}, b""
    with open_log(directory) as reader:
        commitments = reader.commitments
    rows = chained(rows, commitments)
    for old in (directory / ARCHIVE_DIRECTORY, *directory.glob("closed-*"), *directory.glob("snapshot-*")):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    (directory / ARCHIVE_DIRECTORY).mkdir()
    opening, waiting = FIRST, list[tuple[PastSegment, Opening]]()
    for end in ends:
        path = directory / closed_name(opening.head.seq + 1, end)
        _lay(path, opening, [row for row in rows if opening.head.seq < row.seq <= end], commitments)
        after = _opening(rows[end - 1], states.get(end, b""))
        waiting.append((PastSegment(first_seq=opening.head.seq + 1, last_seq=end, path=path, is_archive=False), after))
        opening = after
    _lay(directory / DATABASE_NAME, opening, [row for row in rows if row.seq > opening.head.seq], commitments)
    for segment, after in waiting[:-1]:
        for _ in compress(StorageDirectory(directory), segment, after):
            pass
    head = Head(seq=rows[-1].seq, digest=rows[-1].digest)
    if last:
        write_snapshot(
            StorageDirectory(directory),
            Snapshot(seq=head.seq, fingerprint=fingerprint(), state=last, digest=head.digest),
        )
    (directory / "witness").unlink(missing_ok=True)
    Witness(StorageDirectory(directory)).note(head)
    if not keeps_statements:
        shutil.rmtree(directory / STATEMENTS_DIRECTORY, ignore_errors=True)


def _opening(row: Row, state: bytes) -> Opening:
    books = orjson.loads(row.payload)
    return Opening(
        head=Head(seq=row.seq, digest=row.digest),
        owed_seq=int(books.get("owed_seq", 1)),
        layout=int(books.get("layout", 1)),
        fingerprint=str(books.get("fingerprint", "")),
        state=state,
    )


def _lay(path: Path, opening: Opening, rows: Sequence[Row], commitments: Commitments) -> None:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        lay_out(connection, opening)
        connection.execute("INSERT INTO meta VALUES ('identity', ?), (?, 'kept')", (IDENTITY, WITNESSED))
        within = [secret for secret in commitments.secrets if opening.head.seq < secret[0] <= rows[-1].seq]
        before = [secret for first_seq, secret in commitments.secrets if first_seq <= opening.head.seq + 1][-1:]
        begin = [(opening.head.seq + 1, secret) for secret in before if opening.head.seq + 1 not in dict(within)]
        write_commitments(connection, Commitments(secrets=(*begin, *within)))
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")


def edited(rows: Sequence[Row], edit: Callable[[Row], Row]) -> list[Row]:
    """Each row as the forger would have it."""
    return [edit(row) for row in rows]


def member(row: Row, **changes: object) -> Row:
    """The row with other members in its payload, written as a station writes it."""
    plain = orjson.loads(row.payload) | changes
    return row._replace(payload=orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode())


def inserted(rows: Sequence[Row], at: int, fresh: Row) -> list[Row]:
    """One more row with the number `at`; those behind it, and what they name as their cause, move by one."""
    found = [row for row in rows if row.seq < at]
    found.append(fresh._replace(seq=at))
    found += [moved(row, at, 1) for row in rows if row.seq >= at]
    return found


def removed(rows: Sequence[Row], first: int, last: int) -> list[Row]:
    """Without these rows; those behind them move up."""
    by = last - first + 1
    return [row for row in rows if row.seq < first] + [moved(row, first, -by) for row in rows if row.seq > last]


def moved(row: Row, at: int, by: int) -> Row:
    """The row with its number moved, and the numbers that it names of rows behind `at` as well."""
    plain = orjson.loads(row.payload)
    for name in ("owed_seq", "to_seq", "after_seq", "first_seq"):
        if isinstance(plain.get(name), int) and plain[name] >= at:
            plain[name] += by
    payload = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()
    return row._replace(seq=row.seq + by, cause=row.cause + (by if row.cause >= at else 0), payload=payload)


def record_of(event: Event, model: Row) -> Row:
    """An observation as a row that may stand behind another one."""
    connector_id = getattr(event, "connector_id", None)
    cause = model.seq + 1
    return model._replace(
        type=event.NAME, version=event.VERSION, cause=cause, payload=encode(event), connector_id=connector_id
    )
