"""The station in pure code, in stepped time: given a station, when something is observed, then what it does.

`StationUnderTest` holds a state and drives `station.core.kernel.step`; there is no clock, no store and no socket. Deadlines
fire in order when time is advanced. What the station sends is collected as `calls` (of ours) and `answers` (to the
CSMS), as the frames would leave. Every event goes through the codec and back, as it would through a log.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from eventstore.catalogue.hardware import (
    BoardOpened,
    FaultCleared,
    FaultObserved,
    IdTagPresented,
    LockObserved,
    MeterFailed,
    MeterObserved,
    PilotStateObserved,
    ProximityObserved,
)
from eventstore.catalogue.lifecycle import (
    DeadlineReached,
    DecisionFailed,
    ObservationRejected,
    StationBooted,
    StationDescribed,
)
from eventstore.catalogue.link import (
    CallAnswered,
    CallDispatched,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    OutboxWindowRead,
)
from eventstore.codec import as_logged, decode, encode
from eventstore.event import Event, Observation, Recorded
from eventstore.value import replace
from projections.outbox import TRANSACTIONAL, WINDOW_MAX
from projections.station import INITIAL, StationState, evolve
from station import VERSION
from station.core import kernel
from station.core.feature import Registry
from station.features import registry_for
from station.rules import outputs
from station.wire.instants import format_utc_ms
from tests.rest import rules_at_rest
from tests.watched import watched

E = TypeVar("E", bound=Event)

UTC_2026_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
TAG, OTHER_TAG = "DEADBEEF", "CAFEBABE"

DESCRIPTION = StationDescribed(
    identity="CB-0001",
    vendor="Chargebox",
    model="Bench",
    serial="CB-0001",
    connectors=1,
    fixed_cable=False,
    has_lock=True,
    backup_power_s=0,
    phases=3,
    voltage_v=230,
    max_current_ma=32_000,
    board="bench",
    csms_url="ws://127.0.0.1:9000/ocpp",
    security_profile=0,
    profiles_off=("Security",),  # its own tests switch it on: the calls of all others stay countable
    factory_values=(),
    call_timeout_s=30,
    reconnect_min_ms=1_000,
    reconnect_max_ms=300_000,
    power_loss_policy="stop",
    tx_default_after_tx_profile=False,
    max_firmware_bytes=268_435_456,
)


@dataclass(frozen=True)
class SentCall:
    """A CALL of the station, as it left."""

    message_id: str
    action: str
    payload: dict[str, Any]
    text: str
    at_ms: int


@dataclass(frozen=True)
class SentAnswer:
    """An answer of the station to a CALL: a payload, or an error code."""

    message_id: str
    action: str
    payload: dict[str, Any] | None
    error_code: str
    description: str


Csms = Callable[[SentCall], dict[str, Any] | str | None]


def accepting(call: SentCall) -> dict[str, Any]:
    """A CSMS that accepts everything; transaction ids count from 9001."""
    match call.action:
        case "BootNotification":
            return {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 300}
        case "Authorize":
            return {"idTagInfo": {"status": "Accepted"}}
        case "StartTransaction":
            return {"idTagInfo": {"status": "Accepted"}, "transactionId": 9001}
        case "Heartbeat":
            return {"currentTime": "2026-01-01T00:00:00Z"}
        case "DataTransfer":
            return {"status": "Accepted"}
        case _:
            return {}


def answering(**says: Any) -> Csms:
    """A CSMS that accepts everything but says these by action: a payload, an error code, None (silence), or a function
    of the call. Transaction ids count from 9001, and a repeated StartTransaction gets the same one."""
    started: dict[str, int] = {}

    def answer(call: SentCall) -> dict[str, Any] | str | None:
        if call.action in says:
            said = says[call.action]
            return said(call) if callable(said) else said
        if call.action == "StartTransaction":
            number = started.setdefault(call.text, 9001 + len(started))
            return {"idTagInfo": {"status": "Accepted"}, "transactionId": number}
        return accepting(call)

    return answer


@dataclass
class StationUnderTest:
    """A station in stepped time. `csms` answers its calls at once (a payload, an error code, or None for silence)."""

    description: StationDescribed = DESCRIPTION
    csms: Csms | None = accepting
    at_ms: int = 1_000
    state: StationState = INITIAL
    log: list[Recorded] = field(default_factory=list)
    calls: list[SentCall] = field(default_factory=list)
    answers: list[SentAnswer] = field(default_factory=list)
    deliveries: list[CallDispatched] = field(default_factory=list)
    energy_wh: dict[int, int] = field(default_factory=dict)
    meter_values: dict[str, Any] = field(default_factory=dict)
    boots: int = 0
    lock_moves: bool = True
    trusted: bool = True
    offset_ms: int = UTC_2026_MS
    has_lock_feedback: bool = True
    meter_works: bool = True
    overlaps: bool = False
    _asked: int = 0
    _reacting: bool = False
    _registry: Registry | None = None

    @property
    def registry(self) -> Registry:
        if self._registry is None:
            self._registry = watched(registry_for(self.description.profiles_off))
        return self._registry

    # ---- observations -------------------------------------------------------------------------------------------

    def observe(self, *observations: Observation) -> list[Event]:
        """Each observation in turn, and whatever the copper and the CSMS answer to it; the events recorded."""
        before = len(self.log)
        for observation in observations:
            self._step(observation)
        return [recorded.event for recorded in self.log[before:]]

    def observe_decision(self, event: Event) -> "StationUnderTest":
        """The state as if the station had decided this, for tests that are about what follows from it."""
        recorded = Recorded(seq=self.state.seq + 1, cause=1, at_ms=self.at_ms, utc_ms=0, event=event)
        self.state = evolve(self.state, recorded)
        return self

    def _step(self, observation: Observation) -> None:
        """One observation, and then, one after another, what the log, the copper and the CSMS do about it."""
        self._record(observation)
        if self._reacting:
            return
        self._reacting = True
        try:
            while self._read_window() or self._move_copper() or self._answer_call():
                pass
        finally:
            self._reacting = False

    def _record(self, observation: Observation) -> None:
        state, batch = kernel.step(self.state, observation, self.at_ms, self.registry)
        self._check_fold(batch, state)
        self._check_rest(batch, state)
        self.state = state
        self.log.extend(batch)
        for recorded in batch:
            self._send(recorded)

    def _check_fold(self, batch: tuple[Recorded, ...], state: StationState) -> None:
        """The log tells the state: every event, through the codec and back, folds to what `step` said."""
        folded = self.state
        for recorded in batch:
            event = recorded.event
            back = decode(event.NAME, event.VERSION, encode(event))
            assert back == as_logged(event), f"{event} does not survive the codec"
            if isinstance(event, OutboxWindowRead):
                back = event
            folded = evolve(folded, replace(recorded, event=back))
        assert folded == state

    def _check_rest(self, batch: tuple[Recorded, ...], state: StationState) -> None:
        """Nothing went wrong, no rule has more to say, and a deadline that was reached is due no more."""
        wrong = [
            recorded.event for recorded in batch if isinstance(recorded.event, DecisionFailed | ObservationRejected)
        ]
        assert not wrong, wrong
        due = self.registry.next_deadline(state)
        if due is None or due.due_ms > self.at_ms:  # else what is due now has yet to be told
            assert rules_at_rest(state, self.at_ms, self.registry)
        first = batch[0].event
        if isinstance(first, DeadlineReached) and due is not None:
            assert (due.name, due.key, due.due_ms) != (first.name, first.key, first.due_ms), f"{due} is still due"

    def _send(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, CallDispatched):
            payload = json.loads(event.payload)
            self.calls.append(SentCall(event.message_id, event.action, payload, event.payload, recorded.at_ms))
            self.deliveries.append(event)
        elif isinstance(event, CallAnswered):
            found = json.loads(event.payload) if event.payload else None
            self.answers.append(SentAnswer(event.message_id, event.action, found, event.error_code, event.description))

    def _read_window(self) -> bool:
        outbox = self.state.outbox
        if not outbox.must_read:
            return False
        behind = (item for item in self.log[outbox.window_end_seq :] if isinstance(item.event, TRANSACTIONAL))
        owed = tuple(islice(behind, WINDOW_MAX - len(outbox.window)))
        read = OutboxWindowRead(after_seq=outbox.window_end_seq, to_seq=owed[-1].seq, count=len(owed), entries=owed)
        self._step(read)
        return True

    def _move_copper(self) -> bool:
        """The lock follows what the station wants of it; whether one moved, or tried to."""
        if not self.state.connectors.has_lock or not self.state.connectors.known or not self.has_lock_feedback:
            return False
        for connector in self.state.connectors.real:
            wanted = outputs.wanted(self.state, connector.connector_id)
            if wanted.outputs.locked == connector.locked and not wanted.unlock:
                continue
            if connector.jammed and not self.lock_moves and not wanted.unlock:
                continue
            locked = wanted.outputs.locked if self.lock_moves else connector.locked
            self._step(LockObserved(connector_id=connector.connector_id, locked=locked, jammed=not self.lock_moves))
            return True
        return False

    def _answer_call(self) -> bool:
        if self.csms is None or self._asked >= len(self.calls) or not self.state.link.up:
            return False
        call = self.calls[self._asked]
        self._asked += 1
        reply = self.csms(call)
        if isinstance(reply, str):
            self.answer_error(reply, call=call)
        elif reply is not None:
            self.answer(reply, call=call)
        return True

    # ---- life ---------------------------------------------------------------------------------------------------

    def boot(
        self, *, pilots: Mapping[int, str] | None = None, orderly: bool = True, boot_id: str = ""
    ) -> "StationUnderTest":
        """A process takes the log over and reads the copper; without a `boot_id` that was there before, the power was gone."""
        self.boots += 1
        self.observe(
            StationBooted(
                boot=self.boots,
                installation="0000abcd",
                software_version=VERSION,
                firmware_version=VERSION,
                offset_ms=self.offset_ms,
                clock_trusted=self.trusted,
                orderly=orderly,
                boot_id=boot_id,
            ),
            self.description,
        )
        for connector in self.state.connectors.real:
            number = connector.connector_id
            pilot = (pilots or {}).get(number, "A")
            if not self.description.fixed_cable:
                rating = None if pilot == "A" else 32_000
                self.observe(ProximityObserved(connector_id=number, cable_rating_ma=rating))
            self.observe(PilotStateObserved(connector_id=number, pilot_state=pilot))
            self.read_meter(number)
        self.observe(BoardOpened())
        return self

    def online(self) -> "StationUnderTest":
        """Booted, connected and accepted."""
        if not self.boots:
            self.boot()
        return self.connect()

    def connect(self) -> "StationUnderTest":
        """The link opens."""
        self.observe(LinkOpened(connection=self.state.link.connection + 1))
        return self

    def disconnect(self, reason: str = "reset by peer") -> "StationUnderTest":
        """The link is lost."""
        self._asked = len(self.calls)
        self.observe(LinkClosed(connection=self.state.link.connection, reason=reason, entropy=500))
        return self

    def advance(self, seconds: float) -> list[Event]:
        """Time passes; deadlines fire in order, each at its own time."""
        before = len(self.log)
        until_ms = self.at_ms + round(seconds * 1000)
        while (deadline := self.registry.next_deadline(self.state)) is not None and deadline.due_ms <= until_ms:
            self.at_ms = max(self.at_ms, deadline.due_ms)
            for connector in self.state.connectors.real:
                if connector.transaction_number is not None:
                    self.read_meter(connector.connector_id)
            self._step(DeadlineReached(name=deadline.name, key=deadline.key, due_ms=deadline.due_ms))
        self.at_ms = until_ms
        return [recorded.event for recorded in self.log[before:]]

    # ---- copper -------------------------------------------------------------------------------------------------

    def read_meter(self, connector_id: int = 1, **values: Any) -> list[Event]:
        """The meter of a connector is read; its register is `energy_wh[connector_id]`."""
        energy_wh = self.energy_wh.setdefault(connector_id, 1_000 * connector_id)
        if not self.meter_works:
            return self.observe(MeterFailed(connector_id=connector_id, reason="no answer"))
        reading = {"power_w": 0, "current_ma": (0, 0, 0), "voltage_mv": (230_000, 230_000, 230_000)}
        return self.observe(
            MeterObserved(connector_id=connector_id, energy_wh=energy_wh, **{**reading, **self.meter_values, **values})
        )

    def charge(self, energy_wh: int, connector_id: int = 1) -> list[Event]:
        """The meter counts on, and is read."""
        self.energy_wh[connector_id] = self.energy_wh.get(connector_id, 1_000 * connector_id) + energy_wh
        return self.read_meter(connector_id)

    def plug(self, connector_id: int = 1, pilot: str = "C") -> list[Event]:
        """The cable goes into the socket and the car, which asks for energy at once."""
        events = []
        if not self.description.fixed_cable:
            events += self.observe(ProximityObserved(connector_id=connector_id, cable_rating_ma=32_000))
        return events + self.observe(PilotStateObserved(connector_id=connector_id, pilot_state=pilot))

    def unplug_car(self, connector_id: int = 1) -> list[Event]:
        """The cable leaves the car."""
        return self.observe(PilotStateObserved(connector_id=connector_id, pilot_state="A"))

    def unplug(self, connector_id: int = 1) -> list[Event]:
        """The cable leaves the car and the socket."""
        events = self.unplug_car(connector_id)
        if not self.description.fixed_cable:
            events += self.observe(ProximityObserved(connector_id=connector_id, cable_rating_ma=None))
        return events

    def pilot(self, pilot_state: str, connector_id: int = 1) -> list[Event]:
        """The control pilot settles in a state."""
        return self.observe(PilotStateObserved(connector_id=connector_id, pilot_state=pilot_state))

    def swipe(self, id_tag: str = TAG, connector_id: int | None = None) -> list[Event]:
        """A tag at the reader."""
        return self.observe(IdTagPresented(id_tag=id_tag, connector_id=connector_id))

    def fault(self, error_code: str, connector_id: int = 1) -> list[Event]:
        """A fault holds."""
        return self.observe(FaultObserved(connector_id=connector_id, error_code=error_code))

    def clear_fault(self, error_code: str, connector_id: int = 1) -> list[Event]:
        """The fault no longer holds."""
        return self.observe(FaultCleared(connector_id=connector_id, error_code=error_code))

    # ---- the CSMS -----------------------------------------------------------------------------------------------

    def receive(self, frame: Any) -> list[Event]:
        """A frame of the CSMS, a JSON value or a text."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        return self.observe(FrameReceived(connection=self.state.link.connection, text=text))

    def answer(self, payload: Mapping[str, Any], call: SentCall | None = None) -> list[Event]:
        """The CSMS answers a call (the last one)."""
        answered = call or self.calls[-1]
        text = json.dumps([3, answered.message_id, dict(payload)])
        ahead = self._left_ahead(answered)
        return self.observe(FrameReceived(connection=self.state.link.connection, text=text, ahead=ahead))

    def _left_ahead(self, answered: SentCall) -> str:
        """The message id of the prepared call, which leaves with the answer that it waits for where `overlaps` is on."""
        outbox = self.state.outbox
        if not self.overlaps or outbox.prepared is None or outbox.in_flight is None:
            return ""
        return outbox.prepared.message_id if outbox.in_flight.message_id == answered.message_id else ""

    def answer_error(self, error_code: str, call: SentCall | None = None) -> list[Event]:
        """The CSMS answers a call (the last one) with a CALLERROR."""
        return self.receive([4, (call or self.calls[-1]).message_id, error_code, "", {}])

    def ask(self, action: str, payload: Mapping[str, Any] | None = None) -> SentAnswer | None:
        """A CALL of the CSMS, and the station's answer if it came at once."""
        before = len(self.answers)
        message_id = f"csms-{len(self.log)}"
        self.receive([2, message_id, action, dict(payload or {})])
        return next((answer for answer in self.answers[before:] if answer.message_id == message_id), None)

    def configure(self, **values: object) -> "StationUnderTest":
        """ChangeConfiguration of each key, which must be accepted."""
        for key, value in values.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            answer = self.ask("ChangeConfiguration", {"key": key, "value": text})
            assert answer is not None, key
            assert answer.payload == {"status": "Accepted"}, (key, answer)
        return self

    # ---- questions ----------------------------------------------------------------------------------------------

    def events(self, kind: type[E]) -> list[E]:
        """All recorded events of a kind."""
        return [recorded.event for recorded in self.log if isinstance(recorded.event, kind)]

    def sent(self, action: str) -> list[dict[str, Any]]:
        """The payloads of all calls of an action, in order."""
        return [call.payload for call in self.calls if call.action == action]

    def actions(self) -> list[str]:
        """The actions of all calls, in order; a status with its connector: "StatusNotification 1 Charging"."""
        return [
            f"StatusNotification {call.payload['connectorId']} {call.payload['status']}"
            if call.action == "StatusNotification"
            else call.action
            for call in self.calls
        ]

    def forget(self) -> "StationUnderTest":
        """Calls and answers so far are of no more interest."""
        self.calls.clear()
        self.answers.clear()
        self.deliveries.clear()
        self._asked = 0
        return self

    def statuses(self, connector_id: int = 1) -> list[str]:
        """The statuses that the CSMS was told of a connector, in order."""
        told = self.sent("StatusNotification")
        return [payload["status"] for payload in told if payload["connectorId"] == connector_id]

    def last(self, action: str) -> SentCall:
        """The last call of an action."""
        return next(call for call in reversed(self.calls) if call.action == action)

    def status(self, connector_id: int = 1) -> str:
        """The connector's status."""
        return self.state.connectors[connector_id].status


def station(**description: Any) -> StationUnderTest:
    """A station with other settings than the usual ones, e.g. connectors=2, fixed_cable=True."""
    if description.get("fixed_cable"):
        description.setdefault("has_lock", False)
    factory = description.pop("factory", {})
    described = replace(DESCRIPTION, factory_values=tuple(sorted(factory.items())), **description)
    return StationUnderTest(description=described)


def utc(seconds: float = 0) -> str:
    """The wire's word for a moment, in seconds of station time."""
    return format_utc_ms(UTC_2026_MS + round(seconds * 1000))


def charging(under_test: StationUnderTest | None = None, id_tag: str = TAG) -> StationUnderTest:
    """Online, plugged, authorized, charging."""
    found = (under_test or station()).online()
    found.plug()
    found.swipe(id_tag)
    assert found.status() == "Charging", found.actions()
    return found
