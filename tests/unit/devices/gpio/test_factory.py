"""The pin factory by name."""

from collections.abc import Iterator

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from devices.gpio.factory import make_global, named_factory
from devices.protocols import BoardUnavailable


@pytest.fixture(autouse=True)
def _no_factory() -> Iterator[None]:
    gpiozero.Device.pin_factory = None
    yield
    gpiozero.Device.pin_factory = None


@pytest.mark.parametrize("name", ["gpiod", "lgpio"])
def test_a_factory_that_this_machine_has_not_is_named(name: str) -> None:
    with pytest.raises(BoardUnavailable, match=f"pin factory {name}"):
        named_factory(name)


def test_the_factory_that_gpiozero_has_is_taken() -> None:
    factory = MockFactory()
    make_global(factory)
    assert gpiozero.Device.pin_factory is factory
    assert named_factory("lgpio") is factory
