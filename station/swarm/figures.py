"""What a swarm does at the moment, in figures that can be added up over processes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eventstore.catalogue.link import CallDispatched, CallSettled, CallTimedOut, ConnectFailed, LinkClosed, LinkOpened
from eventstore.catalogue.transactions import TransactionStarted, TransactionStopped
from eventstore.event import Recorded
from projections.station import StationState
from station.telling.quantiles import rounded

STANDING = ("connected", "charging", "queued")
"""Counts of what is so now; the others count what has happened."""


class Figures:
    """Counters of one process. `latencies` count, for each action, how often the CSMS took so many milliseconds."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.latencies: dict[str, Counter[int]] = {}
        self.errors: Counter[str] = Counter()

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "counts": dict(self.counts),
            "errors": dict(self.errors),
            "latencies": {action: {str(ms): n for ms, n in each.items()} for action, each in self.latencies.items()},
        }


def added(all_plain: Iterable[Mapping[str, Any]]) -> Figures:
    """The figures of several processes as one."""
    total = Figures()
    for plain in all_plain:
        total.counts.update(plain["counts"])
        total.errors.update(plain["errors"])
        for action, counts in plain["latencies"].items():
            mine = total.latencies.setdefault(action, Counter())
            for ms, times in counts.items():
                mine[int(ms)] += times
    return total


class StationWatch:
    """Follows one station and counts what it does."""

    def __init__(self, figures: Figures, speed: float = 1.0) -> None:
        self._figures = figures
        self._speed = speed
        self._sent: dict[str, int] = {}
        self.connected = False
        self.running = 0
        self.queued = 0

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """A follower of the station."""
        counts = self._figures.counts
        for recorded in batch:
            match recorded.event:
                case CallDispatched(message_id=message_id):
                    self._sent[message_id] = recorded.at_ms
                    counts["calls"] += 1
                case CallSettled() as settled:
                    self._settled(settled, recorded.at_ms)
                case CallTimedOut(message_id=message_id):
                    self._sent.pop(message_id, None)
                    counts["time-outs"] += 1
                case LinkOpened():
                    counts["connections"] += 1
                case LinkClosed():
                    self._sent.clear()
                    counts["connections lost"] += 1
                case ConnectFailed():
                    counts["attempts failed"] += 1
                case TransactionStarted():
                    counts["sessions begun"] += 1
                case TransactionStopped():
                    counts["sessions ended"] += 1
        self._stand(state)

    def _settled(self, settled: CallSettled, at_ms: int) -> None:
        sent_ms = self._sent.pop(settled.message_id, None)
        if settled.outcome == "result" and sent_ms is not None:
            mine = self._figures.latencies.setdefault(settled.action, Counter())
            mine[rounded(round((at_ms - sent_ms) / self._speed))] += 1
        elif settled.outcome not in ("result", "void"):
            self._figures.errors[f"{settled.action} {settled.error_code or settled.outcome}"] += 1

    def _stand(self, state: StationState) -> None:
        """What is so now is counted as the difference to what was."""
        connected = state.online
        running = len(state.transactions.running())
        queued = state.outbox.pending
        counts = self._figures.counts
        counts["connected"] += connected - self.connected
        counts["charging"] += running - self.running
        counts["queued"] += queued - self.queued
        self.connected, self.running, self.queued = connected, running, queued

    def gone(self) -> None:
        """The station is no more."""
        counts = self._figures.counts
        counts["connected"] -= self.connected
        counts["charging"] -= self.running
        counts["queued"] -= self.queued
        self.connected, self.running, self.queued = False, 0, 0
