"""Random walks through a station's life: drivers, faults, outages, restarts and a moody CSMS in any order.

Whatever happens, the invariants hold after every step (`Walk._check`). A walk is drawn from one seed, which is printed
when it fails; `SEEDS` are walked in every run. To walk others: WALK_SEEDS=1000:1200 pytest tests/simulation.
"""

import json
import os
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from eventstore.catalogue.connectors import ConnectorStatusChanged
from eventstore.catalogue.hardware import (
    ContactorObserved,
    EmergencyStopObserved,
    LockObserved,
    MeterObserved,
)
from eventstore.catalogue.lifecycle import (
    DiskSpaceObserved,
    StationBooted,
    StationStopped,
    StationStopping,
    SystemClockObserved,
)
from eventstore.catalogue.link import CallAnswered, CallDispatched, CallSettled, CallTimedOut, LinkClosed, LinkOpened
from eventstore.catalogue.maintenance import ResetFailed
from eventstore.catalogue.registration import RegistrationAnswered, RegistrationLost
from eventstore.event import Observation, Recorded
from projections.station import INITIAL
from station.core import kernel
from station.rules import faults, outputs
from station.rules.status import TRANSITIONS
from tests.given import SentCall, StationUnderTest, accepting, station

SEEDS = range(24)
STEPS = 160
TAGS = ("ALICE", "BOB", "alice", "MALLORY", "EVE")
PARENTS = {"ALICE": "FAMILY", "BOB": "FAMILY"}
FAULTS = ("GroundFailure", "OverCurrentFailure", "HighTemperature", "OverVoltage", "WeakSignal", "EVCommunicationError")
SILENCE, ERROR, MALFORMED = "silence", "error", "malformed"


class Csms:
    """Mostly accepts; sometimes it is silent, refuses, or talks nonsense."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.mood = 0.1
        self.kind = False
        self.ids = 0

    def __call__(self, call: SentCall) -> dict[str, Any] | str | None:
        if not self.kind and self.chance.random() < self.mood:
            bad = self.chance.choice((SILENCE, ERROR, "SecurityError", MALFORMED))
            if bad == SILENCE:
                return None
            if bad == MALFORMED:
                return {"transactionId": "x"} if self.chance.random() < 0.5 else {"idTagInfo": 1, "currentTime": None}
            return "InternalError" if bad == ERROR else bad
        return self.good(call)

    def good(self, call: SentCall) -> dict[str, Any]:
        status = self.chance.choice(("Accepted",) * 8 + ("Blocked", "Invalid"))
        tag = str(call.payload.get("idTag", "")).upper()
        info = {"status": status} | ({"parentIdTag": PARENTS[tag]} if tag in PARENTS else {})
        match call.action:
            case "Authorize":
                return {"idTagInfo": info}
            case "StartTransaction":
                self.ids += 1
                return {"idTagInfo": info, "transactionId": self.ids}
            case "BootNotification":
                moods = ("Accepted",) if self.kind else ("Accepted",) * 8 + ("Pending", "Rejected")
                registration = self.chance.choice(moods)
                return {"status": registration, "currentTime": "2026-01-01T00:00:10Z", "interval": 20}
        return accepting(call)


class Walk:
    """One walk: what may happen next is drawn, what must hold is checked after each step."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        policy = self.chance.choice(("stop", "resume"))
        factory = {
            "ClockAlignedDataInterval": self.chance.choice(("0", "120")),
            "StopTxnSampledData": self.chance.choice(("", "Energy.Active.Import.Register")),
            "TransactionMessageRetryInterval": self.chance.choice(("0", "5", "60")),
            "MinimumStatusDuration": self.chance.choice(("0", "0", "4")),
            "StopTransactionOnInvalidId": self.chance.choice(("true", "false")),
            "MaxEnergyOnInvalidId": self.chance.choice(("0", "300")),
            "AllowOfflineTxForUnknownId": self.chance.choice(("true", "false")),
            "LocalPreAuthorize": self.chance.choice(("true", "false")),
            "AuthorizeRemoteTxRequests": self.chance.choice(("true", "false")),
            "ConnectionTimeOut": self.chance.choice(("0", "20")),
        }
        fixed = self.chance.random() < 0.3
        self.connectors = self.chance.choice((1, 2, 3))
        self.found: StationUnderTest = station(
            connectors=self.connectors, fixed_cable=fixed, power_loss_policy=policy, factory=factory
        )
        self.csms = Csms(self.chance)
        self.found.csms = self.csms
        self.found.overlaps = self.chance.random() < 0.7
        self.checked = 0
        self.wire = Wire()
        self.steps: list[tuple[Callable[[], object], int]] = [
            (self.plug, 8),
            (self.unplug, 4),
            (self.pilot, 6),
            (self.swipe, 14),
            (self.advance, 16),
            (self.charge, 6),
            (self.fault, 3),
            (self.clear_fault, 4),
            (self.emergency, 1),
            (self.release, 1),
            (self.cut_link, 4),
            (self.connect, 7),
            (self.late_answer, 5),
            (self.ask, 12),
            (self.power_cut, 2),
            (self.orderly_end, 1),
            (self.clock, 2),
            (self.disk, 1),
            (self.lock, 2),
            (self.contactor, 1),
            (self.meter, 2),
            (self.mood, 2),
            (self.unlock, 3),
            (self.heal, 9),
            (self.session, 9),
        ]

    def run(self, steps: int) -> None:
        self.found.online()
        actions = [step for step, _ in self.steps]
        weights = [weight for _, weight in self.steps]
        self._check()
        for _ in range(steps):
            self.chance.choices(actions, weights)[0]()
            self._check()
        self.finish()
        self._check_log()

    def finish(self) -> None:
        """Everybody goes home, the CSMS is well again: whatever is owed arrives, and every book is closed."""
        self.csms.kind = True
        self.heal()
        for number in range(1, self.connectors + 1):
            self.found.unplug(number)
        for _ in range(60):
            self.heal()
            self.found.advance(600)
            self._check()
            if self.found.state.outbox.pending == 0 and self.found.state.outbox.in_flight is None:
                break
        state = self.found.state
        assert state.outbox.pending == 0, [owed.action for owed in (*state.outbox.calls, *state.outbox.window)]
        assert not state.transactions.running()
        assert len(state.transactions.by_number) == 0, "ended, told, and not confirmed"
        for number in range(1, state.transactions.last_number + 1):
            actions = [entry.split("{", 1)[0] for entry in self.wire.told[number]]
            assert (actions[0], actions[-1]) == ("StartTransaction", "StopTransaction"), actions

    # What may happen

    def any_connector(self) -> int:
        return self.chance.randint(1, self.connectors)

    def plug(self) -> None:
        number = self.any_connector()
        if not self.found.state.connectors.occupied(self.found.state.connectors[number]):
            self.found.plug(number, self.chance.choice("ABCC"))

    def unplug(self) -> None:
        number = self.any_connector()
        connector = self.found.state.connectors[number]
        if self.chance.random() < 0.5 or connector.locked:
            self.found.unplug_car(number)
        else:
            self.found.unplug(number)

    def pilot(self) -> None:
        number = self.any_connector()
        if self.found.state.connectors.occupied(self.found.state.connectors[number]):
            self.found.pilot(self.chance.choice("ABBCCCDEF"), number)

    def swipe(self) -> None:
        self.found.swipe(self.chance.choice(TAGS), self.chance.choice((None, self.any_connector())))

    def advance(self) -> None:
        self.found.advance(self.chance.choice((0.5, 1, 3, 10, 30, 61, 130, 700)))

    def charge(self) -> None:
        self.found.charge(self.chance.randint(0, 400), self.any_connector())

    def fault(self) -> None:
        self.found.fault(self.chance.choice(FAULTS), self.chance.randint(0, self.connectors))

    def clear_fault(self) -> None:
        self.found.clear_fault("", self.chance.randint(0, self.connectors))

    def emergency(self) -> None:
        self.found.observe(EmergencyStopObserved(pressed=True))

    def release(self) -> None:
        self.found.observe(EmergencyStopObserved(pressed=False))

    def cut_link(self) -> None:
        if self.found.state.link.up:
            self.found.disconnect()

    def connect(self) -> None:
        if self.found.state.link.close_wanted:
            self.found.disconnect("closed by us")
        if not self.found.state.link.up:
            self.found.connect()

    def late_answer(self) -> None:
        """To any of the last calls, whoever has answered it already."""
        if self.found.calls and self.found.state.link.up:
            call = self.chance.choice(self.found.calls[-6:])
            if self.chance.random() < 0.3:
                self.found.answer_error("GenericError", call=call)
            else:
                self.found.answer(self.csms.good(call), call=call)

    def ask(self) -> None:
        if not self.found.state.link.up:
            return
        number = self.chance.randint(0, self.connectors)
        tag = self.chance.choice(TAGS)
        running = [transaction.transaction_id for transaction in self.found.state.transactions.running()]
        expiry = "2026-01-01T01:00:00Z"
        action, payload = self.chance.choice(
            (
                ("RemoteStartTransaction", {"idTag": tag, "connectorId": number}),
                ("RemoteStartTransaction", {"idTag": tag}),
                ("RemoteStopTransaction", {"transactionId": self.chance.choice([*running, 0]) or 0}),
                ("UnlockConnector", {"connectorId": number}),
                ("ChangeAvailability", {"connectorId": number, "type": "Inoperative"}),
                ("ChangeAvailability", {"connectorId": number, "type": "Operative"}),
                ("ChangeAvailability", {"connectorId": 0, "type": "Operative"}),
                ("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": self.chance.choice(("0", "7"))}),
                ("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": self.chance.choice(("0", "9"))}),
                ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "45"}),
                ("ReserveNow", {"connectorId": number, "idTag": tag, "reservationId": 1, "expiryDate": expiry}),
                ("CancelReservation", {"reservationId": 1}),
                ("TriggerMessage", {"requestedMessage": "StatusNotification"}),
                ("TriggerMessage", {"requestedMessage": "MeterValues"}),
                ("ClearCache", {}),
                ("Reset", {"type": self.chance.choice(("Soft", "Hard"))}),
            )
        )
        rejected = self.found.state.registration.status == "Rejected"
        answer = self.found.ask(action, payload)
        assert answer is not None or rejected or action == "UnlockConnector", f"{action} was not answered"
        reset = self.found.state.maintenance.reset
        if reset is not None and reset.due:
            if self.chance.random() < 0.3:
                self.found.observe(ResetFailed(reason="exec failed"))
            else:
                self.power_cut(orderly=True)

    def power_cut(self, *, orderly: bool = False) -> None:
        self.found.at_ms += self.chance.choice((0, 1_000, 900_000))
        pilots = {
            connector.connector_id: self.chance.choice((connector.pilot_state, "A", "C"))
            for connector in self.found.state.connectors.real
        }
        self.found._asked = len(self.found.calls)
        self.found.boot(pilots=pilots, orderly=orderly)

    def orderly_end(self) -> None:
        self.found.observe(StationStopping(why="SIGTERM"))
        self.found.observe(StationStopped(why="SIGTERM"))
        self._check()
        self.power_cut(orderly=True)

    def clock(self) -> None:
        utc_ms = self.found.state.clock.utc_ms(self.found.at_ms)
        jump_ms = self.chance.choice((-90_000_000, -7_000, -30, 30, 7_000, 90_000_000))
        self.found.observe(SystemClockObserved(utc_ms=utc_ms + jump_ms, trusted=self.chance.random() < 0.7))

    def disk(self) -> None:
        self.found.observe(DiskSpaceObserved(level=self.chance.choice(("ok", "ok", "low", "critical")), free_bytes=0))

    def lock(self) -> None:
        self.found.lock_moves = self.chance.random() < 0.7
        self.found.has_lock_feedback = self.chance.random() < 0.8
        number = self.any_connector()
        self.found.observe(LockObserved(connector_id=number, locked=self.chance.random() < 0.5, jammed=False))

    def contactor(self) -> None:
        kind = self.chance.choice(("", "", "welded", "stuck"))
        self.found.observe(ContactorObserved(connector_id=self.any_connector(), closed=kind == "welded", fault=kind))

    def meter(self) -> None:
        self.found.meter_works = self.chance.random() < 0.7
        number = self.any_connector()
        if self.chance.random() < 0.3:
            self.found.energy_wh[number] = self.chance.randint(0, 3_000)  # exchanged, or reset
        if self.found.meter_works:
            self.found.observe(MeterObserved(connector_id=number, energy_wh=self.found.energy_wh.get(number, 0)))
        else:
            self.found.read_meter(number)

    def mood(self) -> None:
        self.csms.mood = self.chance.choice((0.0, 0.1, 0.1, 0.6, 1.0))

    def unlock(self) -> None:
        """The lock may say nothing about it, and the cable may be out before it does."""
        self.found.has_lock_feedback = self.chance.random() < 0.3
        number = self.any_connector()
        if self.found.state.link.up:
            self.found.ask("UnlockConnector", {"connectorId": number})
        if self.chance.random() < 0.5:
            self.found.unplug(number)
        self.found.has_lock_feedback = True

    def heal(self) -> None:
        """Everything is as it should be again, for a while."""
        self.csms.mood = 0.05
        self.found.lock_moves = self.found.has_lock_feedback = self.found.meter_works = True
        self.release()
        for connector in self.found.state.connectors.by_id:
            if connector.faults:
                self.found.clear_fault("", connector.connector_id)
            if connector.contactor_fault:
                self.found.observe(ContactorObserved(connector_id=connector.connector_id, closed=False))
            if connector.meter_failed:
                self.found.read_meter(connector.connector_id)
        if self.found.state.boot.disk != "ok":
            self.found.observe(DiskSpaceObserved(level="ok", free_bytes=10**9))
        self.connect()
        self.found.ask("ChangeAvailability", {"connectorId": 0, "type": "Operative"})

    def session(self) -> None:
        """A driver does what drivers do."""
        number = self.any_connector()
        if not self.found.state.connectors.occupied(self.found.state.connectors[number]):
            self.found.plug(number)
        self.found.swipe(self.chance.choice(TAGS), number)

    # What must hold

    def _check(self) -> None:
        for recorded in self.found.log[self.checked :]:
            self.wire.see(recorded)
        self.checked = len(self.found.log)
        self._check_energy()
        self._check_money()

    def _check_energy(self) -> None:
        """The contactor is closed only while a transaction runs, authorized, plugged and without a fault."""
        state = self.found.state
        for connector in state.connectors.real:
            wanted = outputs.wanted(state, connector.connector_id).outputs
            if not wanted.contactor_closed:
                continue
            transaction = state.transactions.on(connector.connector_id)
            assert transaction is not None, "energy without a transaction"
            assert transaction.authorized_by
            assert transaction.offer_ended == ""
            assert connector.pilot_state in "CD"
            assert connector.locked or not state.connectors.has_lock
            assert faults.blocking_fault(state, connector) is None
            assert not state.maintenance.stopping
            assert state.connectors.known

    def _check_money(self) -> None:
        state = self.found.state
        for transaction in state.transactions.by_number.values():
            assert transaction.meter_stop_wh is None or transaction.meter_stop_wh >= transaction.meter_start_wh
            assert transaction.meter_stop_wh is None or transaction.meter_stop_wh >= transaction.sampled_wh
            assert (transaction.stopped is None) == (state.transactions.on(transaction.connector_id) == transaction)
        assert len(state.outbox.window) <= 48
        assert len(state.outbox.attempts) <= 257

    def _check_log(self) -> None:
        """Deciding anew on the observations of the log gives the log."""
        state = INITIAL
        log = self.found.log
        position = 0
        while position < len(log):
            observed = log[position]
            assert isinstance(observed.event, Observation)
            state, batch = kernel.step(state, observed.event, observed.at_ms, self.found.registry)
            assert list(batch) == log[position : position + len(batch)], f"from event {observed.seq} on"
            position += len(batch)
        assert state == self.found.state


class Wire:
    """What the CSMS has seen: checked event by event."""

    def __init__(self) -> None:
        self.status = "Unknown"
        self.in_flight: str | None = None
        self.ids: set[str] = set()
        self.statuses: dict[int, str] = {}
        self.told: dict[int, list[str]] = {}
        self.registers: dict[int, int] = {}
        self.stamps: dict[int, str] = {}

    def see(self, recorded: Recorded) -> None:
        match recorded.event:
            case StationBooted():
                self.in_flight, self.status = None, "Unknown"
                self.statuses.clear()
            case LinkOpened():
                self.ids.clear()
                self.in_flight = None
            case LinkClosed():
                self.in_flight = None
            case RegistrationAnswered(status=status):
                self.status = status
            case RegistrationLost():
                self.status = "Rejected" if self.status == "Rejected" else "Unknown"
            case CallDispatched() as call:
                self._see_call(call)
            case CallSettled(message_id=message_id) | CallTimedOut(message_id=message_id):
                if message_id == self.in_flight:
                    self.in_flight = None
            case CallAnswered():
                assert self.status != "Rejected", "an answer while Rejected"
            case ConnectorStatusChanged(connector_id=number, status=status):
                self._see_status(number, status)

    def _see_call(self, call: CallDispatched) -> None:
        assert self.in_flight is None, f"{call.action} while {self.in_flight} is unanswered"
        assert call.message_id not in self.ids, f"{call.message_id} twice on one connection"
        assert len(call.message_id) <= 36
        self.ids.add(call.message_id)
        self.in_flight = call.message_id
        if self.status != "Accepted":
            assert call.action == "BootNotification" or call.lane == "priority", f"{call.action} while {self.status}"
        if self.status == "Rejected":
            assert call.action == "BootNotification"
        if call.lane == "transaction" and call.number is not None:
            self._see_transaction(call)

    def _see_transaction(self, call: CallDispatched) -> None:
        """Start before samples before stop; a repetition repeats its payload."""
        assert call.number is not None
        told = self.told.setdefault(call.number, [])
        if told and told[-1] == call.action + call.payload:
            return
        actions = [entry.split("{", 1)[0] for entry in told]
        match call.action:
            case "StartTransaction":
                assert actions == [], f"{call.number}: a second start"
            case "MeterValues":
                assert actions[:1] == ["StartTransaction"]
                assert "StopTransaction" not in actions
            case "StopTransaction":
                assert actions[:1] == ["StartTransaction"]
                assert "StopTransaction" not in actions, f"{call.number}: a second stop"
        told.append(call.action + call.payload)
        self._see_numbers(call.number, json.loads(call.payload))

    def _see_numbers(self, number: int, payload: dict[str, Any]) -> None:
        """Neither the register nor the time of a transaction runs backwards."""
        values = [*payload.get("meterValue", ()), *payload.get("transactionData", ())]
        stamps = [value["timestamp"] for value in values]
        registers = [
            int(item["value"])
            for value in payload.get("meterValue", ())
            for item in value["sampledValue"]
            if item["measurand"] == "Energy.Active.Import.Register"
        ]
        registers += [payload[member] for member in ("meterStart", "meterStop") if member in payload]
        if "timestamp" in payload:
            assert stamps == sorted(stamps)
            stamps = [payload["timestamp"]]
        for register in registers:
            assert register >= self.registers.get(number, 0), f"{number}: the register fell"
            self.registers[number] = register
        for stamp in stamps:
            assert stamp >= self.stamps.get(number, ""), f"{number}: time ran backwards"
            self.stamps[number] = stamp

    def _see_status(self, number: int, status: str) -> None:
        before = self.statuses.get(number, "")
        if number and before and before != status:
            assert status in TRANSITIONS[before], f"connector {number}: {before} to {status}"
        self.statuses[number] = status


def _seeds() -> Iterable[int]:
    asked = os.environ.get("WALK_SEEDS", "")
    if not asked:
        return SEEDS
    first, _, last = asked.partition(":")
    return range(int(first), int(last or int(first) + 1))


@pytest.mark.parametrize("seed", _seeds())
def test_a_random_walk_breaks_no_invariant(seed: int) -> None:
    """4.9, 4.10, 3.7, OCPP-J 4.1, and the station's own promises: see `Walk._check`."""
    print(f"seed {seed}: WALK_SEEDS={seed} pytest tests/simulation/test_random_walks.py")
    Walk(seed).run(STEPS)
