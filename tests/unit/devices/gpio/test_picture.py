"""The plan as a picture."""

from xml.etree import ElementTree as ET

from devices.gpio.picture import picture
from tests.unit.devices.gpio.reference import PICTURE, parsed, reference_raw

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_of_the_documentation_is_that_of_its_example() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(parsed(reference_raw()), "Reference wiring")


def test_every_pin_and_every_use_is_in_it() -> None:
    root = ET.fromstring(picture(parsed(reference_raw()), "A & B <x>"))
    assert len(root.findall(f"{SVG}circle")) == 40
    texts = [element.text or "" for element in root.findall(f"{SVG}text")]
    assert texts[0] == "A & B <x>"
    assert any(text.startswith("connector 1 contactor coil") for text in texts)
    assert any("unit 1, eastron-sdm630" in text for text in texts)


def test_nothing_is_outside_of_it() -> None:
    root = ET.fromstring(picture(parsed(reference_raw())))
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    for element in root.iter(f"{SVG}text"):
        x, y = int(element.attrib["x"]), int(element.attrib["y"])
        length = len(element.text or "") * 6.5
        left = {"start": x, "middle": x - length / 2, "end": x - length}[element.attrib["text-anchor"]]
        assert left >= 0, element.text
        assert left + length <= width, element.text
        assert 0 < y <= height
