"""The record of a CSMS: every frame of both directions in one order, and waiting for what shall appear in it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from tests.csms.frames import Frame, Payload, instant_of, matches, parse, violations

WAIT_S = 60.0


class Numbered(Protocol):
    """A connection of the station, counted from 1 in the order of opening."""

    number: int


LinkT = TypeVar("LinkT", bound=Numbered)


class Record(Generic[LinkT]):
    """Frames in the order of their arrival and departure; the CSMS's clock; the deviations from the schemas.

    `advance_s` moves the calendar time that the CSMS tells and stamps, so that it can follow a station whose clock
    was moved.
    """

    def __init__(self) -> None:
        self.link: LinkT | None = None
        self.links: list[LinkT] = []
        self.frames: list[Frame] = []
        self.deviations: list[str] = []
        self._taken: set[int] = set()
        self._open: dict[tuple[bool, str], str] = {}
        self._news = asyncio.Event()
        self._offset = timedelta()

    # The clock ------------------------------------------------------------------------------------------------

    def utc(self) -> datetime:
        """The calendar time of this CSMS."""
        return datetime.now(UTC) + self._offset

    def current_time(self) -> str:
        """The calendar time as `currentTime` carries it."""
        return instant_of(self.utc())

    def advance(self, seconds: float) -> None:
        """Move the calendar time of this CSMS."""
        self._offset += timedelta(seconds=seconds)

    # Links ----------------------------------------------------------------------------------------------------

    def opened(self, link: LinkT) -> None:
        """A link is open; it is the one that counts from now on."""
        self.link = link
        self.links.append(link)
        self.notify()

    def closed(self, link: LinkT) -> None:
        """A link is gone."""
        if self.link is link:
            self.link = None
        self.notify()

    async def connected(self, *, after: int = 0, within_s: float = WAIT_S) -> LinkT:
        """Wait for an open link whose number is greater than `after`."""

        def newer() -> LinkT | None:
            return self.link if self.link is not None and self.link.number > after else None

        await self.until(newer, f"a link after #{after}", within_s=within_s)
        link = newer()
        assert link is not None
        return link

    async def disconnected(self, *, within_s: float = WAIT_S) -> None:
        """Wait until no link is open."""
        await self.until(lambda: self.link is None, "the link to close", within_s=within_s)

    def faultless_answer(self, action: str, *, heartbeat_interval_s: int, transaction_ids: Iterator[int]) -> Payload:
        """What a CSMS that accepts everything answers; a StartTransaction takes the next id."""
        match action:
            case "BootNotification":
                return {"status": "Accepted", "interval": heartbeat_interval_s, "currentTime": self.current_time()}
            case "Heartbeat":
                return {"currentTime": self.current_time()}
            case "Authorize" | "StopTransaction":
                return {"idTagInfo": {"status": "Accepted"}}
            case "StartTransaction":
                return {"transactionId": next(transaction_ids), "idTagInfo": {"status": "Accepted"}}
            case "DataTransfer" | "SignCertificate":
                return {"status": "Accepted"}
        return {}

    # Recording ------------------------------------------------------------------------------------------------

    def add(self, text: str, *, connection: int, outbound: bool, hold_to_schema: bool = True) -> Frame:
        """Record one frame and hold its payload to the schema; returns it."""
        parts = parse(text)
        action = parts.action
        if parts.kind == "call":
            self._open[outbound, parts.message_id] = action
        elif parts.kind in {"result", "error"}:
            action = self._open.get((not outbound, parts.message_id), "")
        frame = Frame(
            order=len(self.frames),
            at_s=time.monotonic(),
            utc_ms=int(self.utc().timestamp() * 1000),
            connection=connection,
            outbound=outbound,
            kind=parts.kind,
            message_id=parts.message_id,
            action=action,
            payload=parts.payload,
            text=text,
            error_code=parts.error_code,
        )
        if hold_to_schema:
            self.deviations.extend(_deviations_of(frame))
        self.frames.append(frame)
        self.notify()
        return frame

    def notify(self) -> None:
        """Wake whoever waits for a condition."""
        self._news.set()
        self._news = asyncio.Event()

    def calls(self, action: str = "", **members: Any) -> list[Frame]:
        """The calls from the station, in order, of that action and with these members."""
        return [
            frame
            for frame in self.frames
            if frame.kind == "call"
            and not frame.outbound
            and action in {"", frame.action}
            and matches(frame.payload, members)
        ]

    # Waiting --------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], Any], what: str, *, within_s: float = WAIT_S) -> Any:
        """Wait for a condition on the record to hold and return its value; AssertionError names what never came."""
        try:
            async with asyncio.timeout(within_s):
                while not (value := condition()):
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"waited {within_s} s for {what}\n{self.tail()}") from None
        return value

    async def expect(
        self,
        action: str,
        *,
        where: Callable[[Payload], bool] = lambda _: True,
        within_s: float = WAIT_S,
        **members: Any,
    ) -> Frame:
        """Wait for a call from the station that no earlier expectation has taken, and take it.

        Members go by their Python or standard names (`connector_id=1`); `where` looks at the whole payload. What
        comes in between is passed over. Raises AssertionError with the last frames when nothing comes in time.
        """

        def first() -> Frame | None:
            for frame in self.calls(action, **members):
                if frame.order not in self._taken and where(frame.payload):
                    return frame
            return None

        frame = await self.until(first, f"{action} {members}", within_s=within_s)
        assert isinstance(frame, Frame)
        self._taken.add(frame.order)
        return frame

    async def result_of(self, message_id: str, *, outbound: bool, within_s: float = WAIT_S) -> Frame:
        """Wait for the answer to a message id, leaving (outbound) or arriving."""

        def answer() -> Frame | None:
            for frame in reversed(self.frames):
                if frame.message_id == message_id and frame.outbound is outbound and frame.kind in {"result", "error"}:
                    return frame
            return None

        frame = await self.until(answer, f"an answer to {message_id}", within_s=within_s)
        assert isinstance(frame, Frame)
        return frame

    def take_all(self) -> None:
        """Consider everything so far as seen by an expectation."""
        self._taken.update(frame.order for frame in self.calls())

    def tail(self, count: int = 25) -> str:
        """The last frames, for the text of a failure."""
        return "\n".join(str(frame)[:400] for frame in self.frames[-count:]) or "(no frame at all)"

    def assert_conforming(self) -> None:
        """Raise AssertionError if any payload of either direction deviated from its published schema."""
        assert not self.deviations, "\n".join(self.deviations)


def _deviations_of(frame: Frame) -> list[str]:
    """What is wrong with a frame: not a frame at all, an answer to nothing, or a payload against its schema."""
    sender = "CSMS" if frame.outbound else "station"
    if frame.kind == "other":
        return [f"{sender}: no frame of OCPP-J: {frame.text[:200]!r}"]
    if len(frame.message_id) > 36:
        return [f"{sender}: message id longer than 36 characters: {frame.message_id}"]
    if frame.kind == "error":
        return []
    if not frame.action:
        return [f"{sender}: answer to no call: {frame.text[:200]}"]
    return [f"{sender}: {text}" for text in violations(frame.action, frame.kind, frame.payload)]
