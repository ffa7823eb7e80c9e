"""What must hold after every step of a simulated station, and what must have come about in the end.

Facts are taken from four places that know nothing of each other: the log, the published state, the bytes that the CSMS
got, and the copper. Numbers I1 to I15 are those of docs/reliability.md.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from devices.bench.board import BenchBoard
from eventstore.catalogue.authorization import AuthorizationGranted
from eventstore.catalogue.connectors import ConnectorStatusChanged
from eventstore.catalogue.lifecycle import DecisionFailed, ObservationRejected, StationBooted
from eventstore.catalogue.link import (
    CallAnswered,
    CallDispatched,
    CallPrepared,
    CallSettled,
    FrameReceived,
    OutboxWindowRead,
)
from eventstore.catalogue.transactions import (
    MeterSampled,
    TransactionIdAssigned,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.codec import decode, encode
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.outbox import WINDOW_MAX
from projections.station import INITIAL, StationState, evolve
from station.core.calls import MESSAGE_TIMEOUT
from station.core.feature import Registry
from station.rules.faults import BLOCKING
from station.rules.shedding import shed
from station.rules.status import TRANSITIONS
from station.wire.instants import parse_utc_ms
from tests.rest import rules_at_rest
from tests.simulation.csms import Call, SimulatedCsms
from tests.simulation.store import SimulatedLog

if TYPE_CHECKING:
    from tests.simulation.process import Process

REST_EVERY = 16
KEPT_EVENTS = 40


class Invariants:
    """Fed by the log (`durable`), the loop (`published`), the link (`sent`), and the CSMS (`arrived`)."""

    def __init__(
        self, log: SimulatedLog, csms: SimulatedCsms, registry: Registry, true_utc_ms: Callable[[], int]
    ) -> None:
        self.log = log
        self.csms = csms
        self.registry = registry
        self.shadow: StationState = INITIAL
        self.events: list[Recorded] = []
        self.steps = 0
        self._true_utc_ms = true_utc_ms
        self._process: Process | None = None
        self.started: dict[int, Recorded] = {}
        self.stopped: dict[int, Recorded] = {}
        self._running: dict[int, int] = {}
        self._registers: dict[int, int] = {}
        self._granted: dict[int, str] = {}
        self._status: dict[int, str] = {}
        self._payloads: dict[int, str] = {}
        self._dispatched: dict[str, Recorded] = {}
        self._assigned: dict[int, set[int]] = defaultdict(set)
        self._ids_on_wire: set[tuple[int, str]] = set()
        self._first_owed_seq = 0
        self._patience_ms = 0
        self._asked: Counter[tuple[int, str]] = Counter()
        self._answered: Counter[tuple[int, str]] = Counter()
        self._received: set[str] = set()
        self._given_up: set[int] = set()
        self._resumed: set[int] = set()
        self._durable: set[int] = set()
        self._checks: Mapping[type[Event], Callable[[Recorded, Any], None]] = {
            DecisionFailed: self._check_wrong,
            ObservationRejected: self._check_wrong,
            StationBooted: self._check_boot,
            AuthorizationGranted: self._check_grant,
            ConnectorStatusChanged: self._check_status,
            TransactionStarted: self._check_start,
            MeterSampled: self._check_sample,
            TransactionStopped: self._check_stop,
            TransactionResumed: self._check_resumed,
            TransactionIdAssigned: self._note_id,
            FrameReceived: self._note_frame,
            CallDispatched: self._check_dispatch,
            CallPrepared: self._note_prepared,
            CallSettled: self._check_settled,
        }

    # ---- the log ------------------------------------------------------------------------------------------------

    def durable(self, batch: Sequence[Recorded]) -> None:
        """A batch is on the disk: it folds, through the codec and back, to what the next process will find (I10)."""
        for recorded in batch:
            event = recorded.event
            back: Event = decode(event.NAME, event.VERSION, encode(event))
            if isinstance(event, OutboxWindowRead):
                back = event
            assert back == event, f"{event} does not survive the codec"
            assert recorded.at_ms >= self.shadow.at_ms, f"station time goes back at event {recorded.seq}"
            self.shadow = evolve(self.shadow, replace(recorded, event=back))
            self.events.append(recorded)
            self._durable.add(id(event))  # kept alive by `events`
            self._check_event(recorded)

    def _check_event(self, recorded: Recorded) -> None:
        check = self._checks.get(type(recorded.event))
        if check is not None:
            check(recorded, recorded.event)

    def _check_wrong(self, recorded: Recorded, event: Event) -> None:
        raise AssertionError(f"{event}\n{self.tail()}")

    def _check_boot(self, recorded: Recorded, event: StationBooted) -> None:
        self._granted.clear()
        self._status.clear()
        self._resumed.clear()

    def _check_grant(self, recorded: Recorded, event: AuthorizationGranted) -> None:
        if event.connector_id is not None:
            self._granted[event.connector_id] = event.id_tag

    def _check_status(self, recorded: Recorded, event: ConnectorStatusChanged) -> None:
        n, before = event.connector_id, self._status.get(event.connector_id)
        legal = n == 0 or before in (None, event.status) or event.status in TRANSITIONS[str(before)]
        assert legal, f"connector {n}: {before} to {event.status} is not in the table of 4.9\n{self.tail()}"
        self._status[n] = event.status

    def _check_sample(self, recorded: Recorded, event: MeterSampled) -> None:
        number = event.number
        if number is None:
            return
        assert number in self.started
        assert number not in self.stopped, f"a sample of {number} after its stop\n{self.tail()}"
        assert event.register_wh >= self._registers[number], f"the register of {number} falls\n{self.tail()}"
        self._registers[number] = event.register_wh

    def _check_resumed(self, recorded: Recorded, event: TransactionResumed) -> None:
        assert self._running.get(event.connector_id) == event.number
        self._resumed.add(event.number)

    def _note_id(self, recorded: Recorded, event: TransactionIdAssigned) -> None:
        self._assigned[event.number].add(event.transaction_id)

    def _note_prepared(self, recorded: Recorded, event: CallPrepared) -> None:
        self._dispatched.setdefault(event.message_id, recorded)

    def _note_frame(self, recorded: Recorded, event: FrameReceived) -> None:
        try:
            kind, message_id = json.loads(event.text)[:2]
        except (ValueError, TypeError, KeyError):
            return
        if kind == 2:
            self._asked[event.connection, message_id] += 1
        else:
            self._received.add(message_id)

    def _check_settled(self, recorded: Recorded, event: CallSettled) -> None:
        if event.outcome in ("result", "error", "malformed"):
            known = event.message_id in self._received
            assert known, f"{event} was settled without an answer (I5)\n{self.tail()}"
        if event.outcome == "given_up" and event.action == "StartTransaction" and event.number is not None:
            self._given_up.add(event.number)

    def _check_start(self, recorded: Recorded, event: TransactionStarted) -> None:
        granted = self._granted.pop(event.connector_id, None)
        assert granted == event.id_tag, f"{event} without an authorization (I13): {granted}\n{self.tail()}"
        assert event.number not in self.started, f"transaction {event.number} starts twice"
        assert event.connector_id not in self._running, f"{event} while another one runs (I12)\n{self.tail()}"
        self.started[event.number] = recorded
        self._running[event.connector_id] = event.number
        self._registers[event.number] = event.meter_start_wh

    def _check_stop(self, recorded: Recorded, event: TransactionStopped) -> None:
        assert event.number not in self.stopped, f"transaction {event.number} stops twice (I12)\n{self.tail()}"
        running = self._running.pop(event.connector_id, None)
        assert running == event.number, f"{event}, but {running} runs\n{self.tail()}"
        assert event.meter_stop_wh >= self._registers[event.number], f"{event}: the register falls (I12)\n{self.tail()}"
        started = self.started[event.number].event
        assert isinstance(started, TransactionStarted)
        assert event.stopped.at_ms >= started.started.at_ms, f"{event} ends before it began"
        self.stopped[event.number] = recorded

    def _check_dispatch(self, recorded: Recorded, event: CallDispatched) -> None:
        payload = self._payloads.setdefault(event.owed_seq, event.payload)
        assert payload == event.payload, f"{event} is not the payload of the first time (I9): {payload}"
        key = (event.connection, event.message_id)
        assert key not in self._ids_on_wire, (
            f"message id {event.message_id} twice on one connection (I9)\n{self.tail()}"
        )
        self._ids_on_wire.add(key)
        self._dispatched[event.message_id] = recorded
        self._patience_ms = min(5_000, MESSAGE_TIMEOUT.of(self.shadow) * 1000)
        if event.lane != "transaction":
            return
        assert event.owed_seq >= self._first_owed_seq, f"{event} overtakes nothing that is older (I8)\n{self.tail()}"
        self._first_owed_seq = event.owed_seq
        self._check_transaction_id(event)

    def _check_transaction_id(self, event: CallDispatched) -> None:
        payload = json.loads(event.payload)
        number, transaction_id = event.number, payload.get("transactionId")
        if event.action == "StartTransaction" or number is None:
            return
        if transaction_id == -1 and number in self._given_up:
            return
        assert transaction_id in self._assigned[number], f"{event}: the id is not on record (I15)\n{self.tail()}"

    # ---- the loop -----------------------------------------------------------------------------------------------

    def begin(self, process: "Process") -> None:
        """A process runs; its time goes on where the log ends."""
        assert process.clock.at_ms() >= self.shadow.at_ms, "station time goes back with the boot"
        self._process = process

    def process_ended(self) -> None:
        """No process runs."""
        self._process = None

    def check_fold(self, state: StationState) -> None:
        """What a new process folds the log to is what the log was folded to while it grew (I10, I11)."""
        assert state == self.shadow, "another state after folding the log anew"

    def published(self, board: BenchBoard, state: StationState, batch: Sequence[Recorded]) -> None:
        """A state is acted upon: it is durable, whole, bounded and at rest; the copper does what it wants."""
        self.steps += 1
        assert state.seq == self.log.head.seq, f"published {state.seq}, durable {self.log.head.seq} (write-ahead)"
        assert state == self.shadow, f"the published state is not the fold of the log (I10)\n{self.tail()}"
        outbox = state.outbox
        assert not shed(state, state.at_ms), f"a lane is over its bound\n{self.tail()}"
        assert len(outbox.window) <= WINDOW_MAX
        if self.steps % REST_EVERY == 0:
            due = self.registry.next_deadline(state)
            if due is None or due.due_ms > state.at_ms:
                assert rules_at_rest(state, state.at_ms, self.registry), f"a rule has more to say\n{self.tail()}"
        if state.connectors.known:
            for item in state.transactions.running():
                is_own = item.started.boot == state.clock.boot or item.number in self._resumed
                assert is_own, f"transaction {item.number} runs on over a boot (I12)\n{self.tail()}"
        if self._process is not None and self._process.board is board:
            self.check_copper(board)
            self._check_wanted(board, state)

    def _check_wanted(self, board: BenchBoard, state: StationState) -> None:
        for connector_id in board.connector_ids:
            if not board._copper._live[connector_id].outputs.contactor_closed:
                continue
            transaction = state.transactions.on(connector_id)
            assert transaction is not None, f"energy on {connector_id} without a transaction (I13)\n{self.tail()}"
            recorded = self.started[transaction.number]
            assert recorded.seq <= self.log.head.seq

    def check_copper(self, board: BenchBoard) -> None:
        """The reflex: whatever was recorded or not, no energy where the copper says no."""
        world = board._copper.world
        for connector in world.connectors:
            live = board._copper._live[connector.connector_id]
            if not live.outputs.contactor_closed:
                continue
            n = connector.connector_id
            assert not world.emergency_stop, f"energy on {n} under emergency stop"
            assert connector.ev_plugged, f"energy on {n} without a car"
            assert connector.station_plugged, f"energy on {n} without a cable"
            assert connector.vehicle_ready, f"energy on {n} for a car that does not ask"
            assert connector.locked or not board.has_lock, f"energy on {n} through an unlocked plug"
            faults = {fault.error_code for fault in (*world.station_faults, *connector.faults)} & BLOCKING
            assert not faults, f"energy on {n} under {faults}"

    # ---- the wire -----------------------------------------------------------------------------------------------

    def sent(self, event: CallDispatched | CallPrepared | CallAnswered) -> None:
        """A frame leaves: its event is durable (I2, I3)."""
        assert id(event) in self._durable, f"{event} leaves before it is durable"
        if isinstance(event, CallAnswered):
            key = (event.connection, event.message_id)
            self._answered[key] += 1
            assert self._answered[key] <= self._asked[key], f"{key} is answered more often than it was asked"

    def arrived(self, call: Call) -> None:
        """The CSMS gets a call: one at a time, in the right states, with times that make sense."""
        before = next((known for known in reversed(self.csms.calls[:-1]) if known.wire is call.wire), None)
        if before is not None and before.answered_ms is None:
            # Only once the time for an answer is over (OCPP-J 4.1.1). It counts from the record, which a slow disk delays.
            waited_ms = self._left_ms(call) - self._left_ms(before)
            assert waited_ms >= self._patience_ms, f"{call.action} while {before.action} waits\n{self.tail()}"
        self._check_times(call)

    def _left_ms(self, call: Call) -> int:
        return self._dispatched[call.message_id].at_ms

    def _check_times(self, call: Call) -> None:
        recorded = self._dispatched.get(call.message_id)
        assert recorded is not None, f"{call.message_id} is on no record (I3)"
        for text in _timestamps(call.payload):
            utc_ms = parse_utc_ms(text)
            assert utc_ms > self._true_utc_ms() - 400 * 86_400_000, f"{call.action} with a time of {text}"

    def owed_seq(self, call: Call) -> int:
        """The event that a call told."""
        event = self._dispatched[call.message_id].event
        assert isinstance(event, CallDispatched | CallPrepared)
        return event.owed_seq

    def tail(self, count: int = KEPT_EVENTS) -> str:
        """The last events, for the text of a failure."""
        return "\n".join(f"{each.seq} {each.at_ms} {each.event}"[:400] for each in self.events[-count:])


def _timestamps(payload: Any) -> list[str]:
    if isinstance(payload, dict):
        own = [payload["timestamp"]] if "timestamp" in payload else []
        return own + [text for value in payload.values() for text in _timestamps(value)]
    if isinstance(payload, list):
        return [text for item in payload for text in _timestamps(item)]
    return []
