"""The command line: which commands there are, and what wrong usage costs."""

import subprocess
import sys
from importlib import import_module, metadata

import pytest

from station.cli.main import COMMANDS, main


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_exists_and_tells_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module, summary = COMMANDS[name]
    assert callable(import_module(module).add_arguments)
    assert callable(import_module(module).run)
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert f"chargebox {name}" in told
    assert summary.split()[0] in told


@pytest.mark.parametrize("name", ["run", "demo", "doctor"])
def test_the_commands_of_the_contract_are_there(name: str) -> None:
    assert name in COMMANDS


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "COMMAND"),
        (["frobnicate"], "frobnicate"),
        (["run"], "--settings"),
        (["run", "--setings", "x"], "--set"),
        (["--frobnicate"], "COMMAND"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_status_2_and_says_what_is_wrong(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"chargebox {metadata.version('chargebox')}\n"


def test_help_loads_no_command() -> None:
    """A command is imported when it is asked for: nobody waits for what he does not use."""
    code = (
        "import sys; from station.cli.main import COMMANDS, main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(any(module in sys.modules for module, _ in COMMANDS.values()))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0
