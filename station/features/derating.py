"""Derating: less current for a connector that is warm, none for one that is too hot; part of every station with a curve in its settings."""

from eventstore.catalogue.temperatures import DeratingChanged
from projections.connector import Derating
from projections.station import StationState
from station.core.feature import Events, Feature, Rule
from station.rules.derating import derating_of


def _follow(state: StationState, at_ms: int) -> Events:
    return [
        DeratingChanged(
            connector_id=connector.connector_id,
            limit_ma=found.limit_ma,
            temperature_dc=found.temperature_dc,
            silent=found.silent,
            overheated=found.overheated,
        )
        for connector in state.connectors.real
        if _is_other(found := derating_of(state.temperatures, connector), connector.derating)
    ]


def _is_other(found: Derating, held: Derating) -> bool:
    """Whether anything follows from it: a temperature alone is nothing new."""
    return (found.limit_ma, found.silent, found.overheated) != (held.limit_ma, held.silent, held.overheated)


FEATURE = Feature(
    name="derating",
    ocpp_profile="Core",
    rules=(Rule(decide=_follow, reads=("connectors", "temperatures")),),
)
