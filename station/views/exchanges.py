"""The OCPP-J exchange: every CALL in either direction with its answer, how long that took, and which attempt it was.

An exchange is over when it is answered, timed out, or cut off by the end of its connection. At most one CALL of ours is open at a
time (OCPP-J 4.1.1), and only a few of the CSMS's, so a log of any length passes through in constant memory.
"""

from collections.abc import Iterator
from typing import Any, Protocol

from eventstore.catalogue.lifecycle import StationBooted, StationStopped
from eventstore.catalogue.link import (
    CallAnswered,
    CallDispatched,
    CallSettled,
    CallTimedOut,
    FrameCondensed,
    FrameIgnored,
    FrameReceived,
    FrameRefused,
    LinkClosed,
    LinkOpened,
)
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from station.core.sending import frame_of
from station.telling.masking import without_credentials
from station.wire.frames import array_of, plain_text

KINDS: tuple[type[Event], ...] = (
    *(
        CallDispatched,
        FrameReceived,
        FrameCondensed,
        CallSettled,
        CallTimedOut,
        CallAnswered,
        FrameIgnored,
        FrameRefused,
    ),
    *(LinkOpened, LinkClosed, StationBooted, StationStopped),
)
_BRIEF_MAX = 110
_REMEMBERED_MAX = 4096


class Exchange(Value, frozen=True, kw_only=True):
    """One CALL and what came of it.

    `outcome` is "result", "error", "timeout" (no answer in MessageTimeout), "lost" (the connection ended first), "ignored" (no
    answer was due), "open" (the log ends first). `request` and `answer` are the frames as text. A mark of the link itself
    ("opened", "closed", "refused") has neither. An answer that came after MessageTimeout is an exchange of its own with the
    CALL that it answers, `late`; `given_up`: the message is not sent again after this answer.
    """

    seq: int
    utc_ms: int
    certain: bool
    ours: bool
    connection: int
    message_id: str
    action: str
    transaction: int | None
    owed_seq: int | None
    attempt: int
    request: str
    outcome: str = "open"
    error: str = ""
    answer: str = ""
    answer_seq: int | None = None
    answer_utc_ms: int | None = None
    latency_ms: int | None = None
    deviations: tuple[str, ...] = ()
    late: bool = False
    given_up: bool = False


class Moments(Protocol):
    """When events happened."""

    def utc_ms(self, recorded: Recorded) -> int:
        """The UTC of an event."""
        ...

    def is_certain(self, seq: int) -> bool:
        """Whether anybody ever confirmed it."""
        ...


class Talk:
    """What is open at one moment of the exchange."""

    def __init__(self, calendar: Moments) -> None:
        self._calendar = calendar
        self._open: dict[tuple[bool, str], tuple[Exchange, int]] = {}
        self._attempts: dict[int, int] = {}
        self._overdue: dict[str, tuple[Exchange, int]] = {}  # timed out; the CSMS may answer yet
        self._waiting: tuple[str, bool] | None = None
        self._received: Recorded | None = None

    def take(self, recorded: Recorded) -> Iterator[Exchange]:
        """The exchanges that this event ends, and marks of the link."""
        event = recorded.event
        match event:
            case CallDispatched():
                self._dispatched(recorded, event)
            case FrameReceived():
                yield from self._frame(recorded, event)
            case FrameCondensed():
                yield self._condensed(recorded, event)
            case CallSettled():
                yield from self._settled(event)
            case CallTimedOut():
                if (known := self._open.get((True, event.message_id))) is not None:
                    _remember(self._overdue, event.message_id, known)
                yield from self._end((True, event.message_id), recorded, outcome="timeout")
            case CallAnswered():
                yield from self._answered(recorded, event)
            case FrameIgnored():
                yield from self._ignored(recorded, event)
            case LinkOpened(connection=connection):
                yield self._mark(recorded, connection, "opened", "")
            case FrameRefused(connection=connection, reason=reason):
                yield self._mark(recorded, connection, "refused", reason)
            case LinkClosed(connection=connection, reason=reason):
                yield from self._cut(recorded)
                yield self._mark(recorded, connection, "closed", reason)
            case _:
                yield from self._cut(recorded)

    def rest(self) -> Iterator[Exchange]:
        """What is still open."""
        yield from (exchange for exchange, _ in self._open.values())

    def _dispatched(self, recorded: Recorded, event: CallDispatched) -> None:
        attempt = self._attempts.pop(event.owed_seq, 0) + 1
        _remember(self._attempts, event.owed_seq, attempt)
        exchange = replace(
            self._mark(recorded, event.connection, "open", ""),
            message_id=event.message_id,
            action=event.action,
            transaction=event.number,
            owed_seq=event.owed_seq,
            attempt=attempt,
            request=frame_of(event),
        )
        self._open[True, event.message_id] = (exchange, recorded.at_ms)

    def _frame(self, recorded: Recorded, event: FrameReceived) -> Iterator[Exchange]:
        frame = array_of(event.text)
        self._received = recorded
        if frame is None:
            mark = self._mark(recorded, event.connection, "ignored", "unreadable")
            yield replace(mark, ours=False, request=event.text)
            return
        message_id = str(frame[1])
        if frame[0] == 2:
            exchange = replace(
                self._mark(recorded, event.connection, "open", ""),
                ours=False,
                message_id=message_id,
                action=str(frame[2]) if len(frame) > 2 else "",
                request=event.text,
                attempt=1,
            )
            self._open[False, message_id] = (exchange, recorded.at_ms)
            return
        outcome, error = ("result", "") if frame[0] == 3 else ("error", str(frame[2]) if len(frame) > 2 else "")
        if (True, message_id) not in self._open and (known := self._overdue.pop(message_id, None)) is not None:
            self._open[True, message_id] = known
        if (True, message_id) not in self._open:
            mark = self._mark(recorded, event.connection, "ignored", "an answer to no open call")
            yield replace(mark, message_id=message_id, answer=event.text)
            return
        exchange, since_ms = self._open[True, message_id]
        answered = self._over(exchange, since_ms, recorded, outcome=outcome, error=error, answer=event.text)
        self._open[True, message_id] = (answered, since_ms)  # reported once it is settled, which is in the same batch

    def _condensed(self, recorded: Recorded, event: FrameCondensed) -> Exchange:
        """A frame of a flood, of which the log has the head only; the answer that it gets says no more."""
        outcome = "error" if event.error_code else "ignored"
        mark = self._mark(recorded, event.connection, outcome, event.error_code or event.description)
        request = f"{event.head}… ({event.length} characters)"
        return replace(mark, ours=False, message_id=event.message_id, request=request)

    def _settled(self, event: CallSettled) -> Iterator[Exchange]:
        found = self._open.pop((True, event.message_id), None)
        if found is not None:
            given_up = event.outcome == "given_up"
            yield replace(found[0], deviations=event.deviations, late=event.late, given_up=given_up)

    def _answered(self, recorded: Recorded, event: CallAnswered) -> Iterator[Exchange]:
        outcome = "error" if event.error_code else "result"
        yield from self._end(
            (False, event.message_id),
            recorded,
            outcome=outcome,
            error=event.error_code,
            answer=frame_of(event),
            deviations=event.deviations,
        )

    def _ignored(self, recorded: Recorded, event: FrameIgnored) -> Iterator[Exchange]:
        """A CALL that is not answered, a late answer that changes nothing, or one to no call, which is reported already."""
        frame = None
        if self._received is not None and self._received.seq == recorded.cause:
            assert isinstance(self._received.event, FrameReceived)
            frame = array_of(self._received.event.text)
        if frame is not None and frame[0] == 2:
            yield from self._end((False, str(frame[1])), recorded, outcome="ignored", error=event.reason)
        elif frame is not None and (known := self._open.pop((True, str(frame[1])), None)) is not None:
            yield replace(known[0], late=True)

    def _end(self, key: tuple[bool, str], recorded: Recorded, **facts: Any) -> Iterator[Exchange]:
        found = self._open.pop(key, None)
        if found is not None:
            yield self._over(found[0], found[1], recorded, **facts)

    def _over(self, exchange: Exchange, since_ms: int, recorded: Recorded, **facts: Any) -> Exchange:
        return replace(
            exchange,
            answer_seq=recorded.seq,
            answer_utc_ms=self._calendar.utc_ms(recorded),
            latency_ms=recorded.at_ms - since_ms,
            **facts,
        )

    def _cut(self, recorded: Recorded) -> Iterator[Exchange]:
        for key in list(self._open):
            yield from self._end(key, recorded, outcome="lost")

    def _mark(self, recorded: Recorded, connection: int, outcome: str, error: str) -> Exchange:
        return Exchange(
            seq=recorded.seq,
            utc_ms=self._calendar.utc_ms(recorded),
            certain=self._calendar.is_certain(recorded.seq),
            ours=True,
            connection=connection,
            message_id="",
            action="",
            transaction=None,
            owed_seq=None,
            attempt=0,
            request="",
            outcome=outcome,
            error=error,
        )


def _remember(known: dict[Any, Any], key: Any, value: Any) -> None:
    """Of what a peer may make endless only the latest."""
    if len(known) > _REMEMBERED_MAX:
        known.pop(next(iter(known)))
    known[key] = value


def brief(text: str, length_max: int = _BRIEF_MAX) -> str:
    """What a frame's payload says, in one short line; without the passwords that logs of version 0.1.0 hold."""
    text = without_credentials(text)
    frame = array_of(text)
    if frame is None:
        return text[:length_max]
    payload = frame[-1] if frame[0] != 4 else (frame[3] if len(frame) > 3 else "")
    said = _flat(payload)
    return said if len(said) <= length_max else f"{said[: length_max - 1]}…"


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_inner(content)}" for name, content in value.items())
    return _inner(value) if value else ""


def _inner(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float | bool) else plain_text(value)
