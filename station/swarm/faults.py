"""What a CSMS got wrong: the kinds of faults, each by a name, and how the books of both sides are compared.

Two sources speak of the CSMS. What it answered stands in the log of each station. What it kept stands in its own books, where they
can be had. A fault names the station, the transaction and the frame.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from eventstore.value import Value
from station.replay.answers.transactions import TransactionRow
from station.swarm.csms_books import Booked
from station.views.exchanges import Exchange, brief
from station.wire.instants import format_utc_ms, parse_utc_ms

TOLERANCE_MS = 2_000
"""Books may be kept to the second."""

KINDS: Mapping[str, str] = {
    "unanswered": "a message was not answered in time",
    "late": "an answer came after the time for it, or later than is allowed",
    "refused": "a correct message was answered with a CALLERROR",
    "malformed": "an answer, or a call of the CSMS, is not as the standard has it",
    "unasked": "an answer that belongs to no message: sent twice, or with the id of another one",
    "changed_id": "the same StartTransaction was answered with two transaction ids",
    "same_id": "two sessions were given the same transaction id",
    "contradiction": "a tag was accepted for the session and refused at its start",
    "lost": "the books have no such session",
    "doubled": "the books have the session more than once",
    "wrong_id": "the books have the session under another id than the station was given",
    "swapped": "the books have the session under an id that the CSMS gave to another one",
    "wrong_energy": "a register in the books is not the one that was sent",
    "wrong_time": "a time in the books is not the one that was sent",
    "wrong_tag": "the books have another tag",
    "wrong_connector": "the books have another connector",
    "not_stopped": "the session ended, the CSMS took that, and its books do not say so",
    "wrong_order": "sessions of a connector stand in another order in the books",
    "invented": "the books have a session that no station had",
    "stale_status": "the CSMS shows a status that the station has left",
}
"""Every kind of fault, with what it means."""


class CsmsFault(Value, frozen=True, kw_only=True):
    """One fault. `seq` is the event of the station's log, `message_id` the frame; None and "" where there is none."""

    kind: str
    station: str
    says: str
    transaction: int | None = None
    transaction_id: int | None = None
    message_id: str = ""
    seq: int | None = None
    utc: str = ""


def of_exchange(station: str, exchange: Exchange, late_ms: int) -> Iterator[CsmsFault]:
    """What is wrong with one exchange. An answer that takes longer than `late_ms` is late."""
    if exchange.outcome in ("opened", "closed", "refused", "lost", "open"):
        return

    def fault(kind: str, says: str) -> CsmsFault:
        return CsmsFault(
            kind=kind,
            station=station,
            says=says,
            transaction=exchange.transaction,
            message_id=exchange.message_id,
            seq=exchange.answer_seq or exchange.seq,
            utc=format_utc_ms(exchange.answer_utc_ms or exchange.utc_ms),
        )

    if exchange.deviations:
        yield fault("malformed", f"{exchange.action}: {'; '.join(exchange.deviations)}")
    if exchange.outcome == "ignored":
        yield fault("unasked", f"{exchange.error}: {brief(exchange.answer or exchange.request)}")
    if not exchange.ours:
        return
    if exchange.outcome == "timeout":
        yield fault("unanswered", f"{exchange.action} was not answered")
    elif exchange.outcome == "error":
        yield fault("refused", f"{exchange.action}: {exchange.error} {brief(exchange.answer)}".rstrip())
    if exchange.late or (exchange.latency_ms is not None and exchange.latency_ms > late_ms):
        yield fault("late", f"{exchange.action} was answered after {(exchange.latency_ms or 0) / 1000:.1f} s")


def of_sessions(station: str, rows: Iterable[TransactionRow]) -> Iterator[CsmsFault]:
    """What the answers to the messages of one station's sessions say against each other."""
    for row in rows:
        for other in row.other_ids:
            yield _of(row, station, "changed_id", f"the id was {row.transaction_id}, and then {other}")
        if row.reason == "DeAuthorized" and row.authorized_by == "CSMS":
            yield _of(
                row, station, "contradiction", f"tag {row.id_tag} was accepted by Authorize, and not at the start"
            )


def _of(row: TransactionRow, station: str, kind: str, says: str) -> CsmsFault:
    return CsmsFault(
        kind=kind,
        station=station,
        says=says,
        transaction=row.number,
        transaction_id=row.transaction_id,
        seq=row.first_seq,
        utc=row.started_utc,
    )


def same_ids(sessions: Mapping[str, Sequence[TransactionRow]]) -> Iterator[CsmsFault]:
    """Transaction ids that were given twice, to whichever stations."""
    given: dict[int, tuple[str, TransactionRow]] = {}
    for station, rows in sessions.items():
        for row in rows:
            if row.transaction_id is None:
                continue
            known = given.setdefault(row.transaction_id, (station, row))
            if known[1] is not row:
                where = f"transaction {known[1].number} of {known[0]}"
                yield _of(row, station, "same_id", f"id {row.transaction_id} was given to {where} as well")


def against_books(
    sessions: Mapping[str, Sequence[TransactionRow]], books: Mapping[str, Sequence[Booked]]
) -> Iterator[CsmsFault]:
    """What the CSMS's own books have otherwise; an end that was not delivered is not missed."""
    all_rows = (row for rows in sessions.values() for row in rows)
    ids = frozenset(row.transaction_id for row in all_rows if row.transaction_id is not None)
    for station, rows in sessions.items():
        yield from _of_station(station, rows, books.get(station, ()), ids)
    for station in books.keys() - sessions.keys():
        for booked in books[station]:
            yield _invented(booked)


def _of_station(
    station: str, rows: Sequence[TransactionRow], books: Sequence[Booked], ids: frozenset[int]
) -> Iterator[CsmsFault]:
    found, left = _matched(rows, books)
    for row in rows:
        booked = found.get(row.number)
        more = [each for each in left if row.transaction_id is not None and _may_be(row, each)] if booked else []
        left = [each for each in left if each not in more]
        if row.transaction_id is None:  # the CSMS never answered its start: nothing can be asked of it
            left = [each for each in left if not _is_alike(row, each)]
        elif booked is None:
            yield _of(row, station, "lost", f"the books do not have session {row.transaction_id}")
        else:
            yield from _differences(station, row, booked, ids)
        if more:
            lines = ", ".join(str(each.line) for each in more)
            yield _of(row, station, "doubled", f"the books have it {len(more) + 1} times, also in line {lines}")
    yield from (_invented(booked) for booked in left)
    yield from _out_of_order(station, [(row, found[row.number]) for row in rows if row.number in found])


def _matched(rows: Sequence[TransactionRow], books: Sequence[Booked]) -> tuple[dict[int, Booked], list[Booked]]:
    """The line of the books for each session, by its number, and the lines that are left.

    First those that agree, then those that are alike under another id, then those of the same id that are not alike.
    """
    found: dict[int, Booked] = {}
    left = list(books)
    rules: tuple[Callable[[TransactionRow, Booked], bool], ...] = (
        lambda row, each: _is_id_of(row, each) and _is_alike(row, each),
        _is_alike,
        _is_id_of,
    )
    for fits in rules:
        for row in rows:
            if row.number in found or row.transaction_id is None:
                continue
            booked = next((each for each in left if fits(row, each)), None)
            if booked is not None:
                found[row.number] = booked
                left.remove(booked)
    return found, left


def _is_id_of(row: TransactionRow, booked: Booked) -> bool:
    return booked.transaction_id == row.transaction_id


def _may_be(row: TransactionRow, booked: Booked) -> bool:
    return _is_id_of(row, booked) or _is_alike(row, booked)


def _is_alike(row: TransactionRow, booked: Booked) -> bool:
    """Whether it is the same session by all but its id."""
    near = abs(parse_utc_ms(row.started_utc) - booked.started_utc_ms) <= TOLERANCE_MS
    return near and booked.connector_id == row.connector_id and booked.id_tag.casefold() == row.id_tag.casefold()


def _differences(station: str, row: TransactionRow, booked: Booked, ids: frozenset[int]) -> Iterator[CsmsFault]:
    def fault(kind: str, ours: object, theirs: object) -> CsmsFault:
        return _of(row, station, kind, f"{theirs} in line {booked.line} of the books, {ours} was sent")

    if booked.transaction_id != row.transaction_id:
        kind = "swapped" if booked.transaction_id in ids else "wrong_id"
        yield fault(kind, row.transaction_id, booked.transaction_id)
    if booked.connector_id != row.connector_id:
        yield fault("wrong_connector", row.connector_id, booked.connector_id)
    if booked.id_tag.casefold() != row.id_tag.casefold():
        yield fault("wrong_tag", row.id_tag, booked.id_tag)
    if abs(parse_utc_ms(row.started_utc) - booked.started_utc_ms) > TOLERANCE_MS:
        yield fault("wrong_time", f"started {row.started_utc}", format_utc_ms(booked.started_utc_ms))
    if booked.meter_start_wh is not None and booked.meter_start_wh != row.meter_start_wh:
        yield fault("wrong_energy", f"meterStart {row.meter_start_wh}", booked.meter_start_wh)
    if not row.settled or row.stopped_utc is None:  # the end was not delivered, or the CSMS did not take it
        return
    if booked.stopped_utc_ms is None and booked.meter_stop_wh is None:
        yield _of(
            row, station, "not_stopped", f"line {booked.line} of the books has no end, {row.stopped_utc} was sent"
        )
        return
    if booked.stopped_utc_ms is not None and abs(parse_utc_ms(row.stopped_utc) - booked.stopped_utc_ms) > TOLERANCE_MS:
        yield fault("wrong_time", f"stopped {row.stopped_utc}", format_utc_ms(booked.stopped_utc_ms))
    if booked.meter_stop_wh is not None and booked.meter_stop_wh != row.meter_stop_wh:
        yield fault("wrong_energy", f"meterStop {row.meter_stop_wh}", booked.meter_stop_wh)


def _out_of_order(station: str, found: Sequence[tuple[TransactionRow, Booked]]) -> Iterator[CsmsFault]:
    """Each session that stands in the books before one of its connector that came earlier."""
    last: dict[int, tuple[TransactionRow, Booked]] = {}
    for row, booked in found:
        before = last.get(row.connector_id)
        if before is not None and booked.line < before[1].line:
            says = f"line {booked.line} of the books, before line {before[1].line} with the session before it"
            yield _of(row, station, "wrong_order", says)
        last[row.connector_id] = (row, booked)


def _invented(booked: Booked) -> CsmsFault:
    return CsmsFault(
        kind="invented",
        station=booked.station,
        says=f"line {booked.line} of the books: no station had this session",
        transaction_id=booked.transaction_id,
        utc=format_utc_ms(booked.started_utc_ms),
    )


def of_statuses(station: str, sent: Mapping[int, str], shown: Mapping[int, str]) -> Iterator[CsmsFault]:
    """What the CSMS shows of a station's connectors (0: the station), beside the last one that was sent."""
    for connector_id, status in sorted(shown.items()):
        if connector_id in sent and sent[connector_id] != status:
            says = f"connector {connector_id} is shown as {status}, {sent[connector_id]} was sent last"
            yield CsmsFault(kind="stale_status", station=station, says=says)


def counted(faults: Iterable[CsmsFault]) -> dict[str, int]:
    """How many there are of each kind, in the order of KINDS."""
    found: dict[str, int] = {}
    for fault in faults:
        found[fault.kind] = found.get(fault.kind, 0) + 1
    return {kind: found[kind] for kind in KINDS if kind in found}
