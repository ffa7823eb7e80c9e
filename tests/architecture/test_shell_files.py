"""The manual page and the shells' completion say what the parsers say, and work."""

import argparse
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from station import VERSION
from station.cli.main import make_parser
from tests.docs.generate import AGAIN, FILES, ROOT

BASH, ZSH, MANUAL = FILES


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The long options of a parser and of all below it, but those that nobody is shown."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from options(below)
        elif action.help is not argparse.SUPPRESS:
            yield from (option for option in action.option_strings if option.startswith("--"))


def commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield name
                yield from commands(below)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_command_and_option_of_the_parsers_is_in_it_and_no_other(path: Path) -> None:
    """Not byte for byte: versions of Python word the usage differently."""
    text = path.read_text(encoding="utf-8").replace("\\-", "-")
    parser = make_parser()
    wanted = set(options(parser)) - {"--help", "--version"}
    assert {name for name in (*wanted, *commands(parser)) if name not in text} == set(), AGAIN
    found = set(re.findall(r"(?<![\\w-])--[a-z][a-z-]+", text))
    assert {name for name in found - wanted if not any(option.startswith(name) for option in wanted)} <= {
        "--help",
        "--version",
    }, AGAIN


def test_the_manual_page_is_of_this_version() -> None:
    assert f"chargebox {VERSION}" in MANUAL.read_text().splitlines()[0].replace("\\-", "-"), AGAIN


def test_bash_completes_commands_and_options() -> None:
    bash = shutil.which("bash")
    assert bash is not None, "make needs a shell, and its tests bash"
    script = f"""
        source {BASH}
        complete_line() {{
            COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _shtab_chargebox; echo "${{COMPREPLY[@]}}"
        }}
        complete_line chargebox doc
        complete_line chargebox run --set
    """
    done = subprocess.run([bash, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["doctor", "--settings"], done.stderr
