"""What is told of an interruption of the pilot."""

from eventstore.catalogue.connectors import PilotInterrupted
from station.telling.waking_words import WAKING
from station.telling.wording import HEADLINE, loudness, words

INTERRUPTED = PilotInterrupted(connector_id=2, attempt=3, until_ms=5_000)


def test_an_interruption_is_part_of_the_story() -> None:
    assert loudness(INTERRUPTED) == HEADLINE
    assert words(INTERRUPTED) == (
        "The pilot is interrupted on connector 2 to wake the vehicle, which says nothing to the offer (try 3)"
    )
    assert PilotInterrupted in WAKING
