"""The words for what is done to wake a vehicle. Part of the table of `wording`."""

from collections.abc import Mapping

from eventstore.catalogue import connectors
from eventstore.event import Event
from station.telling.upkeep_words import HEADLINE, Words


def _interrupted(event: connectors.PilotInterrupted) -> str:
    return (
        f"The pilot is interrupted on connector {event.connector_id} to wake the vehicle, which says nothing to the offer "
        f"(try {event.attempt})"
    )


WAKING: Mapping[type[Event], tuple[int, Words]] = {connectors.PilotInterrupted: (HEADLINE, _interrupted)}
