"""Whatever the page says it says in German too: every event, every cause, every configuration key, with the same values in both."""

import json
import re
from typing import Any

import pytest

from eventstore.catalogue import ALL
from eventstore.event import Event, Illegible
from station.features import registry_for
from station.page_files import FILES
from station.telling import causes
from station.telling.authorization_words import SOURCES
from station.telling.commissioning_words import ENDS, STEPS
from station.telling.german import vocabulary, wording
from station.telling.wording import TABLE, words
from tests.unit.eventstore.test_catalogue import example_of

CATALOGUE = json.loads((FILES / "texts.json").read_text())
KEYS = registry_for().config_keys
EVENTS = (*ALL, Illegible)


def numbers(text: str) -> list[str]:
    """The numbers that a text holds, whatever the sign between whole and parts."""
    return sorted(re.findall(r"\d+", text))


def numbered(event_type: type[Event], *, full: bool) -> Event:
    """An example in which every whole number is another one, so that none can stand for another."""
    example: Any = example_of(event_type, full=full)
    for place, name in enumerate(example.__struct_fields__):
        if type(getattr(example, name)) is int:
            example = type(example)(**{**members(example), name: 1_234 + 1_001 * place})
    assert isinstance(example, Event)
    return example


def members(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


@pytest.mark.parametrize("event_type", EVENTS, ids=lambda event_type: event_type.__name__)
def test_every_event_has_german_words_with_the_values_of_the_english_ones(event_type: type[Event]) -> None:
    assert event_type in wording.TABLE, f"station/telling/german has no words for {event_type.__name__}"
    for full in (True, False):
        event = numbered(event_type, full=full)
        english, german = words(event), wording.words(event)
        assert german != english or not re.search(r"[a-z]{3}", english), "translated"
        assert numbers(german) == numbers(english), (english, german)


def test_no_german_words_are_left_of_an_event_that_is_gone() -> None:
    assert set(wording.TABLE) == set(TABLE)


def test_whatever_is_a_cause_in_english_is_one_in_german() -> None:
    assert set(wording.BECAUSE) == set(causes._BECAUSE)


def test_names_have_a_meaning_in_both_languages() -> None:
    assert set(vocabulary.SOURCES) == set(SOURCES)
    assert (set(vocabulary.STEPS), set(vocabulary.ENDS) >= set(ENDS)) == (set(STEPS), True)


@pytest.mark.parametrize("name", sorted(KEYS))
def test_every_configuration_key_says_in_german_what_it_means(name: str) -> None:
    texts = CATALOGUE.get(f"key.{name}")
    assert texts is not None, f'texts.json has no "key.{name}": its meaning in English, as in `doc`, and in German'
    assert texts["en"] == KEYS[name].doc, "one meaning: where the key is declared"
    assert texts["de"].strip() not in ("", texts["en"])
