"""ConcurrentTx for a tag whose own StopTransaction is still queued: no refusal yet (7.2, see docs/conformance.md).

Authorize goes before the queue (errata 3.82, 3.7.1), and so the CSMS may be asked about a driver before it has received his
stop: after an outage, a power cut, or a burst of samples. What it says then is about a transaction that is over. So the tag is
asked about again when no such stop is queued any more, until ConnectionTimeOut has passed since; then it is refused. A
StartTransaction that is answered so, because a stop of the same tag is queued behind it, is treated alike: the transaction
runs on until the answer to the Authorize. The answer is not cached meanwhile: it says nothing about the tag.
"""

from collections.abc import Iterator

from eventstore.catalogue.authorization import AuthorizationPostponed, AuthorizeQueued, IdTagInfo
from projections.authorization import GO_ON
from projections.station import StationState
from projections.transactions import Transaction
from station.core.config_keys import Access, ConfigKey, Integer
from station.rules.identification import known_parent
from station.rules.transaction_rules import group, is_stop_lost, same_group, same_tag

CONCURRENT_TX = "ConcurrentTx"

CONNECTION_TIME_OUT = ConfigKey(
    name="ConnectionTimeOut",
    kind=Integer(maximum=86_400),
    access=Access.READ_WRITE,
    default=60,
    required=True,
    unit="s",
    clause="9.1.6, errata 3.76",
    doc="From the beginning of Preparing until an incipient transaction is given up; 0 never.",
)


def owes_stop(state: StationState, id_tag: str, parent_id_tag: str | None) -> bool:
    """Whether the CSMS has yet to answer for the end of a transaction of this tag, or of its group."""
    return any(
        (transaction.stopped is not None or transaction.ending is not None)
        and not transaction.stop_settled
        and (same_tag(transaction.id_tag, id_tag) or same_group(transaction.parent_id_tag, parent_id_tag))
        and not is_stop_lost(state, transaction)
        for transaction in state.transactions.by_number.values()
    )


def postponed(
    state: StationState, asked: AuthorizeQueued, info: IdTagInfo, at_ms: int
) -> AuthorizationPostponed | None:
    """The question that is put off, or None where the answer stands: it is not ConcurrentTx, or no stop is queued."""
    parent_id_tag = group(info.parent_id_tag) or known_parent(state, asked.id_tag, at_ms)
    if info.status != CONCURRENT_TX or not owes_stop(state, asked.id_tag, parent_id_tag):
        return None
    timeout_s = CONNECTION_TIME_OUT.of(state)
    return AuthorizationPostponed(
        id_tag=asked.id_tag,
        connector_id=asked.connector_id,
        purpose=asked.purpose,
        parent_id_tag=parent_id_tag,
        due_ms=at_ms + timeout_s * 1000 if timeout_s else None,
        remote=asked.remote,
    )


def postponed_start(
    state: StationState, transaction: Transaction, info: IdTagInfo, at_ms: int
) -> AuthorizationPostponed | None:
    """The same for an answer to StartTransaction; the transaction runs on meanwhile."""
    asked = AuthorizeQueued(id_tag=transaction.id_tag, connector_id=transaction.connector_id, purpose=GO_ON)
    return postponed(state, asked, info, at_ms)


def waiting_at(state: StationState, connector_id: int | None) -> Iterator[AuthorizationPostponed]:
    """Who waits there to be asked about again before a start."""
    for item in state.authorization.postponed:
        if item.connector_id == connector_id and item.purpose != GO_ON:
            yield item


def is_waiting(state: StationState, connector_id: int | None, id_tag: str) -> bool:
    """Whether this tag does."""
    return any(same_tag(item.id_tag, id_tag) for item in waiting_at(state, connector_id))
