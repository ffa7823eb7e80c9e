"""The examples in the help: each can be typed, and each command has some."""

import shlex

import pytest

from station.cli.examples import EXAMPLES, epilog
from station.cli.main import COMMANDS, main, make_parser

LINES = [line for lines in EXAMPLES.values() for line, _ in lines]


def test_every_command_has_examples_of_its_own() -> None:
    assert set(EXAMPLES) == set(COMMANDS)
    assert [line for name, lines in EXAMPLES.items() for line, _ in lines if f"chargebox {name}" not in line] == []


@pytest.mark.parametrize("line", LINES)
def test_an_example_can_be_typed(line: str) -> None:
    words = shlex.split(line)
    parsed = make_parser().parse_args(words[words.index("chargebox") + 1 :])
    assert parsed.command in COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_ends_with_them(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert epilog(name) in capsys.readouterr().out


def test_what_is_no_command_has_none() -> None:
    assert epilog("frobnicate") == ""
