"""Why something happened, and what became of it: cause chains in words, and the fate of each message to the CSMS."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from eventstore.catalogue.lifecycle import StationBooted, StationStopped
from eventstore.catalogue.link import CallDispatched, CallSettled, CallTimedOut, LinkClosed, LinkOpened
from eventstore.catalogue.transactions import TransactionIdAssigned, TransactionStarted, TransactionStopped
from eventstore.event import Event, Recorded
from station.telling.amounts import duration, plural

FATE_KINDS: tuple[type[Event], ...] = (
    TransactionStarted,
    TransactionStopped,
    TransactionIdAssigned,
    CallDispatched,
    CallSettled,
    CallTimedOut,
    LinkOpened,
    LinkClosed,
    StationBooted,
    StationStopped,
)
LINK_KINDS: tuple[type[Event], ...] = (LinkOpened, LinkClosed, StationBooted, StationStopped)
"""Those that tell whether there was a link."""
LASTING_KINDS = tuple(kind for kind in FATE_KINDS if kind not in (CallDispatched, CallSettled, CallTimedOut))
"""Of these, those that tell of what comes long after them."""
OFFLINE_WORTH_TELLING_MS = 1_000


@dataclass(slots=True, kw_only=True)
class Fate:
    """What became of one message that was queued by event `seq`."""

    seq: int
    action: str
    owed_ms: int
    number: int | None = None
    first_sent_ms: int | None = None
    transmissions: int = 0
    errors: list[str] = field(default_factory=list)
    timeouts: int = 0
    outcome: str = ""
    settled_ms: int | None = None
    settled_seq: int | None = None


class Fates:
    """The fates of StartTransaction and StopTransaction, or of every message, and the times without a link."""

    def __init__(
        self,
        events: Iterable[Recorded],
        *,
        every: bool = False,
        after_seq: int = 0,
        to_seq: int | None = None,
        number: int | None = None,
    ) -> None:
        """`events` are the log's, of FATE_KINDS at least, in order. With `every`, all messages are followed.

        What was queued behind `after_seq` and up to `to_seq`, if given, is followed to its end, and nothing beyond; of
        transaction `number` only, if given.
        """
        self.by_seq: dict[int, Fate] = {}
        self.transaction_ids: dict[int, int] = {}
        self._every = every
        self._number = number
        self._after_seq = after_seq
        self._down: list[tuple[int, int]] = []
        self._down_since: int | None = 0
        self._last_ms = 0
        self._open: set[int] = set()
        cause = 0
        for recorded in events:
            # What the last answer led to, e.g. the CSMS's id, stands behind it under the same cause.
            is_beyond = to_seq is not None and recorded.seq > to_seq and recorded.cause != cause
            if is_beyond and not self._open:
                break
            cause = recorded.cause
            self._follow(recorded)
        if self._down_since is not None:
            self._down.append((self._down_since, self._last_ms))
        self._down_from = [start for start, _ in self._down]

    def _follow(self, recorded: Recorded) -> None:
        event, at_ms = recorded.event, recorded.at_ms
        before_ms, self._last_ms = self._last_ms, at_ms
        match event:
            case TransactionStarted() | TransactionStopped() if self._is_followed(recorded.seq, event.number):
                action = "StartTransaction" if isinstance(event, TransactionStarted) else "StopTransaction"
                self.by_seq[recorded.seq] = Fate(seq=recorded.seq, action=action, owed_ms=at_ms, number=event.number)
                self._open.add(recorded.seq)
            case TransactionIdAssigned(conflict=False):
                self.transaction_ids[event.number] = event.transaction_id
            case CallDispatched():
                self._dispatched(event, at_ms)
            case CallSettled():
                self._settled(event, recorded)
            case CallTimedOut() if (fate := self.by_seq.get(event.owed_seq)) is not None:
                fate.timeouts += 1
                if event.ends_entry:
                    fate.outcome, fate.settled_ms, fate.settled_seq = "unanswered", at_ms, recorded.seq
                    self._open.discard(event.owed_seq)
            case LinkOpened() if self._down_since is not None:
                self._down.append((self._down_since, at_ms))
                self._down_since = None
            case StationBooted() if self._down_since is None:  # crashed: the link counts as down since its last event
                self._down_since = before_ms
            case LinkClosed() | StationStopped() if self._down_since is None:
                self._down_since = at_ms

    def _is_followed(self, seq: int, number: int) -> bool:
        return seq > self._after_seq and self._number in (None, number)

    def _dispatched(self, event: CallDispatched, at_ms: int) -> None:
        fate = self.by_seq.get(event.owed_seq)
        if fate is None:
            if not self._every:
                return
            fate = Fate(seq=event.owed_seq, action=event.action, owed_ms=at_ms, number=event.number)
            self.by_seq[event.owed_seq] = fate
        fate.transmissions += 1
        if fate.first_sent_ms is None:
            fate.first_sent_ms = at_ms

    def _settled(self, event: CallSettled, recorded: Recorded) -> None:
        fate = self.by_seq.get(event.owed_seq)
        if fate is None or event.outcome == "void":
            return
        if event.outcome != "result":
            fate.errors.append(event.error_code or event.outcome)
        if event.ends_entry:
            fate.outcome, fate.settled_ms, fate.settled_seq = event.outcome, recorded.at_ms, recorded.seq
            self._open.discard(event.owed_seq)

    def offline_ms(self, from_ms: int, to_ms: int) -> int:
        """How long the link was down between two moments of station time."""
        total = 0
        for start, end in self._down[max(0, bisect_right(self._down_from, from_ms) - 1) :]:
            if start >= to_ms:
                break
            total += max(0, min(end, to_ms) - max(start, from_ms))
        return total

    def outages(self) -> Iterator[tuple[int, int]]:
        """The times without a link, from station time to station time; the first lasts from the log's beginning."""
        yield from self._down

    def tell(self, fate: Fate) -> str:
        """The fate in words: how long it waited, why, how often it went, what it came to."""
        parts = []
        until = self._last_ms if fate.first_sent_ms is None else fate.first_sent_ms
        offline = self.offline_ms(fate.owed_ms, until)
        if offline >= OFFLINE_WORTH_TELLING_MS:
            parts.append(f"{fate.action} waited {duration(offline)} offline")
        elif fate.first_sent_ms is not None:
            waited = fate.first_sent_ms - fate.owed_ms
            parts.append(f"{fate.action} sent" + (f" after {duration(waited)}" if waited else " at once"))
        if fate.first_sent_ms is None:
            parts.append("has not been sent" if parts else f"{fate.action} has not been sent")
        if fate.errors and fate.outcome == "result":
            parts.append(f"refused {plural(len(fate.errors), 'time')} ({', '.join(dict.fromkeys(fate.errors))})")
        if fate.timeouts:
            parts.append(f"unanswered {plural(fate.timeouts, 'time')}")
        parts.append(self._ending(fate))
        return "; ".join(part for part in parts if part)

    def _ending(self, fate: Fate) -> str:
        match fate.outcome:
            case "result":
                assigned = self.transaction_ids.get(fate.number or 0)
                return "confirmed" if assigned is None else f"confirmed as {assigned}"
            case "given_up":
                return f"GIVEN UP after {plural(len(fate.errors), 'failure')} ({', '.join(dict.fromkeys(fate.errors))})"
            case "":
                return "" if fate.first_sent_ms is None else "not yet answered"
            case outcome:
                return f"ended: {outcome}"
