import sys
from pathlib import Path

import pytest

from deploy.debian import libraries
from deploy.debian.libraries import CannotBuild, find_interpreter, platforms_of, run, source_date_epoch
from deploy.lock import pins
from tests.daemon import ROOT

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_wheels_that_run_on_debian_12_are_taken_and_newer_ones_are_not() -> None:
    platforms = list(platforms_of("aarch64"))
    assert platforms[0] == "manylinux_2_36_aarch64"
    assert {"manylinux_2_17_aarch64", "manylinux2014_aarch64"} <= set(platforms)
    assert not [name for name in platforms if "x86" in name or "musl" in name]


def test_an_interpreter_is_found_by_its_version() -> None:
    assert find_interpreter(RUNNING, {f"PYTHON_{RUNNING.replace('.', '_')}": sys.executable}) == sys.executable


def test_an_interpreter_that_is_missing_is_named_with_the_ways_to_get_it() -> None:
    with pytest.raises(CannotBuild, match=r"Python 3\.99 is needed .* PYTHON_3_99="):
        find_interpreter("3.99", {"PYTHON_3_99": sys.executable})


@pytest.mark.parametrize("program", ["/nowhere/python3.99", "/bin/false", "/bin/echo"])
def test_a_program_that_is_no_such_python_is_passed_over(program: str) -> None:
    with pytest.raises(CannotBuild):
        find_interpreter("3.99", {"PYTHON_3_99": program})


def test_the_time_of_all_files_is_what_the_builder_says() -> None:
    assert source_date_epoch({"SOURCE_DATE_EPOCH": "1700000000"}) == 1_700_000_000


def test_a_time_that_is_no_number_is_refused() -> None:
    with pytest.raises(CannotBuild, match="SOURCE_DATE_EPOCH is not a number of seconds: 'yesterday'"):
        source_date_epoch({"SOURCE_DATE_EPOCH": "yesterday"})


def test_outside_a_checkout_the_time_must_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(CannotBuild, match="set SOURCE_DATE_EPOCH"):
        source_date_epoch({})


def test_a_program_that_fails_is_an_error_with_its_last_words() -> None:
    with pytest.raises(CannotBuild, match=r"it failed:\nthe reason"):
        run([sys.executable, "-c", "import sys; sys.exit('the reason')"], "it failed")


def test_a_program_that_is_missing_is_an_error() -> None:
    with pytest.raises(CannotBuild, match="it failed: /nowhere/program: No such file"):
        run(["/nowhere/program"], "it failed")


def test_bytecode_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    """Sets of constants are where it would differ, and the time of the module."""
    made = []
    for name in ("a", "b"):
        site = tmp_path / name / "site"
        site.mkdir(parents=True)
        (site / "module.py").write_text("def is_word(text):\n    return text in {'a', 'bb', 'ccc', 'dddd', 'eeeee'}\n")
        libraries.compile_modules(site, tmp_path / name, sys.executable)
        (compiled,) = (site / "__pycache__").iterdir()
        made.append(compiled.read_bytes())
    assert made[0] == made[1]
    assert int.from_bytes(made[0][4:8], "little") == 1, "checked by nothing but its own header (PEP 552)"


def test_what_the_package_adds_is_what_the_extras_need() -> None:
    """Every pin is also that of the development lock, with which everything is tested."""
    tested = pins((ROOT / "tests" / "requirements.txt").read_text())
    added = pins((ROOT / "deploy" / "debian" / "requirements.txt").read_text())
    assert added
    assert {name: version for name, version in added.items() if tested.get(name) != version} == {}
