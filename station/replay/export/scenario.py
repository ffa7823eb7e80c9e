"""Scenarios out of field logs: a slice of a log, with what was known before it, as a test that runs without the log.

A scenario is a JSON document. `given` is what came before the slice: the events of the log from its first one (which any later
version can still read), or the folded state, for slices that lie deep in a log. Each step is an observation with the decisions that
the station took on it. Tags and identity are replaced, the same everywhere, and the result is run before it is handed out.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from eventstore.bounds import MIB, load_json, read_small
from eventstore.catalogue.lifecycle import StationBooted, StationDescribed
from eventstore.catalogue.link import OutboxWindowRead
from eventstore.codec import decode, encode
from eventstore.event import Event, Observation, Recorded
from eventstore.structure import to_plain
from eventstore.value import Value, replace
from projections.digest import state_from
from projections.station import INITIAL, StationState, evolve
from station import VERSION
from station.core import kernel
from station.replay.export.redaction import Redaction, RedactionRules
from station.replay.export.writing import redaction_of
from station.replay.opening.errors import BadQuestion, ReplayError
from station.replay.opening.folding import filled, state_at
from station.replay.opening.reader import LogReader
from station.replay.proof.redeciding import batches, registry_of

SCENARIO_VERSION = 1
EVENTS_GIVEN_MAX = 2_000
STEPS_MAX = 5_000
SCENARIO_BYTES_MAX = 64 * MIB


class ScenarioFailed(ReplayError):  # noqa: N818  # it says what is the case
    """The slice does not run as it was recorded; the message says where."""


class Scenario(Value, frozen=True, kw_only=True):
    """A scenario, read: the state before it, and its steps as plain values."""

    says: str
    state: StationState
    steps: tuple[Mapping[str, Any], ...]


def extract(
    reader: LogReader, *, from_seq: int, to_seq: int, rules: RedactionRules, says: str = "", given: str = "auto"
) -> dict[str, Any]:
    """The scenario of a slice, which begins with the first observation from `from_seq` on.

    `given` is "events", "state" or "auto". Raises BadQuestion for a slice without observations or too long, ScenarioFailed if the
    result does not run.
    """
    slice_ = [batch for batch in batches(reader) if from_seq <= batch[0].seq <= to_seq]
    if not slice_:
        raise BadQuestion(f"between events {from_seq} and {to_seq} nothing was observed")
    if len(slice_) > STEPS_MAX:
        raise BadQuestion(f"the slice has {len(slice_)} observations, a scenario at most {STEPS_MAX}")
    before = slice_[0][0].seq - 1
    redaction = redaction_of(reader, rules)
    as_events = given == "events" or (given == "auto" and before <= EVENTS_GIVEN_MAX and reader.is_complete)
    known = _events_given(reader, before) if as_events else _state_given(reader, before, redaction)
    document = {
        "chargebox_scenario": SCENARIO_VERSION,
        "says": says,
        "software_version": VERSION,
        "given": known,
        "steps": [_step(batch) for batch in slice_],
    }
    if rules.is_on:
        redaction.learn(document)
        document = redaction.value(document)
    failures = list(run(load_document(document)))
    if failures:
        raise ScenarioFailed(f"the slice does not run as it was recorded: {failures[0]}")
    return document


def _events_given(reader: LogReader, before: int) -> dict[str, Any]:
    events = [filled(reader, recorded) for recorded in reader.recorded(until=before)] if before else []
    return {"events": [_placed(recorded) for recorded in events]}


def _state_given(reader: LogReader, before: int, redaction: Redaction) -> dict[str, Any]:
    state = state_at(reader, before).state if before else INITIAL
    for tag in (*state.authorization.local_list, *state.authorization.cache):
        redaction.tag(tag)
    return {"state": to_plain(state)}


def _plain(event: Event) -> dict[str, Any]:
    return {"type": event.NAME, "version": event.VERSION, "payload": orjson.loads(encode(event))}


def _placed(recorded: Recorded) -> dict[str, Any]:
    place = {"seq": recorded.seq, "cause": recorded.cause, "at_ms": recorded.at_ms, "utc_ms": recorded.utc_ms}
    return place | _with_entries(recorded.event)


def _with_entries(event: Event) -> dict[str, Any]:
    if not isinstance(event, OutboxWindowRead):
        return _plain(event)
    return _plain(event) | {"entries": [_placed(entry) for entry in event.entries or ()]}


def _step(batch: tuple[Recorded, ...]) -> dict[str, Any]:
    return {
        "seq": batch[0].seq,
        "at_ms": batch[0].at_ms,
        "observation": _with_entries(batch[0].event),
        "decisions": [_plain(recorded.event) for recorded in batch[1:]],
    }


def load(file: Path) -> Scenario:
    """A scenario from its file. Raises BadQuestion if it is not a scenario, or one of another version."""
    try:
        return load_document(load_json(read_small(file, SCENARIO_BYTES_MAX)))
    except (OSError, ValueError) as error:
        raise BadQuestion(f"{file} cannot be read: {error}") from error
    except BadQuestion as error:
        raise BadQuestion(f"{file}: {error}") from error


def load_document(document: Mapping[str, Any]) -> Scenario:
    """The same from its JSON document."""
    try:
        if document["chargebox_scenario"] != SCENARIO_VERSION:
            raise BadQuestion(f"a scenario of version {document['chargebox_scenario']}, known is {SCENARIO_VERSION}")
        return Scenario(says=document["says"], state=_known(document["given"]), steps=tuple(document["steps"]))
    except BadQuestion:
        raise
    except Exception as error:  # whatever a fold raises for events that cannot be
        raise BadQuestion(f"no scenario, or of another version: {error!r}") from error


def _known(given: Mapping[str, Any]) -> StationState:
    if "state" in given:
        return state_from(orjson.dumps(given["state"]))
    state = INITIAL
    for plain in given["events"]:
        state = evolve(state, _recorded(plain))
    return state


def _recorded(plain: Mapping[str, Any]) -> Recorded:
    return Recorded(
        seq=plain["seq"], cause=plain["cause"], at_ms=plain["at_ms"], utc_ms=plain["utc_ms"], event=_event(plain)
    )


def _event(plain: Mapping[str, Any]) -> Event:
    event = decode(plain["type"], plain["version"], orjson.dumps(plain["payload"]).decode())
    if isinstance(event, OutboxWindowRead):
        return replace(event, entries=tuple(_recorded(entry) for entry in plain.get("entries", ())))
    return event


def run(scenario: Scenario) -> Iterator[str]:
    """Plays the scenario; each step that is decided otherwise than recorded is reported, and the run goes on from there."""
    state = scenario.state
    described = state.description
    registry = registry_of(() if described is None else described.profiles_off)
    for place, step in enumerate(scenario.steps):
        observation = _event(step["observation"])
        if isinstance(observation, StationBooted):  # the features of a boot are named by what follows it
            following = [each["observation"] for each in scenario.steps[place + 1 : place + 2]]
            found = [_event(each) for each in following if each["type"] == StationDescribed.NAME]
            registry = (
                registry_of(found[0].profiles_off) if found and isinstance(found[0], StationDescribed) else registry
            )
        if not isinstance(observation, Observation):
            yield f"event {step['seq']}: {observation.NAME} is no observation"
            continue
        state, batch = kernel.step(state, observation, step["at_ms"], registry)
        expected = [_event(each) for each in step["decisions"]]
        decided = [recorded.event for recorded in batch[1:]]
        if decided != expected:
            yield f"event {step['seq']} ({observation.NAME}): {_otherwise(expected, decided)}"


def _otherwise(expected: list[Event], decided: list[Event]) -> str:
    for one, other in zip(expected, decided, strict=False):
        if one != other:
            return f"recorded was {one}, decided is {other}"
    if len(expected) > len(decided):
        return f"{expected[len(decided)]} was recorded, and is not decided"
    return f"{decided[len(expected)]} is decided, and was not recorded"
