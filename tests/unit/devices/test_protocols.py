"""The bench is a station board by its shape; `mypy --strict` of this module is the other half of the test."""

import inspect
from pathlib import Path

from devices.bench.board import BenchBoard
from devices.gpio.board import GpioBoard
from devices.protocols import Equipped, StationBoard
from devices.readings import MeterReading
from tests.contract.rigs import wiring


def test_the_bench_has_the_shape_of_a_station_board(tmp_path: Path) -> None:
    board: StationBoard = BenchBoard(tmp_path, 1, False, 3, 230, 32, lambda: 0)
    assert board.connector_ids == (1,)
    for name, asked in inspect.getmembers(StationBoard, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(BenchBoard, name)) == inspect.signature(asked), name


def test_every_board_knows_before_it_is_opened_what_it_is_equipped_with(tmp_path: Path) -> None:
    bench: Equipped = BenchBoard(tmp_path, 1, False, 3, 230, 32, lambda: 0)
    gpio: Equipped = GpioBoard(wiring("peak"), station_time=lambda: 0)
    for board in (bench, gpio):
        assert isinstance(board, Equipped)
        assert "energy_wh" in board.measured()
        assert board.measured() <= set(MeterReading.__struct_fields__)
        assert board.phase_rotations() == {}


def test_the_bench_gives_what_it_says_it_measures(tmp_path: Path) -> None:
    board = BenchBoard(tmp_path, 1, False, 3, 230, 32, lambda: 0)
    board.open(lambda reading: None)
    board.plug(1)
    board.vehicle(1, soc_percent=50)
    reading = board.read_meter(1, 0)
    given = {name for name in MeterReading.__struct_fields__ if getattr(reading, name) not in (None, ())}
    assert given - {"connector_id", "age_ms"} == board.measured()
    board.close()
