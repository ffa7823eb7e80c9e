"""What of the log the station itself still needs: facts that are owed to the CSMS, and the beginnings of what is not settled.

The rest is history: how long that is kept is the operator's business (docs/segments.md).
"""

from projections.station import StationState


def needed_seq(state: StationState) -> int:
    """The first event that may still have to be read, or accounted for: nothing from here on is ever dropped.

    The first one that is owed, or the start of a transaction that runs or that the CSMS has not confirmed wholly, whichever
    is older; the next event when there is neither.
    """
    outbox = state.outbox
    owed = outbox.window[0].seq if outbox.window else outbox.window_end_seq + 1 if outbox.beyond else state.seq + 1
    return min((owed, *(transaction.started_seq for transaction in state.transactions.by_number.values())))
