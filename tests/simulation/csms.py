"""The CSMS of a simulation: it keeps books, and in the share `trouble` of cases it loses, repeats, delays and garbles what it says.

A call counts as processed when the CSMS has taken it into its books, whatever becomes of the answer; a CALLERROR means
that it has not. Answers to a StartTransaction that is repeated are the same id, or, from a CSMS that forgets, another one.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from station.wire.instants import format_utc_ms
from tests.simulation.network import Wire
from tests.simulation.virtual_time import virtual_loop

ERRORS = ("InternalError", "GenericError", "NotSupported", "FormationViolation", "PropertyConstraintViolation")
TAGS: Mapping[str, Mapping[str, str]] = {
    "GOOD1": {"status": "Accepted"},
    "GOOD2": {"status": "Accepted", "parentIdTag": "FAMILY"},
    "GOOD3": {"status": "Accepted", "parentIdTag": "FAMILY"},
    "BLOCKED": {"status": "Blocked"},
    "EXPIRED": {"status": "Expired"},
    "TWICE": {"status": "ConcurrentTx"},
}
# May have one transaction at a time: what is said of it in Authorize.conf follows from the books.
ONE_AT_A_TIME = "ONCE"


@dataclass(eq=False)
class Call:
    """A CALL that reached the CSMS. `said` are the answers that it sent, as ("result" | "error" | "malformed", payload)."""

    wire: Wire
    message_id: str
    action: str
    payload: dict[str, Any]
    text: str
    at_ms: int
    processed: bool = True
    said: list[tuple[str, Any]] = field(default_factory=list)
    answered_ms: int | None = None


@dataclass(eq=False)
class Asked:
    """A CALL of the CSMS, and the station's answer."""

    action: str
    payload: Mapping[str, Any]
    answer: list[Any] | None = None


class SimulatedCsms:
    """`calls` are its books. `true_utc_ms` is what its clock says; `on_call` sees each call as it arrives."""

    def __init__(self, chance: random.Random, true_utc_ms: Callable[[], int]) -> None:
        self.trouble = 0.0
        self.forgets = chance.random() < 0.3
        self.calls: list[Call] = []
        self.asked: dict[str, Asked] = {}
        self.stray_answers: list[str] = []
        self.wire: Wire | None = None
        self.on_call: Callable[[Call], None] = lambda call: None
        self.status = "Accepted"
        self.script: dict[str, list[str]] = {}
        self._chance = chance
        self._true_utc_ms = true_utc_ms
        self._ids: dict[str, int] = {}
        self._next_id = 9000
        self._running: set[int] = set()

    # ---- the wire -----------------------------------------------------------------------------------------------

    def opened(self, wire: Wire) -> None:
        """A station has connected."""
        self.wire = wire

    def lost(self, wire: Wire) -> None:
        """The connection is gone."""
        if self.wire is wire:
            self.wire = None

    def received(self, wire: Wire, text: str) -> None:
        """A frame of the station."""
        frame = json.loads(text)
        if frame[0] != 2:
            asked = self.asked.get(frame[1])
            if asked is None:
                self.stray_answers.append(text)
            else:
                asked.answer = frame
            return
        _, message_id, action, payload = frame
        raw = text[len(f'[2,"{message_id}","{action}",') : -1]
        call = Call(wire, message_id, action, payload, raw, virtual_loop().now_ms)
        self.calls.append(call)
        self.on_call(call)
        self._behaviour(action)(call)

    def ask(self, action: str, payload: Mapping[str, Any], message_id: str = "") -> Asked | None:
        """A CALL to the station, if it is connected."""
        if self.wire is None:
            return None
        message_id = message_id or f"csms-{len(self.asked) + 1}"
        asked = self.asked.setdefault(message_id, Asked(action, payload))
        self.wire.send_down(json.dumps([2, message_id, action, payload]))
        return asked

    def say(self, text: str) -> None:
        """Any text."""
        if self.wire is not None:
            self.wire.send_down(text)

    # ---- answers ------------------------------------------------------------------------------------------------

    def _behaviour(self, action: str) -> Callable[[Call], None]:
        scripted = self.script.get(action)
        if scripted:
            behaviour: Callable[[Call], None] = getattr(self, scripted.pop(0))
            return behaviour
        if self._chance.random() >= self.trouble:
            return self.answer
        behaviours, weights = zip(*_BEHAVIOURS, strict=True)
        return self._chance.choices(behaviours, weights)[0].__get__(self)

    def answer(self, call: Call) -> None:
        """The proper answer, once."""
        self._result(call, self.proper(call))

    def lose_call(self, call: Call) -> None:
        """As if it had never arrived."""
        call.processed = False

    def lose_answer(self, call: Call) -> None:
        """Processed, and the answer lost."""
        self.proper(call)

    def repeat(self, call: Call) -> None:
        """The same answer twice."""
        payload = self.proper(call)
        self._result(call, payload)
        self._result(call, payload)

    def delay(self, call: Call) -> None:
        """The proper answer later: within the time that the station waits, or long after it."""
        payload = self.proper(call)
        delay_s = self._chance.choice([1, 5, 20, 29, 31, 45, 90, 200])
        virtual_loop().call_later(delay_s, self._result, call, payload)

    def ponder(self, call: Call) -> None:
        """The proper answer after two seconds."""
        virtual_loop().call_later(2, self._result, call, self.proper(call))

    def contradict(self, call: Call) -> None:
        """Two answers that differ."""
        payload = self.proper(call)
        self._result(call, payload)
        if call.action == "StartTransaction":
            self._next_id += 1
            self._ids[call.text] = self._next_id
            payload = {**payload, "transactionId": self._next_id}
        self._result(call, payload)

    def refuse(self, call: Call) -> None:
        """CALLERROR: it could not be processed."""
        call.processed = False
        self._error(call, self._chance.choice(ERRORS))

    def deny(self, call: Call) -> None:
        """CALLERROR SecurityError: the station is not registered, says this CSMS."""
        call.processed = False
        self._error(call, "SecurityError")

    def garble(self, call: Call) -> None:
        """A CALLRESULT that does not fit the schema, or is no frame at all."""
        if call.action == "StartTransaction":
            call.processed = False
        payload: object = self._chance.choice(
            [{"transactionId": "nine"}, {"currentTime": 5}, {"idTagInfo": {"status": "Maybe"}}, [], "ok", None]
        )
        self._send(call, "malformed", payload, json.dumps([3, call.message_id, payload]))

    def answer_another(self, call: Call) -> None:
        """A proper answer under a message id that nobody used."""
        self.proper(call)
        self.say(json.dumps([3, "nobody-asked", {}]))

    def cut_before(self, call: Call) -> None:
        """The connection breaks before the call is processed."""
        call.processed = False
        call.wire.cut()

    def cut_after(self, call: Call) -> None:
        """The connection breaks after the call is processed."""
        self.proper(call)
        call.wire.cut()

    def _result(self, call: Call, payload: dict[str, Any]) -> None:
        self._send(call, "result", payload, json.dumps([3, call.message_id, payload]))

    def _error(self, call: Call, code: str) -> None:
        self._send(call, "error", code, json.dumps([4, call.message_id, code, "simulated", {}]))

    def _send(self, call: Call, kind: str, payload: Any, text: str) -> None:
        call.said.append((kind, payload))
        if call.answered_ms is None:
            call.answered_ms = virtual_loop().now_ms
        if self.wire is not None:  # a late answer may come on another connection
            self.wire.send_down(text)

    def proper(self, call: Call) -> dict[str, Any]:
        """What a faultless CSMS answers."""
        match call.action:
            case "BootNotification":
                status = self.status
                if self._chance.random() < self.trouble:
                    status = self._chance.choice(["Pending", "Rejected"])
                interval = self._chance.choice([0, 60, 300]) if self.trouble else 300
                return {"status": status, "currentTime": self._now(), "interval": interval}
            case "Heartbeat":
                return {"currentTime": self._now()}
            case "Authorize":
                is_busy = call.payload["idTag"] == ONE_AT_A_TIME and self._running
                info = {"status": "ConcurrentTx"} if is_busy else self._info(call.payload["idTag"])
                return {"idTagInfo": dict(info)}
            case "StartTransaction":
                number = self._transaction(call)
                if call.payload["idTag"] == ONE_AT_A_TIME:
                    self._running.add(number)
                return {"idTagInfo": dict(self._info(call.payload["idTag"])), "transactionId": number}
            case "StopTransaction":
                self._running.discard(call.payload["transactionId"])
            case "DataTransfer":
                return {"status": "Accepted"}
        return {}

    def ids_given(self, call: Call) -> set[int]:
        """The ids that were said in answer to a StartTransaction."""
        return {payload["transactionId"] for kind, payload in call.said if kind == "result"}

    def _transaction(self, call: Call) -> int:
        if self.forgets or call.text not in self._ids:
            self._next_id += 1
            self._ids[call.text] = self._next_id
        return self._ids[call.text]

    def _info(self, id_tag: str) -> Mapping[str, str]:
        return {"status": "Accepted"} if id_tag == ONE_AT_A_TIME else TAGS.get(id_tag.upper(), {"status": "Invalid"})

    def _now(self) -> str:
        return format_utc_ms(self._true_utc_ms())


_BEHAVIOURS: tuple[tuple[Callable[[SimulatedCsms, Call], None], int], ...] = (
    (SimulatedCsms.lose_call, 4),
    (SimulatedCsms.lose_answer, 4),
    (SimulatedCsms.repeat, 3),
    (SimulatedCsms.delay, 5),
    (SimulatedCsms.contradict, 2),
    (SimulatedCsms.refuse, 4),
    (SimulatedCsms.deny, 1),
    (SimulatedCsms.garble, 2),
    (SimulatedCsms.answer_another, 2),
    (SimulatedCsms.cut_before, 2),
    (SimulatedCsms.cut_after, 2),
)
