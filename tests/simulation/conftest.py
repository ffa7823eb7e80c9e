"""Where simulations keep what outlives a process: in memory, where the machine has such a place."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def fresh() -> Iterator[Callable[[], Path]]:
    """Makes empty directories, gone when the test ends."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as base:

        def make() -> Path:
            for old in Path(base).iterdir():
                shutil.rmtree(old)
            return Path(tempfile.mkdtemp(dir=base))

        yield make
