"""The hands of a person at a real board: asked in the terminal, and watched through the station's own log.

Nobody needs to say that a thing is done: the station sees it. Enter asks it to look again, "r" repeats what is to be done, "n" says that
it cannot be done here, and the case is skipped. A wrong thing, another cable or another card, begins the case anew.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from eventstore.value import Value, replace
from station.certify.failing import CannotBeDone, DoneWrongly, RunEnded
from station.certify.ports import CsmsPort
from station.certify.process import Daemon
from station.certify.prompting import Prompting
from station.certify.rig import Tags
from station.demo.bench_service import BenchService
from station.settings.loading import Settings

TIME_LIMIT_S = 120.0
LOOK_EVERY_S = 0.1
IGNORED_MAX = 3
"""After so many instructions in a row that nobody followed nobody is there."""
PLUGGED = ("B", "C", "D")
CARDS = (
    ("valid", "a card"),
    ("second", "a second card"),
    ("third", "a third card"),
    ("invalid", "one more card, which the laboratory will refuse"),
)


class SeenCopper(Value, frozen=True, kw_only=True):
    """What the station has seen of the world: pilot states and cables by connector, faults, the last tag and how many there were."""

    pilots: Mapping[int, str]
    cables: Mapping[int, bool]
    faults: frozenset[tuple[int, str]]
    tags: tuple[str, ...]


NOTHING = SeenCopper(pilots={}, cables={}, faults=frozenset(), tags=())
Look = Callable[[SeenCopper], bool | str]
"""True: done; False: not yet; a text: something else was done, and what."""


class Person:
    """Hands that belong to somebody. `prompts` counts what they were asked to do."""

    def __init__(self, terminal: Prompting, settings: Settings, *, time_limit_s: float = TIME_LIMIT_S) -> None:
        self.prompts = 0
        self._terminal = terminal
        self._settings = settings
        self._time_limit_s = time_limit_s
        self._ignored = 0
        self._learned: dict[str, str] = {}
        self._plugged: dict[int, bool] = {}
        self._seq = 0
        self._copper = NOTHING
        self._service: BenchService | None = None
        self._daemon: Daemon | None = None
        self._csms: CsmsPort | None = None

    def at(self, service: BenchService, daemon: Daemon, csms: CsmsPort) -> None:
        """This station from now on; its copper is looked at anew."""
        self._service, self._daemon, self._csms = service, daemon, csms
        self._seq, self._copper = 0, NOTHING
        self._plugged = {}

    # What is asked ------------------------------------------------------------------------------------------------

    async def _ask(self, what: str, look: Look) -> None:
        """Says what to do and waits until the station has seen it."""
        await self._look()
        if look(self._copper) is True:
            return
        self.prompts += 1
        self._terminal.forget()
        keys = f"({self._time_limit_s:g} s; r: again, n: cannot do that here)"
        self._terminal.say(f"\a>>> {what}  {keys}")
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._time_limit_s
        while loop.time() < deadline_s:
            typed = await self._terminal.line(LOOK_EVERY_S)
            if typed == "n":
                self._ignored = 0
                raise CannotBeDone(f"cannot be done here: {what}")
            if typed == "q":
                raise RunEnded("ended by the person at the terminal")
            await self._look()
            seen = look(self._copper)
            if isinstance(seen, str):
                self._ignored = 0
                raise DoneWrongly(seen)
            if seen:
                self._ignored = 0
                return
            if typed is not None:
                self._terminal.say(f">>> {what}" if typed == "r" else "    The station does not see it yet.")
        self._ignored += 1
        if self._ignored >= IGNORED_MAX:
            raise RunEnded(f"nobody followed {IGNORED_MAX} instructions in a row, the last: {what}")
        raise CannotBeDone(f"nobody did it within {self._time_limit_s:g} s: {what}")

    async def _look(self) -> None:
        """Folds what the station has recorded since."""
        assert self._service is not None, "it stands at a station"
        if not self._seq:
            state = await self._service.state()
            self._seq = state["log"]["last_seq"]
            plugged = [each["connector_id"] for each in state["connectors"] if each.get("plugged")]
            self._copper = replace(NOTHING, pilots=dict.fromkeys(plugged, "B"), cables=dict.fromkeys(plugged, True))
            self._plugged = dict.fromkeys(plugged, True)
        for event in await self._service.events(after=self._seq):
            self._seq = event["seq"]
            self._copper = _followed(self._copper, event["type"], event["payload"])

    async def learn_tags(self) -> Tags:
        """Which cards there are; one that there is not keeps a tag of ours, which no reader ever sees."""
        if not self._settings.board.wiring.get("readers"):
            return Tags()
        self._terminal.say("The cases need cards. Any cards will do; the laboratory says what each may do.")
        for role, description in CARDS:
            count = len(self._copper.tags)

            def is_new(copper: SeenCopper, count: int = count) -> bool | str:
                return len(copper.tags) > count and copper.tags[-1] not in self._learned.values()

            try:
                await self._ask(f"Hold {description} to the reader", is_new)
            except CannotBeDone:
                continue
            self._learned[role] = self._copper.tags[-1]
            self._terminal.say(f"    {self._learned[role]} is the {role} one.")
        return Tags(**self._learned)

    # Hands --------------------------------------------------------------------------------------------------------

    async def plug(self, connector_id: int = 1, *, ev: bool = True, station: bool = True, seated: bool = True) -> None:
        """The cable goes in."""
        fixed = self._settings.board.fixed_cable
        if not seated:
            await self._ask(
                f"Push the plug only half way into the socket of connector {connector_id}, so that it cannot be locked",
                lambda copper: copper.cables.get(connector_id, False),
            )
            return
        cable = f"the cable of connector {connector_id}" if fixed else f"a cable into connector {connector_id} and"
        await self._ask(
            f"Plug {cable} into the vehicle, which asks for energy",
            lambda copper: self._only(connector_id, copper, _is_plugged(copper, connector_id, fixed=fixed)),
        )

    def _only(self, connector_id: int, copper: SeenCopper, done: bool) -> bool | str:
        """What is done at another connector is the wrong thing."""
        for other in range(1, self._settings.station.connectors + 1):
            was = self._plugged.get(other, False)
            now = copper.pilots.get(other, "A") in PLUGGED
            if other != connector_id and now is not was:
                return f"connector {other} was {'plugged' if now else 'unplugged'}, not connector {connector_id}"
        if done:
            self._plugged[connector_id] = copper.pilots.get(connector_id, "A") in PLUGGED
        return done

    async def unplug(self, connector_id: int = 1, *, ev: bool = True, station: bool = True) -> None:
        """The cable comes out."""
        if not station or self._settings.board.fixed_cable:
            what, done = "out of the vehicle", _is_out_of_vehicle
        elif not ev:
            what, done = "out of the station", _is_out_of_station
        else:
            what, done = "out of the vehicle and the station", _is_out
        await self._ask(
            f"Take the cable of connector {connector_id} {what}",
            lambda copper: self._only(connector_id, copper, done(copper, connector_id)),
        )

    async def swipe(self, id_tag: str, connector_id: int | None = None) -> None:
        """A card at the reader."""
        role = next((role for role, learned in self._learned.items() if learned == id_tag), None)
        if role is None:
            raise CannotBeDone(f"there is no card for this: {id_tag}")
        count = len(self._copper.tags)

        def is_presented(copper: SeenCopper) -> bool | str:
            if len(copper.tags) <= count:
                return False
            return copper.tags[-1] == id_tag or f"the card {copper.tags[-1]} was presented, not {id_tag}"

        await self._ask(f"Hold the {role} card ({id_tag}) to the reader", is_presented)

    async def fault(self, connector_id: int) -> str:
        """An input that is wired for it is tripped."""
        wired = [
            each for each in self._settings.board.wiring.get("faults", ()) if each.get("connector", 0) == connector_id
        ]
        if not wired:
            where = f"connector {connector_id}" if connector_id else "the station"
            raise CannotBeDone(f"no fault input of {where} is wired")
        code = str(wired[0]["error_code"])
        await self._ask(
            f"Trip the input for {code} of {f'connector {connector_id}' if connector_id else 'the station'}",
            lambda copper: (connector_id, code) in copper.faults,
        )
        return code

    async def clear_fault(self, connector_id: int) -> None:
        """It is released."""
        await self._ask(
            f"Release every fault of {f'connector {connector_id}' if connector_id else 'the station'}",
            lambda copper: not any(number == connector_id for number, _ in copper.faults),
        )

    async def network(self, up: bool) -> None:
        """The CSMS is there or not: for the station that is its network."""
        assert self._csms is not None, "it stands at a station"
        await (self._csms.come_up() if up else self._csms.go_down())

    async def mains_lost(self) -> None:
        """Only where the station outlives it: this command runs on the station."""
        if not (self._settings.board.backup_power_s and self._settings.board.wiring.get("mains")):
            raise CannotBeDone("a cut of mains would end this command as well: play this case on a bench")
        self._terminal.say(">>> Switch mains off now, and on again once the station has gone down")
        self.prompts += 1

    async def power_cycle(self) -> None:
        """The station's program is ended and started: with a vehicle at hand nobody pulls the plug of a computer."""
        assert self._daemon is not None, "it stands at a station"
        await self._daemon.stop()
        await self._daemon.start()

    async def fail_local_list(self) -> None:
        """No hand reaches there."""
        raise CannotBeDone("only a bench can make storing the list fail")

    async def wait(self, seconds: float) -> None:
        """Time passes as it does."""
        if seconds >= 10:
            self._terminal.say(f"    {seconds:g} s pass")
        await asyncio.sleep(seconds)


def _followed(copper: SeenCopper, kind: str, payload: Mapping[str, Any]) -> SeenCopper:
    """The copper after one more event."""
    number = payload.get("connector_id", 0)
    pilots, cables, faults, tags = dict(copper.pilots), dict(copper.cables), copper.faults, copper.tags
    match kind:
        case "PilotStateObserved":
            pilots[number] = payload["pilot_state"]
        case "ProximityObserved":
            cables[number] = payload["cable_rating_ma"] is not None
        case "FaultObserved":
            faults |= {(number, payload["error_code"])}
        case "FaultCleared":
            faults -= {(number, payload["error_code"])}
        case "IdTagPresented":
            tags = (*tags, payload["id_tag"])
    return SeenCopper(pilots=pilots, cables=cables, faults=faults, tags=tags)


def _is_plugged(copper: SeenCopper, number: int, *, fixed: bool) -> bool:
    return copper.pilots.get(number, "A") in PLUGGED and (fixed or copper.cables.get(number, False))


def _is_out_of_vehicle(copper: SeenCopper, number: int) -> bool:
    return copper.pilots.get(number, "A") not in PLUGGED


def _is_out_of_station(copper: SeenCopper, number: int) -> bool:
    return not copper.cables.get(number, False)


def _is_out(copper: SeenCopper, number: int) -> bool:
    return _is_out_of_vehicle(copper, number) and _is_out_of_station(copper, number)
