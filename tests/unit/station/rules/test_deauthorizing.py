"""A running transaction whose tag the CSMS does not accept."""

from eventstore.catalogue.authorization import IdTagInfo
from eventstore.catalogue.transactions import HeldFor, TransactionInvalidated, TransactionStopped
from projections.transactions import Transaction
from station.rules.deauthorizing import deauthorize
from tests.given import TAG, StationUnderTest, charging

BLOCKED = IdTagInfo(status="Blocked", parent_id_tag="FAMILY")


def running(found: StationUnderTest) -> Transaction:
    transaction = found.state.transactions.on(1)
    assert transaction is not None
    return transaction


def test_it_is_stopped_and_its_cable_kept_for_the_group_that_the_word_names() -> None:
    """9.1.24, errata 3.5."""
    found = charging()
    (event,) = deauthorize(found.state, running(found), BLOCKED, 5_000)
    assert isinstance(event, TransactionStopped)
    assert (event.reason, event.id_tag) == ("DeAuthorized", None)
    assert event.held_for == HeldFor(id_tag=TAG, parent_id_tag="FAMILY")


def test_or_only_its_energy_ends_after_some_more() -> None:
    """9.1.14."""
    found = charging()
    found.configure(StopTransactionOnInvalidId=False, MaxEnergyOnInvalidId=500)
    (event,) = deauthorize(found.state, running(found), BLOCKED, 5_000)
    assert event == TransactionInvalidated(connector_id=1, number=1, status="Blocked", energy_limit_wh=1_500)
