"""`chargebox wiring`: the plan as a table and as a picture, and outputs made safe."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import gpiozero
import pytest

from station.cli import wiring
from tests.contract.electrical import Model
from tests.contract.rigs import wiring as model_wiring
from tests.integration.test_gpio_daemon import settings_text
from tests.unit.devices.gpio.reference import reference_text
from tests.unit.station.boards.test_gpio import HEAD


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chargebox.toml"
    path.write_text(HEAD + reference_text())
    return path


@pytest.fixture
def model() -> Iterator[Model]:
    """Copper behind pins which the command finds as the factory that is set already."""
    copper = Model(model_wiring("peak"))
    with copper.installed():
        yield copper


def run(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    wiring.add_arguments(parser)
    return wiring.run(parser.parse_args([str(word) for word in words]))


def test_the_plan_is_printed_with_what_is_doubtful(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(file.read_text().replace('emergency_stop = "GPIO17"', ""))
    assert run("--settings", file) == 0
    told = capsys.readouterr().out
    assert any(line.split()[:3] == ["GPIO16", "36", "out"] for line in told.splitlines())
    assert told.splitlines()[-1].startswith("warning: emergency_stop: no emergency stop is read")


def test_the_picture_goes_into_a_file(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--settings", file, "--svg", tmp_path / "wiring.svg") == 0
    assert (tmp_path / "wiring.svg").read_text().startswith("<svg")
    assert run("--settings", file, "--svg", tmp_path / "none" / "wiring.svg") == 1
    assert "No such file" in capsys.readouterr().err


def test_mistakes_are_wrong_settings(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(file.read_text().replace('coil = "GPIO16"', 'coil = "GPIO99"'))
    assert run("--settings", file) == 2
    assert "[board.wiring.connector.1.contactor] coil" in capsys.readouterr().err


def test_outputs_are_made_safe(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "chargebox.toml"
    file.write_text(settings_text("ws://127.0.0.1:1/ocpp", tmp_path))
    model.factory.left_driven("GPIO5")
    assert model.sockets[1].poles_closed
    assert run("--settings", file, "--safe") == 0
    assert not model.sockets[1].poles_closed


def test_outputs_that_cannot_be_reached_are_a_failure(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gpiozero.Device.pin_factory = None
    assert run("--settings", file, "--safe") == 1
    assert "pin factory gpiod: [Errno 19] no GPIO chip of a Raspberry Pi" in capsys.readouterr().err
