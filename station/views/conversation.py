"""The view *Conversation*: the latest exchanges with the CSMS, each with what it said in one line, its answer and how long that took."""

from collections import deque

from eventstore.event import Recorded
from station.views.exchanges import KINDS as EXCHANGE_KINDS
from station.views.exchanges import Exchange, Talk, brief
from station.views.saying import Json

KEPT = 400
"""Exchanges; older ones stand in the log."""
LINE_MAX = 160
"""Characters of what is kept of a frame; the whole frame stands in the log."""
KINDS = frozenset(kind.NAME for kind in EXCHANGE_KINDS)
"""The events that it reads."""


class AsBelieved:
    """Times as they were believed when they were recorded."""

    def utc_ms(self, recorded: Recorded) -> int:
        """As it was recorded."""
        return recorded.utc_ms

    def is_certain(self, seq: int) -> bool:
        """They are taken for it."""
        return True


class Conversation:
    """A fold over the events of one log, in order; it may begin anywhere."""

    def __init__(self) -> None:
        self.seq = 0
        self._talk = Talk(AsBelieved())
        self._over: deque[tuple[int, Json]] = deque(maxlen=KEPT)

    def add(self, recorded: Recorded) -> None:
        """One event more."""
        self.seq = recorded.seq
        for exchange in self._talk.take(recorded):
            self._over.append((recorded.seq, exchange_view(exchange)))

    def view(self, after: int = 0) -> Json:
        """The exchanges that ended behind the event `after`, in that order, and those that are open."""
        return {
            "seq": self.seq,
            "exchanges": [shown for seq, shown in self._over if seq > after],
            "open": [exchange_view(exchange) for exchange in self._talk.rest() if exchange.outcome == "open"],
        }


def exchange_view(exchange: Exchange) -> Json:
    """One exchange; `seq` and `answer_seq` are the events that have the frames."""
    is_mark = not exchange.message_id and not exchange.request
    return {
        "seq": exchange.seq,
        "utc_ms": exchange.utc_ms,
        "kind": "link" if is_mark else "ours" if exchange.ours else "theirs",
        "connection": exchange.connection,
        "action": exchange.action[:LINE_MAX],
        "message_id": exchange.message_id[:LINE_MAX],
        "transaction": exchange.transaction,
        "attempt": exchange.attempt,
        "request": brief(exchange.request, LINE_MAX),
        "outcome": "given_up" if exchange.given_up else exchange.outcome,
        "late": exchange.late,
        "error": exchange.error[:LINE_MAX],
        "answer": brief(exchange.answer, LINE_MAX),
        "answer_seq": exchange.answer_seq,
        "latency_ms": exchange.latency_ms,
        "deviations": "; ".join(exchange.deviations)[:LINE_MAX],
    }
