"""What the rows of a damaged log prove: which messages were delivered, which may have been, and which were never sent.

Theory of operation
    The lane of the transaction-related messages is strictly in order (`projections.outbox`), so two numbers say all of it: the
    messages of events up to `told_seq` are settled, those of events behind `unsure_seq` have never been answered. In between
    lies what a gap may hide. The rows are read in order, beginning with the state that was kept.

    While the link is up, a gap may hide the fate of everything. While it is down, it hides a connection at most, and no more
    answers than it has room for (`room`). What comes behind takes doubt back: a message that leaves shows where the
    lane is; one with the next message id, and the next connection, show that none left in between, for both count on; and
    the back-off between attempts, which a connection that talks begins anew, shows that there was none.
"""

from collections.abc import Mapping
from typing import Any

from eventstore.catalogue.lifecycle import DeadlineReached, StationBooted
from eventstore.catalogue.link import (
    CallDispatched,
    CallPrepared,
    CallSettled,
    CallTimedOut,
    ConnectFailed,
    FrameReceived,
    LinkClosed,
    LinkOpened,
)
from eventstore.catalogue.registration import RegistrationAnswered, RegistrationLost
from eventstore.catalogue.transactions import MeterSampled, TransactionStarted, TransactionStopped
from eventstore.event import Event
from eventstore.value import Value, replace
from projections.link import RECONNECT, Link, reconnect_delay_ms
from projections.outbox import TRANSACTION
from projections.registration import ACCEPTED
from projections.station import StationState

ANSWERED_EVENTS: Mapping[str, int] = {
    TransactionStarted.NAME: 4,
    MeterSampled.NAME: 3,
    TransactionStopped.NAME: 4,
}
"""What a delivered message leaves in the log, at least: CallDispatched, FrameReceived, CallSettled, and of a start
TransactionIdAssigned, of a stop TransactionConfirmed."""
ANSWERED_MIN = min(ANSWERED_EVENTS.values())
CONNECTION_EVENTS = 3
"""What a connection leaves that comes and goes: DeadlineReached or NetworkRestored, LinkOpened, LinkClosed."""
REGISTERED_EVENTS = 14
"""What it leaves before the first of them when the boot is still to be accepted (4.2, errata 3.22): the BootNotification, its
answer, and the status of the station and of a connector, sent and answered."""
FAILURE_EVENTS = 2
"""What an attempt leaves that fails: DeadlineReached, ConnectFailed."""

LANE_KINDS: tuple[type[Event], ...] = (
    StationBooted,
    DeadlineReached,
    LinkOpened,
    LinkClosed,
    ConnectFailed,
    FrameReceived,
    RegistrationAnswered,
    RegistrationLost,
    CallDispatched,
    CallPrepared,
    CallSettled,
    CallTimedOut,
)


class _Place(Value, frozen=True, kw_only=True):
    """How things stand as far as it is known: the link with its back-off, the boot, and what waits for its answer."""

    link: Link
    boot: int
    is_registered: bool
    in_flight_seq: int = 0


class Lane:
    """The transaction lane of a damaged log, from the state that was kept on; `gap` and `take` in the order of the log.

    `room`: the messages behind `told_seq` can have left so many events unseen in all (ANSWERED_EVENTS); None: any number.
    """

    def __init__(self, state: StationState) -> None:
        outbox = state.outbox
        in_flight = outbox.in_flight
        self.told_seq = outbox.window[0].seq - 1 if outbox.window else state.seq
        self.unsure_seq = self.told_seq
        self.room: int | None = 0
        self._now = _Place(
            link=state.link,
            boot=state.clock.boot,
            is_registered=state.registration.status == ACCEPTED,
            in_flight_seq=0 if in_flight is None or in_flight.lane != TRANSACTION else in_flight.owed_seq,
        )
        self._before: _Place | None = None  # before the gaps of which it is not known what they hide
        self._before_seq = 0
        self._missing = 0
        self._failed: tuple[int, int] | None = None  # the last attempt behind them: when, and its entropy

    def gap(self, first_seq: int, last_seq: int) -> None:
        """Events `first_seq` to `last_seq` are missing."""
        if self._before is None:
            self._before, self._before_seq = self._now, self.unsure_seq
        self._missing += last_seq - first_seq + 1
        self._failed = None
        if self._now.link.up:
            self.room = None
        elif self.room is not None:
            registering = 0 if self._now.is_registered else REGISTERED_EVENTS
            self.room = max(0, self._missing - CONNECTION_EVENTS - registering)
        if self.room is None or self.room >= ANSWERED_MIN:
            self.unsure_seq = max(self.unsure_seq, last_seq)

    def take(self, event: Event, at_ms: int) -> None:
        """The next event; those that are not of LANE_KINDS say nothing."""
        match event:
            case LinkOpened(connection=connection):
                self._opened(connection)
            case LinkClosed(connection=connection, entropy=entropy):
                self._set_link(connection=connection)
                self._waits(entropy, at_ms)
            case ConnectFailed(entropy=entropy):
                self._failed = (at_ms, entropy)
                self._waits(entropy, at_ms)
            case DeadlineReached(name=name, due_ms=due_ms) if name == RECONNECT:
                self._attempted(due_ms)
            case StationBooted(boot=boot):
                link = replace(self._now.link, up=False, attempts=0, connect_due_ms=None, calls_made=0)
                self._now = _Place(link=link, boot=boot, is_registered=False)
            case RegistrationAnswered(status=status):
                self._now = replace(self._now, is_registered=status == ACCEPTED)
            case RegistrationLost():
                self._now = replace(self._now, is_registered=False)
            case FrameReceived():
                self._set_link(up=True, attempts=0)
            case CallDispatched() | CallPrepared():
                self._left(event)
            case CallSettled(lane=lane, owed_seq=owed_seq) | CallTimedOut(lane=lane, owed_seq=owed_seq):
                if lane == TRANSACTION:
                    self._at(owed_seq if event.ends_entry else owed_seq - 1, 0)

    def end(self, at_ms: int) -> None:
        """The last event was at `at_ms`."""
        if self._failed is not None:
            self._attempted(at_ms)

    def settled(self, seq: int) -> None:
        """The messages of events up to `seq` were delivered, as another event shows."""
        self.told_seq = max(self.told_seq, seq)
        self.unsure_seq = max(self.unsure_seq, self.told_seq)

    def _set_link(self, **facts: Any) -> None:
        self._now = replace(self._now, link=replace(self._now.link, **facts))

    def _at(self, told_seq: int, in_flight_seq: int) -> None:
        """The lane shows where it is: nothing behind has left, and nothing before is unsettled."""
        self.told_seq = max(self.told_seq, told_seq)
        self._now = replace(self._now, in_flight_seq=in_flight_seq)
        self._resolved(self.told_seq)

    def _resolved(self, unsure_seq: int) -> None:
        """It is known what the gaps hide."""
        self.unsure_seq = max(self.told_seq, unsure_seq)
        self._before, self._missing, self._failed = None, 0, None
        self.room = 0 if self.unsure_seq == self.told_seq else None

    def _opened(self, connection: int) -> None:
        before = self._before
        if before is not None and not before.link.up and connection == before.link.connection + 1:
            self._resolved(self._before_seq)
        self._set_link(up=True, connection=connection)
        self._now = replace(self._now, in_flight_seq=0)

    def _waits(self, entropy: int, at_ms: int) -> None:
        link = self._now.link
        due_ms = at_ms + reconnect_delay_ms(link, entropy)
        self._set_link(up=False, connect_due_ms=due_ms, attempts=link.attempts + 1)
        self._now = replace(self._now, in_flight_seq=0)

    def _attempted(self, due_ms: int) -> None:
        """The link was down, and its back-off has run out (or ran on): how long it was shows what came before."""
        before, failed = self._before, self._failed
        if before is None or before.link.up:
            return
        if due_ms == before.link.connect_due_ms:
            self._resolved(self._before_seq)
        elif failed is not None and self.room is not None:
            # A connection that talked begins the back-off anew: so many failures must have followed it in the same gap.
            failures = _attempts(before.link, failed[1], due_ms - failed[0]) - 1
            self.room = min(self.room, self._missing - CONNECTION_EVENTS - FAILURE_EVENTS * max(0, failures))
            if self.room < ANSWERED_MIN:
                self._resolved(self._before_seq)

    def _left(self, event: CallDispatched | CallPrepared) -> None:
        before, (boot, calls) = self._before, _numbered(event.message_id)
        is_next = before is not None and (boot, calls) == (before.boot, before.link.calls_made + 1)
        is_counted = boot == self._now.boot and calls > self._now.link.calls_made
        # One that goes again has the message id that it had, and counts all the same.
        self._set_link(up=True, calls_made=calls if is_counted else self._now.link.calls_made + 1)
        if event.lane == TRANSACTION and isinstance(event, CallDispatched):
            self._at(event.owed_seq - 1, event.owed_seq)
        elif before is not None and is_next:
            # None has left in between, but the one in flight has landed, answered or not.
            self._resolved(max(self._before_seq, before.in_flight_seq))
        elif before is not None and event.lane == TRANSACTION:
            # The one before it in the lane is in flight, so all before that one is settled.
            self._resolved(event.owed_seq - 1)


def _attempts(link: Link, entropy: int, delay_ms: int) -> int:
    """How many attempts in a row had failed, at least, before one that was followed by a wait of so long."""
    candidates = (n for n in range(32) if reconnect_delay_ms(replace(link, attempts=n), entropy) >= delay_ms)
    return next(candidates, 32)


def _numbered(message_id: str) -> tuple[int, int]:
    """The boot and the count of a message id of ours (`station.core.calls`); zeros if it is none."""
    try:
        _, boot, calls = message_id.rsplit("-", 2)
        return int(boot, 16), int(calls, 16)
    except ValueError:
        return 0, 0
