"""gpiozero's pin factory, made by name and made the only one."""

from typing import Any

from devices.gpio.sections import FACTORIES
from devices.protocols import BoardUnavailable


def named_factory(name: str) -> Any:
    """gpiozero's pin factory: the one that was set already, else a new one of `FACTORIES`. Raises `BoardUnavailable`."""
    assert name in FACTORIES, "the wiring was checked"
    import gpiozero

    if gpiozero.Device.pin_factory is not None:
        return gpiozero.Device.pin_factory
    try:
        if name == "gpiod":
            from devices.gpio.gpiod_pins import GpiodFactory

            return GpiodFactory()
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory()
    except Exception as error:
        raise BoardUnavailable(f"pin factory {name}: {error}") from error


def make_global(factory: Any) -> None:
    """Let gpiozero use this factory where it asks for none: its software SPI builds its bus that way."""
    import gpiozero

    gpiozero.Device.pin_factory = factory
