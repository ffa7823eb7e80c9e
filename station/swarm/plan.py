"""What happens at one station of a swarm, and when: hands at its board, and what its network and its power do.

It follows from the scenario, its seed and the station's number alone. Times are seconds of scenario time.
"""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from random import Random  # noqa: TID251  # seeded: the same scenario makes the same chance
from typing import Any

from eventstore.value import Value, replace
from station.swarm.scenario import (
    DONE,
    EMERGENCY,
    ENDINGS,
    TAG,
    UNPLUG,
    Play,
    ScenarioError,
    SessionTerms,
    SwarmScenario,
)

HOUR_S = 3600.0
QUICKEST = 0.05
"""How quick the quickest hands are, as a part of the slowest."""
BETWEEN_PLAYS_S = 20.0
PRESSED_S = 30.0

PLUG, SWIPE, READY, OUT, STOPPED_BY_HAND = "plug", "swipe", "vehicle", "unplug", "emergency_stop"
NETWORK, POWER_CUT, FAULT = "network", "kill", "fault"


class Act(Value, frozen=True, kw_only=True):
    """Something that happens at `at_s`: `what` it is, at which connector (0 the station), and its particulars.

    `once_begun`: whoever does it waits until a session has begun there, for some time at least.
    """

    at_s: float
    what: str
    connector_id: int = 0
    facts: Mapping[str, Any] = {}
    once_begun: bool = False

    @property
    def is_common(self) -> bool:
        """Whether its moment counts for many stations at once; hands are as late as their station."""
        return self.what in (NETWORK, POWER_CUT)


def acts(scenario: SwarmScenario, number: int, plays: Iterable[tuple[Play, tuple[Act, ...]]] = ()) -> Iterator[Act]:
    """Everything at station `number`, in order of time, without an end where cars keep coming. `plays` as `recorded` reads them."""
    rows = [_sessions(scenario, number, connector_id) for connector_id in range(1, scenario.connectors + 1)]
    rows += [iter(sorted(_troubles(scenario, number), key=lambda act: act.at_s))]
    rows += [_played(play, recording) for play, recording in plays]
    return heapq.merge(*rows, key=lambda act: act.at_s)


def _random(scenario: SwarmScenario, number: int, what: str) -> Random:
    return Random(f"{scenario.seed}/{number}/{what}")  # noqa: S311  # cars, not secrets


def _sessions(scenario: SwarmScenario, number: int, connector_id: int) -> Iterator[Act]:
    sessions, chance = scenario.sessions, _random(scenario, number, f"connector {connector_id}")
    at_s, count = scenario.ramp_s, 0
    while sessions.per_hour and (not sessions.most or count < sessions.most):
        at_s += _until_next(scenario, chance, at_s)
        session = list(_session(sessions, chance, connector_id, at_s))
        yield from session
        at_s = session[-1].at_s + sessions.hands_s
        count += 1


def _until_next(scenario: SwarmScenario, chance: Random, at_s: float) -> float:
    """How long until the next car comes: a Poisson process whose rate changes with the hour of the day."""
    busiest = max((rush.times for rush in scenario.sessions.rush), default=1.0)
    busiest = max(busiest, 1.0)
    waited_s = 0.0
    while True:  # thinning: arrivals at the highest rate, of which some do not count
        waited_s += chance.expovariate(scenario.sessions.per_hour * busiest / HOUR_S)
        hour = (scenario.begins_h + (at_s + waited_s) / HOUR_S) % 24
        times = next((each.times for each in scenario.sessions.rush if each.from_h <= hour < each.to_h), 1.0)
        if chance.random() < times / busiest:
            return waited_s


def _session(sessions: SessionTerms, chance: Random, connector_id: int, at_s: float) -> Iterator[Act]:
    tag = sessions.tag.format(number=chance.randrange(sessions.tags) + 1)
    current_a, phases = chance.choice(sessions.current_a), chance.choice(sessions.phases)
    ending = chance.choices(ENDINGS, [getattr(sessions.endings, name) for name in ENDINGS])[0]
    stays_s = chance.uniform(sessions.shortest_s, sessions.longest_s)

    def act(after_s: float, what: str, **facts: Any) -> Act:
        return Act(at_s=at_s + after_s, what=what, connector_id=connector_id, facts=facts)

    def hands() -> float:
        return chance.uniform(QUICKEST, 1) * sessions.hands_s

    swipe_s = hands()
    yield act(0, READY, ready=True, max_current_a=current_a, phases=phases)
    yield act(0, PLUG)
    yield act(swipe_s, SWIPE, id_tag=tag)
    yield from _end(sessions, ending, tag, swipe_s + stays_s, hands, act)


def _end(
    sessions: SessionTerms,
    ending: str,
    tag: str,
    end_s: float,
    hands: Callable[[], float],
    act: Callable[..., Act],
) -> Iterator[Act]:
    found: list[Act] = []
    if ending == DONE:
        found.append(act(end_s, READY, ready=False))
        end_s += sessions.full_s
    if ending == EMERGENCY:
        found.append(act(end_s, STOPPED_BY_HAND, pressed=True))
        end_s += PRESSED_S
        found.append(act(end_s, STOPPED_BY_HAND, pressed=False))
    if ending in (TAG, DONE):
        found.append(act(end_s, SWIPE, id_tag=tag))
        end_s += hands()
    if ending == UNPLUG:
        found.append(act(end_s, OUT, ev=True, station=False))
        end_s += hands()
    found.append(act(end_s, OUT))
    yield replace(found[0], once_begun=True)
    yield from found[1:]


def _troubles(scenario: SwarmScenario, number: int) -> Iterator[Act]:
    for index, outage in enumerate(scenario.outages):
        begin_s = _struck(scenario, number, f"outage {index}", outage.at_s, outage.share, outage.spread_s)
        if begin_s is not None:
            end_s = outage.at_s + outage.lasts_s
            yield Act(at_s=min(begin_s, end_s), what=NETWORK, facts={"up": False, "silent": outage.silent})
            yield Act(at_s=end_s, what=NETWORK, facts={"up": True})
    for index, kill in enumerate(scenario.kills):
        at_s = _struck(scenario, number, f"kill {index}", kill.at_s, kill.share, kill.spread_s)
        if at_s is not None:
            yield Act(at_s=at_s, what=POWER_CUT, facts={"off_s": kill.off_s})
    for index, fault in enumerate(scenario.faults):
        at_s = _struck(scenario, number, f"fault {index}", fault.at_s, fault.share, fault.spread_s)
        if at_s is not None:
            connector_id = _random(scenario, number, f"fault {index} at").randint(1, scenario.connectors)
            yield Act(at_s=at_s, what=FAULT, connector_id=connector_id, facts={"error_code": fault.error_code})
            yield Act(at_s=at_s + fault.lasts_s, what=FAULT, connector_id=connector_id)


def _struck(
    scenario: SwarmScenario, number: int, what: str, at_s: float, share: float, spread_s: float
) -> float | None:
    """When this station is concerned; None if it is not among those that are."""
    chance = _random(scenario, number, what)
    is_among = chance.random() < share
    return at_s + chance.uniform(0, spread_s) if is_among else None


def recorded(play: Play, beside: Path) -> tuple[Act, ...]:
    """The hands and vehicles in a recording, from its first step on. Raises ScenarioError."""
    file = beside / play.file
    try:
        steps = json.loads(file.read_bytes())["steps"]
        first_ms = steps[0]["at_ms"]
        found = [act for step in steps if (act := _seen(step, first_ms)) is not None]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ScenarioError(f"{file}: is no scenario that `chargebox replay LOG extract` wrote: {error!r}") from error
    if not found:
        raise ScenarioError(f"{file}: nobody plugs, unplugs or presents a tag in it")
    return tuple(found)


def _seen(step: Mapping[str, Any], first_ms: int) -> Act | None:
    """What a person or a vehicle did, as the station saw it."""
    seen, at_s = step["observation"], (step["at_ms"] - first_ms) / 1000
    facts = seen["payload"]
    match seen["type"], facts:
        case "IdTagPresented", {"id_tag": id_tag}:
            return Act(at_s=at_s, what=SWIPE, connector_id=facts.get("connector_id") or 0, facts={"id_tag": id_tag})
        case "PilotStateObserved", {"connector_id": connector_id, "pilot_state": "A"}:
            return Act(at_s=at_s, what=OUT, connector_id=connector_id)
        case "PilotStateObserved", {"connector_id": connector_id, "pilot_state": "B" | "C" | "D" as state}:
            return Act(at_s=at_s, what=PLUG, connector_id=connector_id, facts={"ready": state != "B"})
        case "EmergencyStopObserved", {"pressed": pressed}:
            return Act(at_s=at_s, what=STOPPED_BY_HAND, facts={"pressed": pressed})
        case "FaultObserved", {"connector_id": connector_id, "error_code": error_code}:
            return Act(at_s=at_s, what=FAULT, connector_id=connector_id, facts={"error_code": error_code})
        case "FaultCleared", {"connector_id": connector_id}:
            return Act(at_s=at_s, what=FAULT, connector_id=connector_id)
    return None


def _played(play: Play, recording: tuple[Act, ...]) -> Iterator[Act]:
    lasts_s = recording[-1].at_s + BETWEEN_PLAYS_S
    for time in range(play.times):
        begin_s = play.at_s + time * lasts_s
        yield from (
            Act(at_s=begin_s + act.at_s, what=act.what, connector_id=act.connector_id, facts=act.facts)
            for act in recording
        )
