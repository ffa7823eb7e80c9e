"""The state of the station as the schedule algebra sees it."""

from collections.abc import Iterable

from eventstore.catalogue.smart_charging import ChargingProfile
from projections.charging_profiles import Installed
from projections.connector import Connector
from projections.outside_limits import InForce
from projections.station import StationState
from projections.transactions import Transaction
from station.features.smart_charging.composite import Charging, Situation
from station.features.smart_charging.limits import (
    Limit,
    Surroundings,
    limit_of_current,
    limit_of_power,
    lower_of,
)
from station.rules import charging_profile_rules
from station.wire.enums import ChargingProfilePurpose

__all__ = ["outside_limit", "situation_of"]


def situation_of(state: StationState, transactions: Iterable[Transaction]) -> Situation:
    """What the limits depend on, with these of the running transactions taking part."""
    described = state.described
    installed = _counting(state)
    surroundings = Surroundings(
        voltage_v=described.voltage_v,
        phases=described.phases,
        max_current_ma=described.supply_current_ma or described.max_current_ma * described.connectors,
    )
    return Situation(
        surroundings=surroundings,
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
            connector.connector_id: min(
                (described.max_current_ma, *(each for each in _own(connector) if each is not None))
            )
            for connector in state.connectors.real
        },
        tx_default_after_tx_profile=described.tx_default_after_tx_profile,
        received_utc_ms={
            held.profile.charging_profile_id: state.clock.utc_of(held.received)
            for held in installed
            if held.received is not None
        },
        outside=tuple(outside_limit(held, surroundings) for held in state.outside_limits.in_force),
    )


def _counting(state: StationState) -> tuple[Installed, ...]:
    """The profiles that count now: TxProfiles do not while the CSMS is silent, if the settings say so."""
    installed = charging_profile_rules.in_force(state)
    if not state.outside_limits.suspends_tx_profiles:
        return installed
    return tuple(each for each in installed if each.profile.purpose != ChargingProfilePurpose.TX_PROFILE)


def outside_limit(held: InForce, surroundings: Surroundings) -> Limit:
    """A limit in force from outside, for all connectors together."""
    limits = []
    if held.max_current_ma is not None:
        limits.append(limit_of_current(held.max_current_ma, surroundings))
    if held.max_power_w is not None:
        limits.append(limit_of_power(held.max_power_w, surroundings))
    return lower_of(limits[0], limits[-1])


def _own(connector: Connector) -> tuple[int | None, ...]:
    """What else the connector itself can bear, in mA: its cable, its temperature."""
    return connector.cable_rating_ma, connector.derating.limit_ma


def _by_connector(installed: Iterable[Installed]) -> dict[int, tuple[ChargingProfile, ...]]:
    by_connector: dict[int, tuple[ChargingProfile, ...]] = {}
    for held in installed:
        by_connector[held.connector_id] = (*by_connector.get(held.connector_id, ()), held.profile)
    return by_connector
