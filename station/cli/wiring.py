"""`chargebox wiring --settings FILE`: the wiring of a board as a table, as a picture, or its outputs made safe."""

import argparse
import sys
from pathlib import Path

from station.boards import module_of
from station.settings.loading import SettingsError, load_settings

EXIT_FAILED = 1
EXIT_SETTINGS = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--settings", required=True, metavar="FILE", help="the settings file (TOML)")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write the plan as a picture instead of printing it")
    parser.add_argument(
        "--safe",
        action="store_true",
        help="open every contactor and make every pilot steady, for a service manager after the daemon ended",
    )


def run(arguments: argparse.Namespace) -> int:
    """Shows the plan, or makes the outputs safe; returns the exit status."""
    try:
        settings = load_settings(arguments.settings)
        board = module_of(settings)
        if arguments.safe:
            return _told(board.make_safe(settings))
        if arguments.svg is None:
            print(board.plan(settings))
            return 0
        drawn = board.picture(settings)
    except SettingsError as error:
        print(f"chargebox: {error}", file=sys.stderr)
        return EXIT_SETTINGS
    try:
        arguments.svg.write_text(drawn, encoding="utf-8")
    except OSError as error:
        return _told((f"{arguments.svg}: {error.strerror}",))
    return 0


def _told(refused: tuple[str, ...]) -> int:
    """Says what refused; the exit status."""
    for line in refused:
        print(f"chargebox: {line}", file=sys.stderr)
    return EXIT_FAILED if refused else 0
