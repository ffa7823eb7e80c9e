"""What each released version is known to decide otherwise than this one: changed behaviour, not damage.

A difference counts as changed behaviour only if the version that the boot recorded is named here, and the difference is one of
those that stand here. There are two ways to tell it:

    as it was then    the old version is imitated where it matters: from the state as it would have seen it, the same observation leads
                      to just what is recorded. Registers, tags, times and reasons are made anew so, and must be the same.
    kinds             all that differs are events of these kinds, and none of them tells a register, a tag, a time of charging or why it
                      ended. Whatever differs in one that does is a contradiction, whichever version recorded it.

A change after which the old version's state means something else than this one's ends the deciding until the state is known again.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from eventstore.catalogue import (
    authorization,
    connectors,
    link,
    maintenance,
    registration,
    smart_charging,
    transactions,
)
from eventstore.event import Event, Observation, Recorded
from eventstore.value import Value, replace
from projections.station import StationState
from station.core import kernel
from station.replay.proof.redeciding import Decided

AsThen = Callable[[StationState], StationState]

MONEY = frozenset(
    {
        transactions.TransactionStarted,
        transactions.TransactionStopped,
        transactions.TransactionIdAssigned,
        transactions.TransactionConfirmed,
        transactions.MeterSampled,
        transactions.StopDataSampled,
        transactions.MeterValuesTriggered,
        authorization.AuthorizationGranted,
    }
)
"""Kinds of events that tell a register, a tag, a time or a reason: never changed behaviour by their kind alone."""
_MONEY_ACTIONS = frozenset({"StartTransaction", "StopTransaction", "MeterValues", "Authorize"})


class KnownChange(Value, frozen=True, kw_only=True):
    """One change of behaviour. `version` is the released version that decided otherwise.

    `as_then` is the state as the old version would have seen it; `kinds` are the events concerned, and `actions` the calls of ours.
    With `ends_deciding` the state of the old version means something else from there on.
    """

    version: str
    says: str
    as_then: AsThen | None = None
    kinds: frozenset[type[Event]] = frozenset()
    actions: frozenset[str] = frozenset()
    ends_deciding: bool = False


def _let_go(state: StationState) -> StationState:
    """No contactor is waited for: version 0.1.0 ended a transaction, and opened, in one moment."""
    by_id = tuple(replace(each, contactor_closed=False) for each in state.connectors.by_id)
    return replace(state, connectors=replace(state.connectors, by_id=by_id))


KNOWN_CHANGES: tuple[KnownChange, ...] = (
    KnownChange(
        version="0.1.0",
        says="0.1.0 ended a transaction at once, and did not wait for the contactor to open",
        as_then=_let_go,
        kinds=frozenset({connectors.EnergyAskedBack}),
    ),
    KnownChange(
        version="0.1.0",
        says="0.1.0 answered some calls of the CSMS in other words, or refused what this version takes with a deviation",
        kinds=frozenset({link.CallAnswered}),
    ),
    KnownChange(
        version="0.1.0",
        says="0.1.0 believed every register; this version doubts one that falls or jumps",
        kinds=frozenset({transactions.MeterDoubted, transactions.MeterRegisterReturned, transactions.MeterResetFound}),
        ends_deciding=True,
    ),
    KnownChange(
        version="0.1.0",
        says="0.1.0 refused a tag whose last stop was still owed; this version asks about it again",
        kinds=frozenset({authorization.AuthorizationPostponed, authorization.AuthorizationDenied}),
    ),
    KnownChange(
        version="0.1.0",
        says="0.1.0 let a profile wait that begins in a moment, and refused limits with more than one decimal",
        kinds=frozenset(
            {
                smart_charging.LimitChanged,
                smart_charging.LimitsPlanned,
                smart_charging.ChargingProfileInstalled,
                smart_charging.ChargingProfileCleared,
                link.CallAnswered,
            }
        ),
    ),
    KnownChange(
        version="0.1.0",
        says="0.1.0 prepared no StatusNotification while a call of a transaction was in flight",
        actions=frozenset({"StatusNotification"}),
    ),
    KnownChange(
        version="0.1.0",
        says="0.1.0 reported SuspendedEV while a vehicle that was offered a current again had not asked for it yet",
        kinds=frozenset({connectors.ConnectorStatusChanged, connectors.StatusNotificationQueued}),
        actions=frozenset({"StatusNotification"}),
    ),
    KnownChange(
        version="0.1.0",
        says="0.1.0 sent an unanswered BootNotification at other times, and rejected a triggered one once accepted",
        kinds=frozenset(
            {
                registration.RegistrationLost,
                registration.RegistrationAnswered,
                registration.BootNotificationQueued,
                link.CallAnswered,
            }
        ),
        actions=frozenset({"BootNotification"}),
    ),
    KnownChange(
        version="0.1.0",
        says="0.1.0 took locations that this version refuses, and said of those that it refused only that it did",
        kinds=frozenset(
            {
                maintenance.TransferRefused,
                maintenance.FirmwareStepDecided,
                maintenance.FirmwareStatusQueued,
                maintenance.DiagnosticsStepDecided,
                maintenance.DiagnosticsStatusQueued,
                link.CallAnswered,
            }
        ),
        actions=frozenset({"FirmwareStatusNotification", "DiagnosticsStatusNotification"}),
    ),
    KnownChange(
        version="0.1.0",
        says="0.1.0 dropped the oldest of all messages where a queue of DataTransfer was full",
        kinds=frozenset({link.CallShed, registration.DataTransferQueued}),
        actions=frozenset({"DataTransfer"}),
    ),
)
"""All that is known, by version; the first that explains a difference tells it."""

assert not any(change.kinds & MONEY or change.actions & _MONEY_ACTIONS for change in KNOWN_CHANGES), (
    "what tells a register, a tag, a time or a reason is never changed behaviour by its kind"
)


def explain(decided: Decided) -> KnownChange | None:
    """The change that a difference comes from; None where none is known of the version that recorded it."""
    changes = [change for change in KNOWN_CHANGES if change.version == decided.version]
    first = decided.recorded[0].event
    if not changes or decided.error or not isinstance(first, Observation) or decided.recorded[0] != decided.decided[0]:
        return None
    for change in changes:
        if change.as_then is not None and _again(decided, change.as_then) == decided.recorded:
            return change
    variants = [decided.decided, *(_again(decided, change.as_then) for change in changes if change.as_then is not None)]
    return next(
        (change for change in changes for variant in variants if _differ_in(decided.recorded, variant, change)), None
    )


def _again(decided: Decided, as_then: AsThen) -> tuple[Recorded, ...]:
    first = decided.recorded[0]
    assert isinstance(first.event, Observation), "asked only of those"
    _, batch = kernel.step(as_then(decided.before), first.event, first.at_ms, decided.registry)
    return batch


def _differ_in(recorded: Sequence[Recorded], other: Sequence[Recorded], change: KnownChange) -> bool:
    """Whether two batches are the same but for events that the change concerns, and it does concern some that differ."""
    return (
        bool(change.kinds or change.actions)
        and _rest(recorded, change) == _rest(other, change)
        and _concerned(recorded, change) != _concerned(other, change)
    )


def _is_concerned(event: Event, change: KnownChange) -> bool:
    if isinstance(event, link.CallDispatched | link.CallPrepared):
        return event.action in change.actions
    return type(event) in change.kinds


def _concerned(batch: Sequence[Recorded], change: KnownChange) -> Counter[str]:
    return Counter(repr(each.event) for each in batch if _is_concerned(each.event, change))


def _rest(batch: Sequence[Recorded], change: KnownChange) -> list[tuple[int, int, Event, int]]:
    """What the change does not concern, without the places of events, which move when others stand before them."""
    first = batch[0].seq
    names = {each.seq: each.event.NAME for each in batch}
    found = []
    for each in batch:
        if _is_concerned(each.event, change):
            continue
        event, owed = each.event, 0
        if isinstance(event, link.CallDispatched | link.CallPrepared) and event.owed_seq > first:
            owed = sum(names[seq] == names.get(event.owed_seq) for seq in names if seq <= event.owed_seq)
            event = replace(event, owed_seq=0)
        found.append((each.at_ms, each.utc_ms, event, owed))
    return found
