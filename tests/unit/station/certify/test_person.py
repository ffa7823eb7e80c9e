"""A person who is told what to do, watched through the station's log."""

import io
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from station.certify.failing import CannotBeDone, DoneWrongly, RunEnded
from station.certify.person import Person
from station.certify.terminal import Terminal
from station.demo.bench_service import BenchService
from station.settings.loading import parse_settings

pytestmark = pytest.mark.asyncio

SETTINGS = """
[station]
identity = "CB-0001"
connectors = 2
[csms]
url = "ws://127.0.0.1:9/ocpp"
[board]
kind = "gpio"
fixed_cable = {fixed}
wiring = {{ {wiring} }}
"""
Event = tuple[str, dict[str, Any]]


class Log(BenchService):
    """The log of a station, which grows by what somebody does each time it is looked at."""

    def __init__(self) -> None:
        super().__init__("http://nowhere")
        self._events: list[dict[str, Any]] = [{"seq": 1, "type": "BoardOpened", "payload": {}}]
        self.later: list[list[Event]] = []
        self.plugged = False

    def add(self, *events: Event) -> None:
        for kind, payload in events:
            self._events.append({"seq": len(self._events) + 1, "type": kind, "payload": payload})

    async def state(self) -> Any:
        connectors = [{"connector_id": 0}, {"connector_id": 1, "plugged": self.plugged}]
        return {"log": {"last_seq": len(self._events)}, "connectors": connectors}

    async def events(self, after: int = 0) -> list[Any]:
        found = [event for event in self._events if event["seq"] > after]
        if self.later:
            self.add(*self.later.pop(0))
        return found


class Desk:
    """A person, the station that they stand at, and what they type."""

    def __init__(self, *, fixed: bool = False, wiring: str = "", time_limit_s: float = 60) -> None:
        settings = parse_settings(SETTINGS.format(fixed=str(fixed).lower(), wiring=wiring), "x")
        self.reading, self.typing = os.pipe()
        self.told = io.StringIO()
        self.terminal = Terminal(self.reading, self.told)
        self.log = Log()
        self.person = Person(self.terminal, settings, time_limit_s=time_limit_s)
        self.person.at(self.log, None, None)  # type: ignore[arg-type]  # neither is asked for anything here

    def will(self, *events: Event) -> None:
        """What happens once they have been told."""
        self.log.later = [[], [], list(events)]

    def close(self) -> None:
        os.close(self.reading)
        os.close(self.typing)


@pytest.fixture
def desk() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**how: Any) -> Desk:
        made.append(Desk(**how))
        return made[-1]

    yield make
    for each in made:
        each.close()


def pilot(state: str, connector_id: int = 1) -> Event:
    return "PilotStateObserved", {"connector_id": connector_id, "pilot_state": state}


def cable(rating_ma: int | None, connector_id: int = 1) -> Event:
    return "ProximityObserved", {"connector_id": connector_id, "cable_rating_ma": rating_ma}


def tag(id_tag: str) -> Event:
    return "IdTagPresented", {"id_tag": id_tag}


async def test_a_plug_is_done_when_the_station_sees_both_ends(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.will(cable(32_000), pilot("B"))
    await at.person.plug(1)
    assert "Plug a cable into connector 1 and into the vehicle" in at.told.getvalue()
    assert at.person.prompts == 1


async def test_what_is_done_already_is_not_asked_for(desk: Callable[..., Desk]) -> None:
    at = desk(fixed=True)
    at.log.plugged = True
    await at.person.plug(1)
    assert (at.person.prompts, at.told.getvalue()) == (0, "")


async def test_each_end_of_a_cable_by_itself(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.log.plugged = True
    await at.person.plug(1)
    at.will(pilot("A"))
    await at.person.unplug(1, station=False)
    at.will(cable(None))
    await at.person.unplug(1, ev=False)
    assert "out of the vehicle" in at.told.getvalue()
    assert "out of the station" in at.told.getvalue()


async def test_another_connector_is_the_wrong_thing(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.will(cable(32_000, 2), pilot("B", 2))
    with pytest.raises(DoneWrongly, match="connector 2 was plugged, not connector 1"):
        await at.person.plug(1)


def types(at: Desk, prompt: int) -> None:
    """From this prompt on they say that they cannot."""
    asked, answered = at.log.events, [prompt]

    async def typed(after: int = 0) -> list[Any]:
        if at.told.getvalue().count(">>>") == answered[0]:
            answered[0] += 1
            os.write(at.typing, b"n\n")
        return await asked(after)

    at.log.events = typed  # type: ignore[method-assign]


async def test_cards_are_learned_and_another_one_is_the_wrong_thing(desk: Callable[..., Desk]) -> None:
    at = desk(wiring='readers = [{ kind = "x" }]')
    at.terminal.begin()
    at.log.later = [[], [tag("AA")], [], [tag("AA"), tag("BB")]]
    types(at, 3)
    tags = await at.person.learn_tags()
    at.terminal.end()
    assert (tags.valid, tags.second) == ("AA", "BB")
    assert tags.third == "CAFE0003"
    at.will(tag("AA"))
    await at.person.swipe("AA")
    at.will(tag("BB"))
    with pytest.raises(DoneWrongly, match="the card BB was presented, not AA"):
        await at.person.swipe("AA")
    with pytest.raises(CannotBeDone, match="there is no card for this: CAFE0003"):
        await at.person.swipe("CAFE0003")


async def test_n_says_that_it_cannot_be_done_here(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.terminal.begin()
    asked = at.log.events

    async def typed(after: int = 0) -> list[Any]:
        if "Plug" in at.told.getvalue():
            os.write(at.typing, b"x\nr\nN\n")
        return await asked(after)

    at.log.events = typed  # type: ignore[method-assign]
    with pytest.raises(CannotBeDone, match="cannot be done here: Plug"):
        await at.person.plug(1)
    at.terminal.end()
    assert "The station does not see it yet." in at.told.getvalue()
    assert at.told.getvalue().count("Plug a cable") == 2


async def test_nobody_there_ends_the_run_after_the_third_instruction(desk: Callable[..., Desk]) -> None:
    at = desk(time_limit_s=0.01)
    for _ in range(2):
        with pytest.raises(CannotBeDone, match=r"nobody did it within 0\.01 s: Plug"):
            await at.person.plug(1)
    with pytest.raises(RunEnded, match="nobody followed 3 instructions in a row"):
        await at.person.plug(1)


async def test_a_fault_is_one_that_is_wired(desk: Callable[..., Desk]) -> None:
    at = desk(wiring='faults = [{ connector = 1, error_code = "GroundFailure" }]')
    at.will(("FaultObserved", {"connector_id": 1, "error_code": "GroundFailure"}))
    assert await at.person.fault(1) == "GroundFailure"
    at.will(("FaultCleared", {"connector_id": 1, "error_code": "GroundFailure"}))
    await at.person.clear_fault(1)
    with pytest.raises(CannotBeDone, match="no fault input of the station is wired"):
        await at.person.fault(0)


@pytest.mark.parametrize("hand", ["mains_lost", "fail_local_list"])
async def test_what_no_hand_can_do_is_said(desk: Callable[..., Desk], hand: str) -> None:
    with pytest.raises(CannotBeDone):
        await getattr(desk().person, hand)()


async def test_a_vehicle_that_was_there_before_is_known_and_a_boot_does_not_unplug_it(
    desk: Callable[..., Desk],
) -> None:
    at = desk(fixed=True)
    at.log.plugged = True
    at.log.later = [[("BoardOpened", {})]]
    await at.person.plug(1)
    await at.person.plug(1)
    assert at.person.prompts == 0
