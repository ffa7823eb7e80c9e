"""The bench is a station board by its shape; `mypy --strict` of this module is the other half of the test."""

import inspect
from pathlib import Path

from devices.bench.board import BenchBoard
from devices.protocols import StationBoard


def test_the_bench_has_the_shape_of_a_station_board(tmp_path: Path) -> None:
    board: StationBoard = BenchBoard(tmp_path, 1, False, 3, 230, 32, lambda: 0)
    assert board.connector_ids == (1,)
    for name, asked in inspect.getmembers(StationBoard, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(BenchBoard, name)) == inspect.signature(asked), name
