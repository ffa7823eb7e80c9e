"""Enumerations of OCPP 1.6 and of its security white paper."""

from enum import StrEnum

import pytest

from station.wire import enums, security_enums
from station.wire.enums import UnitOfMeasure

ENUMERATIONS = [
    value
    for module in (enums, security_enums)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, StrEnum)
]


def test_the_misspelt_celsius_is_read_and_never_written() -> None:
    assert UnitOfMeasure("Celcius") is UnitOfMeasure.CELSIUS
    assert UnitOfMeasure.CELSIUS.value == "Celsius"
    with pytest.raises(ValueError, match="Kelvin"):
        UnitOfMeasure("Kelvin")


@pytest.mark.parametrize("enumeration", ENUMERATIONS, ids=lambda enumeration: enumeration.__name__)
def test_a_member_is_named_after_its_value(enumeration: type[StrEnum]) -> None:
    for member in enumeration:
        letters = "".join(character for character in member.value if character.isalnum())
        assert member.name.replace("_", "") == letters.upper()
