"""What is wrong or doubtful about a wiring."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devices.findings import ERROR, WARNING, BoardFinding
from devices.gpio.chips import header_chip
from devices.gpio.findings import (
    machine_findings,
    reading_findings,
    reads_safe_when_broken,
    wiring_findings,
)
from devices.gpio.values import InputLine
from devices.readings import (
    ContactorReading,
    EmergencyStopReading,
    FaultReading,
    MainsReading,
    MeterReading,
    PilotReading,
    ProximityReading,
    Reading,
    TemperatureReading,
)
from tests.contract.gpio_kernel import PATH, GpioKernel, RealTime
from tests.unit.devices.gpio.reference import parsed, reference_raw


def doubts(raw: Any) -> list[str]:
    return [str(finding) for finding in wiring_findings(parsed(raw))]


def test_the_example_of_the_documentation_leaves_nothing_to_doubt() -> None:
    assert doubts(reference_raw()) == []


def connector(raw: Any) -> Any:
    return raw["connector"]["1"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda raw: connector(raw)["pilot"].update(pin="GPIO14"), "warning: connector.1.pilot: GPIO14 is no pin of a hardware PWM"),
        (lambda raw: connector(raw)["pilot"].update(period_ms=60), "error: connector.1.pilot: a vehicle that stops drawing is known after 180 ms"),
        (lambda raw: connector(raw)["pilot"].pop("low_channel"), "warning: connector.1.pilot: the negative level is not read"),
        (lambda raw: connector(raw)["contactor"].pop("mirror"), "warning: connector.1.contactor: no mirror contact"),
        (lambda raw: connector(raw)["contactor"].update(mirror={"pin": 6, "active": "high"}), "a broken wire of the mirror contact reads as open"),
        (lambda raw: connector(raw)["contactor"].pop("phase_enables"), "warning: connector.1.contactor: no phase enables"),
        (lambda raw: connector(raw)["contactor"].update(coil="GPIO2"), "warning: connector.1.contactor: GPIO2 is pulled to its active level"),
        (lambda raw: connector(raw)["lock"].update(unlock={"pin": 13, "active": "low"}), "warning: connector.1.lock: GPIO13 is pulled to its active"),
        (lambda raw: connector(raw)["lock"].pop("locked"), "warning: connector.1.lock: no feedback"),
        (lambda raw: connector(raw)["lock"].update(attempts=8), "warning: connector.1.lock: all attempts together"),
        (lambda raw: raw.pop("emergency_stop"), "warning: emergency_stop: no emergency stop is read"),
        (lambda raw: raw.update(emergency_stop={"pin": 17, "active": "low"}), "warning: emergency_stop: a broken wire reads as not tripped"),
        (lambda raw: raw["faults"].pop(0), "warning: faults: no residual current device is read"),
        (lambda raw: raw["faults"][1].update(input={"pin": 23, "active": "low"}), "warning: faults.2: a broken wire"),
        (lambda raw: raw.pop("watchdog"), "warning: watchdog: none"),
        (lambda raw: raw["watchdog"].pop("pin"), "warning: watchdog: only the kernel's"),
        (lambda raw: raw.pop("readers"), "warning: readers: none"),
    ],
)  # fmt: skip
def test_each_doubt_is_told(change: Callable[[Any], object], text: str) -> None:
    raw = reference_raw()
    change(raw)
    assert any(text in line for line in doubts(raw)), doubts(raw)


@pytest.mark.parametrize(
    ("pull", "active", "safe"),
    [
        ("up", "high", False),
        ("up", "low", True),
        ("down", "low", False),
        ("down", "high", True),
        ("none", "high", True),
    ],
)
def test_a_cut_wire_reads_as_the_pull_says(pull: str, active: str, safe: bool) -> None:
    line = InputLine(pin="GPIO5", active=active, pull=pull)
    assert reads_safe_when_broken(line, tripped_active=True) is safe


# This machine


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    (tmp_path / "pwmchip0").mkdir()
    (tmp_path / "pwmchip0" / "npwm").write_text("2\n")
    return tmp_path


def machine(
    raw: Any,
    sysfs: Path,
    *,
    modules: bool = True,
    may_use: bool = True,
    label: str = "pinctrl-bcm2711",
    level: str | None = ERROR,
) -> list[str]:
    kernel = GpioKernel(RealTime(), label=label)
    found = machine_findings(
        parsed(raw),
        has_module=lambda name: modules,
        may_use=lambda path: may_use,
        find_chip=lambda: header_chip(kernel.open_chip, [PATH]),
        sysfs=sysfs,
    )
    assert all(level in {None, finding.level} for finding in found)
    return [f"{finding.where}: {finding.text}" for finding in found]


def on_this_machine(raw: Any, tmp_path: Path) -> Any:
    """The example without what only a Pi has."""
    raw["adc"]["a"]["select"] = "GPIO14"
    raw["bus"]["meters"]["device"] = raw["watchdog"]["device"] = str(tmp_path)
    return raw


def test_a_machine_that_has_everything_lacks_nothing(sysfs: Path) -> None:
    assert machine(on_this_machine(reference_raw(), sysfs), sysfs) == []


@pytest.mark.parametrize("kind", ["serial", "pn532"])
def test_missing_libraries_are_named_with_what_brings_them(sysfs: Path, kind: str) -> None:
    raw = on_this_machine(reference_raw(), sysfs)
    raw["readers"] = [{"kind": kind, "device": str(sysfs)}]
    assert machine({**raw, "pins": "lgpio"}, sysfs, modules=False)[0].endswith(
        "the pin factory needs: pip install lgpio"
    )
    assert machine(raw, sysfs, modules=False) == [
        "libraries: gpiod is not installed, which the pin factory needs: pip install 'chargebox[pi]'",
        "libraries: pymodbus is not installed, which a meter needs: pip install 'chargebox[modbus]'",
        "libraries: serial is not installed, which a serial bus needs: pip install 'chargebox[modbus]'",
        "libraries: serialx is not installed, which a serial reader needs: pip install 'chargebox[readers]'",
    ]


def test_missing_devices_and_channels_are_named(sysfs: Path) -> None:
    raw = reference_raw()
    connector(raw)["pilot"]["chip"] = 3
    raw["bus"]["meters"]["device"] = raw["watchdog"]["device"] = "/dev/none"
    found = machine(raw, sysfs)
    assert f"connector.1.pilot: {sysfs}/pwmchip3 is not there: enable the board's PWM overlay" in found
    assert {"bus.meters: /dev/none is not there", "watchdog: /dev/none is not there"} <= set(found)
    assert "adc.a: /dev/spidev0.0 is not there" in found
    assert "pins: /dev/gpiochip0 is not there" in machine({**raw, "pins": "lgpio"}, sysfs)
    connector(raw)["pilot"].update(chip=0, pwm_channel=2)
    assert f"connector.1.pilot: {sysfs}/pwmchip0 has no channel 2" in machine(raw, sysfs, level=None)


def test_a_converter_on_the_kernels_spi_needs_its_library(sysfs: Path) -> None:
    found = machine(reference_raw(), sysfs, modules=False)
    assert (
        "libraries: Adafruit_PureIO is not installed, which an ADC on the kernel's SPI needs: pip install 'chargebox[pi]'"
        in found
    )


def test_a_machine_whose_gpio_chip_is_none_of_a_pis_is_named(sysfs: Path) -> None:
    (found,) = machine(on_this_machine(reference_raw(), sysfs), sysfs, label="gpio-virtio")
    assert found.startswith("pins: no GPIO chip of a Raspberry Pi's header (/dev/gpiochip0 is gpio-virtio); known are")


@pytest.mark.parametrize(
    ("label", "board", "channel"),
    [
        ("pinctrl-bcm2835", "Raspberry Pi Zero, 2 or 3", 0),
        ("pinctrl-bcm2711", "Raspberry Pi 4", 0),
        ("pinctrl-rp1", "Raspberry Pi 5", 2),
    ],
)
def test_a_pilot_on_another_boards_channel_is_doubtful(sysfs: Path, label: str, board: str, channel: int) -> None:
    raw = on_this_machine(reference_raw(), sysfs)
    (sysfs / "pwmchip0" / "npwm").write_text("4\n")
    for wired in range(4):
        connector(raw)["pilot"]["pwm_channel"] = wired
        text = f"connector.1.pilot: GPIO18 is on channel {channel} of the PWM of this {board}, not on {wired}"
        assert machine(raw, sysfs, label=label, level=WARNING) == ([] if wired == channel else [text])


def test_devices_of_somebody_elses_are_named(sysfs: Path) -> None:
    found = machine(on_this_machine(reference_raw(), sysfs), sysfs, may_use=False)
    assert f"bus.meters: {sysfs} may not be read and written by this user" in found


# What the inputs read


def metered(power_w: int) -> MeterReading:
    return MeterReading(
        connector_id=1,
        energy_wh=0,
        power_w=power_w,
        current_ma=(),
        voltage_mv=(),
        frequency_mhz=None,
        temperature_dc=None,
        soc_percent=None,
    )


IDLE: tuple[Reading, ...] = (
    MainsReading(present=True),
    EmergencyStopReading(pressed=False),
    ProximityReading(connector_id=1, cable_rating_ma=None),
    ContactorReading(connector_id=1, closed=False, fault=""),
    PilotReading(connector_id=1, pilot_state="A"),
)


def test_an_idle_board_that_reads_as_one_is_sound() -> None:
    assert reading_findings(parsed(reference_raw()), IDLE, [metered(3)]) == ()


@pytest.mark.parametrize(
    ("reading", "level", "where"),
    [
        (ContactorReading(connector_id=1, closed=True, fault="welded"), "error", "connector.1.contactor"),
        (PilotReading(connector_id=1, pilot_state="E"), "error", "connector.1.pilot"),
        (PilotReading(connector_id=1, pilot_state="F"), "error", "connector.1.pilot"),
        (ProximityReading(connector_id=1, cable_rating_ma=32_000), "warning", "connector.1.proximity"),
        (EmergencyStopReading(pressed=True), "warning", "emergency_stop"),
        (MainsReading(present=False), "warning", "mains"),
        (TemperatureReading(connector_id=1, sensor="ntc", temperature_dc=None), "error", "connector.1.temperature"),
        (TemperatureReading(connector_id=1, sensor="ntc", temperature_dc=1_200), "warning", "connector.1.temperature"),
        (FaultReading(connector_id=0, error_code="OtherError", info="Door", vendor_error_code="", active=True), "warning", "faults"),
    ],
)  # fmt: skip
def test_what_an_idle_board_should_not_read_is_told(reading: Reading, level: str, where: str) -> None:
    (finding,) = reading_findings(parsed(reference_raw()), [reading], [])
    assert (finding.level, finding.where) == (level, where)


def test_a_silent_meter_and_one_that_measures_something_are_told() -> None:
    found = reading_findings(parsed(reference_raw()), IDLE, ["no answer from unit 1"])
    assert found == (BoardFinding(level="error", where="connector.1.meter", text="no answer from unit 1"),)
    (finding,) = reading_findings(parsed(reference_raw()), IDLE, [metered(2_000)])
    assert finding.text == "2000 W flow though the contactor is open"
