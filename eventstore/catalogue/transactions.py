"""Transactions: their start, samples and stop as facts, and what the CSMS made of them (4.7, 4.8, 4.10)."""

from typing import ClassVar

from eventstore.event import Decision, Observation
from eventstore.value import Value

FELL, JUMPED, STUCK = "fell", "jumped", "stuck"  # why a register is doubted


class Moment(Value, frozen=True, kw_only=True):
    """A moment on the station's time axis, and its UTC if the clock was trusted then.

    A moment recorded while the clock was trusted keeps its UTC for ever; one recorded untrusted takes the first trusted
    offset of its boot, which is known later (`projections.clock`).
    """

    at_ms: int
    boot: int
    utc_ms: int | None


class SampledValue(Value, frozen=True, kw_only=True):
    """SampledValue (7.43) as it will stand on the wire; `value` is decimal text, None members take their defaults."""

    value: str
    measurand: str
    unit: str | None = None
    phase: str | None = None
    location: str | None = None


class Sample(Value, frozen=True, kw_only=True):
    """MeterValue (7.33): what was measured at one moment, in which ReadingContext (7.35).

    A clock-aligned sample's moment carries the exact UTC of its grid (9.1.5).
    """

    taken: Moment
    context: str
    values: tuple[SampledValue, ...]


class HeldFor(Value, frozen=True, kw_only=True):
    """Whose cable stays locked after a DeAuthorized stop, until this tag or one of its group comes (errata 3.5)."""

    id_tag: str
    parent_id_tag: str | None


class TransactionStarted(Decision, frozen=True, kw_only=True):
    """A transaction began: our number for it, who, and the register at that moment."""

    NAME: ClassVar[str] = "TransactionStarted"

    connector_id: int
    number: int
    id_tag: str
    parent_id_tag: str | None
    meter_start_wh: int
    started: Moment
    authorized_by: str
    reservation_id: int | None = None


class MeterSampled(Decision, frozen=True, kw_only=True):
    """A MeterValues is queued: one sample of a connector, in or outside a transaction; `register_wh` as it stood then."""

    NAME: ClassVar[str] = "MeterSampled"

    connector_id: int
    number: int | None
    register_wh: int
    sample: Sample


class StopDataSampled(Decision, frozen=True, kw_only=True):
    """A sample that will travel in StopTransaction.transactionData (9.1.25, 9.1.27)."""

    NAME: ClassVar[str] = "StopDataSampled"

    connector_id: int
    number: int
    sample: Sample


class MeterValuesTriggered(Decision, frozen=True, kw_only=True):
    """A MeterValues that TriggerMessage asked for (5.17); `number` if a transaction was running."""

    NAME: ClassVar[str] = "MeterValuesTriggered"

    connector_id: int
    number: int | None
    sample: Sample


class MeterSamplesDropped(Decision, frozen=True, kw_only=True):
    """`count` periodic samples, the last due at `due_ms`, were left out: "disk" (nearly full) or "meter" (no reading).

    Start and Stop never are.
    """

    NAME: ClassVar[str] = "MeterSamplesDropped"

    connector_id: int
    number: int
    count: int
    due_ms: int
    reason: str


class MeterResetFound(Decision, frozen=True, kw_only=True):
    """The raw register fell, or rose by more than can have flowed, and rose on from there: another meter, or one that began anew.

    `offset_wh` is added to it from now on, so the reported register goes on where it was.
    """

    NAME: ClassVar[str] = "MeterResetFound"

    connector_id: int
    offset_wh: int


class MeterRegisterReturned(Decision, frozen=True, kw_only=True):
    """The register from before the last MeterResetFound is back: its offset is taken back, and `offset_wh` holds again."""

    NAME: ClassVar[str] = "MeterRegisterReturned"

    connector_id: int
    offset_wh: int


class MeterDoubted(Decision, frozen=True, kw_only=True):
    """The raw register is not believed: it "fell", it "jumped" by more than can have flowed, or it is "stuck" under power.

    `raw_wh` is what the meter shows, `expected_wh` where it was believed to be. At most one a minute for each connector.
    """

    NAME: ClassVar[str] = "MeterDoubted"

    connector_id: int
    reason: str
    raw_wh: int
    expected_wh: int


class EnergyOfferEnded(Decision, frozen=True, kw_only=True):
    """The transaction goes on without energy: not Accepted by StartTransaction.conf (errata 3.17), or a limit reached."""

    NAME: ClassVar[str] = "EnergyOfferEnded"

    connector_id: int
    number: int
    reason: str


class TransactionInvalidated(Decision, frozen=True, kw_only=True):
    """StartTransaction.conf was not Accepted: from `energy_limit_wh` more Wh on, no energy is offered (9.1.14)."""

    NAME: ClassVar[str] = "TransactionInvalidated"

    connector_id: int
    number: int
    status: str
    energy_limit_wh: int


class TransactionResumed(Decision, frozen=True, kw_only=True):
    """A transaction that a power cut interrupted goes on (policy "resume")."""

    NAME: ClassVar[str] = "TransactionResumed"

    connector_id: int
    number: int


class TransactionEnding(Decision, frozen=True, kw_only=True):
    """A transaction has to end while its vehicle may draw: why (7.37), by whose tag.

    Nothing is offered from now on; TransactionStopped follows once the contactor is open. `hold` keeps the cable for its owner.
    """

    NAME: ClassVar[str] = "TransactionEnding"

    connector_id: int
    number: int
    reason: str
    id_tag: str | None
    hold: bool = False


class TransactionStopped(Decision, frozen=True, kw_only=True):
    """A transaction ended: why (7.37), by whose tag, at which register.

    `stopped` is the moment it ended: the event's own, or after a power cut the last one that the log proves.
    `meter_stale` marks a register that could not be read any more. `data` is transactionData (4.10).
    """

    NAME: ClassVar[str] = "TransactionStopped"

    connector_id: int
    number: int
    reason: str
    id_tag: str | None
    meter_stop_wh: int
    stopped: Moment
    meter_stale: bool = False
    held_for: HeldFor | None = None
    data: tuple[Sample, ...] = ()


class TransactionIdAssigned(Decision, frozen=True, kw_only=True):
    """StartTransaction.conf: the CSMS's id for our transaction; `conflict` if an earlier answer gave another."""

    NAME: ClassVar[str] = "TransactionIdAssigned"

    number: int
    transaction_id: int
    conflict: bool = False


class TransactionConfirmed(Decision, frozen=True, kw_only=True):
    """Every message of the transaction is settled: answered by the CSMS, or given up."""

    NAME: ClassVar[str] = "TransactionConfirmed"

    number: int


TOLD, OWED, UNSURE, LOST = "told", "owed", "unsure", "lost"
"""The fates of a message after a salvage."""


class TransactionRecovered(Observation, frozen=True, kw_only=True):
    """What a salvaged log proves of one transaction: of what was kept of it, and of what verifies behind the damage.

    `start` and `stop` are the fate of its two messages: `"told"` (it was delivered), `"owed"` (it provably was not answered),
    `"unsure"` (it may have been delivered in what is lost: it is not sent again) or "lost" (nothing is left to tell it from).
    `started` and `stopped` are those events if they stand behind the damage, as number `started_seq` and `stopped_seq` of the
    old log. `register_wh` is the last stored reading, `read` its moment: where the stop is lost, and none can have left, the
    transaction ends with them.
    """

    NAME: ClassVar[str] = "TransactionRecovered"

    number: int
    connector_id: int
    start: str
    stop: str
    started: TransactionStarted | None = None
    stopped: TransactionStopped | None = None
    started_seq: int = 0
    stopped_seq: int = 0
    transaction_id: int | None = None
    register_wh: int | None = None
    read: Moment | None = None
