"""Another history, made anew from end to end: what a forger does who recomputes every digest."""

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from eventstore.chain import Row
from tests.forgeries.honest import (
    Honest,
    edited,
    inserted,
    member,
    removed,
    retell,
)
from tests.forgeries.rows import Forge, end_of_batch, first_of


def retold(
    edit: Callable[[Row], Row], *, keeps_statements: bool = False, also: Callable[[Row], Row] | None = None
) -> Forge:
    """Every digest, state, header and the witness made anew over edited rows."""

    def forge(directory: Path, honest: Honest) -> None:
        rows = edited(honest.rows, edit)
        if also is not None:
            rows = edited(rows, also)
        retell(directory, rows, honest.ends, keeps_statements=keeps_statements)

    return forge


def told_anew(change: Callable[[Honest], tuple[Sequence[Row], int, int]]) -> Forge:
    """The same where rows are more or fewer: the rows, and from which one on the segments' ends move by how much."""

    def forge(directory: Path, honest: Honest) -> None:
        rows, at, by = change(honest)
        retell(directory, rows, [end + (by if end >= at else 0) for end in honest.ends])

    return forge


def stop(**changes: object) -> Callable[[Row], Row]:
    """Another end of the last transaction."""
    return lambda row: member(row, **changes) if row.type == "TransactionStopped" and row.seq > 300 else row


def of(name: str, **changes: object) -> Callable[[Row], Row]:
    """Other members in each event of a type."""
    return lambda row: member(row, **changes) if row.type == name else row


def version(text: str) -> Callable[[Row], Row]:
    return of("StationBooted", software_version=text)


def without_decision(honest: Honest) -> tuple[Sequence[Row], int, int]:
    gone = first_of(honest, "LimitChanged", -1)
    return removed(honest.rows, gone.seq, gone.seq), gone.seq, -1


def with_row(fresh: Callable[[Row], Row], at: str = "ConnectorStatusChanged", place: int = -1) -> Forge:
    """One more row behind that one."""

    def change(honest: Honest) -> tuple[Sequence[Row], int, int]:
        model = first_of(honest, at, place)
        return inserted(honest.rows, model.seq + 1, fresh(model)), model.seq + 1, 1

    return told_anew(change)


def self_caused(model: Row) -> Row:
    return model._replace(cause=model.seq + 1)


def of_no_type(model: Row) -> Row:
    return model._replace(type="EnergyGranted", cause=model.seq + 1, payload="{}", connector_id=None)


def salvage(model: Row) -> Row:
    payload = {
        "old_head_seq": model.seq,
        "old_head_digest": "",
        "kept_seq": model.seq,
        "quarantine": "quarantine-1",
        "findings": ["a page"],
    }
    text = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS).decode()
    return model._replace(type="LogSalvaged", cause=model.seq + 1, payload=text, connector_id=None)


def rejected(honest: Honest) -> tuple[Sequence[Row], int, int]:
    """An observation of the register, and what followed from it, replaced by ObservationRejected."""
    seen = first_of(honest, "MeterObserved", -1)
    payload = orjson.dumps({"error": "ValueError: x", "kind": "MeterObserved"}).decode()
    fake = seen._replace(type="ObservationRejected", payload=payload, connector_id=None)
    return [fake if row.seq == seen.seq else row for row in honest.rows], 1 << 30, 0


def failed(honest: Honest) -> tuple[Sequence[Row], int, int]:
    """What followed from the last tag that was presented, replaced by DecisionFailed."""
    tag = first_of(honest, "IdTagPresented", -1)
    followed = [row for row in honest.rows if row.cause == tag.seq and row.seq != tag.seq]
    fake = followed[0]._replace(type="DecisionFailed", payload='{"error":"ValueError: x"}', connector_id=None)
    rows = removed(honest.rows, followed[1].seq, followed[-1].seq)
    by = followed[-1].seq - followed[1].seq + 1
    return [fake if row.seq == fake.seq else row for row in rows], followed[1].seq, -by


def minus_15_s(row: Row) -> Row:
    """The last transaction ends 15 s before it began, by its own words."""
    if row.type != "TransactionStopped" or row.seq <= 300:
        return row
    stopped = orjson.loads(row.payload)["stopped"]
    return member(
        row, stopped=stopped | {"at_ms": stopped["at_ms"] - 1_215_000, "utc_ms": stopped["utc_ms"] - 1_215_000}
    )


def back_in_time(directory: Path, honest: Honest) -> None:
    """The events of the last stop carry a station time that lies before the ones before them."""
    at = next(row for row in honest.rows if row.type == "TransactionStopped" and row.seq > 300).cause
    retell(
        directory,
        edited(honest.rows, lambda row: row._replace(at_ms=row.at_ms - 2_000_000) if row.seq >= at else row),
        honest.ends,
    )


def cut(directory: Path, honest: Honest) -> None:
    """The last session is gone, and everything was made anew as if it never was."""
    retell(directory, honest.rows[: end_of_batch(honest, honest.ends[-1] + 3)], honest.ends)


def other_register(row: Row) -> Row:
    """An honest station with another meter would have written this: all registers 10 kWh higher, frames included."""
    return row._replace(
        payload=row.payload.replace('"vendor":"Chargebox"', '"vendor":"Chargebux"').replace(
            'Vendor\\":\\"Chargebox', 'Vendor\\":\\"Chargebux'
        )
    )


def dup_member(row: Row) -> Row:
    """A member twice: a JSON reader takes the last, SQLite's the first."""
    if row.type != "MeterObserved" or row.seq <= 300:
        return row
    return row._replace(payload='{"energy_wh":1,' + row.payload[1:])


def spaced(row: Row) -> Row:
    return row._replace(payload=row.payload.replace(":", ": ", 1)) if row.type == "MeterObserved" else row


def column(row: Row) -> Row:
    return row._replace(connector_id=1) if row.type == "TransactionStarted" and row.connector_id == 2 else row


def other_books(directory: Path, honest: Honest) -> None:
    """The last closing names another state, and every state that is kept of it is that one; all else is made anew."""
    end = honest.ends[-1]
    retell(
        directory,
        honest.rows,
        honest.ends,
        state_at={end: lambda state: state.replace(b'"given_up":0', b'"given_up":1')},
    )
