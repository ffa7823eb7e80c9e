"""A world around the station under test: a CSMS with a say of its own, and questions about what happened since a mark."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from eventstore.catalogue.lifecycle import DecisionFailed, ObservationRejected, StationDescribed
from eventstore.catalogue.link import CallAnswered, CallDispatched
from eventstore.catalogue.maintenance import DiagnosticsProgressed
from eventstore.event import Event, Observation, Recorded
from eventstore.value import replace
from projections.maintenance import UploadJob
from projections.station import StationState
from station.wire.instants import format_utc_ms
from tests.given import DESCRIPTION, UTC_2026_MS, SentAnswer, SentCall, StationUnderTest
from tests.rest import rules_at_rest

OFFSET_MS = UTC_2026_MS
SECOND_MS = 1_000
DESCRIBED = replace(DESCRIPTION, connectors=2, has_lock=False)

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A CALL of the station."""

    action: str
    payload: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class World:
    """`answers` overrides the CSMS's answers by action; an action in `held` is left unanswered."""

    description: StationDescribed = DESCRIBED
    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    station: StationUnderTest = field(init=False)

    def __post_init__(self) -> None:
        self.station = StationUnderTest(description=self.description, csms=self._csms)

    def _csms(self, call: SentCall) -> dict[str, Any] | None:
        if call.action in self.held:
            return None
        if call.action in self.answers:
            return dict(self.answers[call.action])
        accepted = {"idTagInfo": {"status": "Accepted"}}
        time = {"currentTime": self.utc(0)}
        number = self.state.transactions.last_number
        defaults: dict[str, dict[str, Any]] = {
            "BootNotification": {"status": "Accepted", "interval": 86_400, **time},
            "Heartbeat": time,
            "Authorize": accepted,
            "StartTransaction": {"transactionId": 9000 + number, **accepted},
        }
        return defaults.get(call.action, {})

    # What happens

    def _checked(self, mark: int) -> list[Event]:
        events = [recorded.event for recorded in self.log[mark:]]
        assert not [event for event in events if isinstance(event, DecisionFailed | ObservationRejected)]
        assert rules_at_rest(self.state, self.at_ms, self.station.registry)
        return events

    def observe(self, *observations: Observation) -> list[Event]:
        """What is recorded when these happen, one after the other."""
        mark = self.mark
        self.station.observe(*observations)
        return self._checked(mark)

    def boot(self, *, connected: bool = True) -> "World":
        """A process begins: the board is read, and if there is a network, the CSMS is told."""
        mark = self.mark
        self.station.boot()
        self._checked(mark)
        return self.connect() if connected else self

    def connect(self) -> "World":
        """The link opens."""
        mark = self.mark
        self.station.connect()
        self._checked(mark)
        return self

    def disconnect(self) -> None:
        """The link is lost, and stays so."""
        mark = self.mark
        self.station.disconnect()
        self._checked(mark)

    def off_for(self, seconds: int, **changes: Any) -> None:
        """The power goes, without a word; the station boots that much later, without a network yet.

        `changes` are what the settings say anew.
        """
        self.description = replace(self.description, **changes)
        self.station.description = self.description
        self.station._registry = None
        self.station.at_ms += seconds * SECOND_MS
        self.boot(connected=False)

    def wait(self, seconds: float) -> list[Event]:
        """Time passes; what falls due in it is reached in order."""
        mark = self.mark
        self.station.advance(seconds)
        return self._checked(mark)

    def plug(self, connector_id: int) -> None:
        """A cable, and a vehicle that is not ready yet."""
        mark = self.mark
        self.station.plug(connector_id, "B")
        self._checked(mark)

    def unplug(self, connector_id: int) -> None:
        """The cable goes."""
        mark = self.mark
        self.station.unplug(connector_id)
        self._checked(mark)

    def swipe(self, id_tag: str, connector_id: int | None = None) -> None:
        """A tag is presented."""
        mark = self.mark
        self.station.swipe(id_tag, connector_id)
        self._checked(mark)

    def upload(self, job: UploadJob | None) -> UploadJob:
        """The upload of that kind, which must be under way."""
        assert job is not None, "no upload is under way"
        return job

    def report(self, job: UploadJob, status: str, *, retry_after_s: int = 0) -> None:
        """The job runner says how far the upload is."""
        progressed = DiagnosticsProgressed(
            job=job.request.job, status=status, attempt=job.attempt, detail="", retry_after_s=retry_after_s
        )
        self.observe(progressed)

    # What is said

    def request(self, action: str, **payload: Any) -> Mapping[str, Any]:
        """The payload of the CALLRESULT to a CALL of the CSMS; fails on a CALLERROR."""
        answer = self.ask(action, payload)
        assert answer.payload is not None, answer
        return answer.payload

    def ask(self, action: str, payload: Mapping[str, Any]) -> SentAnswer:
        """The answer to a CALL of the CSMS."""
        mark = self.mark
        answer = self.station.ask(action, payload)
        self._checked(mark)
        assert answer is not None, f"no answer to {action}"
        return answer

    def late_answer(self, action: str, payload: Mapping[str, Any]) -> None:
        """The CSMS answers the last call of an action after all."""
        mark = self.mark
        call = [call for call in self.station.calls if call.action == action][-1]
        self.station.answer(payload, call)
        self._checked(mark)

    def configure(self, key: str, value: str) -> None:
        """ChangeConfiguration, which must be Accepted."""
        assert self.request("ChangeConfiguration", key=key, value=value) == {"status": "Accepted"}

    def utc(self, seconds: int) -> str:
        """That many seconds from now, as the wire says it."""
        return format_utc_ms(self.at_ms + OFFSET_MS + seconds * SECOND_MS)

    # What is seen

    @property
    def at_ms(self) -> int:
        """Station time."""
        return self.station.at_ms

    @property
    def state(self) -> StationState:
        """The state of the station."""
        return self.station.state

    @property
    def log(self) -> list[Recorded]:
        """All that was recorded."""
        return self.station.log

    @property
    def mark(self) -> int:
        """A place in the log, for `sent`, `statuses` and `found`."""
        return len(self.log)

    def found(self, kind: type[E], since: int = 0) -> list[E]:
        """The events of a kind."""
        return [recorded.event for recorded in self.log[since:] if isinstance(recorded.event, kind)]

    def sent(self, action: str = "", since: int = 0) -> list[Sent]:
        """The station's CALLs, of one action if it is named."""
        return [
            Sent(action=call.action, payload=json.loads(call.payload))
            for call in self.found(CallDispatched, since)
            if action in ("", call.action)
        ]

    def order(self, since: int) -> list[str]:
        """The frames that leave, in order: "answer" or the action of a CALL."""
        frames = [recorded.event for recorded in self.log[since:]]
        return [
            "answer" if isinstance(frame, CallAnswered) else frame.action
            for frame in frames
            if isinstance(frame, CallAnswered | CallDispatched)
        ]

    def statuses(self, connector_id: int, since: int = 0) -> list[str]:
        """The statuses that the CSMS was told of a connector."""
        return [
            call.payload["status"]
            for call in self.sent("StatusNotification", since)
            if call.payload["connectorId"] == connector_id
        ]

    def status(self, connector_id: int) -> str:
        """A connector's status now."""
        return self.station.status(connector_id)


def world(*, profiles_off: tuple[str, ...] = (), factory: Mapping[str, str] | None = None, **facts: Any) -> World:
    """A booted and connected station; `factory` gives factory values of configuration keys, `facts` of the station."""
    description = replace(DESCRIBED, profiles_off=profiles_off, factory_values=tuple((factory or {}).items()), **facts)
    return World(description=description).boot()
