"""The four tables that a log is exported as, column by column, and their rows. docs/replay.md has the same list for people."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from eventstore.catalogue.transactions import MeterSampled, MeterValuesTriggered, Sample, StopDataSampled
from eventstore.chain import Row
from eventstore.event import Recorded
from eventstore.structure import to_json
from eventstore.value import Value
from eventstore.withholding import Outgoing, Withholding
from station.replay.answers.conversation import ExchangeFilter, exchanges
from station.replay.answers.transactions import transaction_rows
from station.replay.export.redaction import Redaction
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar
from station.wire.instants import format_utc_ms

INTEGER, TEXT, BOOLEAN, NUMBER, JSON = "integer", "text", "boolean", "number", "json"
_UNKNOWN_DAY = "unknown"


class Column(Value, frozen=True, kw_only=True):
    """One column; `kind` is "integer" (64 bits), "text", "boolean", "number" (a double) or "json" (its text, or a value in JSON Lines)."""

    name: str
    kind: str
    doc: str


def _columns(*described: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind=kind, doc=doc) for name, kind, doc in described)


PARTITION = _columns(
    ("station", TEXT, "the station's identity"),
    ("day", TEXT, "the UTC day of the row, `YYYY-MM-DD`"),
)
"""In every table; in a partitioned export they stand in the path alone."""

TABLES: Mapping[str, tuple[Column, ...]] = {
    "events": _columns(
        ("seq", INTEGER, "place in the log"),
        ("cause", INTEGER, "seq of the observation that led to it; its own for an observation"),
        ("at_ms", INTEGER, "station time: never decreases"),
        ("utc_ms", INTEGER, "UTC as the station believed it then, as recorded; the digest covers it"),
        ("utc", TEXT, "UTC by the best knowledge of the whole log"),
        ("utc_certain", BOOLEAN, "whether the clock was trusted, or corrected later"),
        ("type", TEXT, "the kind of event"),
        ("version", INTEGER, "version of its shape"),
        ("connector_id", INTEGER, "connector, 0 the station; null where there is none"),
        ("transaction", INTEGER, "our number of the transaction that it names"),
        ("id_tag", TEXT, "the tag that it names"),
        ("payload", JSON, "its members, as stored"),
        (
            "digest",
            TEXT,
            "SHA-256 over the digest before and the event, hexadecimal; empty where it would tell what is withheld",
        ),
        (
            "proof",
            JSON,
            'salts and commitments that prove it (replay, "What a redacted file proves"); null for events of version 0.1.0',
        ),
    ),
    "transactions": _columns(
        ("number", INTEGER, "the station's own number"),
        ("transaction_id", INTEGER, "the CSMS's id; null while it has given none"),
        ("connector_id", INTEGER, "connector"),
        ("id_tag", TEXT, "the tag that started it"),
        ("parent_id_tag", TEXT, "its group"),
        ("authorized_by", TEXT, "LocalList, Cache, CSMS, Offline or Remote"),
        ("reservation_id", INTEGER, "the reservation that it used"),
        ("started_utc", TEXT, "start, UTC"),
        ("stopped_utc", TEXT, "end, UTC; null while it runs"),
        ("duration_ms", INTEGER, "how long it lasted"),
        ("meter_start_wh", INTEGER, "register at the start"),
        ("meter_stop_wh", INTEGER, "register at the end"),
        ("energy_wh", INTEGER, "the difference"),
        ("reason", TEXT, "why it ended (OCPP 1.6, 7.37)"),
        ("stop_id_tag", TEXT, "the tag that ended it"),
        ("meter_stale", BOOLEAN, "whether the register at the end was the last stored one"),
        ("start_outcome", TEXT, "fate of StartTransaction: result, given_up, or empty while it is open"),
        ("stop_outcome", TEXT, "fate of StopTransaction"),
        ("settled", BOOLEAN, "whether the CSMS has taken all of it: nothing is open, and nothing was given up"),
        ("first_seq", INTEGER, "the event that started it"),
        ("stop_seq", INTEGER, "the event that ended it"),
    ),
    "samples": _columns(
        ("seq", INTEGER, "the event that holds it"),
        (
            "kind",
            TEXT,
            "MeterSampled (sent as MeterValues), StopDataSampled (in StopTransaction) or MeterValuesTriggered",
        ),
        ("connector_id", INTEGER, "connector"),
        ("transaction", INTEGER, "our number of the transaction, if one ran"),
        ("taken_utc", TEXT, "when it was measured, UTC"),
        ("context", TEXT, "ReadingContext (7.35)"),
        ("measurand", TEXT, "Measurand (7.31)"),
        ("phase", TEXT, "Phase (7.36)"),
        ("location", TEXT, "Location (7.30)"),
        ("unit", TEXT, "UnitOfMeasure (7.45)"),
        ("value", TEXT, "as on the wire"),
        ("value_number", NUMBER, "the same as a number"),
    ),
    "frames": _columns(
        ("seq", INTEGER, "the event of the CALL"),
        ("utc", TEXT, "when the CALL was made, UTC"),
        ("ours", BOOLEAN, "whether the station made it"),
        ("connection", INTEGER, "number of the connection"),
        ("message_id", TEXT, "message id"),
        ("action", TEXT, "action; empty for opened, closed and refused"),
        ("transaction", INTEGER, "our number of the transaction that it belongs to"),
        ("attempt", INTEGER, "which transmission of the same message"),
        (
            "outcome",
            TEXT,
            "result, error, timeout, lost, ignored, open; or opened, closed, refused for the link itself",
        ),
        ("error", TEXT, "error code, or reason"),
        ("latency_ms", INTEGER, "from the CALL to its answer"),
        ("late", BOOLEAN, "whether the answer came after its time, or to an earlier transmission"),
        ("given_up", BOOLEAN, "whether the message is not sent again after this answer"),
        ("request", TEXT, "the CALL as a frame"),
        ("answer", TEXT, "the answer as a frame"),
        ("answer_utc", TEXT, "when the answer came, UTC"),
    ),
}

RowOut = dict[str, Any]


def rows_of(
    table: str, reader: LogReader, calendar: Calendar, redaction: Redaction, *, after_seq: int, to_seq: int | None
) -> Iterator[RowOut]:
    """The rows of one table, with `station` and `day`, in the order of the log; JSON as text. Asserts that there is such a table."""
    makers = {"events": _events, "transactions": _transactions, "samples": _samples, "frames": _frames}
    assert makers.keys() == TABLES.keys(), "every table has its rows"
    last = reader.head.seq if to_seq is None else to_seq
    for day_utc, row in makers[table](reader, calendar, redaction, after_seq, last):
        yield {"station": redaction.station, "day": day_utc[:10] or _UNKNOWN_DAY, **row}


_Made = Iterator[tuple[str, RowOut]]


def _utc(utc_ms: int) -> str:
    try:
        return format_utc_ms(utc_ms)
    except ValueError:  # a damaged row may say any time
        return ""


def _events(reader: LogReader, calendar: Calendar, redaction: Redaction, after: int, last: int) -> _Made:
    leaving = Withholding(reader.disclosure, redaction.members if redaction.rules.is_on else None)
    for rows in reader.rows(after, last):
        for row in rows:
            utc = _utc(calendar.utc_of(row.seq, row.at_ms, row.utc_ms))
            yield utc, _event(row, leaving.take(row), utc, calendar.is_certain(row.seq))


def _event(row: Row, leaving: Outgoing, utc: str, certain: bool) -> RowOut:
    members = _members(leaving.payload)
    named: dict[str, Any] = members if isinstance(members, dict) else {}
    tag, number = named.get("id_tag"), named.get("number")
    return {
        "seq": row.seq,
        "cause": row.cause,
        "at_ms": row.at_ms,
        "utc_ms": row.utc_ms,
        "utc": utc,
        "utc_certain": certain,
        "type": row.type,
        "version": row.version,
        "connector_id": row.connector_id,
        "transaction": number if isinstance(number, int) else None,
        "id_tag": tag if isinstance(tag, str) else None,
        "payload": leaving.payload,
        "digest": leaving.digest,
        "proof": None if leaving.proof is None else to_json(leaving.proof).decode(),
    }


def _members(payload: str) -> Any:
    with suppress(orjson.JSONDecodeError, TypeError):
        return orjson.loads(payload)
    return None


def _transactions(reader: LogReader, calendar: Calendar, redaction: Redaction, after: int, last: int) -> _Made:
    names = [column.name for column in TABLES["transactions"]]
    for found in transaction_rows(reader, calendar):
        if not after < found.first_seq <= last:
            continue
        row = {name: getattr(found, name) for name in names}
        for name in ("id_tag", "parent_id_tag", "stop_id_tag"):
            row[name] = redaction.tag(row[name])
        yield found.started_utc, row


def _samples(reader: LogReader, calendar: Calendar, redaction: Redaction, after: int, last: int) -> _Made:
    kinds = (MeterSampled, StopDataSampled, MeterValuesTriggered)
    for recorded in reader.recorded(after, last, kinds):
        event = recorded.event
        if isinstance(event, kinds):
            yield from _sample(recorded, event.connector_id, event.number, event.sample, calendar)


def _sample(recorded: Recorded, connector_id: int, number: int | None, sample: Sample, calendar: Calendar) -> _Made:
    taken = _utc(sample.taken.utc_ms or calendar.utc_of(recorded.seq, sample.taken.at_ms))
    for value in sample.values:
        row = {
            "seq": recorded.seq,
            "kind": recorded.event.NAME,
            "connector_id": connector_id,
            "transaction": number,
            "taken_utc": taken,
            "context": sample.context,
            "measurand": value.measurand,
            "phase": value.phase,
            "location": value.location,
            "unit": value.unit,
            "value": value.value,
            "value_number": _number(value.value),
        }
        yield taken, row


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _frames(reader: LogReader, calendar: Calendar, redaction: Redaction, after: int, last: int) -> _Made:
    for exchange in exchanges(reader, calendar, ExchangeFilter(after_seq=after, to_seq=last)):
        utc = _utc(exchange.utc_ms)
        row = {
            "seq": exchange.seq,
            "utc": utc,
            "ours": exchange.ours,
            "connection": exchange.connection,
            "message_id": exchange.message_id,
            "action": exchange.action,
            "transaction": exchange.transaction,
            "attempt": exchange.attempt,
            "outcome": exchange.outcome,
            "error": exchange.error,
            "latency_ms": exchange.latency_ms,
            "late": exchange.late,
            "given_up": exchange.given_up,
            "request": redaction.text(exchange.request),
            "answer": redaction.text(exchange.answer),
            "answer_utc": None if exchange.answer_utc_ms is None else _utc(exchange.answer_utc_ms),
        }
        yield utc, row
