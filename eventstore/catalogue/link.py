"""The link to the CSMS: connections, frames, and the fate of every call in both directions (OCPP-J)."""

from typing import Any, ClassVar

from eventstore.event import UNSET, Decision, Observation, Recorded, Unlogged


class LinkOpened(Observation, frozen=True, kw_only=True):
    """The WebSocket opened with subprotocol ocpp1.6; connections are numbered through the life of the log."""

    NAME: ClassVar[str] = "LinkOpened"

    connection: int


class LinkClosed(Observation, frozen=True, kw_only=True):
    """The connection is gone; `entropy` (0..999) spreads the reconnection."""

    NAME: ClassVar[str] = "LinkClosed"

    connection: int
    reason: str
    entropy: int


class ConnectFailed(Observation, frozen=True, kw_only=True):
    """An attempt to connect failed; `entropy` (0..999) spreads the next one.

    `retry_after_s` is how long the CSMS asked to be left alone, 0 if it did not (since version 2).
    """

    NAME: ClassVar[str] = "ConnectFailed"
    VERSION: ClassVar[int] = 2

    reason: str
    entropy: int
    retry_after_s: int = 0


class NetworkRestored(Observation, frozen=True, kw_only=True):
    """The board says that there is a network again: the next attempt runs at once."""

    NAME: ClassVar[str] = "NetworkRestored"


class FrameReceived(Observation, frozen=True, kw_only=True):
    """A text frame as it came, but for secrets, which the link replaced by their fingerprints.

    `ahead` is the message id of the prepared CALL that left when this frame arrived, "" if none did. `read` is what a
    large frame was read as beforehand, in a worker thread; it follows from the text.
    """

    NAME: ClassVar[str] = "FrameReceived"
    UNLOGGED: ClassVar[tuple[str, ...]] = ("read",)

    connection: int
    text: str
    ahead: str = ""
    read: Unlogged[Any] = UNSET


class FrameCondensed(Observation, frozen=True, kw_only=True):
    """A frame of a flood that changes nothing: its SHA-256 (`digest`, of the text as it would be logged), its length and
    its head (what stands before the payload).

    `message_id` and `error_code` are those of the CALLERROR that it deserves; "" if it is ignored. `description` says why.
    """

    NAME: ClassVar[str] = "FrameCondensed"

    connection: int
    digest: str
    length: int
    head: str
    message_id: str
    error_code: str
    description: str


class FloodFound(Observation, frozen=True, kw_only=True):
    """The CSMS has sent more than the station takes for `lasted_ms` without a pause, in `frames` frames."""

    NAME: ClassVar[str] = "FloodFound"

    connection: int
    frames: int
    lasted_ms: int


class FrameRefused(Observation, frozen=True, kw_only=True):
    """A frame that could not be read at all (too large, not UTF-8, binary); its bytes are not kept."""

    NAME: ClassVar[str] = "FrameRefused"

    connection: int
    reason: str


class CallDispatched(Decision, frozen=True, kw_only=True):
    """A CALL of ours leaves on the connection: these payload bytes, under this message id.

    `owed_seq` is the event that it delivers, `lane` where it waited, `number` the transaction it belongs to.
    `latest_utc_ms` is the latest time in the payload: later messages of the transaction never go before it. A retry
    repeats the payload bytes.
    """

    NAME: ClassVar[str] = "CallDispatched"

    connection: int
    message_id: str
    action: str
    lane: str
    owed_seq: int
    payload: str
    number: int | None = None
    latest_utc_ms: int | None = None


class CallPrepared(Decision, frozen=True, kw_only=True):
    """The CALL after the one in flight, recorded ahead: its bytes may leave as soon as the answer to that has arrived.

    Members as in CallDispatched, which follows when it is known to have left.
    """

    NAME: ClassVar[str] = "CallPrepared"

    connection: int
    message_id: str
    action: str
    lane: str
    owed_seq: int
    payload: str
    number: int | None = None
    latest_utc_ms: int | None = None


class CallVoided(Decision, frozen=True, kw_only=True):
    """A CALL that was recorded ahead does not leave after all: something else goes first, or nothing may."""

    NAME: ClassVar[str] = "CallVoided"

    message_id: str
    owed_seq: int


class CallSettled(Decision, frozen=True, kw_only=True):
    """The fate of a call of ours: `outcome` is "result", "malformed", "error", "given_up" or "void".

    "error" with attempts left keeps the entry (it is dispatched again after `retry_ms`); every other outcome ends it.
    `late` marks an answer to an earlier transmission.
    """

    NAME: ClassVar[str] = "CallSettled"

    message_id: str
    action: str
    lane: str
    owed_seq: int
    outcome: str
    error_code: str = ""
    description: str = ""
    deviations: tuple[str, ...] = ()
    late: bool = False
    ends_entry: bool = True
    retry_due_ms: int | None = None
    number: int | None = None


class CallShed(Decision, frozen=True, kw_only=True):
    """A call that waits to be sent is dropped: `waiting` of its kind wait, one more than are kept, and it is the oldest."""

    NAME: ClassVar[str] = "CallShed"

    action: str
    lane: str
    owed_seq: int
    waiting: int


class CallTimedOut(Decision, frozen=True, kw_only=True):
    """A call of ours got no answer within MessageTimeout; `retry_due_ms` when it may go again."""

    NAME: ClassVar[str] = "CallTimedOut"

    message_id: str
    action: str
    lane: str
    owed_seq: int
    ends_entry: bool
    retry_due_ms: int | None = None


class CallAnswered(Decision, frozen=True, kw_only=True):
    """Our answer to a CALL of the CSMS: a CALLRESULT with `payload`, or a CALLERROR with `error_code`.

    `deviations` is what stood in the CALL against the standard and was tolerated, each with what it was taken as.
    """

    NAME: ClassVar[str] = "CallAnswered"
    VERSION: ClassVar[int] = 2

    connection: int
    message_id: str
    action: str
    payload: str
    error_code: str = ""
    description: str = ""
    deviations: tuple[str, ...] = ()


class CallDeferred(Decision, frozen=True, kw_only=True):
    """A CALL of the CSMS is answered later, at the latest at `due_ms`; `connector_id` is what the answer waits for."""

    NAME: ClassVar[str] = "CallDeferred"

    connection: int
    message_id: str
    action: str
    connector_id: int
    due_ms: int


class FrameIgnored(Decision, frozen=True, kw_only=True):
    """A frame that changes nothing: an answer nobody waits for, an unknown message type, a CALL while Rejected."""

    NAME: ClassVar[str] = "FrameIgnored"

    reason: str


class LinkCloseDecided(Decision, frozen=True, kw_only=True):
    """The link must be closed (and opened again): why."""

    NAME: ClassVar[str] = "LinkCloseDecided"

    connection: int
    reason: str


class OutboxWindowRead(Observation, frozen=True, kw_only=True):
    """The next queued transactional events after `after_seq` up to `to_seq` are at hand for dispatch.

    Only the range is recorded: the events themselves stand in the log; who folds the log
    fills them in from there.
    """

    NAME: ClassVar[str] = "OutboxWindowRead"
    UNLOGGED: ClassVar[tuple[str, ...]] = ("entries",)

    after_seq: int
    to_seq: int
    count: int
    entries: Unlogged[tuple[Recorded, ...]] = UNSET


class OwedEventsLost(Observation, frozen=True, kw_only=True):
    """`count` events behind `after_seq` were queued for the CSMS, and the log no longer holds them: a closed segment is
    damaged.

    They are among those up to `to_seq` (0: a log of version 0.1.0, which does not say). They are given up, so that what comes
    after them is delivered.
    """

    NAME: ClassVar[str] = "OwedEventsLost"
    VERSION: ClassVar[int] = 2

    after_seq: int
    count: int
    to_seq: int = 0


class DeliveryRecovered(Observation, frozen=True, kw_only=True):
    """What a salvaged log proves of the transaction-related messages of the events that were kept.

    Those of events up to `told_seq` are settled. Those behind, up to `unsure_seq`, may have left in what is lost: they are
    given up (`unsure` of them), so that nothing is sent twice. `beyond` of them all lie behind the window. `last_number`
    and `boot` are the highest numbers that a transaction and a boot of the old log are known to have had.
    """

    NAME: ClassVar[str] = "DeliveryRecovered"

    told_seq: int
    unsure_seq: int
    unsure: int
    beyond: int
    last_number: int
    boot: int


class DataTransferRequested(Observation, frozen=True, kw_only=True):
    """Software beside the station asked it to send a DataTransfer (4.3)."""

    NAME: ClassVar[str] = "DataTransferRequested"

    vendor_id: str
    message_id: str | None
    data: str | None
