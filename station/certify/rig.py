"""The laboratory's rig: one station, one CSMS, hands; and expectations as strict as the laboratory's.

Every CALL of the station must be expected, in the listed order; where two may swap, the case says so with `expect_any_order`;
nothing else may come. An answer precedes what it causes. Security events come when they happen, and no case forbids them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from eventstore.value import Value, field
from station.certify.failing import CaseFailed, equal
from station.certify.payloads import instant_of, matches
from station.certify.pki import Pki
from station.certify.ports import (
    CallRefused,
    CsmsPort,
    HandsPort,
    Payload,
    SeenFrame,
    ServeFiles,
    StationProcess,
    StationReading,
)
from station.certify.results import RESPONSE_TIMES
from station.certify.seen_state import connector_of, is_settled, outline
from station.demo.bench_service import DemoError

WAIT_S = 60.0
POLL_S = 0.01
ACCEPTED = {"status": "Accepted"}


class Expected(Value, frozen=True, kw_only=True):
    """A CALL that the station must send: its action, members with their values, and its `status` where several will do."""

    action: str
    members: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    statuses: tuple[str, ...] = ()

    def matches(self, frame: SeenFrame) -> bool:
        """Whether the frame is it."""
        if frame.action != self.action or not matches(frame.payload, self.members):
            return False
        return not self.statuses or frame.payload.get("status") in self.statuses

    def __str__(self) -> str:
        shown = ", ".join(f"{name} {value!r}" for name, value in self.members.items())
        return " ".join(part for part in (self.action, f"({shown})" if shown else "", "|".join(self.statuses)) if part)


def call(action: str, **members: Any) -> Expected:
    """A CALL with these members (Python names; None means absent)."""
    return Expected(action=action, members=members)


def status(connector_id: int, *statuses: str, **members: Any) -> Expected:
    """A StatusNotification of a connector with one of the statuses."""
    return Expected(action="StatusNotification", members={"connector_id": connector_id, **members}, statuses=statuses)


class Tags(Value, frozen=True, kw_only=True):
    """The id tags of the run. Which of them is valid, and whose group it is, is the CSMS's to say."""

    valid: str = "DEADBEEF"
    second: str = "CAFE0002"
    third: str = "CAFE0003"
    invalid: str = "BADBAD00"


class Build(Value, frozen=True, kw_only=True):
    """The station as far as cases look at it.

    `pace` stretches the times of the cases, and with them what a slow machine may take: 1 where time is real, more where it costs
    nothing. `away_s`: how long an outage lasts.
    """

    connectors: int
    fixed_cable: bool
    identity: str
    model: str
    serial: str
    ocpp_profiles: tuple[str, ...]
    phases: int = 3
    voltage_v: int = 230
    pace: int = 10
    away_s: float = 600


class Rig:
    """A station under test. `expect…` take the station's CALLs one by one; `request` sends ours; `hands` do the rest."""

    def __init__(
        self,
        *,
        build: Build,
        csms: CsmsPort,
        hands: HandsPort,
        process: StationProcess,
        reading: StationReading,
        serve_files: ServeFiles,
        make_pki: Callable[[], Pki],
        tags: Tags | None = None,
    ) -> None:
        self.build = build
        self.csms = csms
        self.hands = hands
        self.process = process
        self.reading = reading
        self.serve_files = serve_files
        self.tags = tags or Tags()
        self.times: dict[str, list[float]] = {kind: [] for kind in RESPONSE_TIMES}
        self._make_pki = make_pki
        self._pki: Pki | None = None
        self._seen = 0

    @property
    def pki(self) -> Pki:
        """The certificates of the run."""
        if self._pki is None:
            self._pki = self._make_pki()
        return self._pki

    @property
    def connector_ids(self) -> range:
        """The connectors, without the station itself."""
        return range(1, self.build.connectors + 1)

    # Expectations -------------------------------------------------------------------------------------------------

    async def expect(self, *expected: Expected) -> SeenFrame:
        """The next CALLs of the station are these, in this order; returns the last one."""
        frame = None
        for one in expected:
            frame = await self._next(f"{one}")
            if not one.matches(frame):
                raise CaseFailed(f"{one}", shown(frame))
        assert frame is not None, "nothing to expect"
        return frame

    async def expect_any_order(self, *expected: Expected) -> list[SeenFrame]:
        """The next CALLs are these in any order; returned in the order of the arguments."""
        missing = dict(enumerate(expected))
        found: dict[int, SeenFrame] = {}
        while missing:
            what = ", or ".join(map(str, missing.values()))
            frame = await self._next(what)
            index = next((index for index, one in missing.items() if one.matches(frame)), None)
            if index is None:
                raise CaseFailed(what, shown(frame))
            found[index] = frame
            del missing[index]
        return [found[index] for index in range(len(expected))]

    async def expect_boot(self, **statuses_by_connector: Collection[str]) -> SeenFrame:
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
                status(number, *statuses_by_connector.get(f"c{number}", ("Available",)))
                for number in (0, *self.connector_ids)
            )
        )

    async def gather(self, enough: Callable[[list[SeenFrame]], Any], what: str) -> list[SeenFrame]:
        """Every CALL from here on, in order, until there are enough and the station has nothing more to send."""
        await self._until(lambda: enough(self._calls()[self._seen :]), what)
        await self.settled()
        calls = self._calls()[self._seen :]
        self._seen += len(calls)
        return calls

    async def quiet(self) -> None:
        """The station has sent everything, and all of it was expected."""
        await self.settled()
        self._refuse_unexpected("nothing")

    async def quiet_for(self, seconds: float) -> None:
        """Nothing comes while so many seconds of station time pass."""
        await self.quiet()
        await self.advance(seconds)
        await self.settled()
        self._refuse_unexpected(f"nothing for {seconds:g} s")

    def _refuse_unexpected(self, what: str) -> None:
        unexpected = self._calls()[self._seen :]
        if unexpected:
            raise CaseFailed(what, "; ".join(map(shown, unexpected)))

    def pass_over(self) -> None:
        """Whatever came so far needs no expectation: the start state has been reached."""
        self._seen = len(self._calls())

    def calls(self, action: str = "") -> list[SeenFrame]:
        """Every CALL of the station so far, or those of an action."""
        return [
            frame
            for frame in self.csms.frames
            if frame.kind == "call" and not frame.outbound and action in ("", frame.action)
        ]

    def _calls(self) -> list[SeenFrame]:
        return [frame for frame in self.calls() if frame.action != "SecurityEventNotification"]

    async def _next(self, what: str) -> SeenFrame:
        def next_call() -> SeenFrame | None:
            calls = self._calls()
            return calls[self._seen] if len(calls) > self._seen else None

        frame: SeenFrame = await self._until(next_call, what)
        self._seen += 1
        return frame

    async def _until(self, condition: Callable[[], Any], what: str) -> Any:
        try:
            return await self.csms.until(condition, what)
        except CaseFailed:
            raise
        except AssertionError as error:  # the CSMS of the tests says it so
            raise CaseFailed(what, f"nothing of it within {WAIT_S:g} s") from error

    # Reading ------------------------------------------------------------------------------------------------------

    async def state(self) -> Any:
        """The station's state."""
        return await self.reading.state()

    async def connector(self, connector_id: int) -> Any:
        """One connector's part of it."""
        return connector_of(await self.state(), connector_id)

    async def settled(self) -> None:
        """Waits until nothing is in flight and, once registered, nothing is queued and every sent frame has arrived."""
        state = await self.until_state(is_settled, "the outbox to empty")
        if state["registration"]["status"] == "Accepted" and self.csms.is_linked and state["link"]["up"]:
            await self.csms.request("DataTransfer", vendor_id="org.example.fence")

    async def until_state(self, condition: Callable[[Any], Any], what: str) -> Any:
        """Waits for the station's state to fulfil a condition; returns it."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + WAIT_S
        seen = "the station did not answer"
        while loop.time() <= deadline_s:
            with contextlib.suppress(DemoError):  # it may be booting
                state = await self.reading.state()
                if condition(state):
                    return state
                seen = f"the state is {outline(state)}"
            await asyncio.sleep(POLL_S)
        raise CaseFailed(what, f"not within {WAIT_S:g} s; {seen}")

    async def transaction_id_of(self, start: SeenFrame) -> int:
        """The transaction id that the CSMS gave in its answer to a StartTransaction."""

        def answer() -> SeenFrame | None:
            for frame in reversed(self.csms.frames):
                if frame.message_id == start.message_id and frame.outbound and frame.kind == "result":
                    return frame
            return None

        frame: SeenFrame = await self._until(answer, "an answer to StartTransaction")
        return int(frame.payload["transactionId"])

    # Acting -------------------------------------------------------------------------------------------------------

    async def request(self, action: str, *, first: bool = True, **members: Any) -> Payload:
        """Sends a CALL and returns the payload of its answer, which precedes any CALL that it causes.

        `first=False` lets CALLs come before the answer. Raises CallRefused if the answer is a CALLERROR.
        """
        before = len(self._calls())
        if first and before != self._seen:
            raise CaseFailed(f"nothing before {action}", shown(self._calls()[self._seen]))
        answer = await self.csms.request(action, **members)
        asked, answered = self._exchange(action)
        self.measured("response", asked, answered)
        if first:
            early = [one for one in self._calls()[before:] if one.order < answered.order]
            if early:
                raise CaseFailed(f"the answer to {action} before anything that it causes", shown(early[0]))
        return answer

    def _exchange(self, action: str) -> tuple[SeenFrame, SeenFrame]:
        """The last CALL of this action that was answered, and its answer."""
        results = (one for one in reversed(self.csms.frames) if one.kind == "result" and not one.outbound)
        answered = next(one for one in results if one.action == action)
        calls = (one for one in self.csms.frames if one.kind == "call" and one.outbound)
        return next(one for one in calls if one.message_id == answered.message_id), answered

    def last_request(self, action: str) -> SeenFrame:
        """The last CALL of ours of this action that was answered."""
        return self._exchange(action)[0]

    def measured(self, kind: str, earlier: SeenFrame, later: SeenFrame) -> None:
        """Notes a response time, from one frame to another."""
        self.times[kind].append(round(later.at_s - earlier.at_s, 4))

    async def answers(self, wanted: Payload | str, action: str, *, first: bool = True, **members: Any) -> None:
        """Sends a CALL whose answer must be this payload, or have this status and nothing else."""
        payload = {"status": wanted} if isinstance(wanted, str) else wanted
        try:
            answer = await self.request(action, first=first, **members)
        except CallRefused as refusal:
            raise CaseFailed(f"{action} answered with {payload}", f"CALLERROR {refusal}") from refusal
        equal(f"the answer to {action}", answer, payload)

    async def accepted(self, action: str, *, first: bool = True, **members: Any) -> None:
        """Sends a CALL that must be Accepted."""
        await self.answers("Accepted", action, first=first, **members)

    async def refused(self, action: str, **members: Any) -> str:
        """Sends a CALL that must not be fulfilled: the answer's status, or the code of the CALLERROR."""
        try:
            return str((await self.request(action, **members))["status"])
        except CallRefused as error:
            return error.code

    async def advance(self, seconds: float) -> None:
        """Station time and the CSMS's calendar go on by so much; what falls due in between happens in order."""
        await self.settled()
        await self.hands.wait(seconds)

    async def cut_network(self) -> None:
        """The connection is reset and attempts fail."""
        await self.hands.network(False)
        await self.until_linked(False)

    async def restore_network(self) -> None:
        """The next attempt may succeed."""
        links = self.csms.link_count
        await self.hands.network(True)
        await self.connected(after=links)

    async def connected(self, *, after: int) -> None:
        """Waits for an open connection after the n-th."""
        await self._until(lambda: self.csms.is_linked and self.csms.link_count > after, "the station to connect")

    async def until_linked(self, linked: bool) -> None:
        """Waits until the station is connected, or not."""
        await self._until(
            lambda: self.csms.is_linked is linked, "the station to connect" if linked else "the connection to close"
        )

    async def unplug(self, connector_id: int = 1) -> None:
        """The driver takes the cable out of both ends, once the station has unlocked it."""
        await self.unlocked(connector_id)
        await self.hands.unplug(connector_id)

    async def unlocked(self, connector_id: int = 1) -> None:
        """Waits until the cable can be taken."""
        if not self.build.fixed_cable:
            await self.until_state(
                lambda state: not connector_of(state, connector_id)["locked"], f"connector {connector_id} to unlock"
            )

    def registration(self, answer: str, interval_s: int) -> Callable[[Payload], Payload]:
        """A BootNotification answer for the script."""
        return lambda _: {"status": answer, "interval": interval_s, "currentTime": instant_of(self.csms.utc())}

    async def until_reported(self, event: str) -> SeenFrame:
        """Waits for a security event of this type; returns the first."""

        def reported() -> SeenFrame | None:
            found = (frame for frame in self.calls("SecurityEventNotification") if frame.payload["type"] == event)
            return next(found, None)

        frame: SeenFrame = await self._until(reported, f"SecurityEventNotification {event}")
        return frame

    def security_events(self) -> list[str]:
        """The types of the security events that were sent, in order."""
        return [str(frame.payload["type"]) for frame in self.calls("SecurityEventNotification")]


def shown(frame: SeenFrame) -> str:
    """A frame in a line."""
    what = frame.error_code if frame.kind == "error" else ", ".join(f"{k} {v!r}" for k, v in frame.payload.items())
    return f"{frame.action} ({what})"[:400]
