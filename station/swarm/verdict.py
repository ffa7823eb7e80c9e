"""The verdict on a CSMS: every station's log beside what the CSMS answered, and beside its own books.

The log of one station is judged in a worker process; what several stations say against each other, and the books, are judged once
all are read.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from eventstore.catalogue.link import CallSettled
from eventstore.event import Event
from eventstore.value import Value, replace
from station.replay.answers.causes import FATE_KINDS, Fates
from station.replay.answers.summary import summarize
from station.replay.answers.transactions import TransactionRow, transaction_rows
from station.replay.opening.errors import ReplayError
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import Calendar, calendar_of
from station.replay.opening.workers import cores, pool
from station.swarm.csms_books import Booked
from station.swarm.faults import CsmsFault, against_books, of_exchange, of_sessions, of_statuses, same_ids
from station.swarm.one_station import directory_of
from station.telling.quantiles import quantile, rounded
from station.views.exchanges import KINDS, Talk
from station.wire.frames import array_of
from station.wire.instants import format_utc_ms

FAULTS_EACH_MAX = 1_000
"""Of one station's log no more are kept: what goes wrong so often is one fault, and the count of it is in its row."""
_IMPORTS = ["station.swarm.verdict"]
_HANDFUL = 8


class StationRow(Value, frozen=True, kw_only=True):
    """One station in figures. `error` says why its log could not be read, or how it failed; "" if nothing of that is so."""

    station: str
    events: int = 0
    boots: int = 0
    power_cuts: int = 0
    outages: int = 0
    sessions: int = 0
    sessions_confirmed: int = 0
    energy_wh: int = 0
    calls: int = 0
    unanswered: int = 0
    refused: int = 0
    median_ms: int | None = None
    worst_of_100_ms: int | None = None
    faults: int = 0
    error: str = ""


class Judged(Value, frozen=True, kw_only=True):
    """What one log says. `statuses` are those that were sent last, by connector; `latencies` count milliseconds, by action."""

    row: StationRow
    sessions: tuple[TransactionRow, ...] = ()
    faults: tuple[CsmsFault, ...] = ()
    statuses: Mapping[int, str] = {}
    latencies: Mapping[str, Mapping[int, int]] = {}


def judge(root: Path, station: str, late_ms: int, speed: float = 1.0) -> Judged:
    """The log of one station under `root`. A log that cannot be read is a row with an error, never an exception."""
    try:
        with open_log(directory_of(root, station)) as reader:
            return _judged(reader, calendar_of(reader), station, late_ms, speed)
    except (ReplayError, OSError) as error:
        return Judged(row=StationRow(station=station, error=str(error)))


def _judged(reader: LogReader, calendar: Calendar, station: str, late_ms: int, speed: float) -> Judged:
    sessions = tuple(transaction_rows(reader, calendar, Fates(reader.recorded(kinds=FATE_KINDS))))
    talk = _Heard(reader, calendar, station, late_ms, speed)
    faults = [*talk.faults, *of_sessions(station, sessions)]
    found = summarize(reader, calendar)
    latencies = sum((Counter(each) for each in talk.latencies.values()), Counter[int]())
    row = StationRow(
        station=station,
        events=found.events,
        boots=found.boot_count,
        power_cuts=found.power_cuts,
        outages=found.outages.count,
        sessions=len(sessions),
        sessions_confirmed=sum(each.settled for each in sessions),
        energy_wh=found.energy_wh,
        calls=found.messages_sent,
        unanswered=found.calls_unanswered,
        refused=sum(found.call_errors.values()),
        median_ms=quantile(latencies, 50) if latencies else None,
        worst_of_100_ms=quantile(latencies, 99) if latencies else None,
        faults=len(faults),
        error="; ".join(reader.damage()),
    )
    return Judged(
        row=row,
        sessions=sessions,
        faults=tuple(faults[:FAULTS_EACH_MAX]),
        statuses=talk.statuses,
        latencies=talk.latencies,
    )


class _Heard:
    """What the exchanges of one log come to."""

    def __init__(self, reader: LogReader, calendar: Calendar, station: str, late_ms: int, speed: float) -> None:
        self.faults: list[CsmsFault] = []
        self.statuses: dict[int, str] = {}
        self.latencies: dict[str, Counter[int]] = {}
        talk = Talk(calendar)
        kinds: tuple[type[Event], ...] = KINDS
        for recorded in reader.recorded(kinds=kinds):
            event = recorded.event
            if isinstance(event, CallSettled) and event.outcome == "malformed":
                self.faults.append(
                    CsmsFault(
                        kind="malformed",
                        station=station,
                        says=f"{event.action}: {event.description}",
                        transaction=event.number,
                        message_id=event.message_id,
                        seq=recorded.seq,
                        utc=format_utc_ms(calendar.utc_ms(recorded)),
                    )
                )
            for exchange in talk.take(recorded):
                self.faults += of_exchange(station, exchange, round(late_ms * speed))
                if exchange.ours and exchange.outcome == "result" and exchange.latency_ms is not None:
                    counts = self.latencies.setdefault(exchange.action, Counter())
                    counts[rounded(round(exchange.latency_ms / speed))] += 1
                    self._status(exchange.action, exchange.request)

    def _status(self, action: str, request: str) -> None:
        frame = array_of(request) if action == "StatusNotification" else None
        match frame:
            case [2, _, _, {"connectorId": int() as connector_id, "status": str() as status}]:
                self.statuses[connector_id] = status


def judge_some(root: str, stations: Sequence[str], late_ms: int, speed: float) -> list[Judged]:
    """Several logs; in a worker process."""
    return [judge(Path(root), station, late_ms, speed) for station in stations]


def judge_all(root: Path, stations: Sequence[str], late_ms: int, speed: float = 1.0) -> Iterator[Judged]:
    """All logs, as they are done, on all cores of this machine."""
    handfuls = [stations[first : first + _HANDFUL] for first in range(0, len(stations), _HANDFUL)]
    if len(handfuls) == 1 or cores() == 1:
        for handful in handfuls:
            yield from judge_some(str(root), handful, late_ms, speed)
        return
    with pool(min(cores(), len(handfuls)), _IMPORTS) as processes:
        futures = [processes.submit(judge_some, str(root), handful, late_ms, speed) for handful in handfuls]
        for future in futures:
            yield from future.result()


class SwarmVerdict(Value, frozen=True, kw_only=True):
    """All of it: rows and faults sorted by station, and how long the CSMS took for each action. `judged_books`: it had books."""

    rows: tuple[StationRow, ...]
    faults: tuple[CsmsFault, ...]
    latencies: Mapping[str, Mapping[int, int]]
    judged_books: bool


def verdict(
    judged: Iterable[Judged],
    books: Mapping[str, Sequence[Booked]] | None = None,
    shown: Mapping[str, Mapping[int, str]] | None = None,
    failed: Mapping[str, str] | None = None,
) -> SwarmVerdict:
    """What all logs, the CSMS's books of transactions and its statuses (`shown`) come to. `failed` are stations that ended, and why."""
    logs = sorted(judged, key=lambda each: each.row.station)
    sessions = {each.row.station: each.sessions for each in logs}
    faults = [fault for each in logs for fault in each.faults]
    faults += same_ids(sessions)
    if books is not None:
        faults += against_books(sessions, books)
    for each in logs:
        faults += of_statuses(each.row.station, each.statuses, (shown or {}).get(each.row.station, {}))
    counts = Counter(fault.station for fault in faults)
    beyond = {each.row.station: each.row.faults - len(each.faults) for each in logs}
    rows = [
        replace(
            each.row,
            faults=counts[each.row.station] + beyond[each.row.station],
            error=each.row.error or (failed or {}).get(each.row.station, ""),
        )
        for each in logs
    ]
    latencies: dict[str, Counter[int]] = {}
    for each in logs:
        for action, times in each.latencies.items():
            latencies.setdefault(action, Counter()).update(times)
    return SwarmVerdict(
        rows=tuple(rows),
        faults=tuple(sorted(faults, key=lambda fault: (fault.station, fault.seq or 0))),
        latencies=latencies,
        judged_books=books is not None,
    )
