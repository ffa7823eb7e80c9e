"""Reset (5.14, errata 3.36).

accepted     the answer leaves; no new transaction starts
stopped      every running transaction ends, with SoftReset or HardReset, once its vehicle has let go
waiting      Soft: until everything in the outbox is answered, at most SOFT_WITHIN_MS or HARD_WITHIN_MS; offline not at all
due          the process is replaced in place; what is unanswered stays in the log and leaves after the boot
failed       the process could not be replaced: again, ResetRetries times (9.1.22), then the station goes on
"""

from collections.abc import Iterable

from eventstore.catalogue.maintenance import ResetAbandoned, ResetAccepted, ResetDue
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import TIME, Answer, Deadline, Events, Feature, Reply, Rule
from station.rules.transaction_rules import stop_all
from station.wire.enums import ResetStatus, ResetType
from station.wire.messages.core import Reset, ResetResponse

SOFT_WITHIN_MS = 20_000
HARD_WITHIN_MS = 2_000

RESET_RETRIES = ConfigKey(
    name="ResetRetries",
    kind=Integer(maximum=100),
    access=Access.READ_WRITE,
    default=1,
    required=True,
    unit="times",
    clause="9.1.22",
    doc="How often an unsuccessful reset is tried again.",
)


def _reset(state: StationState, request: Reset, at_ms: int) -> Reply:
    accepted = ResetResponse(status=ResetStatus.ACCEPTED)
    if state.maintenance.reset is not None:
        return Reply(accepted)
    reason = "SoftReset" if request.type == ResetType.SOFT else "HardReset"
    within_ms = SOFT_WITHIN_MS if request.type == ResetType.SOFT else HARD_WITHIN_MS
    begun = ResetAccepted(kind=request.type.value, due_ms=at_ms + within_ms)
    return Reply(accepted, (begun, *stop_all(state, reason, at_ms)))


def _is_settled(state: StationState) -> bool:
    """Whether no vehicle has yet to let go, and the CSMS has answered for everything or cannot be reached to do so."""
    if any(transaction.ending is not None for transaction in state.transactions.running()):
        return False
    return not state.online or (state.outbox.pending == 0 and state.outbox.in_flight is None)


def _become_due(state: StationState, at_ms: int) -> Events:
    reset = state.maintenance.reset
    if reset is None or reset.due:
        return ()
    if reset.failures > RESET_RETRIES.of(state):
        return (ResetAbandoned(kind=reset.kind),)
    if at_ms >= reset.due_ms or _is_settled(state):
        return (ResetDue(kind=reset.kind),)
    return ()


def _deadlines(state: StationState) -> Iterable[Deadline]:
    reset = state.maintenance.reset
    if reset is not None and not reset.due:
        yield Deadline(due_ms=max(reset.due_ms, state.at_ms + 1), name="reset")


FEATURE = Feature(
    name="reset",
    ocpp_profile="Core",
    answers=(Answer(action="Reset", decide=_reset),),
    rules=(
        Rule(
            decide=_become_due,
            reads=("registration", "link", "transactions", "outbox", "configuration", "maintenance", TIME),
        ),
    ),
    deadlines=_deadlines,
    config_keys=(RESET_RETRIES,),
)
