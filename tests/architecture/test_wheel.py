"""What is shipped: five packages, their data, and nothing else."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from deploy.lock import pins
from station import VERSION
from tests.architecture.sources import PACKAGES, ROOT, sources


def page_files() -> list[Path]:
    """The page as it is served, with the licences of its parts."""
    return [path for path in (ROOT / "station" / "service" / "page_files").rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The names in a wheel that was built offline, from a copy, so that no build leftovers get in or stay."""
    work = tmp_path_factory.mktemp("wheel")
    for name in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / name, work / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, work / "source" / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work / "dist")]
    done = subprocess.run([*command, str(work / "source")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (work / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


def test_the_wheel_holds_the_five_packages_and_its_metadata_only(wheel_names: frozenset[str]) -> None:
    assert {name.partition("/")[0] for name in wheel_names} == {*PACKAGES, f"chargebox-{VERSION}.dist-info"}


def test_the_wheel_holds_every_module(wheel_names: frozenset[str]) -> None:
    assert {str(source.path) for source in sources()} - wheel_names == set()


def test_the_wheel_holds_every_migration_device_table_and_file_of_the_page(wheel_names: frozenset[str]) -> None:
    data = [*(ROOT / "migrations" / "sql").glob("*.sql"), *(ROOT / "devices").rglob("*.toml"), *page_files()]
    assert {".sql", ".html", ".toml"} <= {path.suffix for path in data}
    assert {str(path.relative_to(ROOT)) for path in data} - wheel_names == set()


def test_the_wheel_holds_no_test(wheel_names: frozenset[str]) -> None:
    assert [name for name in wheel_names if Path(name).name.startswith(("test_", "conftest"))] == []


def test_the_daemon_lock_is_part_of_the_development_lock() -> None:
    daemon, development = (pins((ROOT / folder / "requirements.txt").read_text()) for folder in ("deploy", "tests"))
    assert daemon
    assert daemon.items() - development.items() == set()


def test_every_dependency_of_the_daemon_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = "\n".join(name.replace(">=", "==") for name in project["dependencies"])
    assert pins(asked).keys() - pins((ROOT / "deploy" / "requirements.txt").read_text()).keys() == set()


def test_the_build_back_end_is_the_locked_one() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    locked = pins((ROOT / "deploy" / "requirements.txt").read_text())
    assert build["requires"] == [f"setuptools=={locked['setuptools']}"]
