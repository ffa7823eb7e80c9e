"""What must hold after every step of a simulated station, and what must have come about in the end.

Facts are taken from four places that know nothing of each other: the log, the published state, the bytes that the CSMS
got, and the copper. Numbers I1 to I15 are those of docs/reliability.md.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
from projections.outbox import QUEUE_MAX, TRANSACTIONAL, WINDOW_MAX
from projections.station import INITIAL, StationState, evolve
from station import kernel
from station.calls import MESSAGE_TIMEOUT
from station.faults import BLOCKING
from station.feature import Registry
from station.status import TRANSITIONS
from station.wire.instants import parse_utc_ms
from tests.simulation.csms import Call, SimulatedCsms
from tests.simulation.network import LATENCY_MAX_MS
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
        self._started: dict[int, Recorded] = {}
        self._stopped: dict[int, Recorded] = {}
        self._running: dict[int, int] = {}
        self._registers: dict[int, int] = {}
        self._granted: dict[int, str] = {}
        self._status: dict[int, str] = {}
        self._payloads: dict[int, str] = {}
        self._dispatched: dict[str, Recorded] = {}
        self._assigned: dict[int, set[int]] = defaultdict(set)
        self._ids_on_wire: set[tuple[int, str]] = set()
        self._first_owed_seq = 0
        self._wire_times: dict[int, int] = {}
        self._asked: Counter[tuple[int, str]] = Counter()
        self._answered: Counter[tuple[int, str]] = Counter()
        self._received: set[str] = set()
        self._given_up: set[int] = set()
        self._durable: set[int] = set()

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
        event = recorded.event
        match event:
            case DecisionFailed() | ObservationRejected():
                raise AssertionError(f"{event}\n{self.tail()}")
            case StationBooted():
                self._granted.clear()
                self._status.clear()
            case AuthorizationGranted(connector_id=connector_id) if connector_id is not None:
                self._granted[connector_id] = event.id_tag
            case ConnectorStatusChanged(connector_id=connector_id, status=status):
                before = self._status.get(connector_id)
                legal = connector_id == 0 or before in (None, status) or status in TRANSITIONS[str(before)]
                assert legal, (
                    f"connector {connector_id}: {before} to {status} is not in the table of 4.9\n{self.tail()}"
                )
                self._status[connector_id] = status
            case TransactionStarted():
                self._check_start(recorded, event)
            case MeterSampled(number=number) if number is not None:
                assert number in self._started
                assert number not in self._stopped, f"a sample of {number} after its stop\n{self.tail()}"
                assert event.register_wh >= self._registers[number], f"the register of {number} falls\n{self.tail()}"
                self._registers[number] = event.register_wh
            case TransactionStopped():
                self._check_stop(recorded, event)
            case TransactionResumed():
                assert self._running.get(event.connector_id) == event.number
            case TransactionIdAssigned():
                self._assigned[event.number].add(event.transaction_id)
            case FrameReceived():
                self._note_frame(event)
            case CallDispatched():
                self._check_dispatch(recorded, event)
            case CallPrepared():
                self._dispatched.setdefault(event.message_id, recorded)
            case CallSettled():
                self._check_settled(event)

    def _note_frame(self, event: FrameReceived) -> None:
        try:
            kind, message_id = json.loads(event.text)[:2]
        except (ValueError, TypeError, KeyError):
            return
        if kind == 2:
            self._asked[event.connection, message_id] += 1
        else:
            self._received.add(message_id)

    def _check_settled(self, event: CallSettled) -> None:
        if event.outcome in ("result", "error", "malformed"):
            known = event.message_id in self._received
            assert known, f"{event} was settled without an answer (I5)\n{self.tail()}"
        if event.outcome == "given_up" and event.action == "StartTransaction" and event.number is not None:
            self._given_up.add(event.number)

    def _check_start(self, recorded: Recorded, event: TransactionStarted) -> None:
        granted = self._granted.pop(event.connector_id, None)
        assert granted == event.id_tag, f"{event} without an authorization (I13): {granted}\n{self.tail()}"
        assert event.number not in self._started, f"transaction {event.number} starts twice"
        assert event.connector_id not in self._running, f"{event} while another one runs (I12)\n{self.tail()}"
        self._started[event.number] = recorded
        self._running[event.connector_id] = event.number
        self._registers[event.number] = event.meter_start_wh

    def _check_stop(self, recorded: Recorded, event: TransactionStopped) -> None:
        assert event.number not in self._stopped, f"transaction {event.number} stops twice (I12)\n{self.tail()}"
        running = self._running.pop(event.connector_id, None)
        assert running == event.number, f"{event}, but {running} runs\n{self.tail()}"
        assert event.meter_stop_wh >= self._registers[event.number], f"{event}: the register falls (I12)\n{self.tail()}"
        started = self._started[event.number].event
        assert isinstance(started, TransactionStarted)
        assert event.stopped.at_ms >= started.started.at_ms, f"{event} ends before it began"
        self._stopped[event.number] = recorded

    def _check_dispatch(self, recorded: Recorded, event: CallDispatched) -> None:
        payload = self._payloads.setdefault(event.owed_seq, event.payload)
        assert payload == event.payload, f"{event} is not the payload of the first time (I9): {payload}"
        key = (event.connection, event.message_id)
        assert key not in self._ids_on_wire, (
            f"message id {event.message_id} twice on one connection (I9)\n{self.tail()}"
        )
        self._ids_on_wire.add(key)
        self._dispatched[event.message_id] = recorded
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
        """A process runs."""
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
        assert len(outbox.calls) <= QUEUE_MAX
        assert len(outbox.window) <= WINDOW_MAX
        if self.steps % REST_EVERY == 0:
            due = self.registry.next_deadline(state)
            if due is None or due.due_ms > state.at_ms:
                assert kernel.rules_at_rest(state, state.at_ms, self.registry), f"a rule has more to say\n{self.tail()}"
        if self._process is not None and self._process.board is board:
            self.check_copper(board)
            self._check_wanted(board, state)

    def _check_wanted(self, board: BenchBoard, state: StationState) -> None:
        for connector_id in board.connector_ids:
            if not board._copper._live[connector_id].outputs.contactor_closed:
                continue
            transaction = state.transactions.on(connector_id)
            assert transaction is not None, f"energy on {connector_id} without a transaction (I13)\n{self.tail()}"
            recorded = self._started[transaction.number]
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
        before = [known for known in self.csms.calls[:-1] if known.wire is call.wire][-1:]
        for known in before:
            waited_ms = call.at_ms - known.at_ms
            timeout_ms = min(MESSAGE_TIMEOUT.of(self.shadow), 5) * 1000
            patient = waited_ms >= timeout_ms - LATENCY_MAX_MS
            answered = known.answered_ms is not None
            # A late answer to an earlier transmission never frees the line for another call (OCPP-J 4.1.1).
            assert answered or patient, f"{call.action} while {known.action} waits\n{self.tail()}"
        self._check_times(call)

    def _check_times(self, call: Call) -> None:
        recorded = self._dispatched.get(call.message_id)
        assert recorded is not None, f"{call.message_id} is on no record (I3)"
        for text in _timestamps(call.payload):
            utc_ms = parse_utc_ms(text)
            assert utc_ms > self._true_utc_ms() - 400 * 86_400_000, f"{call.action} with a time of {text}"

    # ---- the end ------------------------------------------------------------------------------------------------

    def check_end(self) -> None:
        """Once everything has settled: the books of the CSMS agree with the log, transaction by transaction (I7, I8)."""
        assert set(self._started) == set(self._stopped), "a transaction was never stopped"
        settled = _settlements(self.events)
        calls = defaultdict(list)
        for call in self.csms.calls:
            calls[self._owed_seq(call)].append(call)
        place = {call.message_id: index for index, call in reversed(list(enumerate(self.csms.calls)))}
        order: list[int] = []
        for recorded in self.events:
            if isinstance(recorded.event, TRANSACTIONAL):
                told = calls[recorded.seq]
                self._check_told(recorded, settled, told, calls)
                order += [min(place[call.message_id] for call in told)] if told else []
        assert order == sorted(order), "first deliveries are not in the order of the log (I8)"
        self._check_statuses()

    def _owed_seq(self, call: Call) -> int:
        event = self._dispatched[call.message_id].event
        assert isinstance(event, CallDispatched | CallPrepared)
        return event.owed_seq

    def _check_told(
        self,
        recorded: Recorded,
        settled: Mapping[int, CallSettled],
        calls: Sequence[Call],
        all_calls: Mapping[int, Sequence[Call]],
    ) -> None:
        event = recorded.event
        end = settled.get(recorded.seq)
        assert end is not None, f"event {recorded.seq} {event} is owed for ever (I7)"
        assert len({call.text for call in calls}) <= 1, f"event {recorded.seq} was told in two ways (I9)"
        errors = sum(kind in ("error", "malformed") for call in calls for kind, _ in call.said)
        if end.outcome == "given_up":
            assert errors >= 1, f"event {recorded.seq} was given up without a CALLERROR"
            return
        processed = [call for call in calls if call.processed]
        answered = any(call.said for call in calls)
        assert answered, f"event {recorded.seq} {event.NAME} is settled, but the CSMS never answered (I5)"
        if end.outcome == "result":
            assert processed, f"event {recorded.seq} {event.NAME} is settled, but the CSMS has not got it (I5)"
        self._check_id_is_the_csms_own(recorded, calls, all_calls)

    def _check_id_is_the_csms_own(
        self, recorded: Recorded, calls: Sequence[Call], all_calls: Mapping[int, Sequence[Call]]
    ) -> None:
        """A sample or stop carries an id that the CSMS gave to the start of this very transaction."""
        event = recorded.event
        number = getattr(event, "number", None)
        if isinstance(event, TransactionStarted) or number is None or not calls:
            return
        start = self._started[number]
        given = set().union(*(self.csms.ids_given(call) for call in all_calls.get(start.seq, ())))
        wire_id = calls[0].payload["transactionId"]
        assert wire_id in given | {-1}, f"event {recorded.seq} carries {wire_id}, the CSMS gave {given}"

    def _check_statuses(self) -> None:
        """What the CSMS was told last of each connector is what is true."""
        for connector in self.shadow.connectors.by_id:
            told = [
                call.payload["status"]
                for call in self.csms.calls
                if call.action == "StatusNotification" and call.payload["connectorId"] == connector.connector_id
            ]
            assert told, f"nothing was told of connector {connector.connector_id}"
            assert told[-1] == connector.status, f"connector {connector.connector_id}: told {told[-1]}"

    def tail(self, count: int = KEPT_EVENTS) -> str:
        """The last events, for the text of a failure."""
        return "\n".join(f"{each.seq} {each.at_ms} {each.event}"[:400] for each in self.events[-count:])


def _settlements(events: Sequence[Recorded]) -> dict[int, CallSettled]:
    """How each owed event ended."""
    found: dict[int, CallSettled] = {}
    for recorded in events:
        event = recorded.event
        if isinstance(event, CallSettled) and event.ends_entry and event.outcome != "void":
            assert event.owed_seq not in found, f"event {event.owed_seq} is settled twice"
            found[event.owed_seq] = event
    return found


def _timestamps(payload: Any) -> list[str]:
    if isinstance(payload, dict):
        own = [payload["timestamp"]] if "timestamp" in payload else []
        return own + [text for value in payload.values() for text in _timestamps(value)]
    if isinstance(payload, list):
        return [text for item in payload for text in _timestamps(item)]
    return []
