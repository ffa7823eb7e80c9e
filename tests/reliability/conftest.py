"""What the reliability tests share: the compiled interposer, and a directory in memory where the machine has one."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.csms.faulty import FaultyCsms
from tests.daemon import Daemon, Settings
from tests.integration.stations import delivered, settings_for, until
from tests.reliability.disk import Tree, read_tree
from tests.reliability.interposer import NO_COMPILER, build, compiler
from tests.reliability.rig import Rig, Run

MEMORY = Path("/dev/shm")
CONFIG = {"MeterValueSampleInterval": 30, "AllowOfflineTxForUnknownId": True}


@pytest.fixture(scope="session")
def library() -> Path:
    """The interposer, compiled. A machine without a compiler leaves the test out, and the summary says so."""
    if compiler() is None:
        pytest.skip(NO_COMPILER)
    return build()


@pytest.fixture
def base() -> Iterator[Path]:
    """An empty directory."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def commissioned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tree, Settings]:
    """The disk of a station that its CSMS has accepted once, and its settings; the CSMS is away from then on."""
    directory = tmp_path_factory.mktemp("commissioned")

    async def commission() -> Settings:
        async with FaultyCsms() as csms:
            settings = settings_for(csms.url, config=CONFIG)
            async with Daemon(directory, settings) as daemon:
                await until(daemon, delivered, "registration")
                assert await daemon.stop() == 0
            return settings

    settings = asyncio.run(commission())
    return read_tree(directory / "storage"), settings


@pytest.fixture
def serving(library: Path, base: Path, commissioned: tuple[Tree, Settings]) -> Iterator[tuple[Rig, Run]]:
    """The commissioned station, ready, and the rig that it runs under."""
    tree, settings = commissioned
    with Rig(library, base, settings) as rig:
        rig.put(tree)
        run = rig.start()
        assert rig.ready(run)
        yield rig, run
