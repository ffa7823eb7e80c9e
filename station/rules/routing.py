"""Which connector a tag at the station's common reader means (the contract of the reader; 3.10, 4.8, errata 3.20).

What is known of a tag may be out of date by the time that the CSMS has answered for it: its StartTransaction.conf names the
group that a transaction belongs to, and a cable may have been plugged in. So both questions are asked again with the answer.
"""

from eventstore.catalogue.transactions import HeldFor
from projections.connector import Connector
from projections.station import StationState
from projections.transactions import Transaction
from station.rules import reservations
from station.rules.authorizing import is_pending, refusal, usable_cables
from station.rules.identification import Ask, known_parent, look_up, start_inquiry
from station.rules.postponing import is_waiting, waiting_at
from station.rules.transaction_rules import group, same_group, same_tag


def choose(state: StationState, id_tag: str, at_ms: int) -> int | None:
    """The connector; None: the next one plugged in.

    The transaction, authorization or held cable of that tag, else of its group; else one that is reserved for it; else
    the longest-waiting plugged connector without authorization; else the only one that could be used. A cable that is
    left over (Finishing) is somebody else's, so it counts only where nobody could plug in another (errata 3.20). So is
    one whose driver is about to be asked about again.
    """
    if len(state.connectors.real) == 1:
        return 1
    parent_id_tag = known_parent(state, id_tag, at_ms)
    owners = [
        (connector.connector_id, owner)
        for connector in state.connectors.real
        if (owner := user(state, connector) or connector.grant) is not None
    ]
    own = [number for number, owner in owners if same_tag(owner.id_tag, id_tag)]
    own += [item.connector_id for item in state.connectors.real if is_waiting(state, item.connector_id, id_tag)]
    own += [number for number, owner in owners if same_group(owner.parent_id_tag, parent_id_tag)]
    if own:
        return own[0]
    free = [connector for connector in state.connectors.real if _is_free(state, connector)]
    for connector in free:
        held = state.reservations.on(connector.connector_id)
        if held and reservations.reservation_for(state, connector.connector_id, id_tag, parent_id_tag) in held:
            return connector.connector_id
    usable = usable_cables(free)
    plugged = [connector for connector in usable if state.connectors.occupied(connector)]
    if plugged:
        return min(plugged, key=_since).connector_id
    return usable[0].connector_id if len(usable) == 1 else None


def _is_free(state: StationState, connector: Connector) -> bool:
    if connector.grant is not None or any(waiting_at(state, connector.connector_id)):
        return False
    return refusal(state, connector.connector_id) is None


def _since(connector: Connector) -> tuple[int, int]:
    return connector.occupied_since_ms or 0, connector.connector_id


def plugged_meanwhile(state: StationState, id_tag: str, parent_id_tag: str | None) -> int | None:
    """Where a tag is wanted that was asked about for the next connector plugged in, if one was before the answer came."""
    able = [
        connector
        for connector in state.connectors.real
        if state.connectors.occupied(connector)
        and not (connector.finishing or connector.timed_out or connector.held_for)
        and _is_free(state, connector)
        and not is_pending(state, connector.connector_id)
        and not reservations.blocks(state, connector.connector_id, id_tag, parent_id_tag)
    ]
    return min(able, key=_since).connector_id if able else None


def user(state: StationState, connector: Connector) -> Transaction | HeldFor | None:
    """Whose transaction runs there, or for whom its cable is held."""
    return state.transactions.on(connector.connector_id) or connector.held_for


def of_group(state: StationState, parent_id_tag: str | None) -> Connector | None:
    """The first connector that somebody of the group uses."""
    for connector in state.connectors.real:
        found = user(state, connector)
        if found is not None and same_group(found.parent_id_tag, parent_id_tag):
            return connector
    return None


def may_be_of_a_group(state: StationState, connector_id: int | None, id_tag: str, at_ms: int) -> bool:
    """Whether only the CSMS can know that a tag at the common reader means a transaction or cable of its group (3.10).

    Not where it is asked for nothing, because list or cache let the tag start, or where the tag means its own connector.
    """
    chosen = None if connector_id is None else state.connectors[connector_id]
    waits = state.connectors.waiting is not None and same_tag(state.connectors.waiting.id_tag, id_tag)
    if waits or (chosen is not None and (user(state, chosen) or chosen.grant) is not None):
        return False
    if not any(_may_have_a_group(user(state, connector)) for connector in state.connectors.real):
        return False
    return isinstance(look_up(state, start_inquiry(state), id_tag, at_ms), Ask)


def _may_have_a_group(found: Transaction | HeldFor | None) -> bool:
    """Whether a group is known, or StartTransaction.conf may still name one."""
    if found is None:
        return False
    return group(found.parent_id_tag) is not None or (isinstance(found, Transaction) and not found.start_settled)
