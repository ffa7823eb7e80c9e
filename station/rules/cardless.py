"""Tags that no card bears: what a plugged vehicle counts as where no card is needed, by the settings that are on record."""

from projections.station import StationState

PLUG, VEHICLE = "plug", "vehicle"
"""Why a plug counts as a tag: the connector has one of its own; it is made of the vehicle's id."""


def free_id_tag(state: StationState, connector_id: int) -> str:
    """The connector's own tag; "" if a card is needed there."""
    tags = state.described.free_id_tags
    return tags[connector_id - 1] if 1 <= connector_id <= len(tags) else ""


def is_used(state: StationState) -> bool:
    """Whether any plug may count as a tag."""
    return state.description is not None and bool(state.description.free_id_tags or state.description.autocharge_prefix)


def tag_of_plug(state: StationState, connector_id: int) -> tuple[str, str] | None:
    """What the vehicle that is plugged in there counts as: a tag, and PLUG or VEHICLE; None if it counts as nothing.

    The connector's own tag goes first: it waits for nothing that a vehicle may tell later.
    """
    if tag := free_id_tag(state, connector_id):
        return tag, PLUG
    prefix, evccid = state.described.autocharge_prefix, state.plugs.on(connector_id).evccid
    return (prefix + evccid, VEHICLE) if prefix and evccid else None


def is_of_no_card(state: StationState, connector_id: int, id_tag: str) -> bool:
    """Whether nobody can be expected to present this tag there: so no cable is held for it."""
    tag, prefix = free_id_tag(state, connector_id).casefold(), state.described.autocharge_prefix.casefold()
    folded = id_tag.casefold()
    return (tag != "" and folded == tag) or (prefix != "" and folded.startswith(prefix))
