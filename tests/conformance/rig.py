"""The test tool: one daemon on the bench, one independent CSMS, and expectations as strict as the lab's.

Global rules of the tool: every call of the station must be expected, in the listed order; where two may swap, the case
says so with `expect_any_order`; nothing else may come. An answer precedes what it causes.
"""

import asyncio
import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tests.csms.frames import Frame, Payload, matches, utc_of
from tests.csms.independent import CallError, Csms
from tests.daemon import Api, Daemon

WAIT_S = 60.0
POLL_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A call that the station must send: its action and the members that must have these values."""

    action: str
    members: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    statuses: Collection[str] = ()

    def matches(self, frame: Frame) -> bool:
        """Whether the frame is it; with several `statuses` any of them will do."""
        if frame.action != self.action or not matches(frame.payload, self.members):
            return False
        return not self.statuses or frame.payload.get("status") in self.statuses

    def __str__(self) -> str:
        return f"{self.action} {dict(self.members)} {'|'.join(self.statuses)}".rstrip()


def call(action: str, **members: Any) -> Expected:
    """A call with these members (Python names; None means absent)."""
    return Expected(action=action, members=members)


def status(connector_id: int, *statuses: str, **members: Any) -> Expected:
    """A StatusNotification of a connector with one of the statuses."""
    return Expected(action="StatusNotification", members={"connector_id": connector_id, **members}, statuses=statuses)


class Rig:
    """A booted station under test. `expect…` take the station's calls one by one; `request` sends ours."""

    def __init__(self, daemon: Daemon, csms: Csms) -> None:
        self.daemon = daemon
        self.csms = csms
        self.connector_count = int(daemon.settings["station"]["connectors"])
        self.fixed_cable = bool(daemon.settings["board"].get("fixed_cable", False))
        self._seen = 0

    @property
    def api(self) -> Api:
        """The loopback service of the station."""
        return self.daemon.api

    # Expectations ---------------------------------------------------------------------------------------------

    async def expect(self, *expected: Expected) -> Frame:
        """The next calls of the station are these, in this order; returns the last one."""
        frame = None
        for one in expected:
            frame = await self._next(f"{one}")
            assert one.matches(frame), f"expected {one}, got {frame}\n{self.csms.tail()}"
        assert frame is not None, "nothing to expect"
        return frame

    async def expect_any_order(self, *expected: Expected) -> list[Frame]:
        """The next calls are these in any order; returned in the order of the arguments."""
        missing = dict(enumerate(expected))
        found: dict[int, Frame] = {}
        while missing:
            frame = await self._next(" | ".join(map(str, missing.values())))
            index = next((index for index, one in missing.items() if one.matches(frame)), None)
            assert index is not None, f"expected {' | '.join(map(str, missing.values()))}, got {frame}"
            found[index] = frame
            del missing[index]
        return [found[index] for index in range(len(expected))]

    async def expect_boot(self, **statuses_by_connector: Collection[str]) -> Frame:
        """BootNotification and the burst: a StatusNotification of the station and of each connector, in any order.

        Connectors are Available unless named otherwise: `c1=("Unavailable",)`. Returns the BootNotification.
        """
        boot = await self.expect(call("BootNotification"))
        await self.expect_burst(**statuses_by_connector)
        return boot

    async def expect_burst(self, **statuses_by_connector: Collection[str]) -> None:
        """A StatusNotification for connector 0 and each connector; Available unless named otherwise."""
        await self.expect_any_order(
            *(
                status(connector_id, *statuses_by_connector.get(f"c{connector_id}", ("Available",)))
                for connector_id in range(self.connector_count + 1)
            )
        )

    async def gather(self, enough: Callable[[list[Frame]], Any], what: str) -> list[Frame]:
        """Every call from here on, in order, until there are enough and the station has nothing more to send."""
        await self.csms.until(lambda: enough(self._calls()[self._seen :]), what)
        await self.settled()
        calls = self._calls()[self._seen :]
        self._seen += len(calls)
        return calls

    async def quiet(self) -> None:
        """The station has sent everything, and all of it was expected."""
        await self.settled()
        unexpected = self._calls()[self._seen :]
        assert not unexpected, "unexpected: " + "; ".join(map(str, unexpected))

    async def quiet_for(self, seconds: float) -> None:
        """Nothing comes while so many seconds of station time pass."""
        await self.quiet()
        await self.advance(seconds)
        await self.quiet()

    def _calls(self) -> list[Frame]:
        """The calls of the station, but for security events: they come when they happen, and no case forbids them."""
        return [frame for frame in self.csms.calls() if frame.action != "SecurityEventNotification"]

    async def _next(self, what: str) -> Frame:
        def next_call() -> Frame | None:
            calls = self._calls()
            return calls[self._seen] if len(calls) > self._seen else None

        frame = await self.csms.until(next_call, what, within_s=WAIT_S)
        assert isinstance(frame, Frame)
        self._seen += 1
        return frame

    async def settled(self) -> None:
        """Wait until nothing is in flight and, once registered, nothing is owed and every sent frame has arrived."""
        state = await self.until_state(_is_settled, "the outbox to empty")
        if state["registration"]["status"] == "Accepted" and self.csms.link is not None and state["link"]["up"]:
            await self.csms.request("DataTransfer", vendor_id="org.example.fence")

    async def until_state(self, condition: Callable[[Any], Any], what: str) -> Any:
        """Wait for the projections to fulfil a condition; returns them."""
        deadline_s = asyncio.get_running_loop().time() + WAIT_S
        while True:
            state = await self.api.state()
            if condition(state):
                return state
            assert asyncio.get_running_loop().time() < deadline_s, f"waited {WAIT_S} s for {what}: {state}"
            await asyncio.sleep(POLL_S)

    # Acting ---------------------------------------------------------------------------------------------------

    async def request(self, action: str, *, first: bool = True, **members: Any) -> Payload:
        """Send a request and return the payload of its answer, which precedes any call that it causes.

        `first=False` lets calls come before the answer. Raises CallError if the answer is one.
        """
        before = len(self._calls())
        assert before == self._seen or not first, f"unexpected before {action}: {self._calls()[self._seen]}"
        answer = await self.csms.request(action, **members)
        if first:
            self._assert_answered_first(action, before)
        return answer

    def _assert_answered_first(self, action: str, before: int) -> None:
        results = [one for one in self.csms.frames if one.kind == "result" and not one.outbound]
        answered = next(one for one in reversed(results) if one.action == action)
        early = [one for one in self._calls()[before:] if one.order < answered.order]
        assert not early, f"{early[0]} came before the answer to {action}"

    async def refused(self, action: str, **members: Any) -> str:
        """Send a request that must not be fulfilled: the answer's status, or the code of the CALLERROR."""
        try:
            return str((await self.request(action, **members))["status"])
        except CallError as error:
            return error.code

    async def transaction_id_of(self, start: Frame) -> int:
        """The transaction id that the CSMS gave in its answer to a StartTransaction."""
        answer = await self.csms.result_of(start.message_id, outbound=True)
        return int(answer.payload["transactionId"])

    async def advance(self, seconds: float) -> None:
        """Station time and the CSMS's calendar time go on by so much; what falls due in between happens in order."""
        await self.settled()
        self.csms.advance(seconds)
        await self.api.clock(advance_s=seconds)

    async def cut_network(self) -> None:
        """The TCP connection is reset and attempts fail."""
        await self.api.network(False)
        await self.csms.disconnected()

    async def restore_network(self) -> None:
        """The next attempt may succeed, at once."""
        links = len(self.csms.links)
        await self.api.network(True)
        await self.csms.connected(after=links)

    async def power_cycle(self) -> None:
        """Mains goes without warning and comes back."""
        await self.daemon.kill()
        await self.csms.disconnected()
        await self.daemon.start()

    async def unplug(self, connector_id: int = 1) -> None:
        """The driver takes the cable out of both ends, once the station has unlocked it."""
        await self.unlocked(connector_id)
        await self.api.unplug(connector_id)

    async def unlocked(self, connector_id: int = 1) -> None:
        """Wait until the cable can be taken."""
        if not self.fixed_cable:
            await self.until_state(
                lambda state: not _connector(state, connector_id)["locked"], f"connector {connector_id} to unlock"
            )

    def registration(self, answer: str, interval_s: int) -> Callable[[Payload], Payload]:
        """A BootNotification answer for the script."""
        return lambda _: {"status": answer, "interval": interval_s, "currentTime": self.csms.current_time()}


def seconds_between(earlier: Frame, later: Frame) -> float:
    """Calendar time of the CSMS from one arrival to the other."""
    return (later.utc_ms - earlier.utc_ms) / 1000


def event_seconds_between(earlier: str, later: str) -> float:
    """Seconds from one instant of a payload to another."""
    return (utc_of(later) - utc_of(earlier)).total_seconds()


def gaps_s(instants: list[str]) -> list[float]:
    """Seconds from each instant of a payload to the next."""
    return [event_seconds_between(earlier, later) for earlier, later in itertools.pairwise(instants)]


def _is_settled(state: Any) -> bool:
    outbox = state["outbox"]
    if outbox["in_flight"] is not None:
        return False
    expects_delivery = state["link"]["up"] and state["registration"]["status"] == "Accepted"
    return not expects_delivery or outbox["pending"] == 0


def _connector(state: Any, connector_id: int) -> Any:
    return next(one for one in state["connectors"] if one["connector_id"] == connector_id)
