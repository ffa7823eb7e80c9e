"""DS18B20 sensors as the kernel's w1_therm driver shows them: a folder for each below /sys/bus/w1/devices.

Reading a file makes a conversion, which takes up to 0.75 s. `w1_slave` has the nine bytes of the scratchpad, whether their checksum
is right, and the temperature in thousandths of a degree:

    5f 01 4b 46 7f ff 0c 10 2d : crc=2d YES
    5f 01 4b 46 7f ff 0c 10 2d t=21937
"""

import re
from pathlib import Path

ROOT = Path("/sys/bus/w1/devices")
SENSOR_ID = re.compile(r"28-[0-9a-f]{12}")
POWER_UP_DC = 850
"""What the scratchpad holds before the first conversion: 85 degrees exactly."""
WARM_DC = 750
"""A sensor that was believed to be this warm may really have 85 degrees."""
_LINES = re.compile(r"((?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (YES|NO)\n.*t=(-?\d+)\s*", re.DOTALL)


class NotMeasured(Exception):  # noqa: N818  # a state of the sensor, expected and handled
    """The sensor gave no temperature; the text says why."""


def read_scratchpad(text: str) -> int:
    """The temperature that a `w1_slave` file tells, in tenths of a degree. Raises `NotMeasured`."""
    found = _LINES.fullmatch(text)
    if found is None:
        raise NotMeasured("what the kernel gives is no measurement")
    if found[2] != "YES":
        raise NotMeasured("the checksum is wrong: a bad contact, or too long a cable")
    if set(found[1]) <= {"0", " "}:  # a shorted bus: nine zeros have the right checksum
        raise NotMeasured("nothing but zeros: the data line is shorted")
    return round(int(found[3]) / 100)


def measure(sensor_id: str, root: Path = ROOT) -> int:
    """One conversion, in tenths of a degree. Blocks for as long as it takes. Raises `NotMeasured`."""
    try:
        return read_scratchpad((root / sensor_id / "w1_slave").read_text())
    except FileNotFoundError:
        raise NotMeasured("it is not on the bus") from None
    except (OSError, UnicodeDecodeError) as error:
        raise NotMeasured(f"it cannot be read: {error}") from None


def without_power_up(measured_dc: int, believed_dc: int | None) -> int:
    """The measurement, unless it is the power-up value of a sensor that was not warm before. Raises `NotMeasured`."""
    if measured_dc == POWER_UP_DC and (believed_dc is None or believed_dc < WARM_DC):
        raise NotMeasured("85 degrees exactly: its value after power-up, no measurement")
    return measured_dc


def present(root: Path = ROOT) -> tuple[str, ...]:
    """The sensors that the kernel has found on its buses."""
    try:
        return tuple(sorted(entry.name for entry in root.iterdir() if SENSOR_ID.fullmatch(entry.name)))
    except OSError:
        return ()
