"""Charging without a card: a plugged vehicle counts as the presentation of a tag, once for each plug.

All that is said of tags holds for it: list, cache, Authorize, the offline rules, reservations. It only ever asks to start: it
neither stops nor releases anything. It waits while the station could start nothing there anyway, so a vehicle that was plugged in
while the connector was Unavailable or Faulted is served afterwards. What becomes of it then stands in `projections.plugs`.
"""

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationEnded, PlugTakenAsTag
from projections.connector import Connector
from projections.plugs import LEFT
from projections.station import StationState
from station.core.feature import Events, Feature, Rule
from station.rules import reservations
from station.rules.authorizing import READS, begin, is_pending, refusal
from station.rules.cardless import is_used, tag_of_plug
from station.rules.identification import ID_TAG_LENGTH_MAX, known_parent
from station.rules.postponing import waiting_at
from station.rules.transaction_rules import same_tag


def _present(state: StationState, at_ms: int) -> Events:
    """The first plug that is to be presented now."""
    if not is_used(state) or not state.connectors.known:
        return ()
    for connector in state.connectors.real:
        found = tag_of_plug(state, connector.connector_id)
        if found is not None and _is_due(state, connector, found[0], at_ms):
            return _presented(state, connector.connector_id, *found, at_ms)
    return ()


def _is_due(state: StationState, connector: Connector, id_tag: str, at_ms: int) -> bool:
    """Whether the plug has yet to be presented, and nothing stands against a start, and nobody else is about to."""
    number = connector.connector_id
    if not connector.connected or state.plugs.on(number).stage not in ("", LEFT):
        return False
    if connector.grant is not None or connector.held_for is not None or state.connectors.waiting is not None:
        return False
    if is_pending(state, number) or is_pending(state, None) or any(waiting_at(state, number)):
        return False
    if refusal(state, number) is not None:
        return False
    return not reservations.blocks(state, number, id_tag, known_parent(state, id_tag, at_ms))


def _presented(state: StationState, connector_id: int, id_tag: str, origin: str, at_ms: int) -> Events:
    taken = PlugTakenAsTag(connector_id=connector_id, id_tag=id_tag[:ID_TAG_LENGTH_MAX], origin=origin)
    if len(id_tag) > ID_TAG_LENGTH_MAX:
        return (taken, AuthorizationDenied(connector_id=connector_id, id_tag=taken.id_tag, reason="no valid idTag"))
    return (taken, *begin(state, connector_id, id_tag, at_ms))


def _take_back(state: StationState, at_ms: int) -> Events:
    """What was authorized for a vehicle that has left meanwhile is not for the next one."""
    return tuple(
        AuthorizationEnded(connector_id=connector.connector_id, reason="Unplugged")
        for connector in state.connectors.real
        if connector.grant is not None and _has_left(state, connector, connector.grant.id_tag)
    )


def _has_left(state: StationState, connector: Connector, id_tag: str) -> bool:
    plug = state.plugs.on(connector.connector_id)
    if plug.stage != LEFT or not same_tag(plug.id_tag, id_tag):
        return False
    present = tag_of_plug(state, connector.connector_id) if connector.connected else None
    return present is None or not same_tag(present[0], id_tag)


FEATURE = Feature(
    name="cardless",
    ocpp_profile="Core",
    rules=(
        Rule(decide=_take_back, reads=("description", "connectors", "plugs")),
        Rule(decide=_present, reads=(*(name for name in READS if name != "transactions"), "plugs")),
    ),
)
