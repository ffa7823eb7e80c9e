"""What becomes of a running transaction whose tag the CSMS does not accept (4.8, 9.1.24, 9.1.14, errata 3.5 and 3.17)."""

from eventstore.catalogue.authorization import IdTagInfo
from eventstore.catalogue.transactions import TransactionInvalidated
from eventstore.event import Event
from projections.grouping import parents_named, regrouped
from projections.station import StationState
from projections.transactions import Transaction
from station.core.config_keys import Access, Boolean, ConfigKey, Integer
from station.rules.transaction_rules import register_of, stop

STOP_TRANSACTION_ON_INVALID_ID = ConfigKey(
    name="StopTransactionOnInvalidId",
    kind=Boolean(),
    access=Access.READ_WRITE,
    default=True,
    required=True,
    clause="9.1.24",
    doc="A StartTransaction answer that is not Accepted stops the transaction; else only the energy.",
)
MAX_ENERGY_ON_INVALID_ID = ConfigKey(
    name="MaxEnergyOnInvalidId",
    kind=Integer(),
    access=Access.READ_WRITE,
    default=0,
    unit="Wh",
    clause="9.1.14",
    doc="Energy still given when the CSMS did not accept the tag and the transaction is not stopped.",
)


def deauthorize(state: StationState, transaction: Transaction, info: IdTagInfo, at_ms: int) -> tuple[Event, ...]:
    """The stop with its cable held for the owner, or the end of its energy: `info` is what the CSMS said of the tag.

    What is held is held for the group that this answer names, too (errata 3.5).
    """
    transaction = regrouped(transaction, parents_named([(transaction.id_tag, info)]))
    if STOP_TRANSACTION_ON_INVALID_ID.of(state):
        return stop(state, transaction, "DeAuthorized", at_ms, hold=True)
    limit_wh = register_of(state, transaction)[0] + MAX_ENERGY_ON_INVALID_ID.of(state)
    invalidated = TransactionInvalidated(
        connector_id=transaction.connector_id, number=transaction.number, status=info.status, energy_limit_wh=limit_wh
    )
    return (invalidated,)
