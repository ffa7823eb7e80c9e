"""What a feature is: one vertical slice of behaviour, declared as a literal, and the registry of all of them.

A feature answers CALLs of the CSMS, renders and settles CALLs of ours, observes what comes from outside, holds rules
over the state (`reconcile`), and names the deadlines and configuration keys that are its own. Features never import
each other; they meet in the projections. Everything here is pure: time comes as `at_ms`, ids come from the state.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from eventstore.event import Event, Observation
from eventstore.value import Value, field
from projections.outbox import Owed
from projections.station import StationState
from station.core.config_keys import ConfigKey
from station.wire.frames import ErrorCode
from station.wire.messages import MESSAGES

Events = Sequence[Event]
TIME = "at_ms"
READABLE = frozenset(StationState.__struct_fields__) - {"seq"}


class Refusal(Value, frozen=True, kw_only=True):
    """A CALLERROR in answer to a CALL (OCPP-J 4.2.3)."""

    error_code: ErrorCode
    description: str


class Deferral(Value, frozen=True, kw_only=True):
    """The CALL is answered later: when something happens on `connector_id`, at the latest at `due_ms`."""

    connector_id: int
    due_ms: int


class Reply(Value, frozen=True):
    """What a CALL comes to: a response message, a refusal or a deferral, and the events that follow from it."""

    response: Any
    events: Events = ()


class Answer(Value, frozen=True, kw_only=True):
    """How the station answers one action of the CSMS."""

    action: str
    decide: Callable[[StationState, Any, int], Reply]


class Rendered(Value, frozen=True, kw_only=True):
    """A request as it leaves; `latest_utc_ms` is the latest time in it (see CallDispatched)."""

    request: Any
    latest_utc_ms: int | None = None


class Failure(Value, frozen=True, kw_only=True):
    """Why a call of ours got no usable answer: "error" (CALLERROR, its code), "malformed", "timeout",
    "unsendable" (it could not be rendered)."""

    kind: str
    error_code: str = ""
    description: str = ""


def _nothing(state: StationState, subject: Any, outcome: Any, at_ms: int) -> Events:
    return ()


def _no_use(state: StationState, owed: Owed, usable: Mapping[str, Any], at_ms: int) -> Events | None:
    return None


class Call(Value, frozen=True, kw_only=True):
    """How one kind of queued event is sent to the CSMS.

    `render` makes the request at dispatch; `on_result` concludes from the response message, `on_failure` from a `Failure`,
    `on_late` from a response under a message id (of `StationState.told_by`) whose entry had been settled before, and
    `on_part` from what can be read of a malformed response: None if that is no answer.

    `needs_usable_answer`: the next message may need what the response says, so a malformed one is a failure to process,
    and nothing of a transaction is made ready to leave behind it. `asks_to_register`: SecurityError to it says nothing about others.
    """

    event: type[Event]
    render: Callable[[StationState, Any, int], Rendered]
    on_result: Callable[[StationState, Owed, Any, int], Events] = _nothing
    on_failure: Callable[[StationState, Owed, Failure, int], Events] = _nothing
    on_late: Callable[[StationState, str, Any, int], Events] = _nothing
    on_part: Callable[[StationState, Owed, Mapping[str, Any], int], Events | None] = _no_use
    needs_usable_answer: bool = False
    asks_to_register: bool = False


class Deadline(Value, frozen=True, kw_only=True):
    """A due time on the station's axis; (due, name, key) orders deadlines that fall together."""

    due_ms: int
    name: str
    key: int = 0

    def __lt__(self, other: "Deadline") -> bool:
        return (self.due_ms, self.name, self.key) < (other.due_ms, other.name, other.key)


class Rule(Value, frozen=True, kw_only=True):
    """A rule over the state: which events follow now; it is asked again until nothing follows (the fixed point).

    `reads` names what its answer depends on: projections, by the state's fields, and TIME if it holds the moment against
    another one (the moment that its events bear is none of that). It is asked again when one of them is another one than
    it last saw, and not otherwise.
    """

    decide: Callable[[StationState, int], Events]
    reads: tuple[str, ...]


class Feature(Value, frozen=True, kw_only=True):
    """One slice. `ocpp_profile` is the feature profile of 3.2 it belongs to; `off_answers` are its answers when that
    profile is switched off in the settings (a message to answer with; actions without one answer NotSupported)."""

    name: str
    ocpp_profile: str
    answers: tuple[Answer, ...] = ()
    calls: tuple[Call, ...] = ()
    observes: Mapping[type[Observation], Callable[[StationState, Any, int], Events]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    deadlines: Callable[[StationState], Iterable[Deadline]] | None = None
    config_keys: tuple[ConfigKey[Any], ...] = ()
    off_answers: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


class Registry:
    """The features of a station, indexed; `profiles_off` are the OCPP feature profiles switched off in the settings."""

    def __init__(self, features: Sequence[Feature], profiles_off: Iterable[str] = ()) -> None:
        """Raises ValueError if two features claim one action, event or key, or an action is unknown to OCPP 1.6."""
        off = frozenset(profiles_off)
        self.features = tuple(feature for feature in features if feature.ocpp_profile not in off)
        self.off = tuple(feature for feature in features if feature.ocpp_profile in off)
        self.answers = {answer.action: answer for feature in self.features for answer in feature.answers}
        self.off_answers = {action: make for feature in self.off for action, make in feature.off_answers.items()}
        # Calls that were queued before the profile was switched off are still sent.
        self.calls = {call.event: call for feature in features for call in feature.calls}
        self.config_keys = {key.name: key for feature in self.features for key in feature.config_keys}
        self.rules = tuple(rule for feature in self.features for rule in feature.rules)
        self.readers = {name: self._readers_of(name) for name in READABLE}
        self.observers: dict[type[Event], tuple[Callable[[StationState, Any, int], Events], ...]] = {}
        for feature in self.features:
            for kind, observer in feature.observes.items():
                self.observers[kind] = (*self.observers.get(kind, ()), observer)
        self._check()

    def _readers_of(self, name: str) -> int:
        """Which rules read this: a set of their places, as the bits of a number."""
        return sum(1 << place for place, rule in enumerate(self.rules) if name in rule.reads)

    def _check(self) -> None:
        actions = [answer.action for feature in self.features for answer in feature.answers]
        calls = [call.event.NAME for feature in self.features for call in feature.calls]
        # Features that both need a key declare one and the same: it is there while one of them is on.
        keys = [name for name, _ in {(key.name, id(key)) for each in self.features for key in each.config_keys}]
        for what, claims in (("action", actions), ("event", calls), ("configuration key", keys)):
            twice = sorted({claim for claim in claims if claims.count(claim) > 1})
            if twice:
                raise ValueError(f"{what} claimed twice: {', '.join(twice)}")
        unread = sorted({name for rule in self.rules for name in rule.reads if name not in READABLE})
        if unread:
            raise ValueError(f"no such projection: {', '.join(unread)}")
        unknown = [action for action in actions if action not in MESSAGES or not MESSAGES[action].is_sent_by_csms]
        if unknown:
            raise ValueError(f"no such action of the CSMS: {', '.join(unknown)}")

    @property
    def profiles(self) -> tuple[str, ...]:
        """The supported feature profiles, in the order of the features (9.1.29)."""
        return tuple(dict.fromkeys(feature.ocpp_profile for feature in self.features))

    def next_deadline(self, state: StationState) -> Deadline | None:
        """The first thing that is due, whatever follows from the state."""
        found: Deadline | None = None
        for feature in self.features:
            for deadline in feature.deadlines(state) if feature.deadlines else ():
                if found is None or deadline < found:
                    found = deadline
        return found
