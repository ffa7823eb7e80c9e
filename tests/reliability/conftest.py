"""What the reliability tests share: the compiled interposer, and a directory in memory where the machine has one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.interposer import build

MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def library() -> Path:
    """The interposer, compiled."""
    return build()


@pytest.fixture
def base() -> Iterator[Path]:
    """An empty directory."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        yield Path(directory)
