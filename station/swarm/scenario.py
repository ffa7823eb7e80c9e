"""What a swarm goes through: one TOML file, checked wholly before anything begins.

Times are scenario time in seconds from the begin of the run: the time of the stations, which runs `speed` times as fast as that of
the machine. All chance comes from `seed`: the same file and the same number of stations make the same sessions, outages and kills.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from devices.kinds import (
    Flag,
    FreeTable,
    Number,
    Problem,
    Problems,
    Several,
    SubTable,
    TableArray,
    TableKey,
    Text,
    Whole,
    read_table,
)
from eventstore.value import Value
from station.settings.kinds import read_config_value
from station.settings.lines import find_line, index_lines

FILE_BYTES_MAX = 1 << 20
DIRECTORY = Path(__file__).parent / "scenarios"
HOURS_MAX_S = 366 * 86_400
SHARE = Number(minimum=0, maximum=1)
TIME = Number(minimum=0, maximum=HOURS_MAX_S, unit="seconds")
TAG, UNPLUG, DONE, EMERGENCY = "tag", "unplug", "done", "emergency"
ENDINGS = (TAG, UNPLUG, DONE, EMERGENCY)


class ScenarioError(Exception):
    """The scenario cannot be used; the text names file, line and key of each problem, one to a line."""


class Endings(Value, frozen=True, kw_only=True):
    """How sessions end, as weights."""

    tag: Annotated[float, TableKey(Number(minimum=0, maximum=1000), "the tag that began it is presented again")] = 8
    unplug: Annotated[float, TableKey(Number(minimum=0, maximum=1000), "the cable is drawn out of the vehicle")] = 1
    done: Annotated[
        float, TableKey(Number(minimum=0, maximum=1000), "the vehicle is full, and the tag is presented later")
    ] = 1
    emergency: Annotated[float, TableKey(Number(minimum=0, maximum=1000), "somebody presses the emergency stop")] = 0


class Rush(Value, frozen=True, kw_only=True):
    """Hours of the day in which more cars come."""

    from_h: Annotated[float, TableKey(Number(minimum=0, maximum=24, unit="hours"), "from this hour of the day")]
    to_h: Annotated[float, TableKey(Number(minimum=0, maximum=24, unit="hours"), "to this one")]
    times: Annotated[float, TableKey(Number(minimum=0, maximum=1000), "so many times as many arrivals")]


class SessionTerms(Value, frozen=True, kw_only=True):
    """Cars that come, charge and go."""

    per_hour: Annotated[
        float, TableKey(Number(minimum=0, maximum=3600), "arrivals at each connector in an hour, at random (Poisson)")
    ] = 1.0
    most: Annotated[
        int, TableKey(Whole(minimum=0, maximum=1_000_000), "no more than so many at each connector; 0: any number")
    ] = 0
    shortest_s: Annotated[float, TableKey(TIME, "the shortest stay")] = 600
    longest_s: Annotated[float, TableKey(TIME, "the longest stay")] = 7200
    hands_s: Annotated[
        float,
        TableKey(TIME, "what a person takes at most between plug, card and cable, and how soon the next car can come"),
    ] = 20
    full_s: Annotated[float, TableKey(TIME, "how long a vehicle that is full stays, where sessions end so")] = 3600
    current_a: Annotated[
        tuple[float, ...],
        TableKey(Several(kind=Number(minimum=0, maximum=1000, unit="amperes"), longest=20), "what vehicles can draw"),
    ] = (16.0, 32.0)
    phases: Annotated[
        tuple[int, ...], TableKey(Several(kind=Whole(minimum=1, maximum=3), longest=20), "on so many phases")
    ] = (1, 3)
    tags: Annotated[
        int, TableKey(Whole(minimum=1, maximum=1_000_000), "how many tags there are, of which each session takes one")
    ] = 1000
    tag: Annotated[
        str,
        TableKey(
            Text(shortest=1, longest=40), "how a tag is made of its number: Python's format, at most 20 characters"
        ),
    ] = "TAG{number:06}"
    endings: Annotated[Endings, TableKey(SubTable(section=Endings), "how they end")] = Endings()
    rush: Annotated[tuple[Rush, ...], TableKey(TableArray(section=Rush, longest=24), "hours in which more come")] = ()


class Outage(Value, frozen=True, kw_only=True):
    """The network of some stations is gone for a while. With a share of 1, all come back at once: a reconnect storm."""

    at_s: Annotated[float, TableKey(TIME, "when it goes")]
    lasts_s: Annotated[float, TableKey(TIME, "for how long")]
    share: Annotated[float, TableKey(SHARE, "the share of the stations that it concerns")] = 1.0
    spread_s: Annotated[
        float, TableKey(TIME, "begins for each at random within so many seconds; its end is the same for all")
    ] = 0
    silent: Annotated[
        bool, TableKey(Flag(), "true: bytes are swallowed both ways instead of the connection being reset")
    ] = False


class Kill(Value, frozen=True, kw_only=True):
    """Some stations lose their power at once, and start again."""

    at_s: Annotated[float, TableKey(TIME, "when")]
    off_s: Annotated[float, TableKey(TIME, "how long they stay off")] = 5
    share: Annotated[float, TableKey(SHARE, "the share of the stations that it concerns")] = 1.0
    spread_s: Annotated[float, TableKey(TIME, "for each at random within so many seconds")] = 0


class FaultSpell(Value, frozen=True, kw_only=True):
    """Some stations have a fault for a while."""

    at_s: Annotated[float, TableKey(TIME, "when it appears")]
    lasts_s: Annotated[float, TableKey(TIME, "for how long")]
    error_code: Annotated[str, TableKey(Text(shortest=1, longest=50), "ChargePointErrorCode (7.6)")]
    share: Annotated[float, TableKey(SHARE, "the share of the stations that it concerns")] = 1.0
    spread_s: Annotated[float, TableKey(TIME, "for each at random within so many seconds")] = 0


class Play(Value, frozen=True, kw_only=True):
    """What happened at a real station happens at each of these."""

    file: Annotated[
        str, TableKey(Text(shortest=1), "a scenario that `chargebox replay LOG extract` wrote, beside this file")
    ]
    at_s: Annotated[float, TableKey(TIME, "when it begins")] = 0
    times: Annotated[int, TableKey(Whole(minimum=1, maximum=100_000), "how often, one after the other")] = 1


class SwarmScenario(Value, frozen=True, kw_only=True):
    """The whole file."""

    says: Annotated[str, TableKey(Text(longest=500), "what it is about, in a sentence")] = ""
    seed: Annotated[int, TableKey(Whole(minimum=0, maximum=1 << 53), "all chance comes from it")] = 1
    duration_s: Annotated[float, TableKey(TIME, "how long it lasts, where the command does not say otherwise")] = 3600
    speed: Annotated[
        float, TableKey(Number(minimum=1, maximum=1000), "how many times as fast the time of the stations runs")
    ] = 1.0
    ramp_s: Annotated[float, TableKey(TIME, "within this time the stations are switched on, one after the other")] = 30
    begins_h: Annotated[
        float, TableKey(Number(minimum=0, maximum=24, unit="hours"), "the hour of the day at which it begins")
    ] = 8.0
    connectors: Annotated[int, TableKey(Whole(minimum=1, maximum=64), "of each station")] = 1
    drain_s: Annotated[
        float, TableKey(TIME, "how long the stations may take at the end to deliver what is still queued")
    ] = 120
    reconnect_min_s: Annotated[
        float, TableKey(Number(minimum=0.01, maximum=3600, unit="seconds"), "the first wait before connecting again")
    ] = 1.0
    reconnect_max_s: Annotated[
        float, TableKey(Number(minimum=0.01, maximum=86400, unit="seconds"), "the longest wait")
    ] = 300.0
    sessions: Annotated[SessionTerms, TableKey(SubTable(section=SessionTerms), "cars that come and go")] = (
        SessionTerms()
    )
    outages: Annotated[tuple[Outage, ...], TableKey(TableArray(section=Outage, longest=1000), "lost networks")] = ()
    kills: Annotated[tuple[Kill, ...], TableKey(TableArray(section=Kill, longest=1000), "lost power")] = ()
    faults: Annotated[tuple[FaultSpell, ...], TableKey(TableArray(section=FaultSpell, longest=1000), "faults")] = ()
    play: Annotated[
        tuple[Play, ...], TableKey(TableArray(section=Play, longest=100), "recorded logs, played again")
    ] = ()
    config: Annotated[
        Mapping[str, Any], TableKey(FreeTable(), "OCPP configuration keys of each station, as in a settings file")
    ] = MappingProxyType({})

    @property
    def config_texts(self) -> dict[str, str]:
        """The configuration keys as a settings file would have them."""
        return {name: read_config_value(value) for name, value in self.config.items()}


def shipped() -> list[str]:
    """The names of the scenarios that come with chargebox."""
    return sorted(file.stem for file in DIRECTORY.glob("*.toml"))


def load(name: str) -> SwarmScenario:
    """The scenario of a file, or one of those that are shipped, by its name. Raises ScenarioError."""
    file = Path(name)
    if name in shipped() and not file.exists():
        file = DIRECTORY / f"{name}.toml"
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        known = ", ".join(shipped())
        raise ScenarioError(f"{name}: {error.strerror}; a TOML file, or one of {known}") from error
    if len(content) > FILE_BYTES_MAX:
        raise ScenarioError(f"{name}: is larger than {FILE_BYTES_MAX} bytes")
    try:
        text = content.decode()
        plain = tomllib.loads(text)
    except ValueError as error:  # UnicodeDecodeError, TOMLDecodeError
        raise ScenarioError(f"{name}: is no TOML: {error}") from error
    try:
        scenario = read_table(SwarmScenario, plain)
    except Problems as error:
        raise _refused(name, text, error.found) from None
    problems = tuple(_contradictions(scenario))
    if problems:
        raise _refused(name, text, problems)
    return scenario


def _refused(name: str, text: str, problems: Iterable[Problem]) -> ScenarioError:
    lines = index_lines(text)
    return ScenarioError("\n".join(_located(name, find_line(lines, each.path), each) for each in problems))


def _located(name: str, line: int | None, problem: Problem) -> str:
    place = name if line is None else f"{name}:{line}"
    return f"{place}: {'.'.join(problem.path)}: {problem.text}"


def _contradictions(scenario: SwarmScenario) -> Iterable[Problem]:
    """What no key is to blame for alone."""
    sessions = scenario.sessions
    if scenario.reconnect_min_s > scenario.reconnect_max_s:
        text = f"must not exceed reconnect_max_s ({scenario.reconnect_max_s:g})"
        yield Problem(path=("reconnect_min_s",), text=text)
    if sessions.shortest_s > sessions.longest_s:
        yield Problem(path=("sessions", "shortest_s"), text=f"must not exceed longest_s ({sessions.longest_s:g})")
    if not sum(getattr(sessions.endings, ending) for ending in ENDINGS):
        yield Problem(path=("sessions", "endings"), text="one of them must be above 0")
    for name in ("current_a", "phases"):
        if not getattr(sessions, name):
            yield Problem(path=("sessions", name), text="must name one at least")
    yield from _of_tags(sessions)
    for number, rush in enumerate(sessions.rush, start=1):
        if rush.from_h >= rush.to_h:
            yield Problem(
                path=("sessions", "rush", str(number), "from_h"), text=f"must lie before to_h ({rush.to_h:g})"
            )
    for name, value in scenario.config.items():
        try:
            read_config_value(value)
        except ValueError as error:
            yield Problem(path=("config", name), text=str(error))


def _of_tags(sessions: SessionTerms) -> Iterable[Problem]:
    try:
        longest = len(sessions.tag.format(number=sessions.tags))
    except (KeyError, IndexError, ValueError) as error:
        yield Problem(path=("sessions", "tag"), text=f"cannot be made of {{number}}: {error!r}")
    else:
        if not 1 <= longest <= 20:
            yield Problem(path=("sessions", "tag"), text=f"makes tags of {longest} characters, not 1 to 20")
