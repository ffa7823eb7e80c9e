import re
from xml.etree import ElementTree as ET

import pytest

from docs.pictures.smart_charging import DOCS, EXAMPLES, PAGE, draw, page
from station.features.smart_charging.decide import FEATURE
from tests.unit.station.features.smart_charging.given_station import Charge

AGAIN = "run python -m docs.pictures.smart_charging"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_shows_what_the_code_works_out(name: str) -> None:
    text = (DOCS / "pictures" / f"smart-charging-{name}.svg").read_text(encoding="utf-8")
    assert text == draw(EXAMPLES[name]()), AGAIN
    assert ET.fromstring(text).tag.endswith("svg")


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), AGAIN


def test_the_page_shows_every_picture() -> None:
    shown = re.findall(r"\(pictures/smart-charging-(\w+)\.svg\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(EXAMPLES)


def test_the_page_names_every_key_with_its_value() -> None:
    text = PAGE.read_text(encoding="utf-8")
    state = Charge().state
    for key in FEATURE.config_keys:
        assert f"| {key.name} | {key.text_of(state)} |" in text
