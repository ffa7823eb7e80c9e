"""The state of the station as the schedule algebra sees it."""

from collections.abc import Iterable

from eventstore.catalogue.smart_charging import ChargingProfile
from projections.charging_profiles import Installed
from projections.station import StationState
from projections.transactions import Transaction
from station.features.smart_charging.composite import Charging, Situation
from station.features.smart_charging.limits import Surroundings
from station.rules import charging_profile_rules

__all__ = ["situation_of"]


def situation_of(state: StationState, transactions: Iterable[Transaction]) -> Situation:
    """What the limits depend on, with these of the running transactions taking part."""
    described = state.described
    installed = charging_profile_rules.in_force(state)
    return Situation(
        surroundings=Surroundings(
            voltage_v=described.voltage_v,
            phases=described.phases,
            max_current_ma=described.supply_current_ma or described.max_current_ma * described.connectors,
        ),
        profiles=_by_connector(installed),
        charging=tuple(
            Charging(
                connector_id=transaction.connector_id,
                transaction_number=transaction.number,
                since_utc_ms=state.clock.utc_of(transaction.started),
            )
            for transaction in transactions
        ),
        own_ma={
            connector.connector_id: min(described.max_current_ma, connector.cable_rating_ma or described.max_current_ma)
            for connector in state.connectors.real
        },
        tx_default_after_tx_profile=described.tx_default_after_tx_profile,
        received_utc_ms={
            held.profile.charging_profile_id: state.clock.utc_of(held.received)
            for held in installed
            if held.received is not None
        },
    )


def _by_connector(installed: Iterable[Installed]) -> dict[int, tuple[ChargingProfile, ...]]:
    by_connector: dict[int, tuple[ChargingProfile, ...]] = {}
    for held in installed:
        by_connector[held.connector_id] = (*by_connector.get(held.connector_id, ()), held.profile)
    return by_connector
