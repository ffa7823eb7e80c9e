"""What may wait to be sent, and what goes when it is too much.

Each kind of message has its own bound: a flood of one kind costs its own oldest entries, on record, and no other
message its place. BootNotification, Authorize and triggered messages are bounded where they arise; transaction-related
messages are never shed.
"""

from collections.abc import Sequence

from eventstore.catalogue.link import CallShed
from eventstore.catalogue.registration import DataTransferQueued
from projections.outbox import NOTICE, SECURITY, STATUS, Owed
from projections.station import StationState

STATUSES_MAX = 32
"""StatusNotifications of one connector that wait at the most; and as many about conflicts of the local list."""
NOTICES_MAX = 64
"""FirmwareStatusNotifications that wait at the most, and DiagnosticsStatusNotifications."""
SECURITY_EVENTS_MAX = 256
"""Security events that wait at the most, where a CSMS never takes any; all of them stay in the log."""
DATA_TRANSFERS_MAX = 256
"""DataTransfers that wait when the HTTP service takes no more; requests that it took at once may go beyond."""
FEWEST_MAX = min(STATUSES_MAX, NOTICES_MAX, SECURITY_EVENTS_MAX, DATA_TRANSFERS_MAX)
_DATA_TRANSFERS_SHED = 2 * DATA_TRANSFERS_MAX


def _kind(owed: Owed) -> tuple[str, int, str] | None:
    """Which entries are bounded together; None for what is never shed."""
    if owed.lane == STATUS:
        is_conflict = getattr(owed.event, "error_code", "") == "LocalListConflict"
        return owed.action, getattr(owed.event, "connector_id", 0), "conflict" if is_conflict else ""
    return (owed.action, 0, "") if owed.lane in (NOTICE, SECURITY) else None


def _most(owed: Owed) -> int:
    """How many entries of this kind may wait."""
    if owed.lane == STATUS:
        return STATUSES_MAX
    if owed.lane == SECURITY:
        return SECURITY_EVENTS_MAX
    return _DATA_TRANSFERS_SHED if isinstance(owed.event, DataTransferQueued) else NOTICES_MAX


def shed(state: StationState, at_ms: int) -> Sequence[CallShed]:
    """The oldest entries of each kind that has more waiting than are kept; never the one that is in flight."""
    if len(state.outbox.calls) <= FEWEST_MAX:
        return ()
    by_kind: dict[tuple[str, int, str], list[Owed]] = {}
    for owed in state.outbox.calls:
        if (kind := _kind(owed)) is not None:
            by_kind.setdefault(kind, []).append(owed)
    in_flight = state.outbox.in_flight
    events: list[CallShed] = []
    for waiting in by_kind.values():
        excess = len(waiting) - _most(waiting[0])
        if excess <= 0:
            continue
        free = [owed for owed in waiting if in_flight is None or owed.seq != in_flight.owed_seq]
        events += [
            CallShed(action=owed.action, lane=owed.lane, owed_seq=owed.seq, waiting=len(waiting) - number)
            for number, owed in enumerate(free[:excess])
        ]
    return events


def data_transfers_waiting(state: StationState) -> int:
    """How many DataTransfers wait to be sent."""
    return sum(isinstance(owed.event, DataTransferQueued) for owed in state.outbox.calls)
