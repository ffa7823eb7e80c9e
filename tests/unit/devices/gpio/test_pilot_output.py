"""The pilot's PWM, by the kernel."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from devices.gpio.pilot_output import SysfsPwm
from devices.gpio.sections import PilotSection
from devices.iec61851 import duty_permille_from_ma, ma_from_duty_permille
from tests.shortage import no_descriptors


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """A PWM chip as the kernel shows it, its channel 1 exported."""
    channel = tmp_path / "pwmchip2" / "pwm1"
    channel.mkdir(parents=True)
    for name in ("period", "duty_cycle", "enable"):
        (channel / name).write_text("0\n")
    return tmp_path


def section(**how: Any) -> PilotSection:
    return replace(PilotSection(pin="GPIO18", chip=2, pwm_channel=1, adc="a"), **how)


def read(sysfs: Path, name: str) -> int:
    return int((sysfs / "pwmchip2" / "pwm1" / name).read_text())


def test_the_kernel_drives_1_khz_steady_at_first(sysfs: Path) -> None:
    SysfsPwm(section(), sysfs)
    assert (read(sysfs, "period"), read(sysfs, "duty_cycle"), read(sysfs, "enable")) == (1_000_000, 1_000_000, 1)


@pytest.mark.parametrize(("duty_permille", "duty_ns"), [(1000, 1_000_000), (267, 267_000), (100, 100_000), (0, 0)])
def test_the_kernels_duty_is_exact(sysfs: Path, duty_permille: int, duty_ns: int) -> None:
    output = SysfsPwm(section(), sysfs)
    assert output.set_permille(duty_permille) == duty_permille
    assert read(sysfs, "duty_cycle") == duty_ns


def test_a_driver_that_inverts_gets_the_rest_of_the_period(sysfs: Path) -> None:
    output = SysfsPwm(section(active="low"), sysfs)
    assert read(sysfs, "duty_cycle") == 0
    output.set_permille(267)
    assert read(sysfs, "duty_cycle") == 733_000


def test_a_duty_is_set_without_a_free_descriptor(sysfs: Path) -> None:
    output = SysfsPwm(section(), sysfs)
    with no_descriptors():
        output.set_permille(267)
    assert read(sysfs, "duty_cycle") == 267_000
    output.close()
    output.close()
    assert read(sysfs, "duty_cycle") == 1_000_000


def test_closing_leaves_the_channel_driven_steady(sysfs: Path) -> None:
    output = SysfsPwm(section(), sysfs)
    output.set_permille(267)
    output.close()
    assert (read(sysfs, "duty_cycle"), read(sysfs, "enable")) == (1_000_000, 1)


def test_what_a_former_process_left_is_taken_over(sysfs: Path) -> None:
    SysfsPwm(section(), sysfs).set_permille(267)
    SysfsPwm(section(), sysfs)
    assert read(sysfs, "duty_cycle") == 1_000_000


def test_a_chip_that_is_not_there_is_an_error(sysfs: Path) -> None:
    with pytest.raises(OSError, match="pwmchip7"):
        SysfsPwm(section(chip=7), sysfs)


def test_a_channel_that_does_not_appear_is_an_error(sysfs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.gpio.pilot_output._EXPORT_TRIES", 1)
    with pytest.raises(OSError, match="pwm3"):
        SysfsPwm(section(pwm_channel=3), sysfs)
    assert (sysfs / "pwmchip2" / "export").read_text() == "3"


@given(st.integers(6_000, 80_000))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_more_is_ever_offered_than_was_asked_for(sysfs: Path, current_ma: int) -> None:
    output = SysfsPwm(section(), sysfs)
    output.set_permille(duty_permille_from_ma(current_ma))
    offered_ma = ma_from_duty_permille(read(sysfs, "duty_cycle") // 1_000)
    assert 6_000 <= offered_ma <= current_ma
    output.close()
