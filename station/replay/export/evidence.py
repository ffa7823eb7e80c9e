"""Evidence: one transaction as a file for a court or a customer, which can be checked without chargebox (docs/replay.md).

It has the events that belong to the transaction, to the byte, with what proves them; of every event in between the content alone, a salted
hash, so that the chain can be followed and nothing of others is in it; and the signed statements that the chain leads to. Beside them a
report for reading, a program that checks all of it, and the same procedure in prose.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO

import orjson

from eventstore.catalogue.connectors import ConnectorStatusChanged
from eventstore.catalogue.hardware import (
    ContactorObserved,
    FaultCleared,
    FaultObserved,
    LockObserved,
    MeterFailed,
    MeterObserved,
    PilotStateObserved,
    ProximityObserved,
)
from eventstore.catalogue.lifecycle import ClockAdjusted, StationBooted, StationDescribed
from eventstore.catalogue.link import CallDispatched, CallSettled, FrameReceived, LinkOpened
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import (
    MeterDoubted,
    MeterRegisterReturned,
    MeterResetFound,
    TransactionEnding,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.chain import EMPTY, Head, Row, digest_after
from eventstore.event import Decision, Event, Recorded
from eventstore.statements import statement_files, statement_name
from eventstore.structure import to_json
from eventstore.value import Value, replace
from station import VERSION
from station.replay.answers.transactions import TransactionRow, WholeTransaction
from station.replay.export.procedure import PROCEDURE
from station.replay.opening.errors import ReplayError
from station.replay.opening.evidence_file import (
    ABOUT_NAME,
    EVENTS_NAME,
    EVIDENCE_VERSION,
    STATEMENTS_MAX,
    STATEMENTS_PREFIX,
)
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, Zone
from station.replay.pages.evidence_report import Proof, report
from station.replay.proof import statement
from station.replay.proof.spans import words
from station.telling.redacting import Redacting
from station.views.exchanges import Exchange
from station.wire.instants import format_utc_ms

EVENTS_MAX = 500_000
"""In one file. A station that signs its log daily has some thousands of events from a transaction to the next statement."""
_CONTEXT_MAX = 50_000
"""How far before the transaction the description of the station is fetched from."""
_BEFORE_EVENTS = 400
"""How far before the start the authorization that led to it is looked for."""
_READING_BEFORE = 60
"""How far before the start its first reading is."""
_MADE = (1980, 1, 1, 0, 0, 0)
"""A zip archive knows no earlier time; and the same log gives the same file."""
_CONTEXT: tuple[type[Event], ...] = (StationBooted, StationDescribed, ClockAdjusted, LinkOpened)
_AT_CONNECTOR: tuple[type[Event], ...] = (
    *(MeterObserved, MeterFailed, MeterDoubted, MeterResetFound, MeterRegisterReturned, LimitChanged),
    *(PilotStateObserved, ProximityObserved, ContactorObserved, LockObserved, FaultObserved, FaultCleared),
    ConnectorStatusChanged,
)
_ITSELF = frozenset({TransactionStarted.NAME, TransactionEnding.NAME, TransactionStopped.NAME})
_CALL = "[2,"


class EvidenceRefused(ReplayError):  # noqa: N818  # it says what is the case
    """No evidence can be made of this; the message says why."""


class Evidence(Value, frozen=True, kw_only=True):
    """What was made: the events in the file, how many of them are withheld, and the statements that vouch for them."""

    file: str
    transaction: int
    first_seq: int
    last_seq: int
    disclosed: int
    withheld: int
    statements: tuple[str, ...]


def make_evidence(
    reader: LogReader,
    calendar: Calendar,
    found: WholeTransaction,
    zone: Zone,
    file: Path,
    *,
    also: Sequence[Path] = (),
) -> Evidence:
    """Write the evidence of a transaction; `also` are statements from elsewhere. Raises EvidenceRefused, BadQuestion, OSError."""
    found = replace(found, messages=tuple(each for each in found.messages if _is_of(each, found.row)))
    row = found.row
    own = _own(reader, found)
    until = max(own)
    first = _begin(reader, min(own))
    stated = _statements(reader, also, first, until)
    last = max([until, *(each.to_seq for each in stated)])
    if last - first + 1 > EVENTS_MAX:
        raise EvidenceRefused(
            f"from the transaction to the statement there are {last - first + 1} events, more than {EVENTS_MAX}"
        )
    _check_format(reader, first)
    context = {each.seq for each in reader.recorded(first - 1, until, _CONTEXT)}
    before = _before(reader, first)
    writing = _Writing(reader=reader, calendar=calendar, own=own | context, row=row, head=before)
    fresh = file.with_name(f"{file.name}.tmp")
    try:
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open(_entry(EVENTS_NAME), "w") as stream:
                writing.write(stream, last, {each.to_seq: each.to_digest for each in stated})
            proof = Proof(
                first_seq=first,
                last_seq=last,
                disclosed=writing.disclosed,
                withheld=writing.withheld,
                statements=tuple(stated),
            )
            names = _write_rest(archive, reader, found, zone, proof, (before, writing.head))
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return Evidence(
        file=str(file),
        transaction=row.number,
        first_seq=first,
        last_seq=last,
        disclosed=writing.disclosed,
        withheld=writing.withheld,
        statements=names,
    )


def _write_rest(
    archive: zipfile.ZipFile,
    reader: LogReader,
    found: WholeTransaction,
    zone: Zone,
    proof: Proof,
    ends: tuple[Head, Head],
) -> tuple[str, ...]:
    """What lies beside the events; the names of the statements."""
    identity = _identity(reader)
    about = {
        "chargebox_evidence": EVIDENCE_VERSION,
        "identity": identity,
        "transaction": found.row.number,
        "transaction_id": found.row.transaction_id,
        "first_seq": proof.first_seq,
        "last_seq": proof.last_seq,
        "before": ends[0].digest.hex(),
        "digest": ends[1].digest.hex(),
        "software_version": VERSION,
    }
    archive.writestr(_entry(ABOUT_NAME), orjson.dumps(about, option=orjson.OPT_INDENT_2))
    names = tuple(statement_name(each.from_seq, each.to_seq) for each in proof.statements)
    for name, each in zip(names, proof.statements, strict=True):
        archive.writestr(_entry(f"{STATEMENTS_PREFIX}{name}"), to_json(each))
    archive.writestr(_entry("report.html"), report(found, proof, zone, identity=identity))
    archive.writestr(_entry("PROCEDURE.txt"), PROCEDURE)
    program = resources.files("station.replay.export").joinpath("check_evidence.py")
    archive.writestr(_entry("check_evidence.py"), program.read_bytes())
    return names


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MADE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _identity(reader: LogReader) -> str:
    for recorded in reader.recorded(kinds=(StationDescribed,)):
        if isinstance(recorded.event, StationDescribed):
            return recorded.event.identity
    return reader.identity()


def _is_of(exchange: Exchange, row: TransactionRow) -> bool:
    """Whether a call is about nobody else: the CSMS may reserve the connector for somebody meanwhile."""
    return exchange.transaction == row.number or not _names_others((exchange.request, exchange.answer), row)


def _names_others(texts: Sequence[str], row: TransactionRow) -> bool:
    """Whether a tag stands in there that has nothing to do with the transaction."""
    redacting = Redacting(tags=True)
    redacting.learn([*texts])
    own = {text.casefold() for text in (row.id_tag, row.parent_id_tag, row.stop_id_tag) if text}
    return not redacting.known <= own


def _own(reader: LogReader, found: WholeTransaction) -> set[int]:
    """The events that belong to the transaction, and to nobody else."""
    row = found.row
    own = {each.seq for each in found.messages} | {each.answer_seq for each in found.messages if each.answer_seq}
    last = max([row.settled_seq or row.stop_seq or reader.head.seq, *own])
    begin = max(reader.first_seq, row.first_seq - _BEFORE_EVENTS)
    frames: dict[int, FrameReceived] = {}
    for recorded in reader.recorded(begin - 1, last):
        event = recorded.event
        if isinstance(event, FrameReceived):
            frames[recorded.seq] = event
            while len(frames) > _BEFORE_EVENTS:
                del frames[next(iter(frames))]
        if not _belongs(recorded, row, own):
            continue
        own.add(recorded.seq)
        frame = frames.get(recorded.cause)
        is_ours = frame is None or isinstance(event, CallSettled) or frame.text.startswith(_CALL)
        if isinstance(event, Decision) and is_ours and recorded.cause >= begin:
            own.add(recorded.cause)
    return own


def _belongs(recorded: Recorded, row: TransactionRow, own: set[int]) -> bool:
    event = recorded.event
    if getattr(event, "number", None) == row.number:
        return True
    if isinstance(event, CallDispatched | CallSettled) and event.owed_seq in own:
        return True
    tag = getattr(event, "id_tag", None)
    if (
        isinstance(tag, str)
        and tag.casefold() == row.id_tag.casefold()
        and recorded.seq <= (row.stop_seq or recorded.seq)
    ):
        return getattr(event, "number", row.number) == row.number
    if isinstance(event, _AT_CONNECTOR) and getattr(event, "connector_id", None) == row.connector_id:
        return row.first_seq - _READING_BEFORE <= recorded.seq <= (row.stop_seq or recorded.seq)
    return False


def _begin(reader: LogReader, first: int) -> int:
    """Where the file begins: with the description of the station, if that is not too far away."""
    described = [each.seq for each in reader.recorded(max(0, first - _CONTEXT_MAX), first, (StationBooted,))]
    begin = described[-1] if described else first
    since = reader.commitments.first_seq if reader.origin.disclosed is None else None
    return max(begin, since) if since is not None and since <= first else begin


def _check_format(reader: LogReader, first: int) -> None:
    if reader.origin.disclosed is None and not reader.commitments.holds(first):
        raise EvidenceRefused(
            "the transaction was recorded by version 0.1.0, in whose format nothing of others can be withheld provably: "
            "export the log as it is, and sign a statement"
        )


def _before(reader: LogReader, first: int) -> Head:
    digest = EMPTY.digest if first == 1 else reader.digest_at(first - 1)
    if digest is None and reader.origin.base is not None and reader.origin.base.seq == first - 1:
        digest = reader.origin.base.digest
    if digest is None:
        raise EvidenceRefused(f"the digest of event {first - 1}, which the first event continues, is not in this log")
    return Head(seq=first - 1, digest=digest)


def _statements(reader: LogReader, also: Sequence[Path], first: int, until: int) -> list[statement.Statement]:
    """The first statement whose end lies behind the transaction, and those that end within it, each signed by the key that it names."""
    paths = [*also, *(each.path for each in statement_files(reader.scratch))]
    found: dict[tuple[int, int], statement.Statement] = {}
    for path in paths:
        stated = statement.read(path)
        statement.check_own_signature(stated)
        (anchor,) = statement.anchors(stated)
        if first <= anchor.head.seq <= reader.head.seq:
            found.setdefault((stated.from_seq, stated.to_seq), stated)
    ends = sorted(each.to_seq for each in found.values())
    last = next((seq for seq in ends if seq >= until), 0)
    chosen = sorted((each for each in found.values() if each.to_seq <= last or each.to_seq < until), key=_order)
    return chosen[-STATEMENTS_MAX:]


def _order(stated: statement.Statement) -> tuple[int, int]:
    return stated.to_seq, stated.from_seq


@dataclass(slots=True, kw_only=True)
class _Writing:
    """The events of the file, written one after the other; `head` is where they have come to."""

    reader: LogReader
    calendar: Calendar
    own: set[int]
    row: TransactionRow
    head: Head
    disclosed: int = 0
    withheld: int = 0

    def write(self, stream: IO[bytes], last: int, stated: dict[int, str]) -> None:
        """All up to `last`; `stated` are the digests that statements name."""
        for row in self._rows(last):
            try:
                content = self.reader.content(row)
            except (TypeError, ValueError) as error:
                raise EvidenceRefused(f"nothing proves event {row.seq}: {error}") from error
            self.head = Head(seq=row.seq, digest=digest_after(self.head.digest, content))
            if self.head.digest != row.digest:
                raise EvidenceRefused(f"event {row.seq} is not the one that was recorded: verify the log")
            if stated.get(row.seq, row.digest.hex()) != row.digest.hex():
                raise EvidenceRefused(f"a statement was signed over another event {row.seq}: verify the log")
            is_own = row.seq in self.own and (row.type in _ITSELF or not _names_others((row.payload,), self.row))
            stream.write(self._disclosed(row) if is_own else self._withheld(row, content))
        if self.head.seq != last:
            gone = words((self.head.seq + 1, last))
            raise EvidenceRefused(f"{gone}: not in this log, so that the chain does not lead to what was signed")

    def _rows(self, last: int) -> Iterator[Row]:
        seq = self.head.seq
        for rows in self.reader.rows(seq, last):
            for row in rows:
                if row.seq != seq + 1:
                    return
                seq = row.seq
                yield row

    def _withheld(self, row: Row, content: bytes) -> bytes:
        self.withheld += 1
        return orjson.dumps({"seq": row.seq, "content": content.hex()}, option=orjson.OPT_APPEND_NEWLINE)

    def _disclosed(self, row: Row) -> bytes:
        self.disclosed += 1
        disclosure = self.reader.disclosure(row)
        if disclosure is None:
            raise EvidenceRefused(f"event {row.seq} was recorded by version 0.1.0, and nothing proves it by itself")
        utc_ms = self.calendar.utc_of(row.seq, row.at_ms, row.utc_ms)
        line = {
            "seq": row.seq,
            "cause": row.cause,
            "at_ms": row.at_ms,
            "utc_ms": row.utc_ms,
            "utc": format_utc_ms(utc_ms),
            "utc_certain": self.calendar.is_certain(row.seq),
            "type": row.type,
            "version": row.version,
            "connector_id": row.connector_id,
            "payload": orjson.Fragment(row.payload),
            "digest": row.digest.hex(),
            "proof": orjson.Fragment(to_json(disclosure)),
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
